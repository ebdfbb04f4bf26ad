"""sweep_kills.py [--moments 20] [--seed S] [--trials 4] [--pack 1] [--dcmmm BINARY] [--json FILE]

Kills processes of a sweep with kill -9 at random moments, and asks each time what is left.

One study grows by --trials trials a moment. At each moment two processes of `dcmmm sweep ... run.resume=true` pull its
trials, and after a random time one of these is killed: the first one (which makes the sweep at the first moment), the
other one, both, or the process of a running trial (with --pack above 1 trials have none). What is left goes on by itself to its end; then `sweep resume` runs
to its end, without another kill. Asked after every moment:

- right after the kill: no line of the journal but its last is torn, and `sweep status` reads it;
- after the resume: every line is whole, all trials are complete, and each of them ended once;
- files of trials that were finished before the kill haven't been written again: none ran twice;
- at the end: all figures are those of a sweep that nobody disturbed, and Optuna, where it is installed, reads them.

Ends with code 1 and a list where something doesn't hold. Seed, moments and what they met: build/release/bench/
sweep_kills.json.
"""

import argparse
import csv
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

WORDS = ["model=ridge", "crossval.windows=3", "crossval.horizon=4", "crossval.step=4", "sweep.sampler=sobol",
         "model.ridge.strength=tag(log, interval(1e-3,10))", "model.adstock.decay=interval(0.1,0.9)"]  # fmt: skip
VICTIMS = ["first", "second", "both", "trial"]
FINISHED = (1, 2, 3)  # Optuna's states of trials that have ended


