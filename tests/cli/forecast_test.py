"""Forecasts, exports, and what the holdout may not change."""

import datetime
import unittest

import h5py
import numpy as np

import cli

HOLDOUT = 8


def uneven_table():
    """80 weeks of 5 regions: one begins late, one lacks weeks in the middle, one ends in the training weeks, one later."""
    rows = cli.table(regions=5, weeks=80, channels=3, controls=2)
    weeks = sorted({row["week"] for row in rows})
    at = {week: index for index, week in enumerate(weeks)}
    gone = {"r0": range(0, 15), "r1": range(30, 37), "r2": range(70, 80), "r3": range(75, 80)}
    return [row for row in rows if at[row["week"]] not in gone.get(row["region"], ())], weeks


class Forecast(cli.Case):
    def forecast_agrees(self, precision, tolerance, *words):
        rows, weeks = uneven_table()
        origin = weeks[-HOLDOUT]
        self.settings = [f"trainer.precision={precision}", "trainer.steps=30", *words]
        whole = cli.write_table(self.folder / "whole.csv", rows)
        past = cli.write_table(self.folder / "past.csv", [row for row in rows if row["week"] < origin])
        future = [{k: v for k, v in row.items() if k != "sales"} for row in rows if row["week"] >= origin]
        cli.write_table(self.folder / "future.csv", future)
        self.train("whole", f"data.source={whole}", f"data.holdout_weeks={HOLDOUT}", *self.settings)
        self.train("past", f"data.source={past}", "data.holdout_weeks=0", *self.settings)

        # A forecast needs the checkpoint, the config and the rows to come: nothing else.
        past.unlink()
        (self.folder / "past/panel.h5").unlink()
        (self.folder / "past/results.h5").unlink()
        done = self.dcmmm("predict", "run=past", "data.source=future.csv", "output=forecast.csv")
        self.assertIn("1 of the run's 5 regions have no row, the first is 'r2'", done.out + done.err)
        found = cli.read_csv(self.folder / "forecast.csv")
        self.assertEqual(list(found[0]), ["region", "week", "predicted", "lower", "upper"])
        self.export("whole", "csv")
        expected = {
            (row["region"], row["week"]): [float(row[field]) for field in ("predicted", "lower", "upper")]
            for row in cli.read_csv(self.folder / "csv/prediction.csv") if row["split"] == "holdout"
        }  # fmt: skip
        self.assertEqual(len(found), 4 * HOLDOUT)  # region r2 has no row to forecast
        for row in found:
            key = row["region"], row["week"]
            for field, value in zip(("predicted", "lower", "upper"), expected[key], strict=True):
                self.assertAlmostEqual(float(row[field]) / value, 1, delta=tolerance, msg=(key, field))

    def test_from_a_checkpoint_equals_the_holdout_in_float32(self):
        self.forecast_agrees("float32", 1e-4)

    def test_from_a_checkpoint_equals_the_holdout_in_float64(self):
        self.forecast_agrees("float64", 1e-8)

    def test_from_a_checkpoint_of_the_likelihood(self):
        self.forecast_agrees("float64", 1e-6, "model.estimator=likelihood")

    def test_from_a_checkpoint_of_the_reference(self):
        self.forecast_agrees("float64", 1e-8, "model=reference")

    def test_from_a_checkpoint_with_a_delayed_channel(self):
        self.forecast_agrees("float64", 1e-8, "model.adstock.kinds={1: delayed}", "model.adstock.max_lag=6")
        rows = {row["channel"]: row for row in cli.read_csv(self.folder / "csv/adstock.csv")}
        self.assertTrue(0 < float(rows["1"]["peak_week"]) < 5)
        self.assertEqual(rows["1"]["half_life_weeks"], "")
        self.assertEqual((rows["0"]["peak_week"], rows["2"]["peak_week"]), ("0", "0"))
        done = self.dcmmm("train", "run.dir=x", "data.source=whole.csv", "model.adstock.kinds={tv: delayed}", code=2)
        self.assertIn("model.adstock.kinds names 'tv', which is no channel of the panel", done.err)
        done = self.dcmmm("train", "run.dir=y", "data.source=whole.csv", "model.adstock.kinds={1: late}", code=2)
        self.assertIn("'model.adstock.kinds.1' is 'late', but expected geometric or delayed", done.err)

    def test_the_order_of_rows_and_columns_means_nothing(self):
        rows, weeks = uneven_table()
        past = cli.write_table(self.folder / "past.csv", [row for row in rows if row["week"] < weeks[-HOLDOUT]])
        self.train("past", f"data.source={past}", "data.holdout_weeks=0")
        future = [row for row in rows if row["week"] >= weeks[-HOLDOUT]]
        cli.write_table(self.folder / "future.csv", future)
        backwards = [dict(reversed(list(row.items()))) for row in reversed(future)]
        cli.write_table(self.folder / "backwards.csv", backwards)
        for name in ("future", "backwards"):
            self.dcmmm("predict", "run=past", f"data.source={name}.csv", f"output={name}_out.csv")
        found = [(self.folder / f"{name}_out.csv").read_text() for name in ("backwards", "future")]
        self.assertEqual(found[0], found[1])

    def test_members_on_a_mesh_forecast_together(self):
        rows, weeks = uneven_table()
        past = cli.write_table(self.folder / "past.csv", [row for row in rows if row["week"] < weeks[-HOLDOUT]])
        cli.write_table(self.folder / "future.csv", [row for row in rows if row["week"] >= weeks[-HOLDOUT]])
        words = [f"data.source={past}", "data.holdout_weeks=0", "ensemble.members=2", "trainer.precision=float64"]
        self.train("alone", *words)
        self.train("mesh", *words, "mesh.members=2", ranks=2)
        found = []
        for name in ("alone", "mesh"):
            self.dcmmm("predict", f"run={name}", "data.source=future.csv", f"output={name}.csv")
            found.append(cli.column(cli.read_csv(self.folder / f"{name}.csv"), "predicted"))
        np.testing.assert_allclose(found[1], found[0], rtol=1e-8)


