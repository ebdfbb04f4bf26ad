"""The exported tables that add others up, against pandas."""

import contextlib
import io
import json
import os
import re
from pathlib import Path

import cli
import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet


class Export(cli.Case):
    def setUp(self):
        super().setUp()
        rows = cli.table(regions=5, weeks=70, channels=3, controls=2)
        del rows[10:14], rows[75]
        rows[40]["sales"] = ""
        cli.write_table(self.folder / "sales.csv", rows)
        self.train("run", "data.source=sales.csv", "ensemble.members=3")
        self.csv = self.export("run", "csv")

    def read(self, name):
        return pd.read_csv(self.csv / f"{name}.csv", dtype=dict.fromkeys(["region", "week", "period", "channel", "column", "other"], str))

    def of_rows(self, cells):
        """Those cells of which the panel has a row: sums are over them."""
        rows = pd.read_csv(self.folder / "sales.csv", dtype=str)[["region", "week"]]
        found = cells.merge(rows, on=["region", "week"])
        self.assertLess(len(found), len(cells))
        return found

    def test_the_notebook_runs(self):
        page = (Path(__file__).parents[2] / "docs" / "notebook.md").read_text(encoding="utf-8")
        blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        self.assertEqual(len(blocks), 2)
        (self.folder / "runs").mkdir()
        (self.folder / "runs" / "first").symlink_to(self.folder / "run")
        printed = io.StringIO()
        before = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)
        with contextlib.redirect_stdout(printed):
            for block in blocks:
                exec(compile(block, "notebook.md", "exec"), {})
        off = float(re.search(r"up to ([0-9.e-]+)", printed.getvalue())[1])
        self.assertLess(off, 1e-12)
        self.assertIn("target units", printed.getvalue())

    def test_totals_are_sums_over_regions(self):
        prediction, totals = self.read("prediction"), self.read("totals")
        observed = prediction[prediction.actual.notna()].groupby("week")
        np.testing.assert_allclose(totals.actual, observed.actual.sum(), rtol=1e-12)
        np.testing.assert_allclose(totals.predicted, observed.predicted.sum(), rtol=1e-12)
        np.testing.assert_allclose(totals.predicted_all, prediction.groupby("week").predicted.sum(), rtol=1e-12)
        np.testing.assert_array_equal(totals.observed_regions, observed.size())
        self.assertEqual(list(totals.split), ["train"] * 62 + ["holdout"] * 8)

    def test_periods_are_sums_over_weeks(self):
        contributions = self.of_rows(self.read("contributions"))
        total, by_period = self.read("contributions_total"), self.read("contributions_by_period")
        date = pd.to_datetime(contributions.week)
        labels = {"week": contributions.week, "month": date.dt.strftime("%Y-%m"),
                  "quarter": date.dt.year.astype(str) + "-Q" + date.dt.quarter.astype(str), "year": date.dt.strftime("%Y")}
        self.assertEqual(set(total.kind), set(labels))
        self.assertEqual(set(by_period.kind), set(labels) - {"week"})
        for kind, label in labels.items():
            expected = contributions.groupby([label.rename("period"), "component"]).value.sum()
            found = total[total.kind == kind].set_index(["period", "component"]).value
            pd.testing.assert_series_equal(found.sort_index(), expected.sort_index(), rtol=1e-9)
            if kind == "week":
                continue
            expected = contributions.groupby(["region", label.rename("period"), "component"]).value.sum()
            found = by_period[by_period.kind == kind].set_index(["region", "period", "component"]).value
            pd.testing.assert_series_equal(found.sort_index(), expected.sort_index(), rtol=1e-9)

    def test_periods_and_returns(self):
        total, returns, summary = self.read("contributions_total"), self.read("roi_by_period"), self.read("channel_summary").set_index("channel")
        media = total[total.component.str.startswith("media:")]
        # An interval holds its value; those of the parts, which move together, are about as wide as that of the sum.
        self.assertTrue(((media.lower <= media.value) & (media.value <= media.upper)).all())
        self.assertTrue(total[~total.component.str.startswith("media:")].lower.isna().all())
        for (kind, component), own in media.groupby(["kind", "component"]):
            row = summary.loc[component[6:]]
            np.testing.assert_allclose(own.value.sum(), row.contribution, rtol=1e-9)
            self.assertGreaterEqual((own.upper - own.lower).sum(), 0.98 * (row.contribution_upper - row.contribution_lower))
        merged = returns.merge(media.assign(channel=media.component.str[6:]), on=["kind", "period", "channel"], suffixes=("", "_total"))
        self.assertEqual(len(merged), len(returns))
        for column, other in (("contribution", "value"), ("lower", "lower_total"), ("upper", "upper_total")):
            np.testing.assert_allclose(merged[column], merged[other], rtol=1e-12)
        np.testing.assert_allclose(returns.roi, returns.contribution / returns.spend, rtol=1e-12)
        sales = pd.read_csv(self.folder / "sales.csv", parse_dates=["week"])
        for channel in summary.index:
            spent = sales.groupby(sales.week.dt.year.astype(str))[f"media_{channel}"].sum()
            own = returns[(returns.kind == "year") & (returns.channel == channel)].set_index("period")
            np.testing.assert_allclose(own.spend, spent, rtol=1e-9)
            # The slope of a Hill curve in logs is below its exponent times its value.
            exponent = self.read("saturation").set_index("channel").exponent[channel]
            self.assertTrue(((own.marginal_roi > 0) & (own.marginal_roi < exponent * own.roi)).all())

    def test_parquet_holds_the_same_values(self):
        self.dcmmm("export", f"run={self.folder / 'run'}", f"output={self.folder / 'parquet'}", "export.format=parquet")
        names = sorted(path.stem for path in self.csv.iterdir())
        self.assertEqual(sorted(path.name for path in (self.folder / "parquet").iterdir()), [f"{name}.parquet" for name in names])
        for name in names:
            table = pyarrow.parquet.read_table(self.folder / "parquet" / f"{name}.parquet")
            expected = cli.read_csv(self.csv / f"{name}.csv")
            self.assertEqual(table.num_rows, len(expected), name)
            for column, field in zip(table.column_names, table.schema):
                values, texts = table.column(column).to_pylist(), [row[column] for row in expected]
                if pyarrow.types.is_string(field.type):
                    self.assertEqual(values, texts, (name, column))
                else:
                    self.assertTrue(pyarrow.types.is_float64(field.type), (name, column))
                    self.assertEqual(values, [float(text) if text else None for text in texts], (name, column))

    def test_two_exports_and_two_fits_are_the_same_bytes(self):
        words = ["data.source=sales.csv", "ensemble.members=2", "trainer.deterministic=true"]
        for name in ("one", "two"):
            self.train(name, *words)
            for form in ("csv", "parquet"):
                self.dcmmm("export", f"run={self.folder / name}", f"output={self.folder / f'{name}_{form}'}", f"export.format={form}")
        self.dcmmm("export", f"run={self.folder / 'one'}", f"output={self.folder / 'again'}", "export.format=parquet")
        self.assertEqual((self.folder / "one/results.h5").read_bytes(), (self.folder / "two/results.h5").read_bytes())
        for one, other in (("one_csv", "two_csv"), ("one_parquet", "two_parquet"), ("one_parquet", "again")):
            self.assertEqual(cli.hashes(self.folder / one), cli.hashes(self.folder / other))
        self.export("run", "csv_again")
        self.assertEqual(cli.hashes(self.csv), cli.hashes(self.folder / "csv_again"))

    def test_prices_and_a_revenue_make_returns_money(self):
        words = ["data.cost={0: 2, 1: 3, 2: 4}", "data.revenue=50"]
        self.dcmmm("export", f"run={self.folder / 'run'}", f"output={self.folder / 'money'}", *words)
        units, money = self.read("channel_summary").set_index("channel"), pd.read_csv(self.folder / "money/channel_summary.csv", dtype={"channel": str}).set_index("channel")
        prices = pd.Series({"0": 2, "1": 3, "2": 4})
        np.testing.assert_allclose(money.spend, units.spend * prices, rtol=1e-12)
        for column in ("roi", "roi_lower", "roi_upper", "marginal_roi"):
            np.testing.assert_allclose(money[column], units[column] * 50 / prices, rtol=1e-9)
        np.testing.assert_allclose(money.contribution, units.contribution, rtol=1e-12)
        # The plan counts by the same prices and revenue.
        self.dcmmm("plan", f"run={self.folder / 'run'}", f"output={self.folder / 'plan'}", "plan.horizon_weeks=4", "plan.starts=1", *words)
        facts = json.loads((self.folder / "plan/plan.json").read_text())
        self.assertEqual((facts["currency"], facts["revenue"]), (True, 50))
        for words, message in ((["data.cost={0: 2}"], "no price of channel '1'"), (["data.cost={9: 2}"], "data.cost names '9'"), (["data.cost={0: -2}"], "above 0")):
            done = self.dcmmm("export", f"run={self.folder / 'run'}", f"output={self.folder / 'no'}", *words, code=2)
            self.assertIn(message, done.err)

    def test_regions_and_their_channels(self):
        contributions, regional, saturation = self.of_rows(self.read("contributions")), self.read("region_channels"), self.read("saturation")
        media = contributions[contributions.component.str.startswith("media:")]
        expected = media.groupby(["region", media.component.str[6:].rename("channel")]).value.sum()
        found = regional.set_index(["region", "channel"])
        pd.testing.assert_series_equal(found.contribution.sort_index(), expected.sort_index(), rtol=1e-9, check_names=False)
        # A region's curve through its parameters, and the mean over regions.
        hill = regional.height / (1 + (regional.half_saturation_spend / regional.weekly_spend) ** regional.exponent)
        np.testing.assert_allclose(hill, regional.response, rtol=2e-3)
        means = regional.groupby("channel").mean(numeric_only=True)
        saturation = saturation.set_index("channel")
        for column, mean in (("spend", "weekly_spend"), ("response", "response"), ("height", "height")):
            np.testing.assert_allclose(saturation[column], means[mean], rtol=1e-9)
        np.testing.assert_allclose(saturation.headroom, 1 - saturation.response / saturation.height, rtol=1e-9)
        # The exported points lie on it, inside their intervals; the region's tables agree with each other.
        points = self.read("region_curves").merge(regional, on=["region", "channel"], suffixes=("", "_average"))
        self.assertEqual(len(points), 16 * len(regional))
        on_it = points.height / (1 + (points.half_saturation_spend / points.spend.clip(lower=1e-12)) ** points.exponent)
        np.testing.assert_allclose(on_it, points.response, rtol=2e-3, atol=1e-3 * points.height.max())
        self.assertTrue(((points.lower <= points.response) & (points.response <= points.upper)).all())
        self.assertTrue(((points.marginal_lower <= points.marginal) & (points.marginal <= points.marginal_upper)).all())
        np.testing.assert_array_equal(points.extrapolated == "yes", points.spend > points.largest_spend)
        np.testing.assert_allclose(regional.headroom, 1 - regional.response / regional.height, rtol=1e-9)
        observed = self.read("prediction").groupby("region").actual.agg(["count", "sum"])
        regions = self.read("regions").set_index("region")
        np.testing.assert_array_equal(regions.observed_weeks, observed["count"])
        np.testing.assert_allclose(regions.actual, observed["sum"], rtol=1e-12)

    def test_points_of_the_curves(self):
        curves, saturation = self.read("response_curves"), self.read("saturation").set_index("channel")
        for channel, curve in curves.groupby("channel"):
            row = saturation.loc[channel]
            at = lambda spend: np.interp(spend, curve.spend, curve.response)
            np.testing.assert_allclose(at(row.spend), row.response, rtol=5e-3)
            if row.half_saturation_spend < curve.spend.max():
                np.testing.assert_allclose(at(row.half_saturation_spend), row.height / 2, rtol=5e-3)
            fitted = row.fitted_height / (1 + (row.fitted_half_saturation / curve.spend.clip(lower=1e-12)) ** row.fitted_exponent)
            np.testing.assert_allclose(np.abs(fitted - curve.response).max() / curve.response.max(), row.fitted_error, rtol=1e-6)
            np.testing.assert_allclose(np.gradient(curve.response, curve.spend)[5:-5], curve.marginal[5:-5], rtol=0.05)
            beyond = curve.extrapolated == "yes"
            self.assertTrue(beyond.iloc[-1] and not beyond.iloc[0])
            self.assertAlmostEqual(curve.spend[beyond].min() / curve.spend.max(), 2 / 3, delta=0.03)

    def test_coefficients_and_residuals(self):
        coefficients, means = self.read("coefficients"), self.read("coefficients_mean")
        expected = coefficients.groupby(["week", "channel"]).value.mean()
        pd.testing.assert_series_equal(means.set_index(["week", "channel"]).value.sort_index(), expected.sort_index(), rtol=1e-9)
        prediction = self.read("prediction")
        prediction["residual"] = prediction.actual - prediction.predicted
        train = prediction[(prediction.split == "train") & prediction.actual.notna()]
        scale = np.sqrt((train.residual**2).groupby(train.region).mean())
        distribution, again = self.read("residual_distribution"), self.read("residual_autocorrelation")
        edges = [-np.inf, *distribution["to"].dropna()] + [np.inf]
        for split, cells in prediction[prediction.actual.notna()].groupby("split"):
            shares = np.histogram(cells.residual / cells.region.map(scale), edges)[0] / len(cells)
            np.testing.assert_allclose(distribution[split], shares, atol=1e-12)
        self.assertAlmostEqual(distribution.normal.sum(), 1)
        grid = prediction[prediction.split == "train"].pivot(index="region", columns="week", values="residual").div(scale, axis=0).to_numpy()
        variance = np.nanmean(grid**2)
        for lag in range(1, 14):
            product = grid[:, lag:] * grid[:, :-lag]
            self.assertEqual(again.pairs[lag - 1], np.isfinite(product).sum())
            self.assertAlmostEqual(again.autocorrelation[lag - 1], np.nanmean(product) / variance, places=9)

    def test_holdout_data_quality_and_correlations(self):
        sales = pd.read_csv(self.folder / "sales.csv")
        sales = sales[sales.sales.notna()].rename(columns={"week": "date"})
        holdout, prediction = self.read("holdout"), self.read("prediction")
        cells = prediction[(prediction.split == "holdout") & prediction.actual.notna()].reset_index(drop=True)
        pd.testing.assert_frame_equal(holdout[["region", "week", "actual", "predicted"]], cells[["region", "week", "actual", "predicted"]])
        train = sales[sales.date < cells.week.min()]
        np.testing.assert_allclose(holdout["last"], holdout.region.map(train.groupby("region").sales.last()), rtol=1e-9)
        np.testing.assert_allclose(holdout["train_mean"], holdout.region.map(train.groupby("region").sales.mean()), rtol=1e-9)
        quality = self.read("data_quality").set_index("column")
        # Of media and controls the row without a target counts, too.
        rows = pd.read_csv(self.folder / "sales.csv").rename(columns={"week": "date"})
        self.assertEqual(len(rows), len(sales) + 1)
        for column, name in (("sales", "sales"), ("0", "media_0"), ("1", "control_1")):
            row = quality[quality.kind == ("target" if name == "sales" else name.split("_")[0])].loc[column]
            there = sales if name == "sales" else rows
            self.assertEqual((row.cells, row.missing), (len(there), 5 * 70 - len(there)))
            np.testing.assert_allclose([row.minimum, row["mean"], row.maximum], [there[name].min(), there[name].mean(), there[name].max()], rtol=1e-9)
            seen, later = there[there.date < cells.week.min()].groupby("region")[name].agg(["min", "max"]), there[there.date >= cells.week.min()]
            outside = (later[name] < later.region.map(seen["min"])) | (later[name] > later.region.map(seen["max"]))
            self.assertEqual(row.outside, outside.sum())
        media = sales[[f"media_{c}" for c in range(3)]]
        relative = media / media.groupby(sales.region).transform("mean") - 1
        products = relative.T @ relative
        expected = products / np.sqrt(np.outer(np.diag(products), np.diag(products)))
        np.testing.assert_allclose(self.read("correlations").correlation, expected.to_numpy().ravel(), atol=1e-9)


if __name__ == "__main__":
    cli.main()
