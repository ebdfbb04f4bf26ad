"""Random faults in whole runs: what a user must see, what must be left behind, and the bits after going on.

    campaign.py [--faults N] [--seed S]

Each fault hits a fresh run (tests/faults/injector.hpp) on 1, 2 or 3 ranks, or alone. After it: a documented exit code and
message, no process left within 60 s, nothing wrong or partial at a file's own name; then the run goes on without faults
from the newest valid checkpoint, and ends with the bits of a run that nothing happened to.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))
import cli  # noqa: E402

FAULTY = os.environ["DCMMM_FAULTS_BINARY"]
STEPS, EVERY = 9, 3
SETTINGS = [f"trainer.steps={STEPS}", f"checkpoint.every_steps={EVERY}", "checkpoint.most_share=1", "trainer.threads=1", "model.hidden=2",
            "model.settings=fixed", "trainer.validation_weeks=4", "model.dag.enabled=false", "mesh.timeout=10s"]  # fmt: skip
FILES = {"write": ("step_", "manifest.json", "results.h5", "history.csv", "metrics.json", "overrides.yaml", "config.yaml", "run.lock"),
         "sync": ("step_", "manifest.json", "results.h5", "checkpoints", "metrics.json"),
         "rename": ("step_", "manifest.json", "results.h5", "history.csv", "metrics.json", "overrides.yaml", "config.yaml"),
         "open": ("step_", "manifest.json", "results.h5", "history.csv", "metrics.json")}  # fmt: skip
KILLED = {137, -9, 1}  # by SIGKILL; mpirun says 137, or 1 where it lost a rank in the middle of its own start
STOPPED = {143, -15, 130, -2}  # by a signal that came before there was anything to write


class Broken(Exception):
    pass


def check(good, *words):
    if not good:
        raise Broken(" ".join(map(str, words)))


def processes_of_session(session):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(path.parent.name)
    return found


def run(binary, words, ranks, faults=None, seen=None, limit=300):
    """Exit code, output and seconds from the fault (none: the start) until the last of its processes is gone. On a busy
    machine a run itself may take a minute; what ends by its fault has one from there on."""
    launcher = [cli.MPIRUN, "-n", str(ranks), "--oversubscribe", "--bind-to", "none"] if ranks else []
    environment = dict(os.environ)
    if faults:
        environment["DCMMM_FAULTS"] = faults
    if seen:
        environment["DCMMM_FAULTS_SEEN"] = str(seen)
    hit = Path(tempfile.gettempdir()) / f"dcmmm_fault_hit_{os.getpid()}"
    hit.unlink(missing_ok=True)
    environment["DCMMM_FAULTS_HIT"] = str(hit)
    begin, started = time.monotonic(), time.time()
    process = subprocess.Popen([*launcher, binary, *map(str, words)], env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)  # fmt: skip
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output = process.communicate()[0]
        raise Broken(f"it hangs: {' '.join(map(str, words))} on {ranks} ranks, faults {faults}\n{output}") from None
    while left := processes_of_session(process.pid):
        check(time.monotonic() - begin < limit, "processes are left:", left)
        time.sleep(0.01)
    ended = time.time()
    after_fault = ended - hit.stat().st_mtime if hit.exists() else ended - started
    hit.unlink(missing_ok=True)
    if faults and process.returncode != 0:
        check(after_fault < 60, "its processes were there for", after_fault, "s after the fault")
    return process.returncode, output, after_fault


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def valid_steps(folder):
    """Steps of the checkpoints that the manifest describes, and a check that no other file has a checkpoint's name."""
    path = folder / "checkpoints/manifest.json"
    if not path.exists():
        return []
    entries = json.loads(path.read_text())["checkpoints"]
    good = {e["file"]: e["step"] for e in entries if (path.parent / e["file"]).exists() and sha256(path.parent / e["file"]) == e["sha256"]}
    there = {file.name for file in path.parent.glob("step_*.h5")}
    # A file that is being dropped may have left the manifest already.
    for name in there - set(good):
        check(all(name < other for other in good), name, "isn't what the manifest says")
    return sorted(good.values())


def check_folder(folder):
    """Nothing wrong or partial at a file's own name."""
    valid_steps(folder)
    if (folder / "results.h5").exists():
        with h5py.File(folder / "results.h5") as file:
            check(np.isfinite(file["predicted"][()]).all(), "results.h5 is not whole")
    if (folder / "metrics.json").exists():
        check(json.loads((folder / "metrics.json").read_text())["results_sha256"] == sha256(folder / "results.h5"), "metrics.json")
    for path in list(folder.rglob("*.damaged*")):
        raise Broken(f"{path} was set aside")


def fit_of(folder):
    """Everything that a fit gave, as bits; seconds and the config (folder, timeout) left out."""
    out = {}
    for name, values in cli.arrays(cli.newest_checkpoint(folder), "").items():
        if name not in ("history", "config"):
            out["checkpoint " + name] = cli.bits(values)
    with h5py.File(folder / "results.h5") as file:
        for name in file:
            out["results " + name] = cli.bits(file[name][()])
    rows = cli.read_csv(folder / "history.csv")
    for row in rows:
        del row["seconds"]
    return out | {"history": rows}


