"""What the end-to-end tests share: running the binary as a user would, small tables and panels, and looking at what came out.

ctest gives DCMMM_BINARY and DCMMM_MPIRUN through the environment.
"""

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import numpy as np

BINARY = os.environ["DCMMM_BINARY"]
MPIRUN = os.environ["DCMMM_MPIRUN"]

# What no message to a user may hold: C++ names, addresses, stack traces, a crash.
UGLY = re.compile(
    r"std::|dcmmm::|\bat::|\bc10::|__cxx|basic_string|terminate called|what\(\)|core dumped|Aborted|Segmentation|Signal: "
    r"|\b0x[0-9a-fA-F]{4,}|\.(cpp|hpp):\d+|#\d+ .* in |Traceback|Internal error|HDF5-DIAG|\b_Z\w+|bad_alloc|RuntimeError"
)

# A model of few numbers, so that a step takes about a millisecond.
QUICK = ["trainer.threads=1", "model.hidden=4", "trainer.steps=3"]


class Outcome:
    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds


def command_line(words, ranks=0):
    start = [MPIRUN, "-n", str(ranks), "--oversubscribe", "--bind-to", "none", "--timeout", "100"] if ranks else []
    words = [str(word) for word in words]
    # Runs, checkpoints and ranks are tried on the descent, which takes steps; a test of the likelihood asks for it.
    if words and words[0] in ("train", "crossval") and not any(w.startswith(("model=", "model.estimator=", "run.init=", "-")) for w in words):
        words.append("model.estimator=descent")
    return start + [BINARY] + words


def run(*words, ranks=0, cwd=None, environment=None, before=None):
    """Runs `dcmmm WORDS...`, under mpirun where `ranks` is given; `before` runs in the child process first."""
    begin = time.monotonic()
    done = subprocess.run(
        command_line(words, ranks), cwd=cwd, env={**os.environ, **(environment or {})}, preexec_fn=before,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)


def hashes(folder):
    """SHA-256 of every file below `folder`, by its path."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


class Case(unittest.TestCase):
    """A test with a temporary folder of its own; runs must succeed unless the test says otherwise."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="dcmmm_cli_")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def dcmmm(self, *words, code=0, **options):
        done = run(*words, **{"cwd": self.folder, **options})
        self.assertEqual(done.code, code, f"dcmmm {' '.join(map(str, words))}\n{done.err}\n{done.out}")
        self.assertNotRegex(done.err, UGLY)
        return done

    def synth(self, name="panel.h5", **shape):
        words = {"regions": 5, "weeks": 60, "channels": 3, "controls": 2, "seed": 1, **shape}
        self.dcmmm("synth", f"output={self.folder / name}", *(f"synth.{key}={value}" for key, value in words.items()))
        return self.folder / name

    def train(self, directory, *words, **options):
        return self.dcmmm("train", f"run.dir={self.folder / directory}", *QUICK, *words, **options)

    def export(self, directory, output):
        self.dcmmm("export", f"run={self.folder / directory}", f"output={self.folder / output}")
        return self.folder / output


def table(regions=4, weeks=60, channels=2, controls=1, seed=1):
    """Rows of a long-format table, as dictionaries of texts in the order of the columns."""
    generator = np.random.default_rng(seed)
    start = np.datetime64("2023-01-02")
    rows = []
    for region in range(regions):
        level = 100.0 * (region + 1)
        for week in range(weeks):
            media = generator.gamma(2.0, 50.0, channels)
            control = generator.normal(size=controls)
            effect = sum(0.2 * value / (value + 80.0) for value in media) + 0.05 * control.sum()
            season = 0.1 * np.sin(2 * np.pi * week / 52)
            target = level * (1 + effect + season + 0.03 * generator.normal())
            row = {"region": f"r{region}", "week": str(start + 7 * week), "sales": f"{target:.6f}"}
            row |= {f"media_{c}": f"{value:.6f}" for c, value in enumerate(media)}
            row |= {f"control_{k}": f"{value:.6f}" for k, value in enumerate(control)}
            rows.append(row)
    return rows


def write_table(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return np.array([float(row[name] or "nan") for row in rows])


def newest_checkpoint(directory):
    folder = Path(directory) / "checkpoints"
    return folder / json.loads((folder / "manifest.json").read_text())["checkpoints"][-1]["file"]


def manifest_step(directory):
    """Step of the newest checkpoint that is there and named by the manifest; -1 before the first."""
    path = Path(directory) / "checkpoints" / "manifest.json"
    if not path.exists():
        return -1
    entries = json.loads(path.read_text())["checkpoints"]
    return max((entry["step"] for entry in entries if (path.parent / entry["file"]).exists()), default=-1)


def arrays(path, *prefixes):
    """The arrays of an HDF5 file whose names begin with one of the prefixes."""
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file if name.startswith(prefixes)}


def bits(array):
    """What two arrays must share to be the same to the bit; texts are compared as they are."""
    array = np.asarray(array)
    return list(array.ravel()) if array.dtype.kind == "O" else (array.dtype, array.shape, array.tobytes())


class Started:
    """A run that is still going on, to be sent signals."""

    def __init__(self, words, ranks=0, cwd=None):
        self.process = subprocess.Popen(
            command_line(words, ranks), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def wait_for_step(self, directory, step, seconds=60):
        """Until a checkpoint of that step or a later one is there; the process must still be running then."""
        end = time.monotonic() + seconds
        while manifest_step(directory) < step:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"no checkpoint of step {step}: {self.finish()[1]}")
            time.sleep(0.001)

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9 for the process; under mpirun for its ranks, which are its children."""
        for pid in self.children() or [self.process.pid]:
            os.kill(pid, signal.SIGKILL)
        return self.finish()

    def children(self):
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]

    def finish(self, seconds=100):
        try:
            output, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        return self.process.returncode, output


def main():
    unittest.main(verbosity=2)
