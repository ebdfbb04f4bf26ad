"""Bad input: each mistake ends with its exit code and one helpful message, and leaves the files that were there as they are."""

import gzip
import json
import os
import resource
import shutil
import subprocess
import time
import unittest
from pathlib import Path

import h5py

import cli

MANY_RANKS_SECONDS = 5


class Refusal(cli.Case):
    def refused(self, *words, says, code=2, **options):
        """The command fails with `code`; the message that says `says` stands last on stderr, once; no file has changed."""
        says = [says] if isinstance(says, str) else says
        before = cli.hashes(self.folder)
        done = self.dcmmm(*words, code=code, **options)
        for phrase in says:
            self.assertEqual(done.err.count(phrase), 1, f"'{phrase}' in:\n{done.err}")
        after = cli.hashes(self.folder)
        self.assertEqual({name: after.get(name) for name in before}, before, "an earlier file has changed")
        self.assertEqual([name for name in after if name.endswith(".tmp")], [])
        return done


class BadWords(Refusal):
    def test_mistakes_in_the_command_and_the_config(self):
        panel = self.synth(weeks=20)
        train = ["train", f"data.panel={panel}", "run.dir=run"]
        table = {
            "unknown command": (["trian"], ["Unknown command 'trian'", "'train'"]),
            "no command": ([], "subcommand is required"),
            "unknown option": (["train", "--fast"], "--fast"),
            "unknown key": ([*train, "trainer.step=3"], "trainer.steps"),
            "unknown key, added": ([*train, "+trainer.step=3"], ["Unknown key 'trainer.step'", "trainer.steps"]),
            "a word that is no override": ([*train, "steps"], "steps"),
            "wrong type": ([*train, "trainer.steps=many"], ["'trainer.steps' is 'many'", "a whole number"]),
            "a fraction for a whole number": ([*train, "trainer.steps=2.5"], "'trainer.steps' is 2.5"),
            "out of range": ([*train, "model.adstock.decay=1"], "'model.adstock.decay' is 1"),
            "not one of the choices": ([*train, "trainer.precision=float23"], ["one of", "'float32'"]),
            "not a number": ([*train, "trainer.learning_rate=nan"], "'trainer.learning_rate'"),
            "unknown option of a group": ([*train, "model=defualt"], ["model/defualt", "default"]),
            "an option whose name no file can have": ([*train, "model=" + 300 * "x"], "x" * 300),
            "a source whose name no file can have": (["train", "data.source=" + 300 * "x"], "File name too long"),
            "a run whose name no folder can have": (["report", "run=" + 300 * "x"], "File name too long"),
            "unknown group": ([*train, "modle=default"], "Could not override 'modle'"),
            "a new name in a mapping": ([*train, "data.names={media_0: TV}"], "Could not override 'data.names.media_0'"),
            "missing mandatory value": ([*train, "model.hidden=???"], "Missing mandatory value: 'model.hidden'"),
            "no config folder": ([*train, "--config-dir", "nowhere"], "'nowhere' is not a folder"),
            "a comma without -m": ([*train, "trainer.steps=1,2"], "trainer.steps=1,2"),
            "a size without a unit": ([*train, "trainer.memory_limit=4X"], "expected a size such as 4GiB"),
            "a duration without a unit": ([*train, "trainer.time_limit=soon"], "expected a time such as 90s"),
            "data twice": ([*train, "data.source=x.csv"], "data.source and data.panel are both set"),
            "resume and overwrite": ([*train, "run.resume=true", "run.overwrite=true"], "both true"),
            "resume without a run": ([*train, "run.resume=true"], "There is no run to resume in 'run'"),
            "a mesh that doesn't fit": ([*train, "mesh.regions=2"], ["doesn't fit 1 rank", "mesh.regions=2"]),
            "fewer members than rows": ([*train, "mesh.members=2"], ["mesh.members", "ensemble.members"], {"ranks": 2}),
            "a holdout longer than the panel": ([*train, "data.holdout_weeks=25"], "data.holdout_weeks=25 leaves"),
            "no such panel": (["train", "data.panel=no.h5", "run.dir=run"], ["'no.h5'", "No such file"]),
            "no such table": (["import", "source=no.csv", "output=o.h5"], "'no.csv': the file is missing"),
            "nothing to import": (["import", "output=o.h5"], "source=sales.csv"),
            "no output": (["import", "source=x.csv"], "output=panel.h5"),
            "an empty output": (["import", "source=x.csv", "output="], "output=panel.h5"),
            "a synthetic panel of no weeks": (["synth", "output=o.h5", "synth.weeks=2"], "'synth.weeks' is 2"),
            "no run to predict from": (["predict", "run=no", "data.source=f.csv", "output=o.csv"], "'no' is not a run folder"),
            "no run to export": (["export", "run=no", "output=csv"], "'no' is not a run folder"),
            "predict without a run": (["predict", "data.source=f.csv", "output=o.csv"], "run=DIR"),
            "inspect without a file": (["inspect"], "file is required"),
            "inspect of no file": (["inspect", "no.h5"], ["'no.h5'", "No such file"]),
            "inspect of a folder": (["inspect", "."], "'.' is a folder, and inspect reads one file"),
            "help on nothing": (["help", "trian"], ["Unknown command 'trian'", "'train'"]),
            "no folder to write to": (["synth", "output=nowhere/o.h5"], ["there is no folder 'nowhere'", "output=FILE"]),
            "no horizon": (["crossval", f"data.panel={panel}", "run.dir=run", "crossval.horizon=0"], "'crossval.horizon' is 0"),
            "crossval resumed": (["crossval", f"data.panel={panel}", "run.resume=true"], "needs run.dir=DIR"),
            "crossval from a run": (["crossval", f"data.panel={panel}", "run.init=x"], "leave run.init out"),
            "no regions": (["synth", "output=o.h5", "synth.regions=0"], "'synth.regions' is 0"),
            "no such kind": (["synth", "output=o.h5", "synth.kind=ugly"], ["'synth.kind' is 'ugly'", "heavy_tailed"]),
            "more than all": (["export", "run=run", "export.interval=1.5"], "'export.interval' is 1.5"),
            "a grid": ([*train, "-m", "trainer.steps=1,2"], "Grids of runs (-m) are made by another command: dcmmm sweep"),
        }
        # One wrong word behind a command that is right.
        wrong = {
            "trainer.steps=-1": ["'trainer.steps' is -1", "at least 0"],
            "trainer.steps=null": "'trainer.steps' is null",
            "~trainer.steps": "has no key 'trainer.steps'",
            "trainer.steps={a: 1}": "'trainer.steps' is {a: 1}",
            "trainer.steps=99999999999999999999": "doesn't fit into 64 bits",
            "trainer.learning_rate=0": ["'trainer.learning_rate' is 0", "above 0"],
            "trainer.clip=-1": "'trainer.clip' is -1",
            "trainer.patience=0": "'trainer.patience' is 0",
            "trainer.deterministic=maybe": ["'trainer.deterministic' is 'maybe'", "true or false"],
            "trainer.precision=": "'trainer.precision' is ''",
            "trainer.memory_limit=-4GiB": "'trainer.memory_limit' is '-4GiB'",
            "trainer.time_limit=-3m": "'trainer.time_limit' is '-3m'",
            "trainer.time_limit=0": "'trainer.time_limit' is '0'",
            "trainer.device=cuda": ["'trainer.device' is 'cuda'", "trainer.device=cpu"],
            "mesh.timeout=never": ["'mesh.timeout' is 'never'", "such as 90s"],
            "mesh.members=0": "'mesh.members' is 0",
            "checkpoint.every_steps=-1": "'checkpoint.every_steps' is -1",
            "checkpoint.keep=0": "'checkpoint.keep' is 0",
            "ensemble.members=0": "'ensemble.members' is 0",
            "data.holdout_weeks=-1": "'data.holdout_weeks' is -1",
            "data.missing_media=maybe": ["'data.missing_media' is 'maybe'", "error, zero"],
            "data.names=[x]": "Can't merge a list into a mapping at 'data.names'",
            "data.media=[a,b": "ends where ']' is expected",
            "model=../../x": "model/../../x",
            "model.estimator=magic": ["'model.estimator' is 'magic'", "likelihood"],
            "model.settings=sometimes": "'model.settings' is 'sometimes'",
            "model.hidden=0": "'model.hidden' is 0",
            "model.hidden=5000": ["'model.hidden' is 5000", "at most 4096"],
            "model.adstock.kind=weibull": ["'model.adstock.kind' is 'weibull'", "delayed"],
            "model.adstock.max_lag=1": "'model.adstock.max_lag' is 1",
            "model.likelihood.drift=wild": "'model.likelihood.drift' is 'wild'",
            "model.hill.exponent=1": ["'model.hill.exponent' is 1", "model.hill.min_exponent"],
            "model.priors={nobody: {roi: 1}}": "'model.priors.nobody' has roi without roi_sd",
            "model.dag.forbidden=[tv]": "'model.dag.forbidden' holds 'tv'",
            "run.dir=[a,b]": "'run.dir' is ['a', 'b']",
            "run.dir='x": "only allowed in quotes",
            "run.dir=${nowhere}": "the key 'nowhere' was not found",
            "run.dir=${oc.env:DCMMM_NOT_SET}": "'DCMMM_NOT_SET' is not set",
            "run.dir=${run.dir}": "leads back to itself",
            "run.dir=${oops:1}": "'oops' is not known",
            "run.seed=-1": "'run.seed' is -1",
            "run.seed=x": "'run.seed' is 'x'",
            "run.init=no": "'no' is not a run folder",
            "=3": "'' is not a key",
            "a b=3": "'a b' is not a key",
            "+model=default": "model appears more than once",
            "data.experiments=no.csv": "'no.csv'",
            "data.events=no.csv": "data.events is set beside data.panel",
        }
        table |= {f"train {word}": ([*train, word], says) for word, says in wrong.items()}
        self.assertGreaterEqual(len(table), 85)
        for name, (words, says, *options) in table.items():
            with self.subTest(name):
                shutil.rmtree(self.folder / "run", ignore_errors=True)
                done = self.refused(*words, says=says, **(options[0] if options else {}))
                self.assertLess(done.seconds, MANY_RANKS_SECONDS)


