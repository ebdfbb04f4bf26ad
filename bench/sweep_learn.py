"""sweep_learn.py [--seeds 5] [--trials 30] [--panels real,synthetic] [--pack 8] [--dcmmm BINARY] [--json FILE] [--most SHARE]

How much of random search's compute TPE with ASHA needs to reach random search's final validation loss.

The loss is that of the rolling-origin evaluation within the training weeks, 1 / skill (the model's RMSE over the best
naive forecast's); compute is counted in fits: one for each origin of a trial. Random search runs --trials trials to
their ends, nine origins each. `tpe` with `pruner=asha` (compared after 1 and 3 origins) may use as many fits, and is
charged until the end of the first trial that was through with all origins and is as good as random search's best. It
runs two trials at a time in one worker, so that what it knows when a trial starts does not depend on the machine.

The search: closed form of the model without GRU (no steps), over decay, exponent, half-saturation, stiffness,
persistence, ridge, its factors on media and controls, and size_power. Panels: the public one without its last 32 weeks (weeks 0 to 76),
and 40 synthetic regions x 104 weeks.

`share`: fits until there, over random search's; infinite (null in the file) where it never came there. Rows and the median over seeds, for
each panel: build/release/bench/sweep_learn.json. Ends with code 1 where a median is above --most.
"""

import argparse
import csv
import json
import math
import pathlib
import statistics
import sys
import tempfile

import truth

ORIGINS = 9
WORDS = ["model.gru.enabled=false", "model.estimator=descent", "model.descent=false", "model.settings=fixed",
         f"crossval.windows={ORIGINS}", "crossval.horizon=4", "crossval.step=3",
         "model.adstock.decay=interval(0.05,0.9)", "model.hill.exponent=interval(2.05,3.5)",
         "model.hill.half_saturation=tag(log, interval(0.2,5.0))", "model.baseline.stiffness=tag(log, interval(0.5,500.0))",
         "model.baseline.persistence=interval(0.5,0.99)", "model.ridge.strength=tag(log, interval(0.5,500.0))",
         "model.ridge.media=tag(log, interval(0.03,3.0))", "model.ridge.controls=tag(log, interval(0.3,30.0))",
         "model.loss.size_power=interval(0.5,2.0)"]  # fmt: skip


class Bench:
    def __init__(self, given, folder):
        self.given, self.folder = given, folder

    def call(self, *words):
        truth.call(self.given.dcmmm, *words)

    def source(self, panel):
        if panel == "real":
            return ["data=dma_panel", "data.holdout_weeks=32"]
        path = self.folder / "synthetic.h5"
        if not path.exists():
            self.call("synth", f"output={path}", "synth.regions=40", "synth.weeks=104", "synth.channels=6", "synth.seed=61")
        return [f"data.panel={path}"]

    def sweep(self, panel, seed, name, *words):
        """Trials in their order: (objective or None where pruned, fits)."""
        at = self.folder / f"{panel}_{seed}_{name}"
        self.call("sweep", *self.source(panel), f"run.dir={at}", f"run.seed={seed}", *WORDS, *words)
        journal = [json.loads(line) for line in (at / "journal.log").read_text(encoding="utf-8").splitlines()]
        fits = {}  # by trial, told as it goes: the last step that a pruned one has
        for line in journal:
            if line["op_code"] == 7:
                fits[line["trial_id"]] = max(fits.get(line["trial_id"], 0), line["step"])
        with open(at / "trials.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [(float(row["objective"]), ORIGINS) if row["state"] == "complete" else (None, fits[int(row["number"])])
                for row in rows]  # fmt: skip

    def compare(self, panel, seed):
        trials = self.given.trials
        random = self.sweep(panel, seed, "random", "sweep.sampler=random", f"sweep.trials={trials}",
                            f"sweep.pack={self.given.pack}", f"sweep.workers={self.given.workers}")  # fmt: skip
        best, budget = max(skill for skill, _ in random), trials * ORIGINS
        # Most of them end after an origin; more than the budget holds aren't counted.
        learned = self.sweep(panel, seed, "tpe", "sweep.sampler=tpe", "sweep.pruner=asha", f"sweep.trials={2 * trials}",
                             "sweep.workers=1", "sweep.pack=2")  # fmt: skip
        used, reached, tpe_best = 0, math.inf, -math.inf
        for skill, fits in learned:
            used += fits
            if used > budget:
                break
            tpe_best = max(tpe_best, skill if skill is not None else -math.inf)
            if reached == math.inf and tpe_best >= best:
                reached = used
        return {"panel": panel, "seed": seed, "random_loss": 1 / best, "random_fits": budget, "tpe_loss": 1 / tpe_best,
                "tpe_fits": reached, "share": reached / budget, "tpe_trials": len(learned)}  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--panels", default="real,synthetic")
    parser.add_argument("--pack", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dcmmm", default="build/release/dcmmm")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("build/release/bench/sweep_learn.json"))
    parser.add_argument("--most", type=float, default=math.inf)
    given = parser.parse_args()
    rows, fails = [], False
    print(f"{'panel':<10} {'seed':>4} {'random loss':>11} {'fits':>5} {'tpe loss':>9} {'reached after':>13} {'share':>6}")
    with tempfile.TemporaryDirectory(prefix="dcmmm_learn_") as name:
        bench = Bench(given, pathlib.Path(name))
        for panel in given.panels.split(","):
            for seed in range(1, given.seeds + 1):
                row = bench.compare(panel, seed)
                rows.append(row)
                given.json.parent.mkdir(parents=True, exist_ok=True)
                text = json.dumps(rows, indent=2).replace(": Infinity", ": null")  # JSON has no infinity
                given.json.write_text(text, encoding="utf-8")
                print(f"{panel:<10} {seed:>4} {row['random_loss']:>11.4f} {row['random_fits']:>5} {row['tpe_loss']:>9.4f} "
                      f"{row['tpe_fits']:>13} {row['share']:>6.2f}", flush=True)  # fmt: skip
            median = statistics.median(row["share"] for row in rows if row["panel"] == panel)
            print(f"{panel:<10} median share {median:.2f}", flush=True)
            fails |= median > given.most
    return int(fails)


if __name__ == "__main__":
    sys.exit(main())
