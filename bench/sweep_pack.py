"""sweep_pack.py [--trials ridge=200,no_gru=24,default=9] [--pack 8] [--workers 2] [--alone-workers 2] [--device cpu]
[--regions N] [--panel FILE] [--dcmmm BINARY] [--json FILE] [--least RATIO]

A sweep of the same trials twice, with the same early stopping (asha): each trial a process of its own (sweep.pack=1),
and side by side in each worker (sweep.pack=8). The public panel without its last 24 weeks, four origins, Sobol's values
of adstock, ridge and, where there are steps, the learning rate; `default` is the default model by descent.

`trials/h`: by the clock, from the start of the command to its end, import and page included; `cpu ratio`: processor
time of a process for each trial over that of the packed sweep, which other jobs on the machine hardly move; `origins`:
fits that each began, of trials x 4; `differs`: the largest difference of a figure that both sweeps have (float32 sums
in another order). A process is pruned when its worker next looks, up to 0.1 s late, a packed trial at once.

`--device cuda` puts the trials' steps on the GPU (of `--dcmmm build/release/dcmmm-cuda`); there the clock counts, and
`--alone-workers` is how many processes of one trial each share it.

Ends with code 1 where a model's cpu ratio is below --least, or a figure differs by more than 0.01.
Rows: build/release/bench/sweep_pack.json.
"""

import argparse
import csv
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

SEARCH = ["model.ridge.strength=tag(log, interval(1.0,100.0))", "model.adstock.decay=interval(0.1,0.8)"]
MODELS = {
    "ridge": ["model=ridge", *SEARCH],
    "no_gru": ["model=no_gru", "model.settings=fixed", "trainer.learning_rate=tag(log, interval(0.005,0.05))", *SEARCH],
    "default": ["model.estimator=descent", "model.settings=fixed",
                "trainer.learning_rate=tag(log, interval(0.005,0.05))", *SEARCH],
}  # fmt: skip


def sweep(given, words, trials, pack, workers, folder):
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [given.dcmmm, "sweep", *given.source, f"run.dir={folder}", *words, "sweep.sampler=sobol", "sweep.pruner=asha",
               f"sweep.trials={trials}", f"sweep.workers={workers}", f"sweep.pack={pack}", f"trainer.device={given.device}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_WAIT_POLICY": "passive"})
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr[-1000:]}")
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begin
    with open(folder / "trials.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    origins = sum(text.read_text(encoding="utf-8").count("Origin ") for text in folder.glob("trials/*.txt"))
    complete = {row["number"]: float(row["objective"]) for row in rows if row["state"] == "complete"}
    assert len(rows) == trials and all(row["state"] in ("complete", "pruned") for row in rows), rows
    return {"pack": pack, "trials": trials, "complete": len(complete), "origins": origins, "seconds": seconds,
            "processor_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "trials_per_hour": 3600 * trials / seconds, "figures": complete}  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", default="ridge=200,no_gru=24,default=9")
    parser.add_argument("--pack", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--alone-workers", type=int, help="of the sweep with a process for each trial; default: --workers")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--panel", help="the public panel's file, where set-up hasn't fetched it")
    parser.add_argument("--regions", type=int, help="of a synthetic panel in place of the public one")
    parser.add_argument("--dcmmm", default="build/release/dcmmm")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("build/release/bench/sweep_pack.json"))
    parser.add_argument("--least", type=float, default=0.0)
    given = parser.parse_args()
    found, fails = [], False
    with tempfile.TemporaryDirectory(prefix="dcmmm_pack_") as name:
        folder = pathlib.Path(name)
        given.source = ["data=dma_panel", "data.holdout_weeks=24"] + ([f"data.source={given.panel}"] if given.panel else [])
        if given.regions:
            given.source = [f"data.panel={folder / 'panel.h5'}", "data.holdout_weeks=0"]
            subprocess.run([given.dcmmm, "synth", f"output={folder / 'panel.h5'}", f"synth.regions={given.regions}"], check=True,
                           capture_output=True)  # fmt: skip
        print(f"{'model':<8} {'trials':>6} {'trials/h':>9} {'packed':>9} {'cpu s':>7} {'packed':>7} {'cpu ratio':>9} "
              f"{'origins':>7} {'packed':>7} {'differs':>8}", flush=True)  # fmt: skip
        for word in given.trials.split(","):
            model, trials = word.split("=")
            row = compare(given, model, int(trials), folder)
            found.append(row)
            given.json.parent.mkdir(parents=True, exist_ok=True)
            given.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
            fails |= row["processor_ratio"] < given.least or row["differs"] > 0.01
    return int(fails)


def compare(given, model, trials, folder):
    alone = sweep(given, MODELS[model], trials, 1, given.alone_workers or given.workers, folder / f"{model}_1")
    packed = sweep(given, MODELS[model], trials, given.pack, given.workers, folder / f"{model}_packed")
    ratio = alone["processor_seconds"] / packed["processor_seconds"]
    both = set(alone["figures"]) & set(packed["figures"])
    differs = max((abs(alone["figures"][n] - packed["figures"][n]) for n in both), default=0.0)
    print(f"{model:<8} {trials:>6} {alone['trials_per_hour']:>9.0f} {packed['trials_per_hour']:>9.0f} "
          f"{alone['processor_seconds']:>7.1f} {packed['processor_seconds']:>7.1f} {ratio:>9.2f} "
          f"{alone['origins']:>7} {packed['origins']:>7} {differs:>8.5f}", flush=True)  # fmt: skip
    return {"model": model, "device": given.device, "alone": alone, "packed": packed, "processor_ratio": ratio,
            "clock_ratio": alone["seconds"] / packed["seconds"], "differs": differs}


if __name__ == "__main__":
    sys.exit(main())
