"""planning.py [--seeds 1-12] [--levels channel,channel_region] [--exponents low,high] [-- key=value ...]

Plans budgets for synthetic panels of known truth and compares with the best possible plan.

A panel (40 regions x 130 weeks x 6 channels, clean, with spend) is fitted with an ensemble; `dcmmm plan` spends today's
budget of 13 weeks anew, with its default limits. What today's and the planned schedule really bring follows from the
generator's truth: its curves, its regions' heights and carry-over (coefficients stay at their last week's). The best
possible plan under the same limits is found on the truth, independently of dcmmm:

- level channel: every channel's true outcome at every thousandth of the budget, combined by dynamic programming;
- level channel_region: the same of each channel's best allocation to regions at every price (a bound from above).

Columns: `best` the best possible gain over today's outcome, `plan` the planned one's, both true; `reached` their
ratio; `said` the gain that the plan promised, and its 90 % interval; `inside` whether the true gain lies in it. Panels
whose best gain is below 5 % are shown, but don't count. Seeds go on until five count for each exponents and level.

Rows: build/release/bench/planning/rows.json.
"""

import argparse
import csv
import json
import pathlib
import shutil
import statistics
import sys

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from truth import call, make_panel, seed_list  # noqa: E402

HORIZON, TAIL = 13, 8
LOWER, UPPER, CELL_UPPER = 0.5, 2.0, 3.0  # the defaults of plan.lower, upper and cell_upper
STEPS = 1000  # of the budget
ENOUGH, WANTED = 0.05, 5


class Truth:
    """True outcomes of schedules of spend [R, H] of one channel over the horizon and the tail."""

    def __init__(self, folder):
        self.truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        with h5py.File(folder / "panel.h5") as file:
            media = np.asarray(file["media"])  # [R, T, C]
            self.population = np.asarray(file["population"])
        self.channels = [channel["name"] for channel in self.truth["channels"]]
        self.cost = np.array([channel["cost"] for channel in self.truth["channels"]])
        self.media = media
        # Today: the panel's last weeks, [C, R, H].
        self.today = np.moveaxis(media[:, -HORIZON:, :] * self.cost, 2, 0)
        self.state = []  # carried over from the panel, [C][R]
        for c, channel in enumerate(self.truth["channels"]):
            state = np.zeros(len(self.population))
            for t in range(media.shape[1]):
                state += (1 - channel["decay"]) * (self.per_head(media[:, t, c], c) - state)
            self.state.append(state)

    def per_head(self, media, c):
        return media / (self.truth["channels"][c]["media_unit"] * self.population)

    def outcomes(self, c, spend):
        """KPI units by region of spend [..., R, H]."""
        channel = self.truth["channels"][c]
        height = np.array(channel["region_height"]) * self.population * channel["coefficient"][-1]
        carried = np.broadcast_to(self.state[c], spend.shape[:-1]).copy()
        total = np.zeros_like(carried)
        for t in range(HORIZON + TAIL):
            spent = spend[..., t] if t < HORIZON else self.today[c][:, t % HORIZON]
            carried += (1 - channel["decay"]) * (self.per_head(spent / self.cost[c], c) - carried)
            total += (carried / channel["half_saturation"]) ** channel["exponent"] / (
                1 + (carried / channel["half_saturation"]) ** channel["exponent"])
        return height * total

    def outcome(self, c, spend):
        return self.outcomes(c, spend).sum(axis=-1)

    def gain(self, spend):
        """What spend [C, R, H] brings more than today's, and today's outcome beyond spending nothing."""
        now = sum(self.outcome(c, self.today[c]) for c in range(len(self.channels)))
        nothing = sum(self.outcome(c, 0 * self.today[c]) for c in range(len(self.channels)))
        return sum(self.outcome(c, spend[c]) for c in range(len(self.channels))) - now, now - nothing


def best_outcome(truth, level):
    """The most that today's budget can bring, over all plans within the limits at this level."""
    totals = truth.today.sum(axis=(1, 2))
    step = totals.sum() / STEPS
    best, first = np.zeros(1), 0  # outcome by budget in steps, from `first` steps on
    for c, total in enumerate(totals):
        low, high = int(np.ceil(LOWER * total / step)), int(np.floor(UPPER * total / step))
        amounts = step * np.arange(low, high + 1)
        if level == "channel":
            value = np.array([truth.outcome(c, amount / total * truth.today[c]) for amount in amounts])
        else:
            value = regions_value(truth, c, amounts)
        merged = np.full(len(best) + len(value) - 1, -np.inf)
        for i, gained in enumerate(value):
            np.maximum(merged[i:i + len(best)], best + gained, out=merged[i:i + len(best)])
        best, first = merged, first + low
    return best[STEPS - first]


