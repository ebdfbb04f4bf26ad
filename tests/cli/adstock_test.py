"""Carry-over that peaks late: recovered by a fit, which is never the likelihood's."""

import json
import unittest

import cli
import numpy as np


class DelayedAdstock(cli.Case):
    def test_the_peak_is_recovered(self):
        regions, weeks, peak, decay = 12, 120, 3.0, 0.7
        generator = np.random.default_rng(3)
        weights = decay ** ((np.arange(13) - peak) ** 2)
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
        words = ["data.source=sales.csv", "trainer.threads=1", "model.gru.enabled=false", "model.loss.tempering=1",
                 "trainer.steps=300", "trainer.learning_rate=0.05", "model.estimator=descent"]  # fmt: skip
        errors = {}
        for kind in ("geometric", "delayed"):
            self.dcmmm("train", f"run.dir={kind}", f"model.adstock.kinds={{late: {kind}}}", *words)
            errors[kind] = json.loads((self.folder / kind / "metrics.json").read_text())["train"]["rmse"]
        found = {row["channel"]: row for row in cli.read_csv(self.export("delayed", "csv") / "adstock.csv")}
        self.assertAlmostEqual(float(found["late"]["peak_week"]), peak, delta=0.3)
        self.assertAlmostEqual(float(found["late"]["decay"]), decay, delta=0.12)
        self.assertLess(float(found["prompt"]["decay"]), 0.15)
        self.assertLess(errors["delayed"], 0.6 * errors["geometric"])

    def test_the_likelihood_knows_geometric_carry_over_only(self):
        panel = self.synth(regions=6, weeks=70, channels=3)
        geometric = self.train("geometric", f"data.panel={panel}", "model.estimator=likelihood")
        self.assertNotIn("delayed", geometric.err)
        delayed = "model.adstock.kinds={channel_02: delayed}"
        done = self.train("auto", f"data.panel={panel}", "model.estimator=auto", delayed)
        self.assertIn("Estimated by descent: the carry-over of channel_02 is delayed, and the likelihood knows geometric "
                      "carry-over only.", done.err)  # fmt: skip
        self.assertEqual(json.loads((self.folder / "auto/metrics.json").read_text())["steps"], 3)
        done = self.train("asked", f"data.panel={panel}", "model.estimator=likelihood", delayed, code=2)
        self.assertIn("model.estimator is 'likelihood', but the carry-over of channel_02 is 'delayed': the likelihood "
                      "knows geometric carry-over only. Set model.estimator=descent", done.err)  # fmt: skip
        self.assertFalse((self.folder / "asked/results.h5").exists())
        all_delayed = self.train("all", f"data.panel={panel}", "model.estimator=likelihood",
                                 "model.adstock.kind=delayed", code=2, ranks=2)  # fmt: skip
        self.assertEqual(all_delayed.err.count("the likelihood knows geometric carry-over only"), 1)


if __name__ == "__main__":
    unittest.main()
