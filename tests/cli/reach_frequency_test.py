"""Reach and frequency as a channel's input (model.media.frequency), from a table to forecasts, curves and refusals."""

import pathlib
import sys
import unittest

import numpy as np

import cli

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
sys.dont_write_bytecode = True
import reach_frequency

HOLDOUT = 6
WORDS = ["model.media.frequency={video: contacts}"]


class ReachFrequency(cli.Case):
    def setUp(self):
        super().setUp()
        reach_frequency.R, reach_frequency.T = 12, 80
        rows, self.share = reach_frequency.panel(1)
        self.rows = [{**row, "week": f"{row['week']}"} for row in rows]
        weeks = sorted({int(row["week"]) for row in rows})
        self.future = [row for row in self.rows if int(row["week"]) > weeks[-1] - HOLDOUT]
        cli.write_table(self.folder / "whole.csv", self.rows)
        cli.write_table(self.folder / "past.csv", [row for row in self.rows if row not in self.future])
        cli.write_table(self.folder / "future.csv", [{k: v for k, v in row.items() if k != "target"} for row in self.future])

    def fit(self, name, table, *words, **options):
        return self.dcmmm("train", f"run.dir={name}", f"data.source={table}.csv", "trainer.threads=1",
                          "trainer.precision=float64", "model.hidden=4", *words, **options)  # fmt: skip

    def forecast_continues(self, estimator):
        words = [*WORDS, f"model.estimator={estimator}", "trainer.steps=20", "ensemble.members=3"]
        self.fit("whole", "whole", f"data.holdout_weeks={HOLDOUT}", *words)
        self.fit("past", "past", "data.holdout_weeks=0", *words)
        self.dcmmm("predict", "run=past", "data.source=future.csv", "output=forecast.csv")
        self.export("whole", "csv")
        held = {(row["region"], row["week"]): float(row["predicted"])
                for row in cli.read_csv(self.folder / "csv/prediction.csv") if row["split"] == "holdout"}  # fmt: skip
        found = cli.read_csv(self.folder / "forecast.csv")
        self.assertEqual(len(found), len(held))
        for row in found:
            self.assertAlmostEqual(float(row["predicted"]) / held[row["region"], row["week"]], 1, delta=1e-6)
        # Frequencies speak through the channel alone, and reach has no ceiling.
        summary = cli.read_csv(self.folder / "csv/channel_summary.csv")
        totals = {}
        for row in cli.read_csv(self.folder / "csv/contributions.csv"):
            totals[row["component"]] = totals.get(row["component"], 0) + float(row["value"])
        self.assertEqual(totals["control:contacts"], 0)
        self.assertGreater(totals["media:video"], 0)
        saturation = cli.read_csv(self.folder / "csv/saturation.csv")
        self.assertEqual([row["height"] == "" for row in saturation], [True, False, False])
        curve = [row for row in cli.read_csv(self.folder / "csv/response_curves.csv") if row["channel"] == "video"]
        spend, response = cli.column(curve, "spend"), cli.column(curve, "response")
        np.testing.assert_allclose(response[1:] / spend[1:], response[1] / spend[1], rtol=1e-9)
        lower, upper = (float(curve[-1][end]) for end in ("lower", "upper"))
        self.assertLess(lower, upper)
        self.assertTrue(lower <= response[-1] <= upper)
        return float(summary[0]["share"])

    def test_the_likelihood_finds_the_channel_and_forecasts_go_on(self):
        self.assertAlmostEqual(self.forecast_continues("likelihood"), self.share[0], delta=0.03)

    def test_the_descent_finds_the_channel_and_forecasts_go_on(self):
        self.assertAlmostEqual(self.forecast_continues("descent"), self.share[0], delta=0.04)

    def test_on_ranks(self):
        for estimator in ("likelihood", "descent"):
            words = ["data.holdout_weeks=0", *WORDS, f"model.estimator={estimator}", "trainer.steps=5"]
            predicted = []
            for ranks in (1, 2):
                self.fit(f"{estimator}_{ranks}", "whole", *words, ranks=ranks)
                self.export(f"{estimator}_{ranks}", f"{estimator}_{ranks}_csv")
                rows = cli.read_csv(self.folder / f"{estimator}_{ranks}_csv/prediction.csv")
                predicted.append(cli.column(rows, "predicted"))
            np.testing.assert_allclose(predicted[1], predicted[0], rtol=1e-6)

    def test_refusals(self):
        def message(*words):
            return self.fit("x", "whole", *words, code=2).err

        self.assertIn("names 'vidoe', which is no channel", message("model.media.frequency={vidoe: contacts}"))
        self.assertIn("names 'reach', which is no control", message("model.media.frequency={video: reach}"))
        self.assertIn("there is no curve for its frequency", message(*WORDS, "model.hill.enabled=false"))
        self.assertIn("delayed", message(*WORDS, "model.adstock.kind=delayed"))
        self.fit("run", "whole", "data.holdout_weeks=0", *WORDS, "model.estimator=descent", "trainer.steps=2")
        done = self.dcmmm("plan", "run=run", "plan.budget=1000", code=2)
        self.assertIn("'video' has reach and frequency", done.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
