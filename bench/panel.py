"""Time and peak memory of the training step against the number of regions.

  panel.py BUILD [--regions 2000,10000,100000] [--weeks 156] [--steps 2] [--ranks 1]

One fit with a GRU of 32 units and without its shadow, 13 channels, 7 controls, float32, one thread a rank, on a file of
`dcmmm synth` that is read block by block. Each number of regions is a process of its own; its peak memory includes LibTorch's
150 MiB. The table and
BUILD/bench/panel.json hold the step's processor time (the slowest rank's, median over steps)."""

import argparse
import json
import os
import pathlib
import subprocess

from versus.interleaved import measure


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--regions", default="2000,10000,100000")
    parser.add_argument("--weeks", type=int, default=156)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--ranks", type=int, default=1)
    given = parser.parse_args()
    folder = given.build / "bench"
    file = folder / "panel_step.json"
    launcher = ["mpirun", "-n", given.ranks, "--oversubscribe"] if given.ranks > 1 else []
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    print(f"{'regions':>8} {'step s':>8} {'cpu s':>8} {'ns a cell':>10} {'MiB a rank':>11} {'of them before the steps':>25}")
    rows = []
    for regions in map(int, given.regions.split(",")):
        panel = folder / "panel.h5"
        subprocess.run([given.build / "dcmmm", "synth", f"synth.regions={regions}", f"synth.weeks={given.weeks}",
                        "synth.channels=13", "synth.controls=7", f"output={panel}"], check=True, capture_output=True)
        figures = measure([*launcher, folder / "train_step", "--panel-file", panel, "--regions", regions, "--weeks", given.weeks, "--steps",
                           given.steps, "--threads", 1, "--validation-weeks", 0, "--json", file], file)
        panel.unlink()
        processor = figures["step_processor_seconds_median"]
        per_cell = processor * given.ranks / (regions * (given.weeks - 8))
        rows.append({key: figures[key] for key in ("regions", "weeks", "ranks", "step_seconds_median",
                                                   "step_processor_seconds_median", "peak_memory_bytes",
                                                   "peak_memory_before_steps_bytes")} | {"seconds_per_cell": per_cell})
        print(f"{regions:>8} {figures['step_seconds_median']:>8.2f} {processor:>8.2f} {1e9 * per_cell:>10.0f} "
              f"{figures['peak_memory_bytes'] / 2**20:>11.0f} {figures['peak_memory_before_steps_bytes'] / 2**20:>25.0f}",
              flush=True)
    (folder / "panel.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
