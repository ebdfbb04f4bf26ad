"""A sweep's folder: what it keeps of its inputs, what several workers write there, and what status and the page say of it."""

import fcntl
import json
import re
import time
from datetime import datetime, timedelta

import cli
import optuna
from chromium import Chromium
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

QUICK = ["model=ridge", "crossval.windows=2", "crossval.horizon=4", "crossval.step=4"]
SEARCH = "model.ridge.strength=tag(log, interval(1e-3,10))"
LIFT = "experiment,channel,regions,first_week,last_week,lift,standard_error\nspring,channel_01,*,2023-02-06,2023-03-06,5,1\n"


class Folder(cli.Case):
    def setUp(self):
        super().setUp()
        self.panel = self.synth()
        self.at = self.folder / "sweep"

    def sweep(self, *words, **options):
        return self.dcmmm("sweep", f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK, SEARCH, *words, **options)

    def study(self):
        journal = JournalStorage(JournalFileBackend(str(self.at / "journal.log")))
        return optuna.load_study(study_name="dcmmm", storage=journal)

    def wait(self, is_there, seconds=60):
        end = time.monotonic() + seconds
        while not is_there() and time.monotonic() < end:
            time.sleep(0.02)
        self.assertTrue(is_there())

    def test_trials_read_the_lift_tests_that_it_began_with(self):
        table = self.folder / "tests.csv"
        table.write_text(LIFT)
        self.sweep("sweep.trials=1", "data.experiments=tests.csv")
        table.write_text("another table")
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        self.dcmmm("sweep", "resume", f"dir={self.at}", "sweep.trials=2", cwd=elsewhere)
        self.dcmmm("sweep", "resume", f"dir={self.at}", "sweep.trials=3", f"data.experiments={table}")
        self.assertEqual([trial.state.name for trial in self.study().trials], ["COMPLETE"] * 3)
        kept = self.at / "experiments.csv"
        self.assertEqual(kept.read_text(), LIFT)
        for number in range(3):
            self.assertIn(f"experiments: {kept}", (self.at / f"trials/{number}/config.yaml").read_text().replace("'", "").replace('"', ""))
        kept.unlink()
        self.assertIn("experiments.csv', which all trials", self.dcmmm("sweep", "resume", f"dir={self.at}", code=2).err)

    def test_it_says_where_no_more_trials_are_asked_for(self):
        self.assertIn("0 running of 2 trials", self.sweep("sweep.trials=2").out)
        done = self.dcmmm("sweep", "resume", f"dir={self.at}", "sweep.trials=1")
        self.assertIn("sweep.trials=1 asks for no more: 2 trials were begun before", done.err + done.out)
        self.assertIn("of 1 trial\n", done.out)
        self.assertEqual(len(self.study().trials), 2)

    def test_it_warns_of_the_panel_once(self):
        self.panel = self.synth("one.h5", regions=1)
        told = self.sweep("sweep.trials=2").err
        self.assertEqual(told.count("The panel has one region"), 1)
        self.assertIn("The panel has one region", (self.at / "sweep.log").read_text())
        self.assertNotIn("one region", self.dcmmm("sweep", "resume", f"dir={self.at}").err)

    def test_lift_tests_cannot_come_later(self):
        self.sweep("sweep.trials=1")
        (self.folder / "tests.csv").write_text(LIFT)
        done = self.dcmmm("sweep", "resume", f"dir={self.at}", "sweep.trials=2", "data.experiments=tests.csv", code=2)
        self.assertIn("was started with 'data.experiments' = null", done.err)

    def test_the_last_summary_is_of_the_newest_study(self):
        started = cli.Started(["sweep", f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK, SEARCH, "sweep.trials=1"])
        self.wait(lambda: (self.at / "trials/0/config.yaml").exists())
        with open(self.at / "locks/sweep", "r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)  # another worker writes its summary
            self.wait(lambda: '"op_code":6' in (self.at / "journal.log").read_text())
            time.sleep(0.5)  # the first one waits for its turn
            strength = optuna.distributions.FloatDistribution(1e-3, 10, log=True)
            self.study().add_trial(optuna.trial.create_trial(
                params={"model.ridge.strength": 1.0}, distributions={"model.ridge.strength": strength}, value=0.5))  # fmt: skip
        self.assertEqual(started.finish()[0], 0)
        self.assertEqual(len(cli.read_csv(self.at / "trials.csv")), 2)

    def test_a_worker_that_joins_late_asks_for_no_fewer_trials(self):
        self.sweep("sweep.trials=1")
        with open(self.at / "locks/sweep", "r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            started = cli.Started(["sweep", "resume", f"dir={self.at}"])
            time.sleep(1)  # it waits for its turn, and has read what was asked for before
            self.study().set_user_attr("dcmmm:trials", 2)
        self.assertEqual(started.finish()[0], 0)
        self.assertEqual(len(self.study().trials), 2)
        self.assertEqual(self.study().user_attrs["dcmmm:trials"], 2)

    def test_status_needs_no_config_folder(self):
        configs = self.folder / "configs/sweep"
        configs.mkdir(parents=True)
        (configs / "mine.yaml").write_text('defaults: [default]\nspace: {model.adstock.decay: "0.2,0.4"}\nsampler: grid\n')
        self.dcmmm("sweep", "--config-dir", configs.parent, f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK, "sweep=mine")
        before = self.dcmmm("sweep", "status", f"dir={self.at}").out
        configs.parent.rename(self.folder / "gone")
        self.assertEqual(self.dcmmm("sweep", "status", f"dir={self.at}").out, before)
        self.assertIn("2 complete, 0 failed, 0 running of 2 trials", before)
        self.assertIn("isn't there any more", self.dcmmm("sweep", "resume", f"dir={self.at}", code=2).err)

    def test_status_counts_a_running_trial_once(self):
        self.sweep("sweep.trials=1")
        self.study().enqueue_trial({})
        self.study().ask()  # Optuna begins it
        status = lambda: self.dcmmm("sweep", "status", f"dir={self.at}").out.splitlines()[0]  # noqa: E731
        self.assertIn("1 complete, 0 failed, 1 running of", status())
        with open(self.at / "locks/1", "w") as lock:  # as if a worker of dcmmm had
            fcntl.lockf(lock, fcntl.LOCK_EX)
            self.assertIn("1 complete, 0 failed, 1 running of", status())
        self.assertIn("1 complete, 0 failed, 0 running, 1 interrupted of", status())

    def test_says_that_it_keeps_its_panel(self):
        self.sweep("sweep.trials=1")
        done = self.dcmmm("sweep", "resume", f"dir={self.at}", "data.panel=other.h5", "sweep.trials=2")
        self.assertIn("'data.panel' = 'other.h5' is ignored", done.out + done.err)
        self.assertNotIn("is ignored", self.dcmmm("sweep", "resume", f"dir={self.at}").err)

    def test_files_that_no_sweep_left_stay(self):
        for name in ("panel.h5", "trials.csv"):
            folder = self.folder / name.replace(".", "_")
            folder.mkdir()
            (folder / name).write_text("mine")
            failed = self.dcmmm("sweep", f"data.panel={self.panel}", f"run.dir={folder}", *QUICK, SEARCH, code=2)
            self.assertIn(f"holds '{name}', and nothing shows that dcmmm wrote it", failed.err)
            self.assertEqual([path.name for path in folder.iterdir()], [name])
            self.assertEqual((folder / name).read_text(), "mine")

    def test_fits_every_trial_anew(self):
        failed = self.dcmmm("sweep", f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK, SEARCH, "run.init=x", code=2)
        self.assertIn("leave run.init out", failed.err)

    def test_its_folder_has_a_name(self):
        self.at = f"{self.at}/"
        self.sweep("sweep.trials=1")
        page = (self.folder / "sweep/report.html").read_text()
        self.assertEqual(re.search("<title>(.*?)</title>", page)[1], "Sweep: sweep")

    def test_two_of_one_second_have_folders_of_their_own(self):
        now = datetime.now()
        for second in range(60):
            (self.folder / f"runs/sweep/{now + timedelta(seconds=second):%Y-%m-%d_%H-%M-%S}").mkdir(parents=True)
        self.dcmmm("sweep", f"data.panel={self.panel}", *QUICK, SEARCH, "sweep.trials=1")
        begun = [journal.parent.name for journal in self.folder.glob("runs/sweep/*/journal.log")]
        self.assertRegex(" ".join(begun), r"^\S+_2$")

    def test_a_key_without_values_is_no_axis(self):
        words = ["model.hill.enabled=false,true", "model.hill.exponent=interval(2.1,3.5)", "sweep.trials=1",
                 'sweep.when={model.hill.exponent: "model.hill.enabled=true"}']  # fmt: skip
        seed = next(seed for seed in range(20) if "exponent" not in self.sweep(*words, f"run.seed={seed}", "--dry-run").out)
        self.sweep(*words, f"run.seed={seed}")
        with Chromium() as browser:
            browser.open(self.at / "report.html")
            axes = browser.run("document.querySelector('#parallel .chart').data[0].dimensions.map((axis) => [axis.label, axis.values])")
            # As many values as a panel of many regions has.
            most = browser.run("[largestOf(new Array(500000).fill(3)), smallestOf(new Array(500000).fill(3))]")
        self.assertEqual([label for label, _ in axes], ["model.ridge.strength (log)", "model.hill.enabled", "skill"])
        self.assertTrue(all(isinstance(value, (int, float)) for _, values in axes for value in values), json.dumps(axes))
        self.assertEqual(most, [3, 3])


if __name__ == "__main__":
    cli.main()
