"""Weeks in which nothing ran, weeks without a row, and regions without a past: in fits, forecasts and sums."""

import json
import unittest

import numpy as np

import cli

HOLDOUT = 8
WORDS = ("trainer.precision=float64", "trainer.steps=10")


class Gaps(cli.Case):
    def table(self, regions=4):
        rows = cli.table(regions=regions, weeks=70)
        weeks = sorted({row["week"] for row in rows})
        return rows, weeks

    def without_target(self, rows):
        return [{key: value for key, value in row.items() if key != "sales"} for row in rows]

    def test_a_dark_week_is_the_same_in_a_fit_and_in_a_forecast(self):
        rows, weeks = self.table()
        origin, dark = weeks[-HOLDOUT], weeks[-HOLDOUT + 2]
        for row in rows:
            if row["week"] >= origin:
                row["sales"] = ""
            if row["week"] >= dark or row["region"] == "r1" and weeks[30] <= row["week"] < weeks[40]:
                row |= {"media_0": "0", "media_1": "0"}
            if row["region"] == "r1" and weeks[30] <= row["week"] < weeks[40]:
                row["sales"] = ""
        whole = cli.write_table(self.folder / "whole.csv", rows)
        past = cli.write_table(self.folder / "past.csv", [row for row in rows if row["week"] < origin])
        cli.write_table(self.folder / "plan.csv", self.without_target([row for row in rows if row["week"] >= origin]))
        self.train("whole", f"data.source={whole}", f"data.holdout_weeks={HOLDOUT}", *WORDS)
        self.train("past", f"data.source={past}", "data.holdout_weeks=0", *WORDS)
        done = self.dcmmm("predict", "run=past", "data.source=plan.csv", "output=forecast.csv")
        self.assertNotIn("have no row", done.err)
        self.export("whole", "csv")
        expected = {(row["region"], row["week"]): float(row["predicted"]) for row in cli.read_csv(self.folder / "csv/prediction.csv")}
        for row in cli.read_csv(self.folder / "forecast.csv"):
            self.assertAlmostEqual(float(row["predicted"]) / expected[row["region"], row["week"]], 1, delta=1e-8)
        # Carry-over fades where nothing ran: no media are made up there.
        channel = [
            float(row["value"]) for row in cli.read_csv(self.folder / "csv/contributions.csv")
            if row["region"] == "r1" and row["component"] == "media:0" and weeks[29] <= row["week"] < weeks[40]
        ]  # fmt: skip
        self.assertEqual(len(channel), 11)
        self.assertTrue(all(np.diff(channel) < 0), channel)
        self.assertLess(channel[-1], 0.05 * channel[0])

    def test_a_plan_with_missing_rows_is_told(self):
        rows, weeks = self.table()
        origin = weeks[-HOLDOUT]
        past = cli.write_table(self.folder / "past.csv", [row for row in rows if row["week"] < origin])
        self.train("past", f"data.source={past}", "data.holdout_weeks=0", *WORDS)
        gone = weeks[-3]
        plan = self.without_target(
            [row for row in rows if row["week"] >= origin and (row["region"], row["week"]) != ("r2", gone)]
        )
        cli.write_table(self.folder / "plan.csv", plan)
        done = self.dcmmm("predict", "run=past", "data.source=plan.csv", "output=forecast.csv")
        days = [{**row, "week": str(np.datetime64(origin) + day)} for day, row in enumerate(plan[:HOLDOUT])]
        cli.write_table(self.folder / "days.csv", days)
        refused = self.dcmmm("predict", "run=past", "data.source=days.csv", "output=days_out.csv", code=2)
        self.assertIn(f"comes after {origin}, but the panel's steps are weeks", refused.err)
        self.assertIn(f"1 of {4 * HOLDOUT} regions x weeks have no row, the first is region 'r2', week {gone}", done.err)

    def test_a_region_without_a_past_has_no_forecast(self):
        rows, weeks = self.table(regions=5)
        origin = weeks[-HOLDOUT]
        for row in rows:  # zeros are a past
            if row["region"] == "r1" and row["week"] < origin:
                row["sales"] = "0"
        few = [row for row in rows if row["region"] != "r3" or row["week"] >= weeks[-HOLDOUT - 2] and row["region"] == "r3"]
        few = [row for row in few if row["region"] != "r2" or row["week"] >= origin]
        whole = cli.write_table(self.folder / "few.csv", few)
        for name, words in (("descent", WORDS), ("likelihood", ("model.estimator=likelihood",))):
            done = self.train(name, f"data.source={whole}", f"data.holdout_weeks={HOLDOUT}", *words)
            for region, seen in (("r2", 0), ("r3", 2)):
                self.assertIn(f"Region {region} has {seen} observed training weeks", done.err, name)
            self.export(name, f"{name}_csv")
            metrics = json.loads((self.folder / name / "metrics.json").read_text())
            totals = {row["week"]: row for row in cli.read_csv(self.folder / f"{name}_csv/totals.csv")}
            for week in metrics["totals"]:
                for field in ("actual", "predicted"):
                    self.assertAlmostEqual(float(totals[week["week"]][field]) / week[field], 1, delta=1e-9)
                self.assertEqual(totals[week["week"]]["observed_regions"], "3")
            predicted = {(row["region"], row["week"]): row for row in cli.read_csv(self.folder / f"{name}_csv/prediction.csv")}
            self.assertEqual(predicted["r2", origin]["predicted"], "")
            self.assertNotEqual(predicted["r3", origin]["predicted"], "")
            held_out = [row for row in cli.read_csv(self.folder / f"{name}_csv/holdout.csv") if row["region"] == "r2"]
            self.assertEqual(len(held_out), HOLDOUT)
            self.assertEqual({row["predicted"] + row["last"] for row in held_out}, {""})
            self.assertEqual(float(predicted["r1", origin]["predicted"]), 0)
            done = self.dcmmm("export", f"run={name}", f"output={name}_csv", "export.interval=0.5")
            future = [{**row, "week": str(np.datetime64(row["week"]) + 7 * HOLDOUT)} for row in few if row["week"] >= origin]
            cli.write_table(self.folder / "plan.csv", self.without_target(future))
            done = self.dcmmm("predict", f"run={name}", "data.source=plan.csv", "output=forecast.csv")
            self.assertIn("no target was known in the run's training weeks of 'r2': their rows have no forecast", done.err)
            forecast = [row for row in cli.read_csv(self.folder / "forecast.csv") if row["region"] == "r2"]
            self.assertEqual({row["predicted"] + row["lower"] + row["upper"] for row in forecast}, {""})
            zeros = [row["predicted"] for row in cli.read_csv(self.folder / "forecast.csv") if row["region"] == "r1"]
            self.assertEqual({float(value) for value in zeros}, {0})


if __name__ == "__main__":
    cli.main()
