"""Simulated lift tests on synthetic panels of known truth: what one does to the channel that it tests.

For each kind and seed: a panel (`dcmmm synth`, as bench/truth.py makes it), a fit of the panel alone, and the channel of
which it knows least: the largest sd of its lift as a share of it. That channel is tested in all regions over the panel's first weeks,
where no carry-over from before hides, so that truth.json's contributions are the true lift. Fits with three tests:

  precise     true lift + N(0, s^2), s = --precise times the panel's sd of the lift
  equal       the same, s = the panel's sd
  wrong       true lift + 6 s, s = the panel's sd

  experiments.py [--dcmmm FILE] [--folder DIR] [--weeks N] [--members N] [--precise X] [KINDS [SEEDS]] [-- key=value ...]

One row a panel and test; below it the bars. Columns:
  lift        true lift, thousands of the target's units
  se          standard error as a share of the true lift, %
  moved       (fitted - panel) / (measured - panel)
  implied     panel_sd^2 / (panel_sd^2 + spread^2): what the precisions imply
  error       |estimated - true| share of the channel in the training weeks, points: before > after
  width       of the interval of its contribution, points: before > after
  distance    of the measured lift from the panel's, in sds of their difference
  flagged     whether the run says that the experiment is doubtful
Standard library only.
"""

import argparse
import csv
import datetime
import json
import math
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

import truth

KINDS = ["clean", "season", "collinear", "heavy_tailed", "drifting"]  # ragged: truth.json knows observed cells only
START = datetime.date(2023, 1, 2)  # the first week of synthetic panels
COLUMNS = ["kind", "seed", "channel", "test", "lift", "se", "moved", "implied", "error_before", "error_after",
           "width_before", "width_after", "distance", "residual", "flagged"]




def dcmmm(arguments, *words):
    done = subprocess.run([arguments.dcmmm, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"dcmmm {' '.join(words)}\nended with {done.returncode}:\n{done.stderr}")


def fit(arguments, folder, name, tests, members):
    """A run that knows tests [(channel, first week, last week, lift, standard error)]: its channels, the tests."""
    table = folder / f"{name}.csv"
    rows = [f"{name},{channel},*,{first},{last},{lift!r},{error!r}\n" for channel, first, last, lift, error in tests]
    table.write_text("experiment,channel,regions,first_week,last_week,lift,standard_error\n" + "".join(rows),
                     encoding="utf-8")
    dcmmm(arguments, "train", f"data.panel={folder / 'panel.h5'}", f"run.dir={folder / name}",
          "model.estimator=likelihood", f"data.experiments={table}", f"ensemble.members={members}", *arguments.overrides)
    dcmmm(arguments, "export", f"run={folder / name}", f"output={folder / name / 'csv'}")
    channels = {}
    for row in truth.table(folder / name / "csv" / "channel_summary.csv"):
        share = float(row["share"])
        channels[row["channel"]] = {"share": 100 * share, "width": math.nan}
        if row["contribution_upper"] and share > 0:
            width = float(row["contribution_upper"]) - float(row["contribution_lower"])
            channels[row["channel"]]["width"] = 100 * width * share / float(row["contribution"])
    return channels, json.loads((folder / name / "metrics.json").read_text(encoding="utf-8"))["experiments"]


def one_panel(arguments, kind, seed):
    """Rows of the three tests on one panel."""
    folder = arguments.folder / f"{kind}_{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    synth = {"regions": 40, "weeks": 130, "channels": 6, "controls": 3, "seed": seed, "noise": 0.04, "media_share": 0.3,
             "spend": "true", "exponent_low": 1.0, "exponent_high": 2.5, "kind": kind}
    dcmmm(arguments, "synth", f"output={folder / 'panel.h5'}", *(f"synth.{key}={value}" for key, value in synth.items()))
    channels_of_truth = {row["name"]: row for row in json.loads((folder / "truth.json").read_text())["channels"]}
    first, last = START, START + datetime.timedelta(weeks=arguments.weeks - 1)
    # Tests that know nothing show what the panel says of each channel's lift, and how surely.
    before, blunt = fit(arguments, folder, "blunt", [(name, first, last, 0.0, 1e12) for name in channels_of_truth],
                        arguments.members)
    panel = {row["channel"]: row for row in blunt}
    tested = max(panel, key=lambda name: panel[name]["panel_sd"] / max(panel[name]["panel"], panel[name]["panel_sd"]))
    true = channels_of_truth[tested]
    lift = sum(true["contribution_by_week"][: arguments.weeks])
    noise = random.Random(1000 * seed + KINDS.index(kind)).gauss(0, 1)
    rows = []
    for name, scale, sds in (("precise", arguments.precise, noise), ("equal", 1.0, noise), ("wrong", 1.0, 6.0)):
        error = scale * panel[tested]["panel_sd"]
        members = 1 if name == "wrong" else arguments.members
        after, (test,) = fit(arguments, folder, name, [(tested, first, last, lift + sds * error, error)], members)
        rows.append({
            "kind": kind, "seed": seed, "channel": tested, "test": name, "lift": lift / 1000, "se": 100 * error / lift,
            "moved": (test["fitted"] - test["panel"]) / (test["measured"] - test["panel"]),
            "implied": test["panel_sd"] ** 2 / (test["panel_sd"] ** 2 + test["spread"] ** 2),
            "error_before": abs(before[tested]["share"] - 100 * true["share"]),
            "error_after": abs(after[tested]["share"] - 100 * true["share"]),
            "width_before": before[tested]["width"], "width_after": after[tested]["width"],
            "distance": test["distance"], "residual": test["residual"], "flagged": test["doubtful"]})
    if not arguments.keep:
        shutil.rmtree(folder)
    return rows


