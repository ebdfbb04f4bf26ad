"""A real Slurm on this machine: an array sweep, a sweep over one allocation, a fit over two nodes; requeued, cancelled."""

import os
import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
import cli
from cluster import Cluster

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "launch/slurm"
QUICK = ["model=ridge", "crossval.windows=2", "crossval.horizon=4", "crossval.step=4", "sweep.sampler=sobol"]
SEARCH = ["model.ridge.strength=tag(log, interval(1e-3,10))", "model.adstock.decay=interval(0.1,0.9)"]


def objectives(folder):
    return {int(row["number"]): (row["state"], row["objective"]) for row in cli.read_csv(folder / "trials.csv")}


class Slurm(cli.Case):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="dcmmm_slurm_")
        cls.addClassCleanup(folder.cleanup)
        cls.cluster = Cluster(folder.name)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        os.environ.update(cls.cluster.variables(), DCMMM=cli.BINARY, OMPI_MCA_mpi_yield_when_idle="1")

    def setUp(self):
        super().setUp()
        self.panel = self.synth()
        self.at = self.folder / "sweep"

    def sweep(self, folder, *words, **options):
        return self.dcmmm("sweep", f"data.panel={self.panel}", f"run.dir='{folder}'", *words, **options)

    def submit(self, *words):
        """The number of the job that the sweep in self.at is submitted as."""
        said = self.sweep(self.at, "launcher=slurm", "sweep.slurm.cpus=1", "sweep.slurm.time=10", *words).out
        return re.search(r"Submitted Slurm job (\d+) ", said)[1]

    def wait(self, is_there, what, seconds=90):
        self.cluster.wait(is_there, what, seconds, job_logs=lambda: [*self.folder.glob("*.log"), *self.at.glob("slurm/*.log")])

    def wait_for_end(self, seconds=90):
        self.wait(lambda: not self.cluster.jobs(), "the end of all jobs", seconds)

    def wait_for_step(self, directory, step):
        self.wait(lambda: cli.manifest_step(directory) >= step, f"a checkpoint of step {step}")

    def test_an_array_and_an_allocation_find_what_the_local_launcher_finds(self):
        local = self.folder / "local"
        self.sweep(local, *QUICK, *SEARCH, "sweep.trials=8", "sweep.workers=1")
        for layout in (["sweep.slurm.jobs=2"], ["sweep.slurm.layout=allocation", "sweep.slurm.nodes=2"]):
            self.at = self.folder / layout[0].split("=")[1]
            job = self.submit(*QUICK, *SEARCH, "sweep.trials=8", *layout)
            self.assertRegex(self.dcmmm("sweep", "status", f"dir={self.at}").out, f"Slurm job {job}: ")
            self.wait_for_end()
            self.assertEqual(objectives(self.at), objectives(local))
            best = [self.dcmmm("sweep", "status", f"dir={folder}").out.splitlines()[1] for folder in (local, self.at)]
            self.assertEqual(best[0], best[1])
            self.assertIn(f"Slurm job {job}: ended", self.dcmmm("sweep", "status", f"dir={self.at}").out)
            logs = "".join(log.read_text() for log in self.at.glob("slurm/*.log"))
            self.assertEqual(logs.count("Sweep in"), 2)  # both tasks joined

    def test_a_tasks_trials_may_be_of_several_ranks(self):
        local, words = self.folder / "local", [*QUICK, *SEARCH, "sweep.trials=3", "trainer.precision=float64"]
        self.sweep(local, *words, "sweep.workers=1")
        self.submit(*words, "sweep.slurm.jobs=1", "sweep.ranks=2")
        self.wait_for_end()
        found, expected = objectives(self.at), objectives(local)
        self.assertEqual(found.keys(), expected.keys())
        for number, (state, objective) in found.items():
            self.assertEqual(state, "complete", (self.at / f"trials/{number}.txt").read_text())
            self.assertAlmostEqual(float(objective), float(expected[number][1]), places=8)
        self.assertIn("sweep.workers=$((n = ${SLURM_CPUS_PER_TASK:-1} / 2, n > 0 ? n : 1))", (self.at / "sweep.sbatch").read_text())

    def test_a_trial_may_spread_over_nodes_or_be_started_by_srun(self):
        local, words = self.folder / "local", [*QUICK, *SEARCH, "sweep.trials=2", "trainer.precision=float64"]
        self.sweep(local, *words, "sweep.workers=1")
        refused = self.sweep(self.folder / "refused", *words, "launcher=slurm", "sweep.slurm.nodes=2", code=2).err
        self.assertIn("give each node a rank", refused)
        self.assertFalse((self.folder / "refused").exists())
        # PMIx of two slurmd on one machine get into each other's way: by srun the ranks stay on one node.
        for at, nodes, launcher in (("mpirun", 2, "[mpirun,--oversubscribe,--bind-to,none,--display-map,-n]"),
                                    ("srun", 1, "[srun,--overlap,--overcommit,'--mpi=pmix',--label,-n]")):  # fmt: skip
            self.at = self.folder / at
            self.submit(*words, "sweep.slurm.jobs=1", f"sweep.slurm.nodes={nodes}", "sweep.ranks=2", f"sweep.rank_launcher={launcher}")
            self.wait_for_end()
            self.assertEqual(objectives(self.at).keys(), objectives(local).keys())
            for number, (state, objective) in objectives(self.at).items():
                said = (self.at / f"trials/{number}.txt").read_text()
                self.assertEqual(state, "complete", said)
                self.assertAlmostEqual(float(objective), float(objectives(local)[number][1]), places=8)
                if at == "mpirun":
                    self.assertRegex(said, "(?s)node: n1.*node: n2")
                else:  # two processes that weren't ranks of one world would both speak
                    self.assertEqual({line[:3] for line in said.splitlines()}, {"0: "})

    def test_a_sweep_goes_on_where_the_signal_before_its_limit_stopped_it(self):
        # A trial that takes steps, and so has checkpoints.
        words = ["sweep.objective=metrics.holdout.rmse", "model.estimator=descent", "model.hidden=4", "trainer.steps=1500",
                 "checkpoint.most_share=1", "trainer.early_stopping=false", "trainer.learning_rate=0.01,0.02",
                 "sweep.sampler=grid"]  # fmt: skip
        local = self.folder / "local"
        self.sweep(local, *words, "sweep.workers=1")
        job = self.submit(*words, "sweep.slurm.jobs=1")
        self.wait_for_step(self.at / "trials/0", 40)
        self.cluster.out("scancel", "--batch", "--signal=USR1", f"{job}_0")
        self.wait_for_end()
        self.assertEqual(objectives(self.at), objectives(local))
        self.assertRegex((self.at / "trials/0.txt").read_text(), r"Going on from step \d\d+")
        self.assertIn("Restarts=1", self.cluster.out("scontrol", "show", "job", job))

    def test_cancel_takes_the_jobs_away_and_resume_goes_on(self):
        words = ["sweep.objective=metrics.holdout.rmse", "model.estimator=descent", "model.hidden=4",
                 "trainer.steps=12000", "trainer.early_stopping=false", "trainer.learning_rate=0.01,0.02",
                 "sweep.sampler=grid"]  # fmt: skip
        self.submit(*words, "sweep.slurm.jobs=3")  # the third one waits
        for number in (0, 1):
            self.wait_for_step(self.at / f"trials/{number}", 20)
        status = self.dcmmm("sweep", "status", f"dir={self.at}").out
        self.assertRegex(status, "1 pending, 2 running")
        self.dcmmm("sweep", "cancel", f"dir={self.at}")
        self.wait_for_end(60)
        status = self.dcmmm("sweep", "status", f"dir={self.at}").out
        self.assertRegex(status, "0 complete, 0 failed, 0 running, 2 interrupted of 2 trials; cancelled")
        self.dcmmm("sweep", "resume", f"dir={self.at}", "launcher=local")
        self.assertEqual([state for state, _ in objectives(self.at).values()], ["complete"] * 2)
        for number in (0, 1):
            self.assertRegex((self.at / f"trials/{number}.txt").read_text(), r"Going on from step \d\d+")

    def test_a_cancelled_evaluation_is_left_to_resume_in_a_folder_of_any_name(self):
        self.at = self.folder / "50 %j, {of} [x]"
        job = self.submit("model=no_gru", "model.estimator=descent", "model.settings=fixed", "trainer.steps=100000",
                          "trainer.early_stopping=false", "crossval.windows=2", "crossval.horizon=4", "crossval.step=4",
                          "trainer.learning_rate=0.01,0.02", "sweep.sampler=grid", "sweep.slurm.jobs=2")  # fmt: skip
        self.wait(lambda: len(list(self.at.glob("trials/*/config.yaml"))) == 2, "two trials")
        self.cluster.out("scancel", job)  # reaches worker and trial at the same time
        self.wait_for_end(60)
        self.assertRegex(self.dcmmm("sweep", "status", f"dir='{self.at}'").out, "0 complete, 0 failed, 0 running, 2 interrupted of 2")
        self.assertEqual(len(list((self.at / "slurm").glob("*.log"))), 2)

    def test_a_fit_over_two_nodes_is_requeued_and_is_the_fit_of_one_process(self):
        words = [f"data.panel={self.panel}", "model.estimator=descent", "model.hidden=4", "trainer.steps=40",
                 "checkpoint.every_steps=5", "checkpoint.most_share=1", "trainer.early_stopping=false",
                 "trainer.deterministic=true", "trainer.threads=1"]  # fmt: skip
        self.dcmmm("train", *words, f"run.dir={self.folder / 'one'}")
        at = self.folder / "two"
        job = self.cluster.out("sbatch", "--parsable", "--time=10", "--output=fit.log", SCRIPTS / "fit.sbatch", *words,
                               f"run.dir={at}", cwd=self.folder).strip()  # fmt: skip
        self.wait_for_step(at, 5)
        self.cluster.out("scancel", "--batch", "--signal=USR1", job)
        self.wait_for_end()
        log = (self.folder / "fit.log").read_text()
        self.assertTrue((at / "metrics.json").exists(), log + self.cluster.out("scontrol", "show", "job", job))
        self.assertIn("1 x 2 ranks", log)
        self.assertRegex(log, r"Going on from step \d+")
        self.assertIn("Restarts=1", self.cluster.out("scontrol", "show", "job", job))
        self.assertEqual(cli.hashes(at)["results.h5"], cli.hashes(self.folder / "one")["results.h5"])

    def test_slurms_own_words_are_passed_on(self):
        message = self.sweep(self.at, *QUICK, *SEARCH, "launcher=slurm", "sweep.slurm.partition=nowhere", code=2).err
        self.assertIn("invalid partition", message)
        self.dcmmm("sweep", "resume", f"dir={self.at}", "sweep.slurm.partition=main", "sweep.trials=1", "sweep.slurm.cpus=1",
                   "sweep.slurm.jobs=1")  # fmt: skip
        self.wait_for_end()
        self.assertEqual(objectives(self.at)[0][0], "complete")


if __name__ == "__main__":
    cli.main()