def regions_value(truth, c, amounts):
    """The most that a channel's budgets bring, spread over regions: the concave bound from prices."""
    multiples = np.linspace(0, CELL_UPPER, 121)
    value = truth.outcomes(c, multiples[:, None, None] * truth.today[c])  # [multiple, R]
    spend = multiples[:, None] * truth.today[c].sum(axis=1)
    prices = np.concatenate([[0], np.geomspace(1e-4, 1e2, 1500) * value.max(axis=0).sum() / spend.max(axis=0).sum()])
    bound = np.full(len(amounts), np.inf)
    for price in prices:
        surplus = (value - price * spend).max(axis=0).sum()
        bound = np.minimum(bound, surplus + price * amounts)
    return bound


def planned_spend(truth, folder, level):
    """The plan's schedule [C, R, H]."""
    with open(folder / "plan.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    spend = truth.today.copy()
    of_channel = {name: c for c, name in enumerate(truth.channels)}
    regions = {}
    for row in rows:
        c = of_channel[row["channel"]]
        if level == "channel":
            spend[c] *= float(row["spend_plan"]) / float(row["spend_now"])
        else:
            r = regions.setdefault(row["region"], len(regions))
            spend[c, r] *= float(row["spend_plan"]) / float(row["spend_now"])
    return spend


def judge(arguments, truth, folder, level):
    output = folder / f"plan_{level}"
    call(arguments.dcmmm, "plan", f"run={folder / 'run'}", f"output={output}", f"plan.level={level}",
         f"plan.horizon_weeks={HORIZON}", f"plan.tail_weeks={TAIL}")
    with open(output / "scenarios.csv", newline="", encoding="utf-8") as file:
        said = next(row for row in csv.DictReader(file) if row["scenario"] == "plan")
    spend = planned_spend(truth, output, level)
    assert abs(spend.sum() / truth.today.sum() - 1) < 1e-6, "the plan doesn't spend the budget"
    gain, now = truth.gain(spend)
    best = best_outcome(truth, level) - sum(truth.outcome(c, truth.today[c]) for c in range(len(truth.channels)))
    lower, upper = float(said["gain_lower"]), float(said["gain_upper"])
    return {"best": float(best / now), "plan": float(gain / now), "reached": float(gain / best),
            "said": float(said["gain"]) / now, "lower": lower / now, "upper": upper / now,
            "inside": bool(lower <= gain <= upper), "counts": bool(best >= ENOUGH * now)}


def main():
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(usage=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcmmm", default="build/release/dcmmm")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/release/bench/planning"))
    parser.add_argument("--seeds", default="1-12")
    parser.add_argument("--levels", default="channel,channel_region")
    parser.add_argument("--exponents", default="low,high")
    arguments = parser.parse_args(words[:at])
    levels = arguments.levels.split(",")
    rows = []
    print(f"{'exponents':10}{'level':16}{'seed':>5}{'best %':>9}{'plan %':>9}{'reached':>9}{'said %':>9}{'90 %':>18}  inside")
    for exponents in arguments.exponents.split(","):
        for seed in seed_list(arguments.seeds):
            done = {level: sum(r["counts"] for r in rows if (r["exponents"], r["level"]) == (exponents, level))
                    for level in levels}
            if min(done.values()) >= WANTED:
                break
            folder = arguments.folder / f"{exponents}_{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            make_panel(arguments.dcmmm, folder, "clean", exponents, seed)
            call(arguments.dcmmm, "train", f"data.panel={folder / 'panel.h5'}", f"run.dir={folder / 'run'}",
                 "ensemble.members=16", *words[at + 1:])
            truth = Truth(folder)
            for level in levels:
                row = {"exponents": exponents, "level": level, "seed": seed, **judge(arguments, truth, folder, level)}
                rows.append(row)
                interval = f"{100 * row['lower']:.1f} .. {100 * row['upper']:.1f}"
                print(f"{exponents:10}{level:16}{seed:>5}{100 * row['best']:>9.1f}{100 * row['plan']:>9.1f}"
                      f"{row['reached']:>9.2f}{100 * row['said']:>9.1f}{interval:>18}  {'yes' if row['inside'] else 'no'}"
                      f"{'' if row['counts'] else '  (best gain below 5 %)'}", flush=True)
            shutil.rmtree(folder)
    print()
    for exponents in arguments.exponents.split(","):
        for level in levels:
            counted = [r for r in rows if (r["exponents"], r["level"]) == (exponents, level) and r["counts"]][:WANTED]
            if counted:
                print(f"{exponents:10}{level:16} {len(counted)} panels: median reached "
                      f"{statistics.median(r['reached'] for r in counted):.2f}, inside {sum(r['inside'] for r in counted)}")
    (arguments.folder / "rows.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(f"rows: {arguments.folder / 'rows.json'}")


if __name__ == "__main__":
    main()
