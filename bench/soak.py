"""Whether memory grows: 200 short fits in one process, and a long fit on 2 ranks; the slope of the resident memory over
time, from a warm-up on. Usage: soak.py BUILD_FOLDER [--fits 200] [--minutes 30] [--ranks 2]

The fits are whole runs of `dcmmm train` (read the panel, fit by the two estimators by turns, checkpoints, results). The
long fit takes steps of the descent on 190 regions and writes a checkpoint every 200. Exit code 1 where a slope is 1 MB a
minute or more.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 1.0  # MB a minute


def slope(points):
    """MB a minute by least squares, of (seconds, bytes)."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread / 1e6 * 60


def report(name, points, warm_up):
    """A line of the table; whether the slope is small enough."""
    kept = [point for point in points if point[0] >= points[0][0] + warm_up]
    growth = slope(kept)
    print(f"{name:<28} {(kept[-1][0] - kept[0][0]) / 60:6.1f} min  {kept[0][1] / 1e6:7.0f} MB to {kept[-1][1] / 1e6:7.0f} MB  "
          f"{growth:+7.3f} MB/min", flush=True)  # fmt: skip
    return growth < LIMIT


def short_fits(build, folder, panel, count):
    words = [build / "bench/soak_fits", folder, count, f"data.panel={panel}", "trainer.steps=30", "trainer.threads=1"]
    output = subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    points = [tuple(map(float, line.split(",")))[1:] for line in output.split()]
    return report(f"{len(points)} fits in one process", points, points[len(points) // 4][0] - points[0][0])


def ranks_of(launcher):
    """The processes that mpirun started, by number."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return sorted(int(child) for child in children)


def long_fit(build, folder, panel, minutes, ranks):
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    words = ["mpirun", "-n", ranks, "--oversubscribe", "--bind-to", "none", build / "dcmmm", "train", f"data.panel={panel}", f"run.dir={folder / 'long'}",
             "trainer.steps=100000000", "trainer.threads=1", "model.estimator=descent", "trainer.early_stopping=false",
             "checkpoint.every_steps=200", f"trainer.time_limit={minutes * 60 + 30}s"]  # fmt: skip
    process = subprocess.Popen(list(map(str, words)), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begin, points = time.monotonic(), {}
    while process.poll() is None and time.monotonic() < begin + minutes * 60:
        time.sleep(2)
        for rank, child in enumerate(ranks_of(process.pid)):
            try:
                pages = int(Path(f"/proc/{child}/statm").read_text().split()[1])
            except (OSError, IndexError):
                continue
            points.setdefault(rank, []).append((time.monotonic() - begin, pages * os.sysconf("SC_PAGESIZE")))
    if process.poll() is not None:
        sys.exit(f"The long fit ended after {time.monotonic() - begin:.0f} s with {process.returncode}.")
    process.terminate()
    process.wait()
    # No list: every rank is looked at.
    good = [report(f"rank {rank} of {ranks}, one fit", of_rank, minutes * 60 / 6) for rank, of_rank in sorted(points.items())]
    return len(good) == ranks and all(good)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--ranks", type=int, default=2)
    options = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory(prefix="dcmmm_soak_") as name:
        folder = Path(name)
        for regions, weeks, channels, panel in ((12, 80, 3, "small"), (190, 109, 8, "large")):
            subprocess.run([options.build / "dcmmm", "synth", f"output={folder / panel}.h5", f"synth.regions={regions}", f"synth.weeks={weeks}",
                            f"synth.channels={channels}"], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        if options.fits > 0:
            good = short_fits(options.build, folder, folder / "small.h5", options.fits) and good
        if options.minutes > 0:
            good = long_fit(options.build, folder, folder / "large.h5", options.minutes, options.ranks) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
