"""train run.init=DIR: from an earlier run to a panel with four more weeks and a new region."""

import json
import re
import shutil
import unittest

import numpy as np

import cli

NEW_WEEKS = 4


class Update(cli.Case):
    def setUp(self):
        super().setUp()
        rows = cli.table(regions=6, weeks=84, channels=2, controls=1)
        self.weeks = sorted({row["week"] for row in rows})
        past = [row for row in rows if row["week"] < self.weeks[-NEW_WEEKS] and row["region"] != "r2"]
        cli.write_table(self.folder / "whole.csv", rows)
        cli.write_table(self.folder / "past.csv", past)

    def fit(self, name, table, *words, **options):
        return self.dcmmm("train", f"run.dir={name}", f"data.source={table}.csv", "data.holdout_weeks=0",
                          "trainer.threads=1", *words, **options)  # fmt: skip

    def metrics(self, name):
        return json.loads((self.folder / name / "metrics.json").read_text())

    def shares(self, name):
        self.export(name, f"{name}_csv")
        return cli.column(cli.read_csv(self.folder / f"{name}_csv/channel_summary.csv"), "share")

    def test_the_descent_reaches_the_full_refit(self):
        settings = ["model.hidden=4", "model.settings=fixed", "trainer.precision=float64"]
        self.fit("past", "past", *settings, "model.estimator=descent")
        self.fit("full", "whole", *settings, "model.estimator=descent")
        done = self.fit("update", "whole", "run.init=past", "trainer.precision=float64")
        self.assertIn("80 weeks, trained on the first 80; 4 more weeks now, 1 new region", done.err)
        self.assertIn("The earlier run has no intervals", done.err)
        full, update = self.metrics("full"), self.metrics("update")
        self.assertEqual((full["steps"], update["steps"]), (80, 20))
        self.assertLess(update["loss"], 1.001 * full["loss"])
        self.assertGreater(update["loss"], 0.9 * full["loss"])
        np.testing.assert_allclose(self.shares("update"), self.shares("full"), atol=0.01)
        config = (self.folder / "update/config.yaml").read_text()
        self.assertRegex(config, r"hidden: 4\b")  # taken over
        # What the earlier run was doesn't matter to a later one's forecasts, exports and updates.
        shutil.rmtree(self.folder / "past")
        # Its words of the panel and the trainer hold, too, but for those given anew.
        self.dcmmm("train", "run.dir=again", "data.source=whole.csv", "run.init=update", "trainer.update_steps=5")
        self.assertEqual(self.metrics("again")["steps"], 5)
        config = (self.folder / "again/config.yaml").read_text()
        self.assertRegex(config, r"precision: float64\b")
        self.assertRegex(config, r"holdout_weeks: 0\b")
        self.assertRegex(config, r"threads: 0\b")  # the machine's: not taken over

    def test_the_likelihood_takes_over_its_estimator_and_says_what_moved(self):
        self.fit("past", "past", "model.estimator=likelihood", "ensemble.members=3")
        self.fit("full", "whole", "model.estimator=likelihood")
        done = self.fit("update", "whole", "run.init=past")
        self.assertEqual(self.metrics("update")["estimator"], "likelihood")
        self.assertRegex(done.err, "stay within the earlier run's intervals|Beyond the earlier run's interval: ")
        np.testing.assert_allclose(self.shares("update"), self.shares("full"), atol=0.01)

    def test_shares_are_those_of_the_exported_summary(self):
        rows = cli.table(regions=6, weeks=84, channels=2, controls=1)
        del rows[10:80:2], rows[200:260]
        past = cli.write_table(self.folder / "gaps.csv", [row for row in rows if row["week"] < self.weeks[-NEW_WEEKS]])
        self.fit("past", past.stem, "model.estimator=descent", "model.hidden=4", "model.settings=fixed", "ensemble.members=3")
        cli.write_table(self.folder / "later.csv", rows)
        for ranks in (0, 2):
            done = self.fit(f"update{ranks}", "later", "run.init=past", ranks=ranks)
            self.export("past", "csv")
            for row in cli.read_csv(self.folder / "csv/channel_summary.csv"):
                predicted = float(row["contribution"]) / float(row["share"])
                expected = [100 * float(row[key]) / predicted for key in ("contribution", "contribution_lower", "contribution_upper")]
                line = re.search(rf"^{row['channel']} +([\d.]+) +([\d.]+) \.\. ([\d.]+) ", done.err, re.MULTILINE)
                np.testing.assert_allclose([float(value) for value in line.groups()], expected, atol=0.0051)
            self.export(f"update{ranks}", "csv")
            for row in cli.read_csv(self.folder / "csv/channel_summary.csv"):
                found = self.metrics(f"update{ranks}")["contributions"]
                np.testing.assert_allclose(found["channels"][row["channel"]], float(row["contribution"]), rtol=1e-9)
                np.testing.assert_allclose(found["predicted"], float(row["contribution"]) / float(row["share"]), rtol=1e-9)

    def test_on_ranks(self):
        for estimator, tolerance in (("descent", 1e-8), ("likelihood", 1e-3)):
            words = [f"model.estimator={estimator}", "model.hidden=4", "trainer.precision=float64"]
            self.fit(f"past_{estimator}", "past", *words, ranks=2)
            for ranks in (1, 2, 3):
                self.fit(f"{estimator}_{ranks}", "whole", f"run.init=past_{estimator}", "trainer.precision=float64",
                         ranks=ranks)  # fmt: skip
                self.export(f"{estimator}_{ranks}", f"{estimator}_{ranks}_csv")
            expected, *others = (
                cli.column(cli.read_csv(self.folder / f"{estimator}_{ranks}_csv/prediction.csv"), "predicted")
                for ranks in (1, 2, 3)
            )
            for found in others:
                np.testing.assert_allclose(found, expected, rtol=tolerance)

    def test_on_rows_of_members(self):
        for estimator in ("descent", "likelihood"):
            self.fit(f"rows_{estimator}", "past", f"model.estimator={estimator}", "model.hidden=4", "ensemble.members=4",
                     "trainer.precision=float64", "mesh.members=2", ranks=2)  # fmt: skip
            found = {}
            for ranks in (1, 2):
                name = f"{estimator}_rows_{ranks}"
                self.fit(name, "whole", f"run.init=rows_{estimator}", "trainer.precision=float64", "ensemble.members=4",
                         f"mesh.members={ranks}", ranks=ranks)  # fmt: skip
                self.export(name, f"{name}_csv")
                rows = cli.read_csv(self.folder / f"{name}_csv/channel_summary.csv")
                found[ranks] = [cli.column(rows, key) for key in ("contribution_lower", "contribution", "contribution_upper")]
            # The likelihood's draws don't feel the mesh. Of a descent the plain fit doesn't; other members start from those
            # of their own row or, where all are in one, from the earlier first row's.
            same = slice(None) if estimator == "likelihood" else slice(1, 2)
            np.testing.assert_allclose(found[2][same], found[1][same], rtol=1e-6)

    def test_refusals(self):
        self.fit("past", "past", "model.estimator=descent", "model.hidden=4", "trainer.steps=2")
        done = self.fit("x", "whole", "run.init=nowhere", code=2)
        self.assertIn("'nowhere' is not a run folder", done.err)
        (self.folder / "past/metrics.json").rename(self.folder / "kept.json")
        done = self.fit("x", "whole", "run.init=past", code=2)
        self.assertIn("run.init is 'past', whose run isn't finished", done.err)
        (self.folder / "kept.json").rename(self.folder / "past/metrics.json")
        done = self.fit("x", "whole", "run.init=past", "+data.names={media_0: tv}", code=2, ranks=2)
        self.assertIn("other channels than the run of run.init. It lacks 0. It adds tv.", done.err)
        done = self.fit("x", "whole", "run.init=past", "data.holdout_weeks=5", code=2)
        self.assertIn("trained on the first 80 weeks, but this run holds out all weeks after the first 79", done.err)
        done = self.fit("x", "whole", "run.init=past", "model.hidden=5", code=2)
        self.assertIn("is of another model", done.err)
        done = self.fit("x", "whole", "run.init=past", "model=ridge", code=2)
        self.assertIn("model is 'ridge', but the run of run.init is of model 'default'", done.err)
        done = self.fit("x", "whole", "run.init=past", "model.estimator=likelihood", code=2)
        self.assertIn("was estimated by descent, this one by the likelihood", done.err)
        done = self.dcmmm("crossval", "run.init=past", "data.source=whole.csv", code=2)
        self.assertIn("leave run.init out", done.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
