"""Events from their table to their effects: recovered by a fit, exported as components, and part of forecasts."""

import csv
import unittest

import cli
import numpy as np


class Events(cli.Case):
    def test_effects_are_recovered_and_forecast(self):
        regions, weeks, future = 12, 104, 4
        generator = np.random.default_rng(5)
        start = np.datetime64("2023-01-02")
        promotions, opening = [20, 47, 71, 90, 106], range(60, 70)  # the last promotion comes after the panel
        rows = []
        for region in range(regions):
            level = 200.0 * (region + 1)
            for week in range(weeks + future):
                media = generator.gamma(2.0, 50.0)
                effect = 0.2 * media / (media + 80.0) + 0.1 * np.sin(2 * np.pi * week / 52)
                effect += 0.30 * (week in promotions) - 0.15 * (week - 1 in promotions)
                effect += 0.20 * (region == 3 and week in opening)
                target = level * (1 + effect + 0.03 * generator.normal())
                rows.append({"region": f"r{region:02}", "week": str(start + 7 * week), "sales": f"{target:.6f}",
                             "media_a": f"{media:.6f}"})
        past = [row for row in rows if row["week"] < str(start + 7 * weeks)]
        later = [{key: value for key, value in row.items() if key != "sales"}
                 for row in rows if row["week"] >= str(start + 7 * weeks)]
        cli.write_table(self.folder / "sales.csv", past)
        cli.write_table(self.folder / "future.csv", later)
        with open(self.folder / "events.csv", "w", encoding="utf-8") as file:
            file.write("date,name,region,window\n")
            for week in promotions:
                # A day inside the week, whatever its first one.
                file.write(f"{start + 7 * week + 3},promotion,,\n{start + 7 * week + 3},after,,1:1\n")
            file.write(f"{start + 7 * 60},opening,r03,0:9\n")
        self.dcmmm("train", "run.dir=run", "data.source=sales.csv", "data.events=events.csv", "trainer.threads=1",
                   "model.hidden=4", "trainer.steps=20")
        csv_folder = self.export("run", "csv")

        with open(csv_folder / "contributions.csv", newline="", encoding="utf-8") as file:
            contributions = list(csv.DictReader(file))
        with open(csv_folder / "prediction.csv", newline="", encoding="utf-8") as file:
            predictions = {(row["region"], row["week"]): float(row["predicted"]) for row in csv.DictReader(file)}
        total, effects = {}, {"promotion": {}, "after": {}, "opening": {}}
        for row in contributions:
            key = row["region"], row["week"]
            total[key] = total.get(key, 0.0) + float(row["value"])
            if row["component"].startswith("event:"):
                effects[row["component"][6:]][key] = float(row["value"])
        for key, value in predictions.items():
            self.assertAlmostEqual(total[key], value, delta=1e-6 * value)
        for name, truth in {"promotion": 0.30, "after": -0.15, "opening": 0.20}.items():
            shares = {key: value / (200.0 * (int(key[0][1:]) + 1)) for key, value in effects[name].items() if value}
            self.assertEqual(len(shares), 10 if name == "opening" else 4 * regions)
            self.assertAlmostEqual(np.mean(list(shares.values())), truth, delta=0.035)
        self.assertEqual({region for region, _ in (k for k, v in effects["opening"].items() if v)}, {"r03"})

        self.dcmmm("predict", "run.dir=run", "data.source=future.csv", "output=with.csv")
        (self.folder / "none.csv").write_text(f"date,name\n{start},promotion\n", encoding="utf-8")
        self.dcmmm("predict", "run.dir=run", "data.source=future.csv", "data.events=none.csv", "output=without.csv")
        forecast = {}
        for name in ("with", "without"):
            with open(self.folder / f"{name}.csv", newline="", encoding="utf-8") as file:
                forecast[name] = {(row["region"], row["week"]): float(row["predicted"]) for row in csv.DictReader(file)}
        for (region, week), value in forecast["with"].items():
            share = (value - forecast["without"][region, week]) / (200.0 * (int(region[1:]) + 1))
            expected = {str(start + 7 * 106): 0.30, str(start + 7 * 107): -0.15}.get(week, 0.0)
            self.assertAlmostEqual(share, expected, delta=0.06 if expected else 1e-9)

    def test_a_panel_file_takes_no_more_events(self):
        panel = self.synth()
        (self.folder / "events.csv").write_text("date,name\n2023-02-01,x\n", encoding="utf-8")
        done = self.dcmmm("train", f"data.panel={panel}", "data.events=events.csv", code=2)
        self.assertIn("events become part of a panel when it is imported", done.err)


if __name__ == "__main__":
    unittest.main()