def print_row(row):
    print(f"{row['kind']:13}{row['seed']:>4}  {row['channel']:12}{row['test']:9}{row['lift']:>9.1f}{row['se']:>7.1f}"
          f"{row['moved']:>8.2f}{row['implied']:>9.2f}{row['error_before']:>8.2f} > {row['error_after']:<6.2f}"
          f"{row['width_before']:>6.2f} > {row['width_after']:<6.2f}{row['distance']:>8.1f}  {'yes' if row['flagged'] else 'no'}")
    sys.stdout.flush()


def print_bars(rows):
    """What must hold: issue by issue, counts and medians."""
    of = {name: [row for row in rows if row["test"] == name] for name in ("precise", "equal", "wrong")}
    for name in ("precise", "equal"):
        some = of[name]
        off = [abs(row["moved"] / row["implied"] - 1) for row in some]
        print(f"{name}: moved / implied off by {100 * statistics.median(off):.1f} % in the median, within 10 % in "
              f"{sum(value <= 0.1 for value in off)} of {len(some)}; error smaller in "
              f"{sum(row['error_after'] < row['error_before'] for row in some)} of {len(some)}, on average "
              f"{statistics.fmean(row['error_before'] for row in some):.2f} > "
              f"{statistics.fmean(row['error_after'] for row in some):.2f} points; interval narrower in "
              f"{sum(row['width_after'] < row['width_before'] for row in some)}, on average "
              f"{statistics.fmean(row['width_before'] for row in some):.2f} > "
              f"{statistics.fmean(row['width_after'] for row in some):.2f}; flagged {sum(row['flagged'] for row in some)}")
    print(f"wrong: flagged {sum(row['flagged'] for row in of['wrong'])} of {len(of['wrong'])}")


def main():
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(usage=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcmmm", default="build/release/dcmmm")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/release/bench/experiments"))
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--precise", type=float, default=0.1)
    parser.add_argument("--keep", action="store_true", help="keep panels, runs and CSV files")
    parser.add_argument("kinds", nargs="?", default="all")
    parser.add_argument("seeds", nargs="?", default="2")
    arguments = parser.parse_args(words[:at])
    arguments.overrides = words[at + 1:]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    kinds = [kind for word in arguments.kinds.split(",") for kind in (KINDS if word == "all" else [word])]
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        sys.exit(f"Unknown kind '{unknown[0]}': expected {', '.join(KINDS)}.")
    rows = []
    print("kind         seed  channel     test          lift   se %   moved  implied   error before > after  width       "
          "distance flagged")
    with open(arguments.folder / "rows.csv", "w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, COLUMNS)
        out.writeheader()
        for kind in kinds:
            for seed in truth.seed_list(arguments.seeds):
                for row in one_panel(arguments, kind, seed):
                    rows.append(row)
                    out.writerow(row)
                    print_row(row)
                file.flush()
    print_bars(rows)
    print(f"rows: {arguments.folder / 'rows.csv'}")


if __name__ == "__main__":
    main()
