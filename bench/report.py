"""Time, processor time, peak memory and size of the report of two runs, both with intervals: the real panel's by descent
(16 members), and one of 5,000 regions by the likelihood (300 draws). Usage: report.py DCMMM [real,large]"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DCMMM = sys.argv[1]
CASES = (sys.argv[2] if len(sys.argv) > 2 else "real,large").split(",")


def run(*words):
    """Runs dcmmm; seconds, processor seconds and peak memory in bytes."""
    begin = time.monotonic()
    process = subprocess.Popen([DCMMM, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(message.decode())
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def report(name, folder):
    page = folder / "report.html"
    seconds, processor, bytes_ = run("report", f"run={folder / 'run'}", f"output={page}")
    print(f"{name:<18} {seconds:6.1f} s  {processor:6.1f} s cpu  {bytes_ / 2**20:6.0f} MiB  {page.stat().st_size / 1e6:5.1f} MB", flush=True)


def main():
    if "real" in CASES:
        with tempfile.TemporaryDirectory() as name:
            real = Path(name) / "real"
            run("train", f"run.dir={real / 'run'}", "ensemble.members=16")
            report("190 x 109 x 13", real)
    if "large" in CASES:
        with tempfile.TemporaryDirectory() as name:
            large = Path(name)
            shape = ["synth.regions=5000", "synth.weeks=104", "synth.channels=13", "synth.controls=7"]
            run("synth", f"output={large / 'panel.h5'}", *shape)
            run("train", f"run.dir={large / 'run'}", f"data.panel={large / 'panel.h5'}", "model.estimator=likelihood",
                "model.settings=fixed", "model.likelihood.drift=none", "ensemble.members=16")  # fmt: skip
            report("5,000 x 104 x 13", large)


if __name__ == "__main__":
    main()
