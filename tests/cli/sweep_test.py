"""Sweeps from outside: the journal in the real Optuna, kills and growth, and what trials may see."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import unittest
import unittest.mock
import urllib.request
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import cli
import h5py
import optuna
import optuna_dashboard
import yaml
from chromium import Chromium
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


# A trial in well under a second: the closed form of the ridge.
QUICK = ["model=ridge", "crossval.windows=2", "crossval.horizon=4", "crossval.step=4"]
SEARCH = ["model.ridge.strength=tag(log, interval(1e-3,10))", "model.adstock.decay=interval(0.1,0.9)"]


def load(folder):
    return optuna.load_study(study_name="dcmmm", storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))))


def values(words):
    return {key: yaml.safe_load(value) for key, value in (word.split("=") for word in words)}


def by_number(folder):
    return {int(row["number"]): row["objective"] for row in cli.read_csv(folder / "trials.csv")}


def processes_of(folder):
    """Processes that have the folder in their command line."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in file.read_bytes():
                found.append(int(file.parent.name))
        except OSError:
            pass  # it ended meanwhile
    return found


class Sweep(cli.Case):
    def setUp(self):
        super().setUp()
        self.panel = self.synth()
        self.at = self.folder / "sweep"

    def sweep(self, *words, folder=None, **options):
        return self.dcmmm("sweep", f"data.panel={self.panel}", f"run.dir={folder or self.at}", *QUICK, *SEARCH, *words,
                          **options)  # fmt: skip

    def test_optuna_loads_and_continues_it(self):
        self.sweep("sweep.trials=3", "model.hill.enabled=false,true", "sweep.workers=2")
        study = load(self.at)
        self.assertEqual(study.direction, optuna.study.StudyDirection.MAXIMIZE)
        table = cli.read_csv(self.at / "trials.csv")
        self.assertEqual([t.state for t in study.trials], [optuna.trial.TrialState.COMPLETE] * 3)
        for trial, row in zip(study.trials, table):
            self.assertAlmostEqual(trial.value, float(row["objective"]))
            self.assertAlmostEqual(trial.params["model.ridge.strength"], float(row["model.ridge.strength"]))
            self.assertEqual(trial.params["model.hill.enabled"], row["model.hill.enabled"] == "true")
            crossval = json.loads((self.at / f"trials/{trial.number}/crossval.json").read_text())
            self.assertEqual(trial.value, crossval["pooled"]["model"]["skill"])
            self.assertGreaterEqual(trial.datetime_complete, trial.datetime_start)

        def objective(trial):  # its own suggestions, in the same search
            trial.suggest_float("model.ridge.strength", 1e-3, 10, log=True)
            trial.suggest_float("model.adstock.decay", 0.1, 0.9)
            trial.suggest_categorical("model.hill.enabled", [False, True])
            return 0.5

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study.optimize(objective, n_trials=2)
        status = self.dcmmm("sweep", "status", f"dir={self.at}", "sweep.trials=6").out
        self.assertIn("5 complete, 0 failed, 0 running of 6 trials", status)
        self.dcmmm("sweep", "resume", f"dir={self.at}", "sweep.trials=6")
        self.assertEqual(len(load(self.at).trials), 6)
        self.assertEqual(load(self.at).trials[5].state, optuna.trial.TrialState.COMPLETE)

    def test_optunas_dashboard_opens_it(self):
        self.sweep("sweep.trials=3", "model.hill.enabled=false,true")
        server = make_server("127.0.0.1", 0, optuna_dashboard.wsgi(JournalStorage(JournalFileBackend(str(self.at / "journal.log")))),
                             handler_class=QuietHandler)  # fmt: skip
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        get = lambda path: urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}").read()  # noqa: E731
        self.assertEqual([study["study_name"] for study in json.loads(get("/api/studies"))["study_summaries"]], ["dcmmm"])
        shown = json.loads(get("/api/studies/0"))
        self.assertEqual([trial["state"] for trial in shown["trials"]], ["Complete"] * 3)
        self.assertEqual([trial["values"] for trial in shown["trials"]], [trial.values for trial in load(self.at).trials])
        self.assertIn(b"Optuna Dashboard", get("/dashboard/"))

    def test_trials_that_optuna_adds_count(self):
        self.sweep("sweep.trials=2")
        floats = optuna.distributions.FloatDistribution
        added = optuna.trial.create_trial(
            params={"model.ridge.strength": 1.0, "model.adstock.decay": 0.5}, value=99.0, intermediate_values={1: 98.0},
            distributions={"model.ridge.strength": floats(1e-3, 10, log=True), "model.adstock.decay": floats(0.1, 0.9)})  # fmt: skip
        load(self.at).add_trial(added)
        load(self.at).enqueue_trial({"model.ridge.strength": 2.0})
        load(self.at).enqueue_trial({"model.ridge.strength": 3.0, "model.adstock.decay": 0.7})
        load(self.at).enqueue_trial({"model.ridge.strength": 300.0})  # beyond the search
        self.assertEqual(load(self.at).best_trial.number, 2)
        status = self.dcmmm("sweep", "status", f"dir={self.at}").out
        self.assertIn("3 complete, 0 failed, 0 running, 3 waiting", status)
        self.assertIn("best: trial 2, skill 99:", status)
        self.dcmmm("sweep", "resume", f"dir={self.at}")
        trials = load(self.at).trials
        self.assertEqual([trial.state.name for trial in trials], ["COMPLETE"] * 5 + ["WAITING"])
        self.assertEqual(trials[3].params["model.ridge.strength"], 2.0)
        self.assertEqual(trials[4].params, {"model.ridge.strength": 3.0, "model.adstock.decay": 0.7})
        config = yaml.safe_load((self.at / "trials/4/config.yaml").read_text())
        self.assertEqual((config["model"]["ridge"]["strength"], config["model"]["adstock"]["decay"]), (3.0, 0.7))

    def test_a_sweep_that_goes_on_keeps_its_trials_comparable(self):
        self.sweep("sweep.trials=1")
        resume = ["sweep", "resume", f"dir={self.at}", "sweep.trials=2"]
        for word, was in (
            ("crossval.windows=3", "'crossval.windows' = 2"),
            ("model.hill.exponent=2.5", "'model.hill.exponent' = 2.2"),
            ("data.holdout_weeks=0", "'data.holdout_weeks' = 8"),
            ("sweep.direction=minimize", "another search, sampler, seed or objective"),
            ("model.adstock.decay=0.3", "another search, sampler, seed or objective"),
            ("model.priors={channel_01: {decay: .6, decay_sd: .1}}", "'model.priors' = null"),
        ):
            self.assertIn(f"was started with {was}: its trials wouldn't be comparable", self.dcmmm(*resume, word, code=2).err)
        self.assertEqual(len(load(self.at).trials), 1)
        configs = self.folder / "configs"
        (configs / "model").mkdir(parents=True)
        (configs / "model/ridge.yaml").write_text("defaults: [default]\nhill: {exponent: 3}\n")
        self.assertRegex(self.dcmmm(*resume, "--config-dir", str(configs), code=2).err, "was started with '.*and without --config-dir")
        self.dcmmm(*resume, "trainer.threads=2", "sweep.workers=1", "model=ridge")
        (self.at / "panel.h5").unlink()
        self.assertIn("isn't there any more", self.dcmmm(*resume, code=2).err)

    def test_runs_and_sweeps_keep_out_of_each_others_folders(self):
        run = self.folder / "run"
        self.dcmmm("train", f"data.panel={self.panel}", f"run.dir={run}", "model=ridge")
        self.assertIn("already holds a run", self.sweep("sweep.trials=1", folder=run, code=2).err)
        (run / "metrics.json").unlink()  # one that isn't finished
        self.assertIn("already holds a run", self.sweep("sweep.trials=1", folder=run, code=2).err)
        self.sweep("sweep.trials=1")
        for command in ("train", "crossval"):
            for word in ("run.overwrite=true", "run.resume=true", "run.overwrite=false"):
                done = self.dcmmm(command, f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK, word, code=2)
                self.assertIn("holds a sweep", done.err)
        self.dcmmm("sweep", "resume", f"dir={self.at}", "sweep.trials=2")
        self.assertEqual(len(load(self.at).trials), 2)

    def test_it_goes_on_with_its_own_config_folder(self):
        configs = self.folder / "configs"
        (configs / "sweep").mkdir(parents=True)
        (configs / "sweep/mine.yaml").write_text(
            'defaults: [default]\nspace: {model.adstock.decay: "0.2,0.4", model.hill.enabled: "false,true", '
            'model.hill.exponent: "2.2,2.5"}\nwhen: {model.hill.exponent: "model.hill.enabled=true"}\n')  # fmt: skip
        words = ["--config-dir", str(configs), f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK, "sweep=mine"]
        # A word with one value takes its key out of the file's search, and what counts only with another value.
        self.dcmmm("sweep", *words, "sweep.sampler=grid", "model.hill.enabled=false")
        self.dcmmm("sweep", "status", f"dir={self.at}")
        self.dcmmm("sweep", "resume", f"dir={self.at}")
        self.assertEqual([trial.params for trial in load(self.at).trials], [{"model.adstock.decay": 0.2}, {"model.adstock.decay": 0.4}])
        moved, resume = self.folder / "moved", ["sweep", "resume", f"dir={self.at}"]
        configs.rename(moved)
        self.assertIn(f"resume dir={self.at} --config-dir=FOLDER", self.dcmmm(*resume, code=2).err)
        self.dcmmm(*resume, "--config-dir", str(moved))  # and from now on it is known
        self.dcmmm(*resume)
        (moved / "sweep/mine.yaml").write_text('defaults: [default]\nspace: {model.adstock.decay: "0.2,0.4"}\nsampler: grid\n')
        (moved / "model").mkdir()
        (moved / "model/ridge.yaml").write_text("defaults: [default]\nhill: {exponent: 3}\n")
        self.assertIn(f"with the files of its --config-dir '{moved}' as they were then", self.dcmmm(*resume, code=2).err)
        other = self.folder / "other"
        other.mkdir()
        (other / "sweep").symlink_to(moved / "sweep")
        self.assertIn(f"its --config-dir={moved}", self.dcmmm(*resume, "--config-dir", str(other), "model=no_gru", code=2).err)

    def test_failed_trials_are_tried_again_when_asked(self):
        tests = self.folder / "tests.csv"
        header = "experiment,channel,regions,first_week,last_week,lift,standard_error\n"
        tests.write_text(header + "spring,channel_01,*,2023-02-06,2053-03-06,5,1\n")  # beyond the panel
        failed = self.sweep("sweep.trials=20", "sweep.workers=4", f"data.experiments={tests}", code=2)
        self.assertIn("trials failed and none is complete. The last one: exit code 2", failed.err)
        states = [trial.state.name for trial in load(self.at).trials]
        self.assertGreaterEqual(states.count("FAIL"), 5)
        self.assertLess(len(states), 12)  # of all four workers, not five of each
        self.assertEqual([row["state"] for row in cli.read_csv(self.at / "trials.csv")].count("failed"), states.count("FAIL"))
        status = self.dcmmm("sweep", "status", f"dir={self.at}").out
        self.assertRegex(status, r"the last failure: trial \d+, exit code 2: .*not a training week")
        (self.at / "experiments.csv").write_text(header + "spring,channel_01,*,2023-02-06,2023-03-06,5,100\n")
        done = self.dcmmm("sweep", "resume", f"dir={self.at}", "sweep.retry_failed=true").out
        self.assertNotIn("interrupted", done)
        trials = load(self.at).trials
        self.assertEqual(len(trials), 20 + states.count("FAIL"))
        # The search comes to all of its own values.
        whole = self.folder / "whole"
        self.sweep("sweep.trials=20", folder=whole)
        complete = lambda at: {tuple(trial.params.values()) for trial in load(at).trials if trial.state.name == "COMPLETE"}  # noqa: E731
        self.assertEqual(complete(self.at), complete(whole))
        again = {trial.user_attrs["retry_of"]: trial for trial in trials if "retry_of" in trial.user_attrs}
        self.assertEqual(sorted(again), [trial.number for trial in trials if trial.state.name == "FAIL"])
        for number, trial in again.items():
            self.assertEqual((trial.state.name, trial.params), ("COMPLETE", trials[number].params))
        self.dcmmm("sweep", "resume", f"dir={self.at}", "sweep.retry_failed=true")
        self.assertEqual(len(load(self.at).trials), len(trials))  # once each

    def test_a_killed_sweep_goes_on_and_finishes_each_trial_once(self):
        whole = self.folder / "whole"
        self.sweep("sweep.trials=8", "sweep.workers=1", "sweep.sampler=sobol", folder=whole)
        words = ["sweep", f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK, *SEARCH, "sweep.trials=8",
                 "sweep.sampler=sobol", "sweep.workers=2", "run.resume=true"]  # fmt: skip
        journal = self.at / "journal.log"
        killed = 0
        for wanted in (1, 2, 4):  # killed as soon as so many trials are done, however fast the machine is
            started = cli.Started(words)
            deadline = time.monotonic() + 60
            while started.process.poll() is None and time.monotonic() < deadline:
                if journal.exists() and journal.read_text().count('"op_code":6') >= wanted:
                    break
                time.sleep(0.01)
            killed += started.process.poll() is None
            started.process.kill()
            started.finish()
        self.assertGreater(killed, 0)
        self.dcmmm("sweep", "resume", f"dir={self.at}")
        self.assertEqual(by_number(self.at), by_number(whole))
        self.assertEqual(len(load(self.at).trials), 8)
        lines = [json.loads(line) for line in (self.at / "journal.log").read_text().splitlines()]
        ends = [line["trial_id"] for line in lines if line["op_code"] == 6]
        self.assertEqual(sorted(ends), list(range(8)))

    def test_pruned_trials_are_optunas(self):
        # An origin takes longer than the worker's looks at it.
        self.dcmmm("sweep", f"data.panel={self.panel}", f"run.dir={self.at}", "sweep.trials=7", "sweep.sampler=tpe",
                   "sweep.workers=1", "sweep.pruner=asha", "crossval.windows=3", "crossval.horizon=4", "crossval.step=2",
                   "model.estimator=descent", "model.hidden=4", "trainer.steps=250", "trainer.early_stopping=false",
                   "trainer.learning_rate=tag(log, interval(1e-6,0.1))")  # fmt: skip
        study = load(self.at)
        states = [trial.state.name for trial in study.trials]
        self.assertIn("PRUNED", states)
        self.assertGreater(len(study.trials), states.count("PRUNED"))
        rule = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        again = optuna.create_study(direction="maximize", pruner=rule)
        for trial in study.trials:  # Optuna's own pruner decides the same, told the same values
            asked = again.ask()
            pruned = trial.state.name == "PRUNED"
            for step, value in sorted(trial.intermediate_values.items()):
                asked.report(value, step)
                self.assertEqual(asked.should_prune(), pruned and step == max(trial.intermediate_values), trial.number)
            again.tell(asked, None if pruned else trial.value, state=trial.state)
            crossval = self.at / f"trials/{trial.number}/crossval.json"
            if pruned:
                self.assertEqual(trial.value, trial.intermediate_values[max(trial.intermediate_values)])
            else:
                self.assertEqual(trial.value, json.loads(crossval.read_text())["pooled"]["model"]["skill"])
        self.assertIn(f"{states.count('PRUNED')} pruned", self.dcmmm("sweep", "status", f"dir={self.at}").out)

    def test_a_training_run_is_pruned_by_its_validation(self):
        self.dcmmm("sweep", f"data.panel={self.panel}", f"run.dir={self.at}", "sweep.objective=metrics.holdout.rmse",
                   "model.estimator=descent", "model.hidden=4", "trainer.steps=600", "trainer.early_stopping=false",
                   "sweep.sampler=grid", "trainer.learning_rate=0.01,1e-6,1e-7,1e-8", "sweep.pruner=asha",
                   "sweep.workers=1", "sweep.asha.first=20")  # fmt: skip
        trials = load(self.at).trials
        self.assertEqual(trials[0].state.name, "COMPLETE")
        self.assertEqual(max(trials[0].intermediate_values), 600)
        self.assertIn("PRUNED", [trial.state.name for trial in trials])
        for trial in trials:
            if trial.state.name == "PRUNED":
                self.assertLess(max(trial.intermediate_values), 600)

    def test_several_objectives_and_a_conditional_key_as_optuna_has_them(self):
        self.sweep("sweep.trials=12", "sweep.sampler=tpe", "sweep.further_objectives=[wape]", "model.hill.enabled=false,true",
                   "model.hill.exponent=interval(2.1,3.5)", 'sweep.when={model.hill.exponent: "model.hill.enabled=true"}')  # fmt: skip
        study = load(self.at)
        self.assertEqual([d.name for d in study.directions], ["MAXIMIZE", "MINIMIZE"])
        for trial in study.trials:
            self.assertEqual("model.hill.exponent" in trial.params, trial.params["model.hill.enabled"])
            figures = json.loads((self.at / f"trials/{trial.number}/crossval.json").read_text())["pooled"]["model"]
            self.assertEqual(trial.values, [figures["skill"], figures["wape"]])
        status = self.dcmmm("sweep", "status", f"dir={self.at}").out
        told = {int(number) for number in re.findall(r"^  trial (\d+):", status, re.MULTILINE)}
        self.assertEqual(told, {trial.number for trial in study.best_trials})
        with Chromium() as browser:
            browser.open(self.at / "report.html")
            self.assertTrue(browser.run("document.getElementById('front') !== null"))

    def test_a_packed_trial_has_the_figures_of_one_alone(self):
        # Steps in float64, so that sums in another order don't show; hill.enabled parts the trials into two shapes.
        words = ["model.estimator=descent", "model.hidden=4", "trainer.steps=25", "trainer.precision=float64", "crossval.windows=2",
                 "crossval.horizon=4", "crossval.step=4", "sweep.sampler=sobol", "sweep.trials=7", "model.settings=fixed",
                 "trainer.learning_rate=tag(log, interval(0.005,0.5))", "model.adstock.decay=interval(0.1,0.8)",
                 "model.baseline.stiffness=tag(log, interval(2.0,200.0))", "model.hill.enabled=false,true",
                 "model.ridge.strength=tag(log, interval(1.0,100.0))", "model.loss.size_power=interval(0.5,2.0)",
                 "model.loss.huber_delta=interval(0.5,3.0)", "trainer.weight_decay=tag(log, interval(1e-4,1e-1))"]  # fmt: skip
        figures = {}
        for pack, workers in ((1, 2), (3, 1), (4, 2)):
            at = self.folder / f"pack{pack}"
            self.dcmmm("sweep", f"data.panel={self.panel}", f"run.dir={at}", *words, f"sweep.pack={pack}", f"sweep.workers={workers}")
            self.assertEqual([trial.state.name for trial in load(at).trials], ["COMPLETE"] * 7)
            figures[pack] = [json.loads((at / f"trials/{n}/crossval.json").read_text())["pooled"] for n in range(7)]
        for pack in (3, 4):
            for alone, packed in zip(figures[1], figures[pack]):
                for name, figure in alone["model"].items():
                    self.assertAlmostEqual(figure, packed["model"][name], delta=1e-7 * abs(figure), msg=f"{pack} {name}")
                self.assertEqual(alone["naive"], packed["naive"])
        self.assertGreater(len({figure["model"]["skill"] for figure in figures[1]}), 6)

    def test_pruned_trials_of_a_pack_make_room_and_are_optunas(self):
        self.sweep("sweep.trials=20", "sweep.pruner=asha", "sweep.pack=4", "sweep.workers=1", "crossval.windows=4",
                   "sweep.sampler=random")  # fmt: skip
        study = load(self.at)
        states = [trial.state.name for trial in study.trials]
        self.assertEqual(len(states), 20)
        self.assertGreater(states.count("PRUNED"), 5)
        # The journal in its order: what each trial was compared with, by Optuna's own rule.
        lines = [json.loads(line) for line in (self.at / "journal.log").read_text().splitlines()]
        at_rung, ended, running, most = {1: [], 3: []}, {}, 0, 0
        for line in lines:
            running += (line["op_code"] == 4) - (line["op_code"] == 6)
            most = max(most, running)
            if line["op_code"] == 6:
                ended[line["trial_id"]] = line["state"]
            if line["op_code"] != 7 or line["step"] not in at_rung:
                continue
            seen = at_rung[line["step"]]
            seen.append(line["intermediate_value"])
            keep = sorted(seen, reverse=True)[: max(1, len(seen) // 3)]
            pruned = line["intermediate_value"] < keep[-1]
            trial = study.trials[line["trial_id"]]
            self.assertEqual(pruned, trial.state.name == "PRUNED" and max(trial.intermediate_values) == line["step"])
        self.assertEqual(most, 4)
        self.assertEqual(sorted(ended), list(range(20)))

    def test_ranks_are_workers(self):
        alone, words = self.folder / "alone", ["sweep.trials=5", "sweep.sampler=sobol"]
        self.sweep(*words, folder=alone)
        done = self.sweep(*words, ranks=2)
        self.assertIn("5 complete, 0 failed, 0 running of 5 trials", done.out)
        self.assertEqual(by_number(self.at), by_number(alone))
        workers = {json.loads(line)["worker_id"] for line in (self.at / "journal.log").read_text().splitlines()}
        self.assertEqual(len(workers), 2)

    def test_a_trial_may_be_of_several_ranks(self):
        alone, words = self.folder / "alone", ["sweep.trials=3", "sweep.sampler=sobol", "trainer.precision=float64"]
        launcher = f"[{cli.MPIRUN},--oversubscribe,--bind-to,none,--output-filename,{self.folder / 'outputs'},-n]"
        several = ["sweep.ranks=2", f"sweep.rank_launcher={launcher}"]
        self.sweep(*words, folder=alone)
        self.sweep(*words, *several, "sweep.workers=1")
        for number, objective in by_number(alone).items():
            self.assertAlmostEqual(float(by_number(self.at)[number]), float(objective), places=8)
        self.assertEqual({path.name for path in (self.folder / "outputs").glob("*/*")}, {"rank.0", "rank.1"})
        failed = self.sweep("sweep.trials=5", "sweep.ranks=2", "sweep.rank_launcher=[no_such_mpirun]",
                            folder=self.folder / "none", code=2)  # fmt: skip
        self.assertIn("'no_such_mpirun' of sweep.rank_launcher can't be started", failed.err)

    def test_a_signal_that_reaches_worker_and_trials_leaves_the_trials_to_resume(self):
        slow = ["model=no_gru", "model.estimator=descent", "model.settings=fixed", "trainer.steps=100000",
                "trainer.early_stopping=false"]  # fmt: skip
        for at, first in ((self.folder / "trial_first", True), (self.folder / "worker_first", False)):
            started = cli.Started(["sweep", f"data.panel={self.panel}", f"run.dir={at}", *QUICK[1:], SEARCH[1], *slow,
                                   "sweep.trials=2", "sweep.workers=2"])  # fmt: skip
            deadline = time.monotonic() + 60
            trials = lambda: processes_of(at / "trials/0") + processes_of(at / "trials/1")  # noqa: E731
            while len(trials()) < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.3)
            mine = [started.process.pid]
            for pid in trials() + mine if first else mine + trials():
                with contextlib.suppress(ProcessLookupError):  # the worker may have ended its trials by now
                    os.kill(pid, signal.SIGTERM)
            self.assertEqual(started.finish(30)[0], 5)
            self.assertEqual([trial.state.name for trial in load(at).trials], ["RUNNING"] * 2)
            self.assertIn("2 interrupted", self.dcmmm("sweep", "status", f"dir={at}").out)

    def test_trials_side_by_side_take_the_gpus_in_turn(self):
        slow = ["model=no_gru", "model.estimator=descent", "model.settings=fixed", "trainer.steps=100000",
                "trainer.early_stopping=false"]  # fmt: skip
        words = ["sweep", f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK[1:], SEARCH[1], *slow]
        with unittest.mock.patch.dict(os.environ, CUDA_VISIBLE_DEVICES="4,GPU-7b"):
            started = cli.Started([*words, "sweep.trials=3", "sweep.workers=3"])
            deadline = time.monotonic() + 60
            trials = lambda: [pid for n in range(3) for pid in processes_of(self.at / f"trials/{n}")]  # noqa: E731
            while len(trials()) < 3 and time.monotonic() < deadline:
                time.sleep(0.02)
            variables = [Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in trials()]
            started.send(signal.SIGTERM)
            self.assertEqual(started.finish(30)[0], 5)
            seen = sorted(line for lines in variables for line in lines if line.startswith(b"CUDA_VISIBLE_DEVICES="))
            self.assertEqual(seen, [b"CUDA_VISIBLE_DEVICES=4", b"CUDA_VISIBLE_DEVICES=4", b"CUDA_VISIBLE_DEVICES=GPU-7b"])
            # Ranks of a trial choose among all of them.
            launcher = self.folder / "launcher"
            launcher.write_text(f'#!/bin/sh\necho "$CUDA_VISIBLE_DEVICES" >> {self.folder / "seen"}\nexit 1\n')
            launcher.chmod(0o755)
            self.sweep("sweep.trials=2", "sweep.workers=2", "sweep.ranks=2", f"sweep.rank_launcher=[{launcher},-n]",
                       folder=self.folder / "ranks", code=2)  # fmt: skip
            self.assertEqual((self.folder / "seen").read_text(), "4,GPU-7b\n" * 2)

    def test_a_dry_run_shows_what_is_still_to_be_run(self):
        whole = self.sweep("sweep.trials=6", "--dry-run").out.splitlines()
        self.assertEqual(len(whole), 6)
        self.sweep("sweep.trials=4")
        resume = ["sweep", "resume", f"dir={self.at}", "--dry-run"]
        self.assertEqual(self.dcmmm(*resume, "sweep.trials=6").out.splitlines(), whole[4:])
        self.assertIn("No trial is left to run", self.dcmmm(*resume).out)
        # A trial whose end the journal doesn't tell of is run again.
        journal = self.at / "journal.log"
        lines = journal.read_text().splitlines(keepends=True)
        journal.write_text("".join(line for line in lines if '"trial_id":1,"state":1' not in line))
        self.assertEqual(self.dcmmm(*resume, "sweep.trials=5").out.splitlines(), [whole[1], whole[4]])

    def test_a_killed_sweep_of_trials_on_several_ranks_goes_on(self):
        several = ["sweep.ranks=2", f"sweep.rank_launcher=[{cli.MPIRUN},--oversubscribe,--bind-to,none,-n]"]
        started = cli.Started(["sweep", f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK, *SEARCH, *several,
                               "sweep.trials=3", "sweep.workers=1"])  # fmt: skip
        deadline = time.monotonic() + 60
        while not (self.at / "trials/1/config.yaml").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertIsNone(started.process.poll())
        started.process.kill()  # its trial's mpirun goes with it, and the ranks with mpirun
        started.finish()
        self.dcmmm("sweep", "resume", f"dir={self.at}")
        self.assertEqual([t.state for t in load(self.at).trials], [optuna.trial.TrialState.COMPLETE] * 3)

    def test_a_stop_reaches_the_ranks_of_a_trial(self):
        several = ["sweep.ranks=2", f"sweep.rank_launcher=[{cli.MPIRUN},--oversubscribe,--bind-to,none,-n]"]
        slow = ["model=default", "model.estimator=descent", "model.settings=fixed", "trainer.steps=100000",
                "sweep.trials=2", "sweep.workers=1"]  # fmt: skip
        started = cli.Started(["sweep", f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK[1:], SEARCH[1], *several, *slow])
        trial = self.at / "trials/0"
        deadline = time.monotonic() + 60
        while len(processes_of(trial)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertGreaterEqual(len(processes_of(trial)), 3)  # mpirun and two ranks
        started.send(signal.SIGTERM)
        self.assertEqual(started.finish(30)[0], 5)
        deadline = time.monotonic() + 30
        while processes_of(trial) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(processes_of(trial), [])

    def test_a_sweep_whose_trials_all_fail_says_so(self):
        tests = self.folder / "tests.csv"  # after the weeks that trials see
        tests.write_text("experiment,channel,regions,first_week,last_week,lift,standard_error\nspring,channel_01,*,0,200,5,1\n")
        done = self.sweep("sweep.trials=2", f"data.experiments={tests}", code=2)
        self.assertIn("All 2 trials failed", done.err)
        self.assertIn("spring", (self.at / "sweep.log").read_text())

    def test_trials_never_see_the_holdout(self):
        self.sweep("sweep.trials=1", "data.holdout_weeks=10")
        with h5py.File(self.at / "panel.h5") as ours, h5py.File(self.panel) as whole:
            name = next(name for name in whole if name.startswith("week"))
            self.assertEqual(len(ours[name]), len(whole[name]) - 10)

    def test_cancel_stops_it_and_resume_goes_on(self):
        started = cli.Started(["sweep", f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK, *SEARCH, "sweep.trials=40"])
        deadline = time.monotonic() + 60
        while not list(self.at.glob("trials/*/crossval.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertIn("leave it out", self.dcmmm("sweep", "cancel", f"dir={self.at}", "--dry-run", code=2).err)
        self.dcmmm("sweep", "cancel", f"dir={self.at}")
        self.assertEqual(started.finish(30)[0], 0)
        self.assertRegex(self.dcmmm("sweep", "status", f"dir={self.at}").out, r"0 running.* of 40 trials; cancelled")
        done = len([t for t in load(self.at).trials if t.state.is_finished()])
        self.assertLess(done, 40)
        self.dcmmm("sweep", "resume", f"dir={self.at}", f"sweep.trials={done + 2}")
        self.assertEqual(len([t for t in load(self.at).trials if t.state.is_finished()]), done + 2)

    def test_a_grid_and_a_figure_of_a_training_run(self):
        self.dcmmm("sweep", f"data.panel={self.panel}", f"run.dir={self.at}", *QUICK, "sweep.sampler=grid",
                   "model=ridge,no_media", "model.ridge.strength=choice(0.1,1)", "sweep.objective=metrics.holdout.rmse",
                   "model.estimator=descent", "trainer.steps=0")  # fmt: skip
        rows = cli.read_csv(self.at / "trials.csv")
        self.assertEqual([(row["model"], row["model.ridge.strength"], row["state"]) for row in rows],
                         [(m, s, "complete") for m in ("ridge", "no_media") for s in ("0.1", "1")])  # fmt: skip
        best = min(rows, key=lambda row: float(row["objective"]))
        self.assertIn(f"best: trial {best['number']},", self.dcmmm("sweep", "status", f"dir={self.at}").out)

    def test_asha_knows_of_trials_that_were_too_fast_to_be_looked_at(self):
        self.sweep("sweep.trials=3", "sweep.pruner=asha", "sweep.workers=1", "crossval.windows=4")
        for trial in load(self.at).trials:
            self.assertEqual(trial.state.name, "COMPLETE")
            self.assertEqual(list(trial.intermediate_values), [1, 2, 3, 4])
            self.assertEqual(trial.value, trial.intermediate_values[4])

    def test_a_grid_is_the_one_that_hydra_makes(self):
        words = ["model.hidden=4,8", "trainer.steps=1,2"]
        self.assertEqual(self.dcmmm("sweep", "-m", *words, "--dry-run").out,
                         self.dcmmm("sweep", *words, "sweep.sampler=grid", "--dry-run").out)  # fmt: skip
        for words in (["model.hidden=range(2,9,3)", "trainer.learning_rate=0.01,0.001", "model=ridge,default"],
                      ["trainer.clip=range(0.5,2,0.5)", "model.hidden=choice(4, 8)"],
                      ["model.hidden=range(9,2,-3)", "trainer.deterministic=true,false"]):  # fmt: skip
            overrides = OverridesParser.create().parse_overrides(words)
            expected = [words for batch in BasicSweeper.split_arguments(overrides, None) for words in batch]
            printed = self.dcmmm("sweep", *words, "sweep.sampler=grid", "--dry-run").out.splitlines()
            self.assertEqual([values(line.split()) for line in printed],
                             [values(line) for line in expected])  # fmt: skip

    def test_it_says_where_a_number_of_trials_does_not_fit_the_search(self):
        words = ["sweep", "model.hidden=4,8", "--dry-run"]
        self.assertIn("only 2 combinations of values for 3 trials", self.dcmmm(*words, "sweep.trials=3").err)
        self.assertEqual(self.dcmmm(*words, "sweep.trials=2").err, "")
        self.assertIn("sweep.trials is ignored: a grid has its own number, 2", self.dcmmm(*words, "-m", "sweep.trials=3").err)
        self.assertEqual(self.dcmmm(*words, "-m").err, "")

    def test_the_page_shows_the_study(self):
        self.sweep("sweep.trials=9", "model.hill.enabled=false,true")
        with Chromium() as browser:
            browser.open(self.at / "report.html")
            rows = browser.run("[...document.querySelectorAll('#best-trials tbody tr')].map(r => r.cells[0].textContent)")
            drawn = browser.run("document.querySelectorAll('.js-plotly-plot').length")
            # Without a GPU the browser warns of slow WebGL, which the parallel coordinates are drawn with.
            self.assertEqual([e for e in browser.errors if "'source': 'rendering'" not in e], [])
            self.assertTrue(all(url.startswith(("file:", "data:", "blob:")) for url in browser.requests))
        best = sorted(cli.read_csv(self.at / "trials.csv"), key=lambda row: -float(row["objective"]))
        self.assertEqual(rows, [row["number"] for row in best])
        self.assertEqual(drawn, 3)

    def test_mistakes_are_told_before_anything_runs(self):
        when = 'sweep.when={model.hill.exponent: "model.hill.enabled=true"}'
        for words, message in (
            (["model.no_such=1,2"], "no_such"),
            (["model.adstock.decay=interval(0.9,0.1)"], "low must be below"),
            (["sweep.sampler=grid", "model.adstock.decay=interval(0.1,0.9)"], "A grid has no end"),
            (["data.holdout_weeks=1,2"], "can't be searched"),
            (["trainer.steps=3"], "nothing to search"),
            (["sweep.objective=metrics.holdout.rmse", "sweep.pack=2", "model.hidden=2,3"], "side by side"),
            (["sweep.objective=coverage", "model.hidden=2,3"], "sweep.direction"),
            (["sweep.objective=wapee", "model.hidden=2,3"], "Did you mean 'wape'"),
            (["model.adstock.decay=uniform(0.1,0.9)"], "expected a,b,c, choice(a,b,c), range"),
            (["sweep.further_objectives=[rmze]", "model.hidden=2,3"], "Did you mean 'rmse'"),
            (["sweep.objective=metrics.holdout.rsme", "sweep.direction=minimize", "model.hidden=2,3"], "Did you mean 'metrics.holdout.rmse'"),
            (["model.hidden=2,3", "model.hill.exponent=2.1", when], "'model.hill.exponent=2.1' gives that key one value"),
            (["model.hill.exponent=2.1,3", "model.hill.enabled=false", when], "'model.hill.enabled=false' is given"),
            (["model.adstock.decay=interval(0.1,1.5)"], "model.adstock.decay"),
            (["model.media.unit=region,foo"], "model.media.unit"),
            (["model=ridge,nosuch"], "Could not find 'model/nosuch'"),
            (["model.no_such=1,2", "--dry-run"], "no_such"),
            (["model.adstock.decay=0.1,0.2,0.10"], "its values '0.1' and '0.10' are the same"),
            (["trainer.clip=1,2,1.0"], "its values '1' and '1.0' are the same"),
            (["model.hill.enabled=true,True"], "its values 'true' and 'True' are the same"),
            (["model.hidden=interval(1,99999999999999999999)"], "2^53"),
            (["sweep.further_objectives=[skill]", "model.hidden=2,3"], "an objective already"),
            (["sweep.further_objectives=[coverage]", "model.hidden=2,3"], "Make it sweep.objective"),
            (["stauts"], "Did you mean 'status'"),
            (["status", "dir=nowhere"], "holds no sweep"),
        ):
            done = self.dcmmm("sweep", *words, code=2)
            self.assertIn(message, done.err)
        of_channel = ["sweep.objective=metrics.contributions.channels.channel_9", "sweep.direction=maximize"]
        self.assertIn("Did you mean 'channel_0", self.sweep(*of_channel, folder=self.folder / "channel", code=2).err)
        self.assertIn("crossval.windows", self.sweep("crossval.windows=90", code=2).err)  # of the panel, not of a trial
        self.sweep("sweep.trials=1", folder=self.at)
        self.assertIn("already holds a sweep", self.sweep("sweep.trials=1", code=2).err)
        self.assertIn("another search", self.sweep("model.hidden=2,3", "run.resume=true", code=2).err)

    def test_the_batch_script_runs_the_sweep(self):
        script = self.sweep("sweep.trials=2", "launcher=slurm", "sweep.slurm.partition=long", "sweep.slurm.cpus=2",
                            "--dry-run").out  # fmt: skip
        self.assertIn("#SBATCH --partition=long\n", script)
        self.assertFalse(self.at.exists())
        # What Slurm does with each task of the array, both at once.
        tasks = [subprocess.Popen(["bash", "-c", script], cwd=self.folder, env={**os.environ, "SLURM_CPUS_PER_TASK": "1"},
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]  # fmt: skip
        for task in tasks:
            self.assertEqual((task.wait(60), task.stderr.read() if task.returncode else ""), (0, ""))
            task.stderr.close()
        self.assertEqual(len(load(self.at).trials), 2)


if __name__ == "__main__":
    cli.main()