class BadFiles(Refusal):
    def test_mistakes_in_a_table(self):
        good = cli.table(regions=2, weeks=12)

        def with_cell(name, value, row=3):
            rows = [dict(r) for r in good]
            rows[row][name] = value
            return rows

        def without(name):
            return [{key: value for key, value in row.items() if key != name} for row in good]

        # name: the rows, or the bytes of the file; words beside source and output; what the message says
        table = {
            "no target column": (without("sales"), [], "missing column: none is named like a target"),
            "no region column": (without("region"), [], "missing column: none is named like a region"),
            "no media column": ([{k: r[k] for k in ("region", "week", "sales")} for r in good], [], "no media columns"),
            "a column that the config names": (good, ["data.target=saels"], ["no column 'saels'", "'sales'"]),
            "a duplicate row": (good + [good[5]], [], ["duplicate row for region 'r0'", "line 26", "already on line 7"]),
            "text in a number": (with_cell("media_1", "n/a"), [], ["line 5, column 'media_1'", "'n/a' is not a number"]),
            "negative media": (with_cell("media_0", "-1"), [], ["line 5, column 'media_0'", "'-1' is negative media"]),
            "an infinite target": (with_cell("sales", "inf"), [], ["line 5, column 'sales'", "not a finite number"]),
            "a huge control": (with_cell("control_0", "1e999"), [], ["column 'control_0'", "not a finite number"]),
            "missing media": (with_cell("media_0", ""), [], ["a missing media cell", "data.missing_media=zero"]),
            "a week that is none": (with_cell("week", "soon"), [], ["'soon' is neither a date nor an integer"]),
            "a day that is none": (with_cell("week", "2023-02-30"), [], ["column 'week'", "2023-02-30"]),
            "a region without a name": (with_cell("region", ""), [], "an empty region label"),
            "a region without a target": ([r | {"sales": ""} if r["region"] == "r1" else r for r in good], [],
                                          "region 'r1' has no target"),
            "an empty file": (b"", [], "the file is empty"),
            "a header alone": (b"region,week,sales,media_0\n", [], "header without rows"),
            "a short line": (b"region,week,sales,media_0\na,1,2\n", [], ["line 2", "3 fields, expected 4"]),
            "semicolons": (b"region;week;sales;media_0\na;1;2;3\n", [], "separated by ';'"),
            "semicolons and decimal commas": (b"region;week;sales;media_0\na;1;2,5;3\n", [], "line 1: fields are separated by ';'"),
            "a zero byte in a label": (b"region,week,sales,media_0\na\0b,1,2,3\n", [],
                                       ["a_zero_byte_in_a_label.csv, line 2, column 'region'", "holds a zero byte"]),
            "an open quote": (b'region,week,sales,media_0\n"a,1,2,3\n', [], "a quote opens and is never closed"),
            "a folder": (None, [], "it is a folder"),
        }  # fmt: skip
        self.assertGreaterEqual(len(table), 20)
        for name, (content, words, says) in table.items():
            with self.subTest(name):
                source = self.folder / (name.replace(" ", "_") + ".csv")
                if content is None:
                    source.mkdir()
                elif isinstance(content, bytes):
                    source.write_bytes(content)
                else:
                    cli.write_table(source, content)
                self.refused("import", f"source={source.name}", "output=out.h5", *words, says=says)
                self.assertFalse((self.folder / "out.h5").exists())

    def test_targets_that_leave_nothing_to_fit(self):
        targets = {"never changes": ("7", "same in all of a region's"), "is 0 throughout": ("0", "there is nothing to fit")}
        for name, (value, says) in targets.items():
            with self.subTest(name):
                source = self.folder / "flat.csv"
                cli.write_table(source, [row | {"sales": value} for row in cli.table(regions=2, weeks=40)])
                self.refused("train", f"data.source={source.name}", f"run.dir=run_{value}", says=says)

    def test_gzip_that_is_none_and_gzip_that_was_cut(self):
        text = cli.write_table(self.folder / "good.csv", cli.table()).read_bytes()
        (self.folder / "plain.csv.gz").write_bytes(text)
        (self.folder / "cut.csv.gz").write_bytes(gzip.compress(text)[:-3000])
        self.refused("import", "source=plain.csv.gz", "output=o.h5", says="named .gz, but not a gzip file")
        self.refused("import", "source=cut.csv.gz", "output=o.h5", says="damaged or truncated gzip file")
        self.refused("import", "source=good.csv", "output=nowhere/o.h5", says="nowhere/o.h5")

    def test_panels_that_are_damaged_or_another_versions(self):
        panel = self.synth(weeks=20)
        cut = self.folder / "cut.h5"
        cut.write_bytes(panel.read_bytes()[:-5000])
        self.refused("train", "data.panel=cut.h5", "run.dir=a", code=4, says=["'cut.h5'", "another copy"])
        self.refused("inspect", "cut.h5", code=4, says="'cut.h5'")

        flipped = self.folder / "flipped.h5"
        shutil.copy(panel, flipped)
        with h5py.File(panel) as file:
            place = file["media"].id.get_chunk_info(0).byte_offset
        with open(flipped, "r+b") as file:
            file.seek(place + 100)
            byte = file.read(1)[0]
            file.seek(place + 100)
            file.write(bytes([byte ^ 1]))
        self.refused("train", "data.panel=flipped.h5", "run.dir=b", code=4, says="'flipped.h5'")

        altered = self.folder / "altered.h5"
        shutil.copy(panel, altered)
        with h5py.File(altered, "r+") as file:
            file.attrs["target_column"] = "other"
        self.refused("train", "data.panel=altered.h5", "run.dir=e", code=4, says=["'altered.h5'", "bytes instead of the"])

        # Without what stands before its HDF5 part a file isn't sealed: HDF5 finds it, and what it says is believed.
        later = self.folder / "later.h5"
        later.write_bytes(panel.read_bytes()[4096:])
        self.refused("train", "data.panel=later.h5", "run.dir=f", code=4, says=["'later.h5'", "seal"])
        with h5py.File(later, "r+") as file:
            file.attrs["format_version"] = file.attrs["format_version"] + 1
        self.refused("train", "data.panel=later.h5", "run.dir=c", says=["format version 3", "reads versions 1 and 2"])

        (self.folder / "text.h5").write_text("region,week,sales\n")
        self.refused("inspect", "text.h5", says=["'text.h5' isn't an HDF5 file", "a checkpoint or a results file"])
        self.refused("train", "data.panel=text.h5", "run.dir=d", code=4, says="'text.h5'")

    def test_a_run_of_another_kind_of_file(self):
        panel = self.synth(weeks=20)
        self.train("run", f"data.panel={panel}")
        self.refused("train", "data.panel=run/results.h5", "run.dir=a", says="is a dcmmm results file, not a panel")


