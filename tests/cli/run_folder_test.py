"""The run folder and its files, the config, and the help, as interface.md says them."""

import csv
import json
import math
import unittest

import xarray
import yaml

import cli

FIGURES = {"r2", "rmse", "mae", "relative_error", "wape", "median_region_r2", "median_region_relative_error", "cells"}
NAIVE = {"train_mean", "last_4", "last_8", "last_13", "seasonal", "last"}


class RunFolder(cli.Case):
    def setUp(self):
        super().setUp()
        self.panel = self.synth(regions=6, weeks=70, missing_rows=0.1)
        self.done = self.train("run", f"data.panel={self.panel}", "trainer.steps=25")
        self.run_folder = self.folder / "run"

    def test_holds_what_the_contract_names(self):
        found = {path.name for path in self.run_folder.iterdir()}
        expected = {"config.yaml", "overrides.yaml", "train.log", "history.csv", "metrics.json", "results.h5", "checkpoints"}
        self.assertEqual(found, expected)
        manifest = json.loads((self.run_folder / "checkpoints/manifest.json").read_text())
        self.assertEqual([entry["step"] for entry in manifest["checkpoints"]], [20, 25])
        files = {path.name for path in (self.run_folder / "checkpoints").iterdir()}
        self.assertEqual(files, {"manifest.json", "step_000020.h5", "step_000025.h5"})
        hashes = cli.hashes(self.run_folder / "checkpoints")
        for entry in manifest["checkpoints"]:
            self.assertEqual(entry["sha256"], hashes[entry["file"]])
        self.assertIn("Panel: 6 regions x 70 weeks", (self.run_folder / "train.log").read_text())

    def test_metrics_have_every_key(self):
        metrics = json.loads((self.run_folder / "metrics.json").read_text())
        keys = {"train", "holdout", "naive", "skill", "gap", "coverage_90", "coverage_90_totals", "totals", "dag", "seconds", "steps", "steps_per_second",
                "peak_memory_bytes", "ranks", "device", "parameters", "version"}  # fmt: skip
        self.assertLessEqual(keys, set(metrics))
        for part in ("train", "holdout"):
            self.assertEqual(set(metrics[part]), FIGURES)
            self.assertTrue(all(math.isfinite(value) for value in metrics[part].values()))
        self.assertEqual(set(metrics["naive"]), NAIVE)
        self.assertTrue(all(set(figures) == {"r2", "rmse"} for figures in metrics["naive"].values()))
        self.assertEqual(set(metrics["dag"]), {"h", "edges", "directed", "unsure"})
        self.assertEqual(set(metrics["seconds"]), {"total", "import", "graph", "fit", "checkpoints", "evaluate"})
        self.assertEqual(set(metrics["parameters"]), {"shared", "local"})
        self.assertEqual((metrics["steps"], metrics["ranks"], metrics["device"]), (25, 1, "cpu"))
        self.assertGreater(metrics["steps_per_second"], 0)
        self.assertGreater(metrics["peak_memory_bytes"], 1 << 20)
        self.assertAlmostEqual(metrics["gap"], metrics["train"]["r2"] - metrics["holdout"]["r2"], places=12)
        best = min(figures["rmse"] for figures in metrics["naive"].values())
        self.assertAlmostEqual(metrics["skill"], best / metrics["holdout"]["rmse"], places=12)
        parts = metrics["seconds"]
        self.assertLessEqual(parts["import"] + parts["graph"] + parts["fit"] + parts["evaluate"], parts["total"] * 1.001)

    def test_metrics_are_those_of_the_exported_predictions(self):
        metrics = json.loads((self.run_folder / "metrics.json").read_text())
        rows = [row for row in cli.read_csv(self.export("run", "csv") / "prediction.csv") if row["actual"]]
        for part in ("train", "holdout"):
            actual, predicted = (cli.column([row for row in rows if row["split"] == part], name) for name in ("actual", "predicted"))
            squares = ((actual - predicted) ** 2).sum()
            rmse = (squares / len(actual)) ** 0.5
            self.assertEqual(metrics[part]["cells"], len(actual))
            self.assertAlmostEqual(metrics[part]["rmse"] / rmse, 1, places=6)
            self.assertAlmostEqual(metrics[part]["r2"], 1 - squares / ((actual - actual.mean()) ** 2).sum(), places=6)
            self.assertAlmostEqual(metrics[part]["relative_error"], rmse / actual.mean(), places=6)
            self.assertAlmostEqual(metrics[part]["wape"], abs(actual - predicted).sum() / actual.sum(), places=6)

    def test_the_history_has_a_row_for_each_step(self):
        with open(self.run_folder / "history.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([int(row["step"]) for row in rows], list(range(1, 26)))
        self.assertLessEqual({"step", "loss", "learning_rate", "gradient_norm", "seconds"}, set(rows[0]))

    def test_the_end_table_names_train_holdout_and_every_naive_forecast(self):
        for name in ("train", "holdout", "R2", "RMSE", *NAIVE):
            self.assertIn(name, self.done.out)

    def test_results_and_checkpoints_open_in_xarray_with_named_dimensions(self):
        with xarray.open_dataset(self.run_folder / "results.h5", engine="h5netcdf") as results:
            self.assertEqual(results["predicted"].dims, ("region", "week"))
            self.assertEqual(results["media_contribution"].dims, ("region", "week", "channel"))
            self.assertEqual(results["control_contribution"].dims, ("region", "week", "control"))
            self.assertEqual(results["predicted"].shape, (6, 70))
            parts = results["baseline"] + results["trend"] + results["seasonality"]
            parts = parts + results["control_contribution"].sum("control") + results["media_contribution"].sum("channel")
            self.assertLess(abs(parts / results["predicted"] - 1).max(), 1e-5)
        with xarray.open_dataset(cli.newest_checkpoint(self.run_folder), engine="h5netcdf") as checkpoint:
            self.assertEqual(checkpoint.attrs["step"], 25)
            self.assertEqual(checkpoint["state.adstock"].dims, ("member", "region", "channel"))
            parameters = [name for name in checkpoint if name.startswith("parameter.")]
            self.assertGreater(len(parameters), 5)
            for name in parameters:
                self.assertEqual(checkpoint[name].dims[0], "member")
                self.assertFalse(any(dimension.startswith("phony") for dimension in checkpoint[name].dims), name)
            self.assertEqual(yaml.safe_load(checkpoint["config"].item())["trainer"]["steps"], 25)

    def test_config_and_overrides_make_the_run_again(self):
        config = yaml.safe_load((self.run_folder / "config.yaml").read_text())
        self.assertEqual((config["trainer"]["steps"], config["model"]["hidden"]), (25, 4))
        words = yaml.safe_load((self.run_folder / "overrides.yaml").read_text())
        self.assertIn("trainer.steps=25", words)
        self.dcmmm("train", *words, f"run.dir={self.folder / 'again'}")
        again = yaml.safe_load((self.folder / "again/config.yaml").read_text())
        self.assertNotEqual(again["run"].pop("dir"), config["run"].pop("dir"))
        self.assertEqual(again, config)
        found, expected = (cli.arrays(cli.newest_checkpoint(self.folder / run), "parameter.") for run in ("again", "run"))
        for name in expected:
            self.assertEqual(found[name].tobytes(), expected[name].tobytes(), name)

        # The resolved config alone, as a config of one's own.
        (self.folder / "own").mkdir()
        config["run"]["dir"] = str(self.folder / "third")
        (self.folder / "own/config.yaml").write_text(yaml.safe_dump(config))
        self.dcmmm("train", "--config-dir", self.folder / "own")
        found = cli.arrays(cli.newest_checkpoint(self.folder / "third"), "parameter.")
        for name in expected:
            self.assertEqual(found[name].tobytes(), expected[name].tobytes(), name)

    def test_inspect_tells_what_files_hold(self):
        done = self.dcmmm("inspect", self.panel)
        for phrase in ("region 6", "week 70", "channel 3", "control 2", "media (region, week, channel)", "checksum: "):
            self.assertIn(phrase, done.out)
        done = self.dcmmm("inspect", cli.newest_checkpoint(self.run_folder))
        for phrase in ("parameter.", "panel_checksum: ", "steps: 25", "step: 25"):
            self.assertIn(phrase, done.out)
        done = self.dcmmm("inspect", self.run_folder, code=2)
        self.assertIn(f"is a run folder, and inspect reads one file: dcmmm inspect {self.run_folder}/results.h5", done.err)


class Commands(cli.Case):
    COMMANDS = ("import", "synth", "train", "predict", "export", "inspect")

    def test_help_shows_every_command_and_an_example_of_each(self):
        done = self.dcmmm("--help")
        for command in self.COMMANDS:
            with self.subTest(command):
                self.assertIn(command, done.out)
                self.assertRegex(self.dcmmm(command, "--help").out, f"Example: .*dcmmm {command} ")
                self.assertEqual(self.dcmmm("help", command).out, self.dcmmm(command, "--help").out)
        self.assertEqual(self.dcmmm("help").out, done.out)
        self.assertRegex(done.out, "Example")

    def test_print_config_runs_nothing(self):
        done = self.dcmmm("train", "--print-config", "trainer.steps=7", "data=dma_panel", "data.source=no.csv")
        config = yaml.safe_load(done.out)
        self.assertEqual((config["trainer"]["steps"], config["data"]["holdout_weeks"]), (7, 8))
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(self.dcmmm("train", "--print-config", ranks=3).out.count("final_learning_rate: "), 1)

    def test_print_config_and_its_own_output_agree(self):
        printed = self.dcmmm("train", "--print-config", "+data.names={media_0: TV}").out
        (self.folder / "own").mkdir()
        (self.folder / "own/config.yaml").write_text(printed)
        self.assertEqual(self.dcmmm("train", "--print-config", "--config-dir", "own").out, printed)

    def test_a_config_folder_of_ones_own(self):
        (self.folder / "own/model").mkdir(parents=True)
        (self.folder / "own/model/small.yaml").write_text("defaults:\n  - default\n  - _self_\n\nname: small\nhidden: 2\n")
        panel = self.synth()
        self.dcmmm("train", "--config-dir", "own", "model=small", f"data.panel={panel}", "trainer.steps=1", "run.dir=run")
        config = yaml.safe_load((self.folder / "run/config.yaml").read_text())
        self.assertEqual((config["model"]["name"], config["model"]["hidden"]), ("small", 2))
        self.assertEqual(config["model"]["adstock"]["decay"], 0.4)
        # A resumed run knows it; one that was moved is asked for.
        (self.folder / "run/metrics.json").unlink()
        (self.folder / "own").rename(self.folder / "moved")
        resume = ["train", "run.dir=run", "run.resume=true", "model.estimator=likelihood"]
        done = self.dcmmm(*resume, code=2)
        self.assertIn(f"was started with --config-dir {self.folder / 'own'}, which isn't there any more", done.err)
        self.dcmmm(*resume, "--config-dir", "moved")
        (self.folder / "run/metrics.json").unlink()
        self.dcmmm(*resume, "model=small")
        self.assertEqual(yaml.safe_load((self.folder / "run/config.yaml").read_text()), config | {"run": {**config["run"], "resume": True}})

    def test_a_run_gets_a_dated_folder_of_its_own(self):
        panel = self.synth()
        for _ in range(2):
            self.dcmmm("train", f"data.panel={panel}", *cli.QUICK)
        folders = list((self.folder / "runs/train").iterdir())
        self.assertEqual(len(folders), 2)
        for folder in folders:
            self.assertRegex(folder.name, r"^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")
            self.assertTrue((folder / "metrics.json").exists())

    def test_import_then_train_equals_import_on_the_fly(self):
        table = cli.write_table(self.folder / "table.csv", cli.table())
        self.dcmmm("import", f"source={table}", "output=panel.h5")
        self.train("from_panel", "data.panel=panel.h5", cwd=self.folder)
        self.train("on_the_fly", f"data.source={table}")
        found, expected = (
            cli.arrays(cli.newest_checkpoint(self.folder / run), "parameter.", "state.") for run in ("on_the_fly", "from_panel")
        )
        for name in expected:
            self.assertEqual(found[name].tobytes(), expected[name].tobytes(), name)

    def test_no_holdout_leaves_its_figures_empty(self):
        panel = self.synth()
        done = self.train("run", f"data.panel={panel}", "data.holdout_weeks=0")
        metrics = json.loads((self.folder / "run/metrics.json").read_text())
        self.assertIsNone(metrics["holdout"]["rmse"])
        self.assertIsNone(metrics["skill"])
        self.assertIsNone(metrics["gap"])
        self.assertIn("No holdout", done.out)

    def test_one_of_a_kind_is_no_plural(self):
        words = ["synth.regions=1", "synth.weeks=60", "synth.channels=1", "synth.controls=1"]
        self.assertIn("(1 region x 60 weeks,", self.dcmmm("synth", "output=panel.h5", *words).err)
        done = self.train("run", "data.panel=panel.h5", cwd=self.folder)
        self.assertRegex(done.err, r"Panel: 1 region x 60 weeks \(.*\), 1 channel, 1 control, 0 events")
        self.assertIn("1 thread each", done.err)

    def test_synth_writes_its_truth(self):
        self.synth(regions=3, weeks=30)
        truth = json.loads((self.folder / "truth.json").read_text())
        self.assertTrue(truth)
        first = (self.folder / "panel.h5").read_bytes()
        self.synth("again.h5", regions=3, weeks=30)
        with xarray.open_dataset(self.folder / "panel.h5", engine="h5netcdf") as one:
            with xarray.open_dataset(self.folder / "again.h5", engine="h5netcdf") as two:
                self.assertTrue(one.identical(two))
        self.assertGreater(len(first), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
