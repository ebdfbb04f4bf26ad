"""The scores of bench/truth.py on figures whose scores are known."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import truth  # noqa: E402

WEEKS = ["w1", "w2", "w3", "w4"]  # w4 is the holdout
TARGET = {"A": [100.0, 100.0, 200.0, 50.0], "B": [100.0, 200.0, 300.0, None]}


class Scores(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dcmmm_truth_")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.truth = {
            "by_week": {"target": [200.0, 300.0, 500.0, 50.0], "cells": [2, 2, 2, 1], "squared_noise": [0, 0, 0, 16.0]},
            "forecast_floor": {"8": 1.0},
            "channels": [self.channel("a", [20.0, 40.0, 40.0, 7.0], 0.5), self.channel("b", [50.0, 50.0, 100.0, 7.0], 0.2),
                         self.channel("c", [0.0, 0.0, 0.0, 0.0], 0.9)],
        }

    @staticmethod
    def channel(name, contribution, decay):
        return {"name": name, "decay": decay, "contribution_by_week": contribution, "media_by_week": [1.0, 2.0, 1.0, 9.0],
                "response_curve": {"spend": 10.0, "range": 2.0, "response": [float(i) for i in range(41)]}}

    def write(self, name, header, rows):
        lines = [header] + [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
        (self.folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def scores(self, contributions, decay, curve_factor, intervals=None):
        """Contributions by channel and week, all in region A and, of the missing cell, 1000 in region B."""
        self.write("prediction.csv", "region,week,split,actual",
                   [(r, w, "holdout" if w == "w4" else "train", TARGET[r][t]) for r in "AB" for t, w in enumerate(WEEKS)])
        rows = [("A", w, f"media:{c}", values[t]) for c, values in contributions.items() for t, w in enumerate(WEEKS)]
        rows += [("B", "w4", "media:a", 1000.0), ("A", "w1", "baseline", 7.0)]
        self.write("contributions.csv", "region,week,component,value", rows)
        self.write("adstock.csv", "channel,decay", list(decay.items()))
        self.write("response_curves.csv", "channel,spend,response",
                   [(c, 10.0 * x, curve_factor * 10.0 * x) for c in "abc" for x in (0, 1, 4)])
        self.write("channel_summary.csv", "channel,contribution,contribution_lower,contribution_upper,share",
                   [(c, 500.0, *(intervals or {}).get(c, (None, None)), 0.5) for c in "abc"])
        metrics = {"holdout": {"rmse": 8.0}, "skill": 1.5, "coverage_90": None, "seconds": {"total": 2.0}}
        (self.folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
        return truth.score(self.truth, self.folder, self.folder)

    def test_the_truth_itself_has_no_error(self):
        channels = self.truth["channels"]
        got = self.scores({c["name"]: c["contribution_by_week"] for c in channels},
                          {c["name"]: c["decay"] for c in channels}, 1.0)
        for name in ("total", "share", "decay", "curve", "weekly"):
            self.assertAlmostEqual(got[name], 0.0, places=9, msg=name)
        self.assertEqual((got["roi_rank"], got["share_rank"]), (1.0, 1.0))
        self.assertEqual(got["floor"], 2.0)  # rmse 8 over sqrt(16 / 1)
        self.assertNotEqual(got["ideal"], got["ideal"])  # NaN: no floor of a forecast over one week
        self.assertNotEqual(got["cover"], got["cover"])

    def test_errors_are_what_they_were_made(self):
        got = self.scores({"a": [40.0, 80.0, 80.0, 0.0], "b": [30.0, 30.0, 80.0, 0.0], "c": [10.0, 0.0, 0.0, 0.0]},
                          {"a": 0.4, "b": 0.5, "c": 0.0}, 0.8, {"a": (50.0, 150.0), "b": (100.0, 190.0), "c": (0.0, 20.0)})
        self.assertAlmostEqual(got["total"], 5.0)  # 350 instead of 300 of 1000
        self.assertAlmostEqual(got["share"], (10.0 + 6.0 + 1.0) / 3)
        self.assertAlmostEqual(got["decay"], 0.2)  # a and b: c has no effect to carry over
        self.assertAlmostEqual(got["curve"], 0.2)
        self.assertEqual(got["share_rank"], -1.0)
        self.assertAlmostEqual(got["weekly"], ((2000 + 1600) / 3 + 0) ** 0.5 / (100 / 3) / 2 + 20.0 / (200 / 3) / 2)
        self.assertAlmostEqual(got["cover"], 2 / 3)  # a and c: 0.05 to 0.15 holds 0.1, b: 0.1 to 0.19 misses 0.2
        self.assertAlmostEqual(got["width"], (10.0 + 9.0 + 2.0) / 3)

    def test_ranks_share_ties(self):
        self.assertEqual(truth.ranks([3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0])


if __name__ == "__main__":
    unittest.main()