class BadRuns(Refusal):
    def test_run_folders_in_use(self):
        panel = self.synth(weeks=20)
        (self.folder / "file").write_text("mine")
        train = ["train", *cli.QUICK, f"data.panel={panel}"]
        self.refused(*train, "run.dir=file", says="Can't make the run folder 'file'")
        self.refused(*train, "run.dir=file/below", says="Can't make the run folder 'file/below'")
        self.train("run", f"data.panel={panel}")
        self.refused(*train, "run.dir=run", says=["'run' already holds a finished run", "run.overwrite=true"])
        (self.folder / "csv").write_text("mine")
        self.refused("export", "run=run", "output=csv", says="'csv")
        (self.folder / "run/metrics.json").unlink()
        self.refused(*train, "run.dir=run", says=["'run' already holds an unfinished run", "run.resume=true"])

    def test_a_mistake_costs_no_run_that_would_be_replaced(self):
        table = cli.write_table(self.folder / "good.csv", cli.table(regions=3, weeks=40))
        cli.write_table(self.folder / "bad.csv", [row | {"media_0": "x"} for row in cli.table(regions=3, weeks=40)])
        (self.folder / "bad_events.csv").write_text("date,name\nsoon,sale\n")
        (self.folder / "bad_tests.csv").write_text("experiment\nx\n")
        self.train("run", f"data.source={table}")
        run = self.folder / "run"
        files = cli.hashes(run)
        wrong = {
            "data.source=no.csv": "'no.csv'",
            "data.source=bad.csv": "'x' is not a number",
            "data.target=saels": "no column 'saels'",
            "data.events=no.csv": "'no.csv'",
            "data.events=bad_events.csv": "bad_events.csv",
            "data.experiments=no.csv": "'no.csv'",
            "data.experiments=bad_tests.csv": "bad_tests.csv",
            "model.priors={nobody: {roi: 1, roi_sd: 1}}": "names 'nobody'",
            "model.adstock.kinds={nobody: delayed}": "names 'nobody'",
        }
        for command, more in (("train", {"data.holdout_weeks=36": "data.holdout_weeks=36 leaves"}),
                              ("crossval", {"crossval.origins=[39]": "the last origin that is possible"})):  # fmt: skip
            for word, says in (wrong | more).items():
                for ranks in (0, 2) if word in ("data.source=bad.csv", "model.priors={nobody: {roi: 1, roi_sd: 1}}") else (0,):
                    with self.subTest(command=command, word=word, ranks=ranks):
                        words = [command, *cli.QUICK, "run.dir=run", "run.overwrite=true", "crossval.windows=2", "crossval.horizon=4"]
                        if not word.startswith("data.source"):
                            words.append(f"data.source={table}")
                        if word.startswith("crossval"):
                            words.remove("crossval.windows=2")
                        self.refused(*words, word, says=says, ranks=ranks)
                        self.assertEqual(cli.hashes(run), files)
                        self.assertFalse((run / "replacement.tmp").exists())

        # Nor does the run's own panel go with it.
        self.refused("train", *cli.QUICK, "run.dir=run", "run.overwrite=true", "data.panel=run/panel.h5",
                     says=["'data.panel' is 'run/panel.h5'", "Copy it"])  # fmt: skip
        # What is right replaces all of it.
        self.dcmmm("crossval", *cli.QUICK, f"data.source={table}", "run.dir=run", "run.overwrite=true", "crossval.windows=2",
                   "crossval.horizon=4", "crossval.step=4")  # fmt: skip
        self.assertEqual({path.name for path in run.iterdir()},
                         {"config.yaml", "overrides.yaml", "train.log", "panel.h5", "crossval.csv", "crossval.json"})  # fmt: skip
        self.assertIn("Imported", (run / "train.log").read_text())
        for ranks in (0, 2):
            self.dcmmm("train", *cli.QUICK, f"data.source={table}", "run.dir=run", "run.overwrite=true", ranks=ranks)
            self.assertEqual({path.name for path in run.iterdir()}, {str(name).split("/")[0] for name in files})
            self.export("run", f"csv{ranks}")

    def test_a_start_that_is_killed_leaves_the_run_that_it_would_replace(self):
        table = cli.write_table(self.folder / "table.csv", cli.table(regions=3, weeks=60))
        self.train("run", f"data.source={table}")
        before = cli.hashes(self.folder / "run")
        # Settings are chosen by many fits, before the run has anything to show.
        slow = cli.Started(["train", f"data.source={table}", "run.dir=run", "run.overwrite=true", "trainer.threads=1",
                            "model.hidden=64", "trainer.steps=5000"], cwd=self.folder)  # fmt: skip
        draft = self.folder / "run/replacement.tmp"
        end = time.monotonic() + 60
        while not (draft / "config.yaml").exists() and time.monotonic() < end:
            time.sleep(0.001)
        slow.kill()
        self.assertTrue((draft / "config.yaml").exists())
        after = cli.hashes(self.folder / "run")
        self.assertEqual({name: after.get(name) for name in before}, before)
        done = self.dcmmm("train", "run.dir=run", "run.resume=true")
        self.assertIn("is finished: nothing to do", done.err)
        self.train("run", f"data.source={table}", "run.overwrite=true")
        self.assertFalse(draft.exists())

    def test_a_run_does_not_replace_the_one_that_it_starts_from(self):
        table = cli.write_table(self.folder / "table.csv", cli.table(regions=3, weeks=40))
        self.train("run", f"data.source={table}", "data.holdout_weeks=0")
        (self.folder / "alias").symlink_to("run")
        for start in ("run", "./run/", "alias"):
            for more in (["run.overwrite=true"], []):
                self.refused("train", f"data.source={table}", f"run.init={start}", "run.dir=run", *more,
                             says=[f"run.init is '{start}'", "another run.dir"])  # fmt: skip

    def test_outputs_that_would_replace_what_is_needed(self):
        rows = cli.table(regions=3, weeks=40)
        weeks = sorted({row["week"] for row in rows})
        cli.write_table(self.folder / "past.csv", [row for row in rows if row["week"] < weeks[36]])
        cli.write_table(self.folder / "future.csv", [row for row in rows if row["week"] >= weeks[36]])
        (self.folder / "sales.csv").symlink_to("past.csv")
        (self.folder / "events.csv").write_text("date,name,window\n2023-03-06,sale,0:1\n")
        self.train("run", "data.source=past.csv", "data.events=events.csv", cwd=self.folder)
        self.dcmmm("import", "source=past.csv", "output=panel.h5")
        self.train("other", "data.panel=panel.h5", cwd=self.folder)
        predict = ["predict", "run=run", "data.source=future.csv"]
        kept = "which is kept for the run in"
        table = {
            "import over its source": (["import", "source=past.csv", "output=past.csv"], "the file that source names"),
            "import over its source by a link": (["import", "source=sales.csv", "output=./past.csv"], "the file that source names"),
            "import over its events": (["import", "source=past.csv", "data.events=events.csv", "output=events.csv"], "data.events names"),
            "import over a run's panel": (["import", "source=past.csv", "output=run/panel.h5"], kept),
            "predict over its source": ([*predict, "output=future.csv"], "the file that data.source names"),
            "predict over the run's events": ([*predict, "output=events.csv"], "the file that data.events names"),
            "predict over results": ([*predict, "output=run/results.h5"], kept),
            "predict over another run's figures": ([*predict, "output=other/metrics.json"], kept),
            "predict over the panel": (["predict", "run=other", "data.source=future.csv", "output=panel.h5"], "the run's data.panel"),
            "export over the panel": (["export", "run=other", "output=panel.h5"], "the run's data.panel"),
            "a plan over the panel": (["plan", "run=other", "output=panel.h5"], "the run's data.panel"),
            "report over results": (["report", "run=run", "output=run/results.h5"], kept),
            "report over the panel": (["report", "run=other", "output=panel.h5"], "the run's data.panel"),
            "export into checkpoints": (["export", "run=run", "output=run/checkpoints"], kept),
            "a plan into checkpoints": (["plan", "run=run", "output=run/checkpoints/plan"], kept),
            "synth over results": (["synth", "output=run/results.h5"], kept),
        }  # fmt: skip
        for word in ("config.yaml", "overrides.yaml", "history.csv", "train.log", "panel.h5"):
            table[f"report over {word}"] = (["report", "run=run", f"output=run/{word}"], kept)
        for name, (words, says) in table.items():
            with self.subTest(name):
                self.refused(*words, says=says)
        self.refused("predict", "run=run", "data.source=future.csv", "output=run/results.h5", says=kept, ranks=2)
        (self.folder / "mine").mkdir()
        scenarios = cli.write_table(self.folder / "mine/scenarios.csv", [{"scenario": "a", "channel": "0", "spend": "1"}])
        self.refused("plan", "run=run", f"plan.scenarios={scenarios}", "output=mine", says="the file that plan.scenarios names")
        self.refused("sweep", "data.panel=panel.h5", "run.dir=.", "model.ridge.strength=1,2", says="it would be replaced")
        # A file of the config's own says what the next run is to be fitted to.
        group = self.folder / "configs/data"
        group.mkdir(parents=True)
        (group / "shop.yaml").write_text("defaults: [auto, _self_]\nsource: future.csv\n")
        self.dcmmm("report", "--config-dir=configs", "data=shop", "run=run", "output=page.html")
        self.refused("report", "data.source=future.csv", "run=run", "output=page.html", says="Leave data.source out")
        # Results that can be made again are replaced.
        for _ in range(2):
            self.dcmmm(*predict, "output=run/forecast.csv")
            self.dcmmm("import", "source=past.csv", "output=again.h5")
            self.dcmmm("export", "run=run", "output=run")

    def test_files_that_no_run_left_there(self):
        table = cli.write_table(self.folder / "table.csv", cli.table(regions=3, weeks=40))
        mine = self.folder / "mine"
        for name in ("config.yaml", "overrides.yaml", "panel.h5", "checkpoints/model.pt"):
            for command in ("train", "crossval"):
                (mine / name).parent.mkdir(parents=True, exist_ok=True)
                (mine / name).write_text("mine: 1\n")
                self.refused(command, "data.source=nowhere.csv", "run.dir=mine", says=f"'mine' holds '{name.split('/')[0]}'")
                self.assertEqual(list(cli.hashes(mine)), [name])
            shutil.rmtree(mine)
        self.refused("train", "data.source=nowhere.csv", "run.dir=again", says="nowhere.csv")
        self.train("again", f"data.source={table}")
        # Tables as well.
        mine.mkdir()
        for name, words in {"regions.csv": ["export"], "regions.parquet": ["export", "export.format=parquet"],
                            "scenarios.csv": ["plan"], "plan.json": ["plan"]}.items():  # fmt: skip
            (mine / name).write_text("region,population\na,1\n")
            self.refused(*words, "run=again", "output=mine", says=f"mine/{name}' is there and isn't what this command writes")
            (mine / name).unlink()
        for _ in range(2):
            self.dcmmm("export", "run=again", "output=mine", "export.format=parquet")
            self.dcmmm("plan", "run=again", "output=mine")

    def test_synth_replaces_what_a_synth_wrote_and_nothing_else(self):
        words = ["synth.regions=3", "synth.weeks=30", "synth.promotions=2"]
        self.refused("synth", "output=truth.json", says="the name of another file that synth writes")
        self.refused("synth", "output=events.csv", *words, says="the name of another file that synth writes")
        others = {"own.csv": "region,week,sales,media_0\na,1,2,3\n", "truth.json": '{"found": 3}\n',
                  "events.csv": "date,name,window\n2023-03-06,promotion_spring,0:1\n"}  # fmt: skip
        for name, content in others.items():
            with self.subTest(name):
                (self.folder / name).write_text(content)
                self.refused("synth", "output=own.csv", *words, says=f"'{name}' is there and holds nothing that synth wrote")
                self.assertEqual([path.name for path in self.folder.iterdir()], [name])
                (self.folder / name).unlink()
        (self.folder / "events.csv").write_text(others["events.csv"])
        self.dcmmm("synth", "output=panel.h5", *words)  # a panel holds its events
        (self.folder / "events.csv").unlink()
        for seed in (1, 2):
            self.dcmmm("synth", "output=panel.h5", *words, f"synth.seed={seed}")
            self.dcmmm("synth", "output=table.csv", *words, f"synth.seed={seed}")
            self.dcmmm("synth", "output=days.csv", "synth.step=day", *words, f"synth.seed={seed}")
        cli.write_table(self.folder / "table.csv", cli.table(regions=2, weeks=12))
        self.dcmmm("import", "source=table.csv", "output=panel.h5")
        for name in ("panel.h5", "table.csv"):
            self.refused("synth", f"output={name}", *words, says=f"'{name}' is there")

    def test_export_with_another_panel(self):
        first = self.synth()
        self.train("run", "data.panel=panel.h5", cwd=self.folder)
        shutil.move(first, self.folder / "first.h5")
        self.synth(seed=2)
        self.refused("export", "run=run", "output=csv", says=["The panel isn't the one that", "checksum"])
        (self.folder / "panel.h5").unlink()
        self.refused("export", "run=run", "output=csv", says="'panel.h5'")
        shutil.move(self.folder / "first.h5", first)
        results = self.folder / "run/results.h5"
        results.write_bytes(results.read_bytes()[:-1] + b"?")
        self.refused("export", "run=run", "output=csv", code=4, says="the file is damaged")
        results.unlink()
        self.refused("export", "run=run", "output=csv", says="results.h5")
        (self.folder / "run/metrics.json").unlink()
        self.refused("export", "run=run", "output=csv", says="isn't finished")
        self.assertFalse((self.folder / "csv").exists())

    def test_full_disk(self):
        panel = self.synth(regions=200, weeks=60)
        train = ["train", *cli.QUICK, f"data.panel={panel}"]
        small = self.folder / "small"
        small.mkdir()
        with SmallDisk(small) as disk:
            # The same from a mount of 256 KiB, and where mounting isn't allowed from a limit on the size of files.
            message = "No space left" if disk.is_mounted else "File too large"
            self.refused("synth", "output=small/o.h5", "synth.regions=500", says=["small/o.h5", message], before=disk.limit)
            self.assertFalse((small / "o.h5").exists())
            self.refused(*train, "run.dir=small/run", says=message, before=disk.limit)
            self.assertFalse((small / "run/metrics.json").exists())

    def unfinished(self, *words):
        """A folder as a run of 8 steps leaves it that was stopped after step 6, with checkpoints of the steps 2, 4 and 6."""
        panel = self.synth()
        steps = [*cli.QUICK, "trainer.steps=8", "checkpoint.every_steps=2", "checkpoint.most_share=1", "run.dir=run", *words]
        self.dcmmm("train", f"data.panel={panel}", *steps, "checkpoint.keep=4")
        run = self.folder / "run"
        (run / "metrics.json").unlink()
        (run / "results.h5").unlink()
        (run / "history.csv").unlink()
        (run / "checkpoints/step_000008.h5").unlink()
        manifest = json.loads((run / "checkpoints/manifest.json").read_text())
        manifest["checkpoints"] = [entry for entry in manifest["checkpoints"] if entry["step"] < 8]
        (run / "checkpoints/manifest.json").write_text(json.dumps(manifest))
        return run

    def test_resuming_with_another_panel_or_other_settings(self):
        self.unfinished()
        other = self.synth("other.h5", seed=2)
        smaller = self.synth("smaller.h5", regions=4)
        resume = ["train", "run.dir=run", "run.resume=true"]

        def refused(*words, says):
            (self.folder / "run/train.log").unlink(missing_ok=True)  # the log alone tells of the attempt
            self.refused(*resume, *words, says=says)

        refused(f"data.panel={other}", says="belongs to another panel")
        refused(f"data.panel={smaller}", says="belongs to another panel")
        for word, was, name in (("model.hidden=5", "4", "5"), ("trainer.precision=float64", "'float32'", "'float64'"),
                                ("model.likelihood.share_sd=0.3", "0.1", "0.3"), ("run.seed=3", "0", "3"),
                                ("data.experiments=no.csv", "null", "'no.csv'"), ("model=ridge", "'default'", "'ridge'")):  # fmt: skip
            key = "model.name" if word == "model=ridge" else word.split("=")[0]
            refused(word, says=[f"'{key}' is {was} in the run in 'run', and {name} now", "Take that change back"])
        refused("trainer.steps=5", says=["has done 6 steps already", "trainer.steps asks for 5"])
        # The machine's, the mesh's and the checkpoints' may change; the figures are of all steps, whoever took them.
        self.dcmmm(*resume, "trainer.threads=2", "mesh.regions=1", "checkpoint.keep=2", "trainer.steps=9")
        history = cli.read_csv(self.folder / "run/history.csv")
        metrics = json.loads((self.folder / "run/metrics.json").read_text())
        self.assertEqual((len(history), metrics["steps"]), (9, 9))
        self.assertGreaterEqual(metrics["seconds"]["fit"], cli.column(history, "seconds").sum())
        # A finished run stays as it is.
        refused("trainer.steps=20", says=["'trainer.steps' is 9", "that run is finished"])
        self.assertIn("nothing to do", self.dcmmm(*resume).err)

    def test_damaged_checkpoints_fall_back_to_older_ones(self):
        run = self.unfinished()
        with open(run / "checkpoints/step_000006.h5", "r+b") as file:
            file.seek(3000)
            file.write(b"damage")
        done = self.dcmmm("train", "run.dir=run", "run.resume=true")
        self.assertEqual(done.err.count("step_000006.h5' is damaged"), 1, done.err)
        self.assertIn("Going on from step 4", done.err)
        self.assertEqual(len(cli.read_csv(run / "history.csv")), 8)
        self.assertTrue((run / "checkpoints/step_000006.h5.damaged").exists())

    def test_no_checkpoint_is_whole(self):
        run = self.unfinished()
        for path in (run / "checkpoints").glob("*.h5"):
            path.write_bytes(path.read_bytes()[:-100])
        resume = ["train", "run.dir=run", "run.resume=true"]
        for _ in range(2):  # the second time, they are set aside already
            done = self.dcmmm(*resume, code=4)
            self.assertEqual(done.err.count("None of the checkpoints in"), 1, done.err)
            self.assertFalse((run / "metrics.json").exists())

    def test_mistakes_in_the_rows_to_forecast(self):
        rows = cli.table(regions=3, weeks=40)
        weeks = sorted({row["week"] for row in rows})
        past = cli.write_table(self.folder / "past.csv", [row for row in rows if row["week"] < weeks[36]])
        self.train("run", f"data.source={past}")
        future = [{k: v for k, v in row.items() if k != "sales"} for row in rows if row["week"] >= weeks[36]]

        def with_values(**values):
            return [dict(row, **values) if i == 0 else row for i, row in enumerate(future)]

        table = {
            "a gap before the first week": ([r for r in future if r["week"] >= weeks[37]], f"to be {weeks[36]}"),
            "weeks that are known already": ([r for r in rows if r["week"] >= weeks[34]], f"to be {weeks[36]}"),
            "an unknown region": (with_values(region="r7"), ["region 'r7' isn't one of the 3 regions"]),
            "a missing media column": ([{k: v for k, v in r.items() if k != "media_1"} for r in future], "'media_1'"),
            "a missing control column": ([{k: v for k, v in r.items() if k != "control_0"} for r in future], "'control_0'"),
            "negative media": (with_values(media_0="-3"), "'-3' is negative media"),
            "text in a number": (with_values(media_0="three"), "'three' is not a number"),
        }  # fmt: skip
        for name, (rows, says) in table.items():
            with self.subTest(name):
                cli.write_table(self.folder / "future.csv", rows)
                self.refused("predict", "run=run", "data.source=future.csv", "output=o.csv", says=says)
                self.assertFalse((self.folder / "o.csv").exists())
        cli.write_table(self.folder / "future.csv", future)
        self.refused("predict", "run=run", "data.source=future.csv", "output=nowhere/o.csv", says="nowhere/o.csv")
        self.refused("predict", "run=run", "output=o.csv", says="data.source=FUTURE.csv")
        self.refused("predict", "run=run", "data.source=future.csv", says="output=forecast.csv")
        shutil.rmtree(self.folder / "run/checkpoints")
        self.refused("predict", "run=run", "data.source=future.csv", "output=o.csv", says="holds no checkpoint")


