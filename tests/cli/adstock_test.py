"""Carry-over that peaks late, recovered by both estimators."""

import json
import re
import unittest

import cli
import numpy as np


class DelayedAdstock(cli.Case):
    PEAK, DECAY = 3.0, 0.7

    def setUp(self):
        super().setUp()
        regions, weeks = 12, 120
        generator = np.random.default_rng(3)
        weights = self.DECAY ** ((np.arange(13) - self.PEAK) ** 2)
        weights /= weights.sum()
        rows = []
        for region in range(regions):
            late, prompt = generator.gamma(0.7, 100.0, weeks), generator.gamma(0.7, 100.0, weeks)
            carried = np.convolve(late, weights)[:weeks]
            for week in range(weeks):
                effect = 0.5 * carried[week] ** 2 / (carried[week] ** 2 + 70.0**2)
                effect += 0.3 * prompt[week] ** 2 / (prompt[week] ** 2 + 70.0**2)
                target = 300.0 * (region + 1) * (1 + effect + 0.03 * generator.normal())
                rows.append({"region": f"r{region:02}", "week": str(np.datetime64("2023-01-02") + 7 * week),
                             "sales": f"{target:.6f}", "media_late": f"{late[week]:.6f}",
                             "media_prompt": f"{prompt[week]:.6f}"})  # fmt: skip
        cli.write_table(self.folder / "sales.csv", rows)

    def recovered(self, *words):
        """RMSE in training with geometric and with delayed carry-over; checks what the latter says of it."""
        errors = []
        for kind in ("geometric", "delayed"):
            self.dcmmm("train", f"run.dir={kind}", f"model.adstock.kinds={{late: {kind}}}", "data.source=sales.csv",
                       "trainer.threads=1", *words)  # fmt: skip
            errors.append(json.loads((self.folder / kind / "metrics.json").read_text())["train"]["rmse"])
        found = {row["channel"]: row for row in cli.read_csv(self.export("delayed", "csv") / "adstock.csv")}
        self.assertAlmostEqual(float(found["late"]["peak_week"]), self.PEAK, delta=0.3)
        self.assertAlmostEqual(float(found["late"]["decay"]), self.DECAY, delta=0.12)
        self.assertLess(float(found["prompt"]["decay"]), 0.15)
        return errors

    def test_the_descent_recovers_the_peak(self):
        geometric, delayed = self.recovered("model.estimator=descent", "model.gru.enabled=false", "model.loss.tempering=1",
                                            "trainer.steps=300", "trainer.learning_rate=0.05")  # fmt: skip
        self.assertLess(delayed, 0.6 * geometric)

    def test_the_likelihood_recovers_the_peak(self):
        self.recovered("model.estimator=likelihood", "ensemble.members=2")
        # What geometric carry-over can't explain goes into the regions' levels, so the errors in training don't tell.
        level = [float(re.search("level ([0-9.]+) %", (self.folder / kind / "train.log").read_text())[1])
                 for kind in ("geometric", "delayed")]  # fmt: skip
        self.assertLess(level[1], 0.5 * level[0])


if __name__ == "__main__":
    unittest.main()
