"""The side-by-side benchmark's own arithmetic: scores by hand, limits, and what is kept of a campaign."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import types
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "bench/peers")]

import exchange
import panels
import versus_peers

import numpy as np


class Scores(unittest.TestCase):
    # Two regions, three weeks, the last held out; targets of the training weeks sum to 400.
    HIDDEN = {"regions": ["a", "b"], "weeks": ["1", "2", "3"], "target": [[100, 100, 110], [100, 100, 80]],
              "contribution": {"tv": 40.0, "web": 20.0}, "noise_floor": 5.0, "forecast_floor": 6.0}

    def answer(self, **changes):
        return {"predicted": [["a", "3", 107], ["b", "3", 84]], "contribution": {"tv": 48.0, "web": 8.0},
                "interval": {"tv": [38, 58], "web": [0, 16]}, "forecast_interval": [["a", "3", 100, 109], ["b", "3", 70, 90]],
                **changes}

    def test_by_hand(self):
        scores = versus_peers.score(self.answer(), self.HIDDEN, 1)
        self.assertAlmostEqual(scores["rmse"], 12.5 ** 0.5)
        self.assertAlmostEqual(scores["rmse_floor"], 12.5 ** 0.5 / 5)
        self.assertAlmostEqual(scores["share"], 2.5)  # (2 + 3) / 2 points
        self.assertAlmostEqual(scores["share_max"], 3.0)
        self.assertAlmostEqual(scores["total"], -1.0)  # 56 - 60 of 400
        self.assertAlmostEqual(scores["cover"], 0.5)
        self.assertAlmostEqual(scores["width"], (20 / 40 + 16 / 20) / 2)
        self.assertAlmostEqual(scores["forecast"], 0.5)

    def test_without_intervals_or_truth(self):
        scores = versus_peers.score(self.answer(interval={}, forecast_interval=[]), self.HIDDEN, 1)
        self.assertNotIn("cover", scores)
        self.assertNotIn("forecast", scores)
        hidden = {key: self.HIDDEN[key] for key in ("regions", "weeks", "target")}
        scores = versus_peers.score(self.answer(), hidden, 1)
        self.assertEqual(set(scores), {"rmse", "forecast", "media"})

    def test_refuses_a_forecast_with_cells_missing(self):
        with self.assertRaisesRegex(ValueError, "1 predicted cells, expected 2"):
            versus_peers.score(self.answer(predicted=[["a", "3", 107]]), self.HIDDEN, 1)

    def test_references(self):
        train = np.arange(1.0, 61.0)[None]
        naive = versus_peers.naive_forecasts(train, 2)
        self.assertEqual(naive["last 1"].tolist(), [[60, 60]])
        self.assertEqual(naive["last 4"].tolist(), [[58.5, 58.5]])
        self.assertEqual(naive["a year before"].tolist(), [[9, 10]])
        self.assertEqual(naive["training mean"].tolist(), [[30.5, 30.5]])
        hidden = {**self.HIDDEN, "target": [[100] * 60 + [103], [100] * 60 + [96]]}
        rows = versus_peers.references(hidden, 1)
        self.assertAlmostEqual(rows["best naive forecast"]["rmse"], 12.5 ** 0.5)


class Campaign(unittest.TestCase):
    def test_a_process_is_measured_and_stopped_at_its_limit(self):
        with tempfile.NamedTemporaryFile() as log:
            error, wall, processor, memory = versus_peers.measure(
                [sys.executable, "-c", "sum(range(10 ** 7))"], log.name, {}, 60, 0)
            self.assertIsNone(error)
            self.assertGreater(processor, 0.05)
            self.assertGreater(memory, 5)
            error, wall, *_ = versus_peers.measure([sys.executable, "-c", "import time; time.sleep(60)"], log.name, {}, 0.3, 0)
            self.assertEqual(error, "stopped after 0.3 seconds")
            self.assertLess(wall, 20)
            error, *_ = versus_peers.measure([sys.executable, "-c", "raise SystemExit('no such thing')"], log.name, {}, 60, 0)
            self.assertEqual(error, "ended with 1: no such thing")

    def test_what_was_measured_is_kept(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            kept = folder / "results/p/dcmmm.json"
            kept.parent.mkdir(parents=True)
            kept.write_text("{}", encoding="utf-8")
            arguments = types.SimpleNamespace(folder=folder, again=False, dcmmm=folder / "none", limit=60, nice=0)
            versus_peers.run("dcmmm", "p", arguments)
            self.assertEqual(kept.read_text(encoding="utf-8"), "{}")
            arguments.again = True
            with contextlib.redirect_stdout(io.StringIO()):
                versus_peers.run("dcmmm", "p", arguments)
            self.assertIn("ended with 1", json.loads(kept.read_text(encoding="utf-8"))["error"])


class Panels(unittest.TestCase):
    def test_regions_are_spread_over_sizes(self):
        target_RT = np.outer(np.arange(1.0, 43.0), np.ones(20))
        observed_RT = np.ones((42, 20))
        observed_RT[41, 3] = 0  # the largest lacks a week
        self.assertEqual(panels.chosen_regions(target_RT, observed_RT).tolist(), list(range(40, 0, -2)))

    def test_an_answer_takes_the_last_weeks(self):
        panel = types.SimpleNamespace(regions=["a"], weeks=["1", "2", "3"], holdout=2, media=["tv"])
        answer = exchange.Answer("v", "s")
        answer.predict(panel, [[1.0, 2.0, 3.0]])
        self.assertEqual(answer.predicted, [("a", "2", 2.0), ("a", "3", 3.0)])
        answer.credit(panel, np.arange(101.0)[:, None])
        self.assertEqual(answer.contribution, {"tv": 50.0})
        self.assertEqual(answer.interval, {"tv": (5.0, 95.0)})


if __name__ == "__main__":
    unittest.main()