class Campaign:
    def __init__(self, binary, folder, random_numbers, pack):
        self.binary, self.folder, self.random, self.pack = binary, folder, random_numbers, pack
        self.panel, self.at = folder / "panel.h5", folder / "sweep"
        self.broken = []
        self.call("synth", f"output={self.panel}", "synth.regions=5", "synth.weeks=60", "synth.channels=3", "synth.seed=1")

    def call(self, *words):
        done = subprocess.run([self.binary, *words], capture_output=True, text=True, cwd=self.folder)
        if done.returncode:
            self.broken.append(f"dcmmm {' '.join(words)}: exit code {done.returncode}: {done.stderr[-500:]}")
        return done.stdout

    def words(self, at, trials):
        return ["sweep", f"data.panel={self.panel}", f"run.dir={at}", *WORDS, f"sweep.trials={trials}", "sweep.workers=1",
                f"sweep.pack={self.pack}"]

    def start(self, trials):
        words = [self.binary, *self.words(self.at, trials), "run.resume=true"]
        return subprocess.Popen(words, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def expect(self, holds, problem):
        if not holds:
            self.broken.append(problem)

    def lines(self):
        """The journal's whole lines, and whether bytes follow the last one's end."""
        path = self.at / "journal.log"
        parts = (path.read_bytes() if path.exists() else b"").split(b"\n")
        return [json.loads(line) for line in parts[:-1]], bool(parts[-1])

    def ends(self):
        """Numbers of the trials that ended, a number for each line that says so."""
        return [line["trial_id"] for line in self.lines()[0] if line["op_code"] == 6 and line["state"] in FINISHED]

    def written(self, numbers):
        """When the files of these trials were written."""
        paths = [path for n in numbers for path in (self.at / f"trials/{n}.txt", *(self.at / f"trials/{n}").glob("*"))]
        return {str(path): path.stat().st_mtime_ns for path in paths}

    def trial_processes(self, processes):
        found = []
        for process in processes:
            for path in pathlib.Path(f"/proc/{process.pid}/task").glob("*/children"):
                try:
                    found += [int(pid) for pid in path.read_text().split()]
                except OSError:  # it has ended meanwhile
                    pass
        return found

    def kill(self, victim, processes):
        if victim != "trial":
            targets = [p.pid for p in (processes[:1] if victim == "first" else processes[1:] if victim == "second" else processes)]
        else:
            targets = self.trial_processes(processes)[:1]
        for pid in targets:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
        return bool(targets)

    def moment(self, number, trials, longest):
        """None where the sweep, or the trial, had ended before the kill."""
        victim, seconds = self.random.choice(VICTIMS if self.pack == 1 else VICTIMS[:3]), self.random.uniform(0.0, longest)
        processes = [self.start(trials), self.start(trials)]
        time.sleep(seconds)
        is_running = all(process.poll() is None for process in processes)
        finished = set(self.ends())
        before = self.written(finished)
        met = is_running and self.kill(victim, processes)
        killed = {"first": processes[:1], "second": processes[1:], "both": processes, "trial": []}[victim] if met else []
        for process in killed:
            process.wait()
        lines, is_torn = self.lines()
        if lines:
            self.call("sweep", "status", f"dir={self.at}")
        for process in processes:
            _, error = process.communicate()
            self.expect(process in killed or process.returncode == 0, f"moment {number}: the one left ended with {process.returncode}: {error[-500:]}")
        left = len(set(self.ends()))
        if (self.at / "overrides.yaml").exists():
            self.call("sweep", "resume", f"dir={self.at}", f"sweep.trials={trials}")
        else:  # killed before there was a sweep: nothing to resume
            self.call(*self.words(self.at, trials), "run.resume=true")
        self.expect(not self.lines()[1], f"moment {number}: the journal's last line is torn after the resume")
        ends = self.ends()
        self.expect(sorted(ends) == list(range(trials)), f"moment {number}: trials ended: {sorted(ends)}, expected each of {trials} once")
        states = {row["state"] for row in self.table(self.at)}
        self.expect(states == {"complete"}, f"moment {number}: trials are {states}")
        self.expect(self.written(finished) == before, f"moment {number}: a finished trial's files were written again")
        return {"moment": number, "victim": victim, "seconds": round(seconds, 4), "finished_before": len(finished),
                "torn_line": is_torn, "finished_without_resume": left, "trials": trials} if met else None  # fmt: skip

    def table(self, at):
        with open(at / "trials.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def compare_with_undisturbed(self, trials):
        self.call(*self.words(self.folder / "whole", trials))
        figures = [{row["number"]: row["objective"] for row in self.table(at)} for at in (self.at, self.folder / "whole")]
        self.expect(figures[0] == figures[1], "figures differ from those of a sweep that nobody disturbed")

    def read_with_optuna(self, trials):
        try:
            import optuna
            from optuna.storages.journal import JournalFileBackend
        except ImportError:
            return False
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(self.at / "journal.log")))
        study = optuna.load_study(study_name="dcmmm", storage=storage)
        states = [trial.state.name for trial in study.trials]
        self.expect(states == ["COMPLETE"] * trials, f"Optuna reads {states}")
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--pack", type=int, default=1)
    parser.add_argument("--dcmmm", default="build/release/dcmmm")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("build/release/bench/sweep_kills.json"))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    begin = time.monotonic()
    with_optuna = False
    with tempfile.TemporaryDirectory(prefix="dcmmm_kills_") as name:
        campaign = Campaign(os.path.abspath(given.dcmmm), pathlib.Path(name), random.Random(given.seed), given.pack)
        met, trials, tried, longest = [], 0, 0, 1.0
        while len(met) < given.moments and tried < 4 * given.moments and not campaign.broken:
            tried += 1
            trials += given.trials
            found = campaign.moment(len(met), trials, longest)
            longest = longest * 1.2 if found else longest * 0.8  # about as long as they run
            if found:
                met.append(found)
                print("{moment:>3}  {victim:<6} after {seconds:6.3f} s, {finished_before} finished before".format(**found), flush=True)
        campaign.expect(campaign.broken or len(met) == given.moments, f"only {len(met)} of {given.moments} kills met a running process")
        if not campaign.broken:
            campaign.compare_with_undisturbed(trials)
            with_optuna = campaign.read_with_optuna(trials)
        result = {"seed": given.seed, "moments": met, "missed": tried - len(met), "trials": trials, "broken": campaign.broken,
                  "read_by_optuna": with_optuna, "seconds": round(time.monotonic() - begin, 1)}  # fmt: skip
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(result, indent=2), encoding="utf-8")
    for problem in campaign.broken:
        print(problem, file=sys.stderr)
    if not campaign.broken:
        print(f"{len(met)} kills, {trials} trials: none lost, none run twice, the journal whole ({result['seconds']} s)")
    return 1 if campaign.broken else 0


if __name__ == "__main__":
    sys.exit(main())