class Campaign:
    def __init__(self, folder, seed):
        self.folder, self.random = Path(folder), random.Random(seed)
        self.expected, self.calls = {}, {}
        self.ends = collections.Counter()

    def words(self, ranks, estimator, name):
        return ["train", f"data.panel={self.folder}/panel.h5", f"run.dir={self.folder / name}", f"model.estimator={estimator}", *SETTINGS]

    def undisturbed(self, ranks, estimator):
        """The fit without faults, and how often each rank comes to each point."""
        key = ranks, estimator
        if key not in self.expected:
            points = [("step", ""), ("gradient", ""), ("collective", "")] + [(at, file) for at in FILES for file in FILES[at]]
            name = f"straight_{ranks}_{estimator}"
            seen = self.folder / f"{name}.seen"
            listed = ";".join(f"at={at},file={file},do=none,nth=1000000,rank={rank}" for at, file in points for rank in range(max(ranks, 1)))
            code, output, _ = run(FAULTY, self.words(ranks, estimator, name), ranks, listed, seen, limit=600)
            check(code == 0, "the undisturbed run failed:", output)
            self.expected[key] = fit_of(self.folder / name)
            for rank in range(max(ranks, 1)):
                counts = [int(line) for line in Path(f"{seen}{rank}").read_text().split()]
                of_rank = counts[rank :: max(ranks, 1)]
                for point, count in zip(points, of_rank, strict=True):
                    self.calls[(*key, rank, *point)] = count
        return self.expected[key]

    def draw(self):
        """Ranks, estimator, and a fault as (at, file, nth, do, rank, lasting)."""
        pick = self.random.choice
        ranks = pick((0, 1, 2, 3))
        estimator = pick(("descent",) * 4 + ("likelihood",))
        self.undisturbed(ranks, estimator)
        rank = self.random.randrange(max(ranks, 1))
        places = [(at, file) for at in FILES for file in FILES[at]]
        kinds = {"kill": [("step", ""), ("collective", ""), *places, *places], "hang": [("step", ""), ("collective", "")],
                 "term": [("step", ""), ("collective", ""), *places], "int": [("step", ""), *places], "usr1": [("step", ""), ("collective", "")],
                 "nan": [("gradient", "")], "eio": places, "enospc": places, "eacces": places, "short": [p for p in places if p[0] == "write"]}  # fmt: skip
        while True:
            do = pick(["kill"] * 6 + ["hang", "term", "term", "int", "usr1", "nan", "nan", "eio", "eio", "enospc", "enospc", "eacces", "short"])
            at, file = pick(kinds[do])
            calls = self.calls[ranks, estimator, rank, at, file]
            if calls == 0 or (do == "hang" and ranks < 2):
                continue
            lasting = do in ("eio", "enospc", "eacces", "nan") and self.random.random() < 0.5
            return ranks, estimator, (at, file, self.random.randint(1, calls), do, rank, lasting)

    def export(self, number):
        """A fault in the middle of an export: whole CSV files or none, and the same ones the next time."""
        key = self.random.choice((0, 2)), "descent"
        self.undisturbed(*key)
        words = ["export", f"run={self.folder}/straight_{key[0]}_descent"]
        good = self.folder / f"csv_{key[0]}"
        if not good.exists():
            check(run(cli.BINARY, [*words, f"output={good}"], 0)[0] == 0, "the export failed")
        expected = cli.hashes(good)
        at, file = self.random.choice(("write", "sync", "rename", "open")), self.random.choice(sorted(expected))
        do = self.random.choice(("kill", "kill", "eio", "enospc", "eacces"))
        fault = f"at={at},file={file},nth=1,do={do}"
        what = f"{number}: export, {fault}"
        output = self.folder / "csv"
        shutil.rmtree(output, ignore_errors=True)
        try:
            code, text, seconds = run(FAULTY, [*words, f"output={output}"], 0, fault)
            self.ends[code] += 1
            check(code == (-9 if do == "kill" else 2), "exit code", code, text)
            check(do == "kill" or text.count("Can't write") == 1, "not one message:", text)
            check(not cli.UGLY.search(text), "an ugly message:", text)
            for path in output.glob("*.csv"):
                check(sha256(path) == expected[path.name], path.name, "is partial")
            check(not (output / file).exists(), file, "is there")
            check(run(cli.BINARY, [*words, f"output={output}"], 0)[0] == 0, "exporting again failed")
            check({name: digest for name, digest in cli.hashes(output).items() if name.endswith(".csv")} == expected, "other files")
        except Broken as error:
            raise Broken(f"{what}\n{error}") from None
        return f"{what} ({seconds:.1f} s)"

    def one(self, number):
        if self.random.random() < 0.1:
            return self.export(number)
        ranks, estimator, (at, file, nth, do, rank, lasting) = self.draw()
        fault = f"at={at},file={file},nth={nth},do={do},rank={rank}" + (",lasting=1" if lasting else "")
        what = f"{number}: {estimator} on {ranks or 'no'} ranks, {fault}"
        folder = self.folder / "run"
        shutil.rmtree(folder, ignore_errors=True)
        words = self.words(ranks, estimator, "run")
        try:
            code, output, seconds = run(FAULTY, words, ranks, fault)
            self.ends[code] += 1
            self.check_end(ranks, at, nth, do, rank, lasting, code, output)
            check_folder(folder)
            if do == "nan":
                return f"{what} ({seconds:.1f} s)"
            valid = valid_steps(folder)
            if at == "step" and do == "kill" and nth > EVERY:
                # Step n begins behind n - 1 finished ones: the checkpoint before it is there.
                check(valid and valid[-1] == (nth - 1) // EVERY * EVERY, "checkpoints", valid)
            resumed = (folder / "config.yaml").exists()
            go_on = ["train", f"run.dir={folder}", "run.resume=true"] if resumed else words
            code, output, _ = run(cli.BINARY, go_on, ranks, limit=600)
            check(code == 0, "going on failed:", output)
            if resumed and valid and estimator == "descent" and "nothing to do" not in output:
                check(f"Going on from step {valid[-1]} " in output, "not from the newest checkpoint:", valid, output)
            check_folder(folder)
            check(not list(folder.rglob("*.tmp")) or do == "kill", "temporary files are left")
            check(not (folder / "run.lock").exists(), "the lock is left")
            found, wanted = fit_of(folder), self.undisturbed(ranks, estimator)
            check(set(found) == set(wanted), "other arrays")
            for name in wanted:
                check(found[name] == wanted[name], name, "has other bits than without a fault")
        except Broken as error:
            raise Broken(f"{what}\n{error}\n{output if 'output' in locals() else ''}") from None
        return f"{what} ({seconds:.1f} s)"

    def check_end(self, ranks, at, nth, do, rank, lasting, code, output):
        check(not cli.UGLY.search(output.replace("Signal: ", "").replace("Aborted", "")) or ranks, "an ugly message:", output)
        # What could not be written on the way is a warning, and an error only where it still fails at the end.
        errors = "\n".join(line for line in output.splitlines() if not line.startswith("warning: "))
        one_message = errors.count("Can't ") + errors.count("The loss or its gradient") == 1
        if do == "kill":
            check(code in KILLED, "exit code", code)
        elif do == "hang":
            check(code == 6, "exit code", code)
            check(f"Rank {rank} of {ranks} is late" in output, "the late rank isn't named")
            if at == "step":
                check(f"to step {nth}," in output, "the step isn't named")
        elif do in ("term", "int"):
            check(code in STOPPED | {0, 5}, "exit code", code)
            if at == "step":
                # Taken before the next step; after the last one there is nothing to stop.
                check(code == (5 if nth + 1 < STEPS else 0), "exit code", code)
            if code == 5:
                check(output.count("after writing a checkpoint") == 1, "no word about the checkpoint")
        elif do == "usr1":
            check(code in ({0} if at == "step" else {0, 138, -10}), "exit code", code)
        elif do == "nan":
            # Skipped, back, skipped again, lost: where the steps end before that, the last good state is the result.
            is_lost = lasting and (nth == 1 or nth + 3 <= STEPS)
            check(code == (3 if is_lost else 0), "exit code", code)
            check("isn't finite" in output or "not finite" in output, "no word about it")
            check(code == 0 or one_message, "not one message")
        elif do == "short":
            check(code == 0, "exit code", code)
        else:
            check(code in (0, 2), "exit code", code)
            if code == 2:
                check(one_message, "not one message")
                system = {"eio": "Input/output error", "enospc": "No space left", "eacces": "Permission denied"}[do]
                check(system in output or (ranks and "MPI_ERR_" in output), "the system's reason is missing")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--keep-going", action="store_true")
    options = parser.parse_args()
    print(f"{options.faults} faults, seed {options.seed}", flush=True)
    begin, broken = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="dcmmm_faults_") as folder:
        campaign = Campaign(folder, options.seed)
        shape = ["regions=4", "weeks=44", "channels=2", "controls=1", "seed=1"]
        code, output, _ = run(cli.BINARY, ["synth", f"output={folder}/panel.h5", *(f"synth.{word}" for word in shape)], 0)
        check(code == 0, output)
        for number in range(1, options.faults + 1):
            try:
                print(campaign.one(number), flush=True)
            except Broken as error:
                broken += 1
                print(f"BROKEN {error}", flush=True)
                if not options.keep_going:
                    break
        ends = ", ".join(f"{code}: {count}" for code, count in sorted(campaign.ends.items()))
    print(f"seed {options.seed}: {sum(campaign.ends.values())} faults, {broken} broken; exit codes {ends}; {time.monotonic() - begin:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
