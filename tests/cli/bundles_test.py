"""The named baselines: the same commands, files and figures as the default model's."""

import json
import unittest

import h5py
import numpy as np

import cli

HOLDOUT = 6


class Bundles(cli.Case):
    def setUp(self):
        super().setUp()
        self.rows = cli.table(regions=6, weeks=90, channels=2, controls=2)
        self.weeks = sorted({row["week"] for row in self.rows})
        cli.write_table(self.folder / "table.csv", self.rows)

    def parts(self, bundle):
        self.train(bundle, "data.source=table.csv", f"model={bundle}", f"data.holdout_weeks={HOLDOUT}",
                   "trainer.precision=float64", cwd=self.folder)  # fmt: skip
        out = self.export(bundle, f"{bundle}_csv")
        predicted = cli.column(cli.read_csv(out / "prediction.csv"), "predicted")
        parts = {}
        for row in cli.read_csv(out / "contributions.csv"):
            parts.setdefault(row["component"], []).append(float(row["value"]))
        np.testing.assert_allclose(np.sum(list(parts.values()), axis=0), predicted, rtol=1e-8)
        return out, {name: np.array(values) for name, values in parts.items()}

    def metrics(self, bundle):
        return json.loads((self.folder / bundle / "metrics.json").read_text())

    def test_local_level_is_the_baseline_alone(self):
        _, parts = self.parts("local_level")
        for name, values in parts.items():
            self.assertEqual(np.abs(values).max() > 0, name == "baseline", name)
        self.assertEqual(self.metrics("local_level")["steps"], 0)

    def test_no_media_has_everything_but_media(self):
        out, parts = self.parts("no_media")
        for name, values in parts.items():
            self.assertEqual(np.abs(values).max() > 0, not name.startswith("media:") and name != "trend", name)
        self.assertEqual(self.metrics("no_media")["steps"], 3)
        self.assertEqual(float(cli.read_csv(out / "channel_summary.csv")[0]["contribution"]), 0)

    def test_no_gru_keeps_its_coefficients(self):
        out, _ = self.parts("no_gru")
        values = {}
        for row in cli.read_csv(out / "coefficients.csv"):
            values.setdefault((row["region"], row["channel"]), set()).add(row["value"])
        self.assertTrue(all(len(found) == 1 for found in values.values()))

    def test_reference_sees_shares_of_a_week_and_passes_responses_on(self):
        out, _ = self.parts("reference")
        self.assertEqual(self.metrics("reference")["estimator"], "descent")
        for row in self.rows:  # twice the media on all channels is the same share of voice
            row |= {name: repr(2 * float(row[name])) for name in ("media_0", "media_1")}
        cli.write_table(self.folder / "table.csv", self.rows)
        self.train("twice", "data.source=table.csv", "model=reference", f"data.holdout_weeks={HOLDOUT}",
                   "trainer.precision=float64", cwd=self.folder)  # fmt: skip
        found, expected = (
            cli.column(cli.read_csv(folder / "prediction.csv"), "predicted") for folder in (self.export("twice", "twice_csv"), out)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        with h5py.File(cli.newest_checkpoint(self.folder / "reference")) as checkpoint:
            self.assertEqual(checkpoint["parameter.adjacency.logit"].shape[1:], (2, 2))
        done = self.train("asked", "data.source=table.csv", "model=reference", "model.estimator=likelihood", code=2)
        self.assertIn("the model has shares of voice or an adjacency", done.err)

    def test_ridge_is_a_linear_regression(self):
        out, parts = self.parts("ridge")
        self.assertEqual(self.metrics("ridge")["steps"], 0)
        baseline = parts["baseline"].reshape(6, 90)
        np.testing.assert_allclose(baseline, baseline[:, :1].repeat(90, 1), rtol=1e-3)
        curve = [row for row in cli.read_csv(out / "response_curves.csv") if row["channel"] == "0"]
        spend, response = cli.column(curve, "spend"), cli.column(curve, "response")
        np.testing.assert_allclose(response, spend * response[-1] / spend[-1], rtol=1e-9)
        saturation = cli.read_csv(out / "saturation.csv")[0]
        self.assertEqual((saturation["exponent"], saturation["half_saturation"]), ("", ""))
        # Linear in what the media carry over: the same regression by hand, but for its penalty, fits it exactly.
        decay = float(cli.read_csv(out / "adstock.csv")[0]["decay"])
        for region in range(6):
            media = np.array([float(row["media_0"]) for row in self.rows if row["region"] == f"r{region}"])
            carried = np.zeros(90)
            for week in range(90):
                carried[week] = decay * (carried[week - 1] if week else 0) + (1 - decay) * media[week]
            contribution = parts["media:0"].reshape(6, 90)[region]
            np.testing.assert_allclose(contribution / carried, contribution[0] / carried[0], rtol=1e-9)

    def test_forecasts_of_each_are_those_of_the_holdout(self):
        past = [row for row in self.rows if row["week"] < self.weeks[-HOLDOUT]]
        cli.write_table(self.folder / "past.csv", past)
        future = [row for row in self.rows if row["week"] >= self.weeks[-HOLDOUT]]
        cli.write_table(self.folder / "future.csv", future)
        for bundle in ("ridge", "local_level", "no_media"):
            with self.subTest(bundle=bundle):
                out, _ = self.parts(bundle)
                self.train(f"{bundle}_past", "data.source=past.csv", "data.holdout_weeks=0", f"model={bundle}",
                           "trainer.precision=float64", cwd=self.folder)  # fmt: skip
                self.dcmmm("predict", f"run={bundle}_past", "data.source=future.csv", "output=forecast.csv")
                found = cli.read_csv(self.folder / "forecast.csv")
                expected = [row for row in cli.read_csv(out / "prediction.csv") if row["split"] == "holdout"]
                self.assertEqual([(r["region"], r["week"]) for r in found], [(r["region"], r["week"]) for r in expected])
                for field in ("predicted", "lower", "upper"):
                    np.testing.assert_allclose(cli.column(found, field), cli.column(expected, field), rtol=1e-8)

    def test_crossval_judges_them_side_by_side(self):
        words = [*cli.QUICK, "data.source=table.csv", "crossval.origins=[60,75]", "trainer.precision=float64"]
        self.dcmmm("crossval", *words, "run.dir=all", "crossval.beside=[ridge,local_level]", "model.hidden=3")
        together = json.loads((self.folder / "all/crossval.json").read_text())
        for bundle in ("ridge", "local_level"):
            self.dcmmm("crossval", *words, f"run.dir={bundle}", f"model={bundle}", "crossval.beside=[]")
            alone = json.loads((self.folder / bundle / "crossval.json").read_text())
            for figure in ("rmse", "median_region_r2", "skill"):
                self.assertAlmostEqual(
                    together["pooled"]["beside"][bundle][figure] / alone["pooled"]["model"][figure], 1, delta=1e-9
                )


if __name__ == "__main__":
    cli.main()
