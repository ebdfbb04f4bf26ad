"""A panel by the day, with promotions, from a table to forecasts and exports."""

import datetime
import unittest

from cli import Case, read_csv


class Daily(Case):
    def setUp(self):
        super().setUp()
        self.synth("sales.csv", step="day", weeks=200, promotions=2, kind="clean")
        rows = (self.folder / "sales.csv").read_text(encoding="utf-8").splitlines()
        first_held_out = str(datetime.date(2023, 1, 2) + datetime.timedelta(days=186))
        day = rows[0].split(",").index("date")
        training = [rows[0], *(row for row in rows[1:] if row.split(",")[day] < first_held_out)]
        future = [rows[0], *(row for row in rows[1:] if row.split(",")[day] >= first_held_out)]
        (self.folder / "training.csv").write_text("\n".join(training) + "\n", encoding="utf-8")
        (self.folder / "future.csv").write_text("\n".join(future) + "\n", encoding="utf-8")
        (self.folder / "one_day.csv").write_text(
            "\n".join([rows[0], *(row for row in rows[1:] if row.split(",")[day] == first_held_out)]) + "\n",
            encoding="utf-8")

    def test_weekdays_and_promotions_from_table_to_forecast(self):
        done = self.train("run", "data.source=training.csv", "data.events=events.csv", "data.holdout_weeks=14")
        self.assertIn("5 regions x 186 days", done.out + done.err)
        self.export("run", "csv")
        components = {row["component"] for row in read_csv(self.folder / "csv/contributions.csv")}
        self.assertTrue({"event:promotion_01", "event:weekday_tuesday", "event:weekday_sunday"} <= components)

        self.dcmmm("predict", "run=run", "data.source=future.csv", "data.events=events.csv", "output=forecast.csv")
        forecast = {(row["region"], row["week"]): float(row["predicted"]) for row in read_csv(self.folder / "forecast.csv")}
        actual = {(row["region"], row["date"]): float(row["target"]) for row in read_csv(self.folder / "future.csv")}
        self.assertEqual(forecast.keys(), actual.keys())
        error = sum(abs(forecast[cell] - actual[cell]) for cell in actual) / sum(actual.values())
        self.assertLess(error, 0.15)

        # A table of one day can't show its step; the day is forecast as in the longer table.
        self.dcmmm("predict", "run=run", "data.source=one_day.csv", "data.events=events.csv", "output=one.csv")
        for row in read_csv(self.folder / "one.csv"):
            self.assertAlmostEqual(float(row["predicted"]) / forecast[row["region"], row["week"]], 1.0, places=6)  # float32

    def test_weekdays_alone_need_no_events_table(self):
        self.train("run", "data.source=training.csv", "data.holdout_weeks=7")
        done = self.dcmmm("predict", "run=run", "data.source=future.csv", "output=forecast.csv")
        self.assertNotIn("events", done.err)
        self.train("without", "data.source=training.csv", "data.holdout_weeks=7", "data.weekdays=false")
        self.dcmmm("predict", "run=without", "data.source=future.csv", "output=without.csv")

    def test_rolling_origins_count_days(self):
        done = self.dcmmm("crossval", "data.source=sales.csv", "data.events=events.csv", "run.dir=rolling",
                          "crossval.windows=2", "crossval.horizon=14", "crossval.step=14")
        self.assertIn("training on days 0 to 171", done.out + done.err)
        self.assertTrue((self.folder / "rolling/crossval.csv").exists())


if __name__ == "__main__":
    unittest.main()