class OnSeveralRanks(Refusal):
    """Still one message, and soon."""

    def test_several_ranks_say_it_once(self):
        panel = self.synth(weeks=20)
        cut = self.folder / "cut.h5"
        cut.write_bytes(panel.read_bytes()[:-5000])
        bad = cli.write_table(self.folder / "bad.csv", [row | {"media_0": "x"} for row in cli.table(weeks=12)])
        (self.folder / "file").write_text("mine")
        table = {
            "unknown key": ([f"data.panel={panel}", "trainer.step=3"], 2, "'trainer.step'"),
            "a table": ([f"data.source={bad}"], 2, "'x' is not a number"),
            "a folder": ([f"data.panel={panel}", "run.dir=file"], 2, "Can't make the run folder"),
            "a mesh": ([f"data.panel={panel}", "mesh.members=2"], 2, ["doesn't fit 3 ranks", "What fits: 1 x 3;"]),
            "a holdout": ([f"data.panel={panel}", "data.holdout_weeks=30"], 2, "data.holdout_weeks=30 leaves"),
            "a damaged panel": ([f"data.panel={cut}"], 4, "another copy"),
        }
        for name, (words, code, says) in table.items():
            with self.subTest(name):
                shutil.rmtree(self.folder / "run", ignore_errors=True)
                done = self.refused("train", "run.dir=run", *cli.QUICK, *words, code=code, says=says, ranks=3)
                self.assertLess(done.seconds, MANY_RANKS_SECONDS)
        done = self.refused("trian", says="Unknown command 'trian'", ranks=3)
        self.assertLess(done.seconds, MANY_RANKS_SECONDS)


class SmallDisk:
    """A small disk: a tmpfs where this process may mount one, else `limit` caps the size of every file."""

    def __init__(self, path, kilobytes=256):
        self.path, self.kilobytes = Path(path), kilobytes

    def __enter__(self):
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.kilobytes}k", "tmpfs", str(self.path)]
        self.is_mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
        print("full disk: by", "tmpfs" if self.is_mounted else "RLIMIT_FSIZE")
        return self

    def __exit__(self, *_):
        if self.is_mounted:
            subprocess.run(["umount", str(self.path)], check=True)

    def limit(self):
        if not self.is_mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200 * 1024, 200 * 1024))


if __name__ == "__main__":
    unittest.main(verbosity=2)
