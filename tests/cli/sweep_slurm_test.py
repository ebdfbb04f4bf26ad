"""Sweeps and fits handed to Slurm, where Slurm is a script of the test's own: what is submitted, and what its tasks do."""

import os
import signal
import subprocess
from pathlib import Path

import cli

FIT = Path(__file__).resolve().parent.parent.parent / "launch/slurm/fit.sbatch"
QUICK = ["model=ridge", "crossval.windows=2", "crossval.horizon=4", "crossval.step=4", "model.ridge.strength=0.1,1,3"]


class Handed(cli.Case):
    def setUp(self):
        super().setUp()
        self.at = self.folder / "sweep"
        self.programs = self.folder / "programs"
        self.programs.mkdir()
        self.environment = {"PATH": f"{self.programs}:{os.environ['PATH']}"}

    def program(self, name, body):
        """A program in PATH that notes its words, a line for each call, in the folder's NAME.txt."""
        (self.programs / name).write_text(f'#!/bin/bash\necho "$*" >> {self.folder / name}.txt\n{body}\n')
        (self.programs / name).chmod(0o755)

    def calls(self, name):
        noted = self.folder / f"{name}.txt"
        return noted.read_text().splitlines() if noted.exists() else []

    def bash(self, script, *words, **environment):
        done = subprocess.run(["bash", str(script), *map(str, words)], cwd=self.folder, capture_output=True, text=True, timeout=120,
                              env={**os.environ, **self.environment, **environment})  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)

    def submit(self, *words, **options):
        return self.dcmmm("sweep", f"data.panel={self.synth()}", f"run.dir={self.at}", *QUICK, *words,
                          environment=self.environment, **options)  # fmt: skip

    def complete(self):
        return [row["state"] for row in cli.read_csv(self.at / "trials.csv")].count("complete")

    def test_a_task_runs_trials_where_a_file_says_that_the_launcher_is_slurm(self):
        self.program("sbatch", "echo 7")
        configs = self.folder / "configs/sweep"
        configs.mkdir(parents=True)
        (configs / "cluster.yaml").write_text("defaults: [default]\nlauncher: slurm\nslurm: {cpus: 1}\n")
        said = self.submit("--config-dir", configs.parent, "sweep=cluster", "sweep.trials=2").out
        self.assertIn("Submitted Slurm job 7", said)
        self.bash(self.at / "sweep.sbatch", SLURM_CPUS_PER_TASK="1")
        self.assertEqual((len(self.calls("sbatch")), self.complete()), (1, 2))

    def test_a_task_that_starts_late_asks_for_no_more_trials(self):
        self.program("sbatch", "echo 7")
        self.submit("launcher=slurm", "sweep.trials=3")
        self.dcmmm("sweep", "resume", f"dir={self.at}", "launcher=local", "sweep.trials=1")
        self.bash(self.at / "sweep.sbatch", SLURM_CPUS_PER_TASK="1")
        self.assertEqual(self.complete(), 1)

    def test_the_script_starts_where_its_relative_words_hold(self):
        script = self.submit("launcher=slurm", "data.panel=panel.h5", "sweep.workers=3", "--dry-run").out
        self.assertIn(f'#SBATCH --chdir="{self.folder.resolve()}"\n', script)
        self.assertIn('sweep.launcher=local "sweep.workers=3" &', script)

    def test_what_slurm_would_refuse_is_told_at_once(self):
        for words, message in (
            (["sweep.slurm.time=soon"], "sweep.slurm.time is 'soon'"),
            (["sweep.slurm.time=10", "sweep.slurm.signal_seconds=600"], "signal_seconds is 600, but sweep.slurm.time=10 is only 600 s"),
            (["sweep.slurm.partition='my queue'"], "sweep.slurm.partition is 'my queue'"),
            (["sweep.slurm.account=''"], "sweep.slurm.account is ''"),
            (["sweep.slurm.options=[constraint]"], "sweep.slurm.options has 'constraint'"),
            (["sweep.slurm.options=['--time=1']"], "set sweep.slurm.time in its place"),
            (["sweep.slurm.nodes=2", "sweep.ranks=2", "sweep.workers=2"], "leave sweep.workers out"),
        ):  # fmt: skip
            self.assertIn(message, self.submit("launcher=slurm", *words, "--dry-run", code=2).err)
        for time in ("10", "10:30", "1:00:00", "1-12", "1-12:30", "1-12:30:00", "0"):
            self.assertIn(f"#SBATCH --time={time}\n", self.submit("launcher=slurm", f"sweep.slurm.time={time}", "--dry-run").out)

    def test_what_slurm_says_is_heard_where_ended_children_are_ignored(self):
        ignore = lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # noqa: E731
        self.program("sbatch", "echo 7")
        self.assertIn("Submitted Slurm job 7", self.submit("launcher=slurm", before=ignore).out)
        # A trial's exit code, too: its own reason is told, not what it left.
        (self.at / "panel.h5").write_bytes(b"no panel")
        done = self.dcmmm("sweep", "resume", f"dir={self.at}", "launcher=local", "sweep.trials=1", before=ignore, code=2)
        self.assertRegex(done.err, r"failed: exit code \d")

    def test_a_fit_resumes_only_where_slurm_starts_it_again(self):
        self.program("mpirun", "exit 0")
        run = self.folder / "run"
        words = ["data.source=sales.csv", f"run.dir={run}", "run.overwrite=true"]
        self.bash(FIT, *words)
        self.bash(FIT, *words, SLURM_RESTART_COUNT="1")
        run.mkdir()
        (run / "config.yaml").write_text("")
        self.bash(FIT, *words)
        (run / "replacement.tmp").mkdir()  # the earlier run is still there
        self.bash(FIT, *words, SLURM_RESTART_COUNT="1")
        (run / "replacement.tmp").rmdir()
        self.bash(FIT, *words, SLURM_RESTART_COUNT="1")
        given = [line[line.index(" train ") + 7 :].split() for line in self.calls("mpirun")]
        self.assertEqual(given, [words] * 4 + [[*words, "run.overwrite=false", "run.resume=true"]])

    def test_a_fit_goes_on_with_the_words_of_its_second_start(self):
        words = ["train", f"data.panel={self.synth()}", f"run.dir={self.folder / 'run'}", *cli.QUICK, "run.overwrite=true"]
        self.dcmmm(*words)
        written = (self.folder / "run/metrics.json").stat().st_mtime_ns
        self.dcmmm(*words, "run.overwrite=false", "run.resume=true")
        self.assertEqual((self.folder / "run/metrics.json").stat().st_mtime_ns, written)


if __name__ == "__main__":
    cli.main()
