"""dcmmm against the package deepcausalmmm 1.0.21 on the real panel, at the package's own defaults, in turns.

  versus_reference.py PYTHON BUILD CSV [--rounds 3] [--steps 4] [--threads 1]

PYTHON: one that has deepcausalmmm. BUILD: the folder of a build. CSV: the package's panel. Compared are an epoch of the
package (hidden 280) with a training step of dcmmm at hidden 280 and at its default of 32 (190 regions x 101 training
weeks x 13 channels x 7 controls, one fit without its shadow), and the package's epoch times its 1,500 epochs, without its
warm start, with a whole `dcmmm train`, from the CSV to the end table. The table and BUILD/bench/versus_reference.json hold
medians over the rounds, of the clock and of the processors."""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time

from versus.interleaved import measure, medians

HERE = pathlib.Path(__file__).resolve().parent


def whole_fit(build, csv, threads, words=()):
    """A run of the program from the table to the end, in a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        command = [build / "dcmmm", "train", f"data.source={csv}", "data.holdout_weeks=8", f"run.dir={folder}/run",
                   f"trainer.threads={threads}", *words]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([str(word) for word in command], check=True, capture_output=True,
                       env=dict(os.environ, OMP_WAIT_POLICY="passive"))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {"clock": time.perf_counter() - start,
                "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("python")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("csv", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
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
             "dcmmm, a whole fit": lambda: whole_fit(given.build, given.csv, given.threads),
             "dcmmm, a whole fit by descent": lambda: whole_fit(given.build, given.csv, given.threads,
                                                                 ["model.estimator=descent"])}
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
