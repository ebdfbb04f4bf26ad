"""dcmmm against the package deepcausalmmm 1.0.21 on the real panel, at the package's own defaults, in turns.

  versus_reference.py PYTHON BUILD CSV [--rounds 3] [--steps 4] [--threads 1]
  versus_reference.py PYTHON BUILD CSV --whole [--whole-epochs N] [--threads 1]

PYTHON: one that has deepcausalmmm. BUILD: the folder of a build. CSV: the package's panel. Compared are an epoch of the
package (hidden 280) with a training step of dcmmm at hidden 280 and at its default of 32 (190 regions x 101 training
weeks x 13 channels x 7 controls, one fit without its shadow), and the package's epoch times its 1,500 epochs, without its
warm start, with a whole `dcmmm train`, from the CSV to the end table. The table and BUILD/bench/versus_reference.json hold
medians over the rounds, of the clock and of the processors.

With --whole: the time to the package's final holdout error, on the last 13 weeks. The package is fitted whole,
--whole-epochs (its own 1,500; 2,073 s by docs/reference.md) and its warm start; then `dcmmm train` runs with 0, 10, 20,
40 and 80 steps until an RMSE is at or below the package's, and as it is by default. Each figure is that of a whole
process, from the CSV to the error. --whole-epochs 0 takes the package's error from docs/reference.md in place of a fit.
The table and BUILD/bench/versus_reference_whole.json hold the rows; exit code 1 where dcmmm never came there."""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from versus.interleaved import measure, medians

HERE = pathlib.Path(__file__).resolve().parent
WHOLE_HOLDOUT_WEEKS, PUBLISHED_RMSE = 13, 226_600  # docs/reference.md
STEPS = (0, 10, 20, 40, 80)

def timed(call):
    """What the call gives, and the clock's and its child processes' seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    found = call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found, {"clock": time.perf_counter() - start,
                   "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def whole_fit(given, words=(), holdout_weeks=8):
    """A run of the program from the table to the end, in a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        command = [given.build / "dcmmm", "train", f"data.source={given.csv}", f"data.holdout_weeks={holdout_weeks}",
                   f"run.dir={folder}/run", f"trainer.threads={given.threads}", *words]
        _, row = timed(lambda: subprocess.run([str(word) for word in command], check=True, capture_output=True,
                                              env=dict(os.environ, OMP_WAIT_POLICY="passive")))
        metrics = json.loads(pathlib.Path(folder, "run/metrics.json").read_text(encoding="utf-8"))
        return row | {"holdout_rmse": metrics["holdout"]["rmse"]}


def to_the_final_error(given):
    """Whether dcmmm reached the package's final holdout error; prints and writes when each did."""
    rows = {}
    if given.whole_epochs == 0:
        rows["deepcausalmmm, docs/reference.md"] = {"holdout_rmse": PUBLISHED_RMSE}
    else:
        epochs = [] if given.whole_epochs is None else [given.whole_epochs]
        found, seconds = timed(lambda: measure([given.python, HERE / "versus/reference_whole.py", given.csv,
                                                WHOLE_HOLDOUT_WEEKS, given.threads, *epochs]))
        name = f"deepcausalmmm, {found['epochs']} epochs"
        rows[name] = seconds | {"holdout_rmse": found["holdout_rmse"], "fit": found}
    bar = next(iter(rows.values()))["holdout_rmse"]
    reached = False
    for steps in STEPS:
        row = whole_fit(given, [f"trainer.steps={steps}"], WHOLE_HOLDOUT_WEEKS)
        rows[f"dcmmm, {steps} steps"] = row
        reached = row["holdout_rmse"] <= bar
        if reached:
            break
    rows["dcmmm, by default"] = whole_fit(given, (), WHOLE_HOLDOUT_WEEKS)
    print(f"{'':40} {'RMSE':>9} {'clock s':>9} {'cpu s':>9}")
    for name, row in rows.items():
        times = " ".join(f"{row[key]:>9.2f}" if key in row else f"{'':9}" for key in ("clock", "processor"))
        print(f"{name:40} {row['holdout_rmse']:>9.0f} {times}")
    print(f"dcmmm {'is there with' if reached else 'was not there with'} {steps} steps.")
    result = {"threads": given.threads, "holdout_weeks": WHOLE_HOLDOUT_WEEKS, "reached": reached, "rows": rows}
    (given.build / "bench/versus_reference_whole.json").write_text(json.dumps(result, indent=2), encoding="utf-8")
    return reached


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("python")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("csv", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--whole-epochs", type=int)
    given = parser.parse_args()
    if given.whole:
        sys.exit(not to_the_final_error(given))
    folder = given.build / "bench"

    def step(hidden):
        file = folder / "versus_reference_step.json"
        figures = measure([folder / "train_step", "--hidden", hidden, "--steps", given.steps, "--threads", given.threads,
                           "--validation-weeks", 0, "--json", file], file)
        return {"clock": figures["step_seconds_median"], "processor": figures["step_processor_seconds_median"]}

    def epoch():
        figures = measure([given.python, HERE / "versus/reference_step.py", given.csv, given.steps, given.threads])
        return {"clock": figures["step_seconds_median"], "processor": figures["step_processor_seconds_median"],
                "epochs": figures["default_epochs"], "hidden": figures["hidden"]}

    cases = {"deepcausalmmm, an epoch, hidden 280": epoch,
             "dcmmm, a step, hidden 280": lambda: step(280),
             "dcmmm, a step, hidden 32": lambda: step(32),
             "dcmmm, a whole fit": lambda: whole_fit(given),
             "dcmmm, a whole fit by descent": lambda: whole_fit(given, ["model.estimator=descent"])}
    found = {name: [] for name in cases}
    for _ in range(given.rounds):
        for name, case in cases.items():
            found[name].append(case())
    rows = {name: medians(figures) for name, figures in found.items()}
    theirs = rows["deepcausalmmm, an epoch, hidden 280"]
    for name, row in rows.items():
        times = theirs["epochs"] if "whole" in name else 1
        row["ratios"] = [times * theirs[key] / row[key] for key in ("clock", "processor")]
    print(f"{'medians':40} {'clock s':>9} {'cpu s':>9}   ratios: clock, cpu")
    for name, row in rows.items():
        print(f"{name:40} {row['clock']:>9.3f} {row['processor']:>9.3f}   {row['ratios'][0]:.1f} {row['ratios'][1]:.1f}")
    print(f"A whole fit's ratio is to {theirs['epochs']:.0f} epochs.")
    result = {"threads": given.threads, "rounds": given.rounds, "rows": rows}
    (folder / "versus_reference.json").write_text(json.dumps(result, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