class Months(cli.Case):
    """A panel by the month goes on as its dates do: on the last day of the month, or on its own day."""

    MONTHS, AHEAD = 38, 3  # from January 2021 on: the panel ends in February 2024, on its 29th

    def forecast(self, name, day):
        """Trains on dates that `day` makes of the first of a month, and forecasts; the forecast's dates."""
        first = [datetime.date(2021 + month // 12, month % 12 + 1, 1) for month in range(self.MONTHS + self.AHEAD)]
        rows = cli.table(regions=3, weeks=len(first))
        at = {week: place for place, week in enumerate(sorted({row["week"] for row in rows}))}
        for row in rows:
            row["month"] = first[at[row["week"]]]
        past = [row | {"week": str(day(row["month"]))} for row in rows if row["month"] < first[self.MONTHS]]
        future = [row | {"week": str(day(row["month"]))} for row in rows if row["month"] >= first[self.MONTHS]]
        for part in (past, future):
            for row in part:
                del row["month"]
        cli.write_table(self.folder / f"{name}_past.csv", past)
        cli.write_table(self.folder / f"{name}_future.csv", future)
        self.train(name, f"data.source={self.folder / name}_past.csv", "data.holdout_weeks=0")
        self.dcmmm("predict", f"run={name}", f"data.source={name}_future.csv", f"output={name}.csv")
        return sorted({row["week"] for row in cli.read_csv(self.folder / f"{name}.csv")})

    def test_go_on_as_the_dates_do(self):
        def last(date):
            return (date + datetime.timedelta(days=31)).replace(day=1) - datetime.timedelta(days=1)

        def thirtieth(date):
            return min(date.replace(day=28) + datetime.timedelta(days=2), last(date))

        days = {
            "first": (lambda date: date, ["2024-03-01", "2024-04-01", "2024-05-01"]),
            "fifteenth": (lambda date: date.replace(day=15), ["2024-03-15", "2024-04-15", "2024-05-15"]),
            "last": (last, ["2024-03-31", "2024-04-30", "2024-05-31"]),
            "thirtieth": (thirtieth, ["2024-03-30", "2024-04-30", "2024-05-30"]),
        }
        for name, (day, expected) in days.items():
            with self.subTest(name):
                self.assertEqual(self.forecast(name, day), expected)
        # The first of the month was what every panel had to go on with.
        done = self.dcmmm("predict", "run=last", "data.source=first_future.csv", "output=x.csv", code=2)
        self.assertIn("the first week is 2024-03-01", done.err)
        self.assertIn("expected the forecast's first week to be 2024-03-31", done.err)


class Export(cli.Case):
    HEADERS = {
        "prediction.csv": "region,week,split,actual,predicted,lower,upper",
        "contributions.csv": "region,week,component,value",
        "channel_summary.csv": "channel,spend,contribution,contribution_lower,contribution_upper,share,roi,roi_lower,"
        "roi_upper,marginal_roi,direct,indirect,identified,total,indirect_lower,indirect_upper,total_lower,total_upper,"
        "marginal_roi_lower,marginal_roi_upper",
        "coefficients.csv": "region,week,channel,value",
        "adstock.csv": "channel,decay,lower,upper,half_life_weeks,peak_week,identified",
        "response_curves.csv": "channel,spend,response,lower,upper,marginal,identified,extrapolated,marginal_lower,"
        "marginal_upper,marginal_roi,marginal_roi_lower,marginal_roi_upper",
        "saturation.csv": "channel,exponent,half_saturation,saturation_spend,identified,spend,response,marginal,"
        "half_saturation_spend,height,headroom,fitted_height,fitted_half_saturation,fitted_exponent,fitted_error,"
        "headroom_lower,headroom_upper",
        "dag.csv": "source,target,lag,weight,lower,upper,confidence,directed,direction_from",
        "dag_groups.csv": "group,source,target,lag,weight,shared_weight,confidence",
        "regions.csv": "region,scale,baseline_level,r2,rmse,relative_error,observed_weeks,actual",
    }

    def setUp(self):
        super().setUp()
        rows, self.weeks = uneven_table()
        cli.write_table(self.folder / "table.csv", rows)
        self.rows = {(row["region"], row["week"]): row for row in rows}
        self.train("run", "data.source=table.csv", "model.trend.enabled=true", cwd=self.folder)
        self.out = self.export("run", "csv")

    def test_files_and_headers_are_those_of_the_contract(self):
        found = {path.name: path.read_text().partition("\n")[0] for path in self.out.iterdir()}
        self.assertEqual({name: found.get(name) for name in self.HEADERS}, self.HEADERS)

    def test_the_same_twice(self):
        self.assertEqual(cli.hashes(self.export("run", "again")), cli.hashes(self.out))

    def test_components_sum_to_the_prediction(self):
        prediction = cli.read_csv(self.out / "prediction.csv")
        self.assertEqual(len(prediction), 5 * 80)
        total, parts = {}, {}
        for row in cli.read_csv(self.out / "contributions.csv"):
            key = row["region"], row["week"]
            total[key] = total.get(key, 0) + float(row["value"])
            parts.setdefault(key, []).append(row["component"])
        names = ["baseline", "trend", "seasonality", "control:0", "control:1", "media:0", "media:1", "media:2"]
        means = {}
        for row in self.rows.values():
            means.setdefault(row["region"], []).append(float(row["sales"]))
        for row in prediction:
            key = row["region"], row["week"]
            self.assertEqual(parts[key], names)
            self.assertAlmostEqual(total[key], float(row["predicted"]), delta=1e-5 * np.mean(means[row["region"]]))

    def test_predictions_stand_beside_what_was_observed(self):
        for row in cli.read_csv(self.out / "prediction.csv"):
            seen = self.rows.get((row["region"], row["week"]))
            self.assertEqual(row["actual"] == "", seen is None)
            if seen:
                self.assertEqual(float(row["actual"]), float(seen["sales"]))
            self.assertEqual(row["split"], "train" if row["week"] < self.weeks[-HOLDOUT] else "holdout")

    def test_media_only_adds_and_summaries_add_up(self):
        parts = cli.read_csv(self.out / "contributions.csv")
        media = [row for row in parts if row["component"].startswith("media:")]
        self.assertGreaterEqual(min(cli.column(media, "value")), 0)
        self.assertGreater(max(cli.column(media, "value")), 0)
        self.assertGreaterEqual(min(cli.column(cli.read_csv(self.out / "coefficients.csv"), "value")), 0)
        # Sums are over the cells that the panel has a row of.
        has_row = lambda cell: (cell["region"], cell["week"]) in self.rows
        predicted = cli.column(filter(has_row, cli.read_csv(self.out / "prediction.csv")), "predicted").sum()
        for row in cli.read_csv(self.out / "channel_summary.csv"):
            of_channel = [part for part in media if part["component"] == "media:" + row["channel"] and has_row(part)]
            total = sum(float(part["value"]) for part in of_channel)
            spend = sum(float(seen["media_" + row["channel"]]) for seen in self.rows.values())
            np.testing.assert_allclose(float(row["contribution"]), total, rtol=1e-6)
            np.testing.assert_allclose(float(row["share"]), total / predicted, rtol=1e-6)
            np.testing.assert_allclose(float(row["spend"]), spend, rtol=1e-9)
            np.testing.assert_allclose(float(row["roi"]), total / spend, rtol=1e-6)
        for row in cli.read_csv(self.out / "adstock.csv"):
            decay = float(row["decay"])
            self.assertTrue(0 < decay < 1)
            self.assertAlmostEqual(decay ** float(row["half_life_weeks"]), 0.5, delta=1e-9)
            self.assertEqual(row["peak_week"], "0")

    def test_curves_rise_from_zero(self):
        for channel in ("0", "1", "2"):
            curve = [row for row in cli.read_csv(self.out / "response_curves.csv") if row["channel"] == channel]
            self.assertEqual(float(curve[0]["spend"]), 0)
            self.assertLess(abs(float(curve[0]["response"])), 1e-6 * float(curve[-1]["response"]))
            self.assertTrue((np.diff(cli.column(curve, "spend")) > 0).all())
            self.assertTrue((np.diff(cli.column(curve, "response")) >= 0).all())


class HoldoutHygiene(cli.Case):
    def test_the_holdouts_values_change_nothing_that_was_trained(self):
        self.nothing_changes(15)

    def test_nor_what_the_likelihood_found(self):
        self.nothing_changes(12, "model.estimator=likelihood")

    def nothing_changes(self, arrays, *words):
        rows, weeks = uneven_table()
        before = cli.write_table(self.folder / "before.csv", rows)
        changed = []
        for row in rows:
            row = dict(row)
            if row["week"] >= weeks[-HOLDOUT]:
                row["sales"] = str(7 * float(row["sales"]) + 1000)
                row |= {name: str(11 * float(row[name])) for name in row if name.startswith("media_")}
                row |= {name: str(5 - float(row[name])) for name in row if name.startswith("control_")}
            changed.append(row)
        after = cli.write_table(self.folder / "after.csv", changed)
        # Steps enough for Huber's weights and the choice of the best step to have had a say.
        self.train("before", f"data.source={before}", "trainer.steps=40", *words)
        self.train("after", f"data.source={after}", "trainer.steps=40", *words)
        trained = ("parameter.", "optimizer.", "anchor.", "scale.", "stopping.", "weight.", "member.")
        found, expected = (cli.arrays(cli.newest_checkpoint(self.folder / run), *trained) for run in ("after", "before"))
        self.assertEqual(set(found), set(expected))
        self.assertGreater(len(found), arrays)
        for name, values in expected.items():
            self.assertEqual(found[name].tobytes(), values.tobytes(), name)
        history = [cli.read_csv(self.folder / run / "history.csv") for run in ("after", "before")]
        for name in ("loss", "gradient_norm", "validation_rmse"):
            np.testing.assert_array_equal(cli.column(history[0], name), cli.column(history[1], name))
        # The change did arrive: the figures of the holdout are others.
        with h5py.File(self.folder / "before/panel.h5") as one, h5py.File(self.folder / "after/panel.h5") as two:
            self.assertGreater(abs(one["media"][()] - two["media"][()]).max(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
