"""The real panel with the defaults: the figures that the README shows."""

import json
import os
import resource
import unittest

import cli


def processor_seconds():
    """Of the child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class RealPanel(cli.Case):
    def fit(self, holdout_weeks):
        source = os.environ["DCMMM_REAL_PANEL"]
        start = processor_seconds()
        self.dcmmm("train", f"data.source={source}", "run.dir=run", f"data.holdout_weeks={holdout_weeks}")
        processor = processor_seconds() - start
        metrics = json.loads((self.folder / "run/metrics.json").read_text())
        holdout = metrics["holdout"]
        naive = {name: round(figures["rmse"]) for name, figures in metrics["naive"].items()}
        print(f"\nholdout of {holdout_weeks}: RMSE {holdout['rmse']:,.0f}, R2 {holdout['r2']:.5f}, {holdout['cells']} cells, "
              f"gap {metrics['gap']:.4f}, fit {metrics['seconds']['fit']:.1f} s, processors {processor:.1f} s; naive {naive}", flush=True)  # fmt: skip
        self.assertLess(holdout["rmse"], min(naive.values()))
        self.assertLessEqual(metrics["gap"], 0.01)
        # 6 s are asked for on 2 idle cores. Other jobs stretch the clock, hardly the time of the processors.
        self.assertLess(processor, 12)
        return metrics

    def test_8_weeks_held_out(self):
        metrics = self.fit(8)
        self.assertEqual(metrics["holdout"]["cells"], 1496)
        self.assertLessEqual(metrics["holdout"]["rmse"], 125_000)
        self.assertGreaterEqual(metrics["holdout"]["r2"], 0.9934)

    def test_13_weeks_held_out(self):
        self.assertLessEqual(self.fit(13)["holdout"]["rmse"], 124_000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
