"""Time and peak memory of the training step against the number of regions.

  panel.py BUILD [--regions 2000,10000,100000] [--weeks 156] [--steps 2] [--ranks 1]

One fit with a GRU of 32 units and without its shadow, 13 channels, 7 controls, float32, one thread a rank, on a file of
`dcmmm synth` that is read block by block. Each number of regions is a process of its own; its peak memory includes
LibTorch's 150 MiB. The file's pages are dropped from the system's cache before, so the preparation and the first pass,
which warms up and isn't counted, read the disk; later passes read again what the memory had no room for. The table
holds the step's processor time (the slowest rank's, median over steps); BUILD/bench/panel.json also the rows of earlier
calls, the last one of each number of regions, weeks and ranks."""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

from versus.interleaved import measure

KEYS = ("regions", "weeks", "ranks")


def drop_from_cache(path):
    """What was just written lies in memory: as if it had been written long ago."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())  # only pages that the disk has can be dropped
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measured(given, regions):
    """The figures of train_step on a panel that goes away with its folder."""
    folder = given.build / "bench"
    launcher = ["mpirun", "-n", given.ranks, "--oversubscribe"] if given.ranks > 1 else []
    with tempfile.TemporaryDirectory(prefix="panel_", dir=folder) as temporary:
        panel, file = pathlib.Path(temporary) / "panel.h5", pathlib.Path(temporary) / "step.json"
        subprocess.run([given.build / "dcmmm", "synth", f"synth.regions={regions}", f"synth.weeks={given.weeks}",
                        "synth.channels=13", "synth.controls=7", f"output={panel}"], check=True, capture_output=True)
        drop_from_cache(panel)
        return measure([*launcher, folder / "train_step", "--panel-file", panel, "--regions", regions,
                        "--weeks", given.weeks, "--steps", given.steps, "--threads", 1, "--validation-weeks", 0, "--json", file], file)


def keep(file, row):
    """Writes the row beside those that the file holds of other panels."""
    earlier = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    rows = [other for other in earlier if any(other[key] != row[key] for key in KEYS)] + [row]
    rows.sort(key=lambda row: [row[key] for key in KEYS])
    file.write_text(json.dumps(rows, indent=2), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--regions", default="2000,10000,100000")
    parser.add_argument("--weeks", type=int, default=156)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--ranks", type=int, default=1)
    given = parser.parse_args()
    given.build = given.build.resolve()  # "." as well
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    print(f"{'regions':>8} {'step s':>8} {'cpu s':>8} {'ns a cell':>10} {'MiB a rank':>11} {'of them before the steps':>25}")
    for regions in map(int, given.regions.split(",")):
        figures = measured(given, regions)
        processor = figures["step_processor_seconds_median"]
        per_cell = processor * given.ranks / (regions * (given.weeks - 8))
        row = {key: figures[key] for key in (*KEYS, "step_seconds_median", "step_processor_seconds_median",
                                             "peak_memory_bytes", "peak_memory_before_steps_bytes")}
        keep(given.build / "bench/panel.json", row | {"seconds_per_cell": per_cell})
        print(f"{regions:>8} {figures['step_seconds_median']:>8.2f} {processor:>8.2f} {1e9 * per_cell:>10.0f} "
              f"{figures['peak_memory_bytes'] / 2**20:>11.0f} {figures['peak_memory_before_steps_bytes'] / 2**20:>25.0f}",
              flush=True)


if __name__ == "__main__":
    main()
