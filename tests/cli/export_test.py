"""The exported tables that add others up, against pandas."""

import contextlib
import io
import os
import re
from pathlib import Path

import cli
import numpy as np
import pandas as pd


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
        contributions = self.read("contributions")
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

    def test_intervals_of_periods_add_up_to_that_of_the_total(self):
        total, summary = self.read("contributions_total"), self.read("channel_summary").set_index("channel")
        for kind in set(total.kind):
            for channel, row in summary.iterrows():
                own = total[(total.kind == kind) & (total.component == f"media:{channel}")]
                np.testing.assert_allclose(own.value.sum(), row.contribution, rtol=1e-9)
                np.testing.assert_allclose(own.lower.sum(), row.contribution_lower, rtol=1e-9, atol=1e-9)
                np.testing.assert_allclose(own.upper.sum(), row.contribution_upper, rtol=1e-9)

    def test_regions_and_their_channels(self):
        contributions, regional, saturation = self.read("contributions"), self.read("region_channels"), self.read("saturation")
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
        self.assertEqual(quality.loc["sales", "missing"], 5 * 70 - len(sales))
        for column, name in (("sales", "sales"), ("0", "media_0"), ("1", "control_1")):
            row = quality[quality.kind == ("target" if name == "sales" else name.split("_")[0])].loc[column]
            np.testing.assert_allclose([row.minimum, row["mean"], row.maximum], [sales[name].min(), sales[name].mean(), sales[name].max()], rtol=1e-9)
            seen, later = train.groupby("region")[name].agg(["min", "max"]), sales[sales.date >= cells.week.min()]
            outside = (later[name] < later.region.map(seen["min"])) | (later[name] > later.region.map(seen["max"]))
            self.assertEqual(row.outside, outside.sum())
        media = sales[[f"media_{c}" for c in range(3)]]
        relative = media / media.groupby(sales.region).transform("mean") - 1
        products = relative.T @ relative
        expected = products / np.sqrt(np.outer(np.diag(products), np.diag(products)))
        np.testing.assert_allclose(self.read("correlations").correlation, expected.to_numpy().ravel(), atol=1e-9)


if __name__ == "__main__":
    cli.main()
