"""Knowledge from outside: lift tests and priors, from their table and words to what the run says of them."""

import json
import shutil
import unittest

import cli
import numpy as np

HEADER = "experiment,channel,regions,first_week,last_week,lift,standard_error\n"


class Knowledge(cli.Case):
    def setUp(self):
        super().setUp()
        self.panel = self.synth(regions=7, weeks=70, channels=2, controls=2, spend="true")
        self.words = ["train", f"data.panel={self.panel}", "trainer.threads=1", "model.hidden=4"]
        truth = json.loads((self.folder / "truth.json").read_text())
        self.channels = [row["name"] for row in truth["channels"]]
        self.controls = [row["name"] for row in truth["controls"]]
        self.dcmmm(*self.words, "run.dir=plain", "model.estimator=likelihood")
        self.weeks = sorted({row["week"] for row in cli.read_csv(self.export("plain", "plain_csv") / "prediction.csv")})
        self.regions = sorted({row["region"] for row in cli.read_csv(self.folder / "plain_csv/prediction.csv")})

    def table(self, lift, error, regions="*"):
        (self.folder / "tests.csv").write_text(
            f"{HEADER}spring,{self.channels[1]},{regions},{self.weeks[12]},{self.weeks[25]},{lift},{error}\n")

    def with_tests(self, name, *words, ranks=0):
        self.dcmmm(*self.words, f"run.dir={name}", "data.experiments=tests.csv", *(words or ["model.estimator=likelihood"]),
                   ranks=ranks)
        return json.loads((self.folder / name / "metrics.json").read_text())["experiments"][0]

    def share(self, name):
        rows = cli.read_csv(self.export(name, f"{name}_csv") / "channel_summary.csv")
        return [float(row["contribution"]) for row in rows]

    def test_a_lift_test_moves_its_channel_on_any_number_of_ranks(self):
        self.table(1.0, 1e12)
        blunt = self.with_tests("blunt")
        self.assertFalse(blunt["doubtful"])
        self.table(blunt["panel"] + 2 * blunt["panel_sd"], 0.2 * blunt["panel_sd"], ";".join(self.regions))
        one = self.with_tests("on_1", ranks=1)
        self.assertAlmostEqual(one["panel"], blunt["panel"], delta=1e-6 * blunt["panel"])
        self.assertGreater(one["fitted"], one["panel"] + 0.5 * one["panel_sd"])
        self.assertLess(one["fitted"], one["measured"])
        plain, moved = self.share("plain"), self.share("on_1")
        self.assertGreater(moved[1], plain[1])
        for ranks in (2, 3):
            other = self.with_tests(f"on_{ranks}", ranks=ranks)
            for figure in ("spread", "panel", "panel_sd", "fitted"):
                self.assertAlmostEqual(other[figure], one[figure], delta=0.01 * one["panel"], msg=f"{figure}, {ranks}")
            np.testing.assert_allclose(self.share(f"on_{ranks}"), moved, rtol=0, atol=1e-3 * sum(moved))
        # The run keeps its table.
        (self.folder / "tests.csv").unlink()
        self.assertTrue((self.folder / "on_1" / "experiments.csv").exists())
        (self.folder / "on_1" / "metrics.json").unlink()
        self.dcmmm(*self.words, "run.dir=on_1", "run.resume=true", "model.estimator=likelihood",
                   "data.experiments=tests.csv", ranks=1)
        again = json.loads((self.folder / "on_1" / "metrics.json").read_text())["experiments"][0]
        self.assertEqual(again["fitted"], one["fitted"])

    def test_the_descent_moves_towards_a_lift_test_on_any_number_of_ranks(self):
        words = ["model.estimator=descent", "trainer.precision=float64", "trainer.steps=20"]
        self.table(1.0, 1e12)
        blunt = self.with_tests("blunt", *words)
        self.assertFalse(blunt["doubtful"])
        self.table(blunt["fitted"] + 2 * blunt["panel_sd"], 0.2 * blunt["panel_sd"])
        one = self.with_tests("on_1", *words, ranks=1)
        # Between the panel and the measurement, near the sharper of the two.
        self.assertGreater(one["fitted"], blunt["fitted"] + blunt["panel_sd"])
        self.assertLess(one["fitted"], one["measured"])
        for ranks in (2, 3):
            other = self.with_tests(f"on_{ranks}", *words, ranks=ranks)
            for figure in ("spread", "panel", "panel_sd", "fitted"):
                self.assertAlmostEqual(other[figure], one[figure], delta=1e-7 * abs(one["panel"]), msg=f"{figure}, {ranks}")
        metrics = json.loads((self.folder / "on_1" / "metrics.json").read_text())
        self.assertEqual([row["by_experiment"] for row in metrics["identification"]], [False, True])

    def test_the_descent_keeps_tight_priors(self):
        name = self.channels[0]
        self.dcmmm(*self.words, "run.dir=tight", "model.estimator=descent", "trainer.steps=20", "model.priors={" + name +
                   ": {roi: 0.4, roi_sd: 0.0004, decay: 0.7, decay_sd: 0.0001, exponent: 2.7, exponent_sd: 0.0001}, " +
                   self.controls[0] + ": {sign: negative}}")
        folder = self.export("tight", "tight_csv")
        curve = next(row for row in cli.read_csv(folder / "adstock.csv") if row["channel"] == name)
        self.assertAlmostEqual(float(curve["decay"]), 0.7, delta=0.002)
        trained = {(row["region"], row["week"]) for row in cli.read_csv(folder / "prediction.csv")
                   if row["split"] == "train" and row["actual"]}
        effect = 0.0
        for row in cli.read_csv(folder / "contributions.csv"):
            if row["component"] == f"media:{name}" and (row["region"], row["week"]) in trained:
                effect += float(row["value"])
            if row["component"] == f"control:{self.controls[0]}":  # its true effect is positive
                self.assertAlmostEqual(float(row["value"]), 0.0, delta=1e-9)
        spend = sum(json.loads((self.folder / "truth.json").read_text())["channels"][0]["media_by_week"][:-8])
        self.assertAlmostEqual(effect / spend, 0.4, delta=0.02)
        done = self.dcmmm(*self.words, "run.dir=bad", "model.estimator=descent",
                          "model.priors={" + name + ": {exponent: 1.5, exponent_sd: 0.1}}", code=2)
        self.assertIn("whose exponents are above model.hill.min_exponent (2)", done.err)

    def test_a_wrong_one_is_flagged(self):
        self.table(1.0, 1e12)
        blunt = self.with_tests("blunt")
        self.table(blunt["panel"] + 8 * blunt["panel_sd"], blunt["panel_sd"])
        done = self.dcmmm(*self.words, "run.dir=wrong", "model.estimator=likelihood", "data.experiments=tests.csv")
        self.assertIn("Experiment 'spring'", done.err)
        self.assertIn("standard deviations apart", done.err)
        metrics = json.loads((self.folder / "wrong" / "metrics.json").read_text())
        self.assertTrue(metrics["experiments"][0]["doubtful"])
        self.assertEqual([row["by_experiment"] for row in metrics["identification"]], [False, True])
        # The descent knows less of the lift: what is far off for it is further.
        words = ["model.estimator=descent", "trainer.steps=3"]
        self.assertFalse(self.with_tests("near", *words)["doubtful"])
        self.table(blunt["panel"] + 30 * blunt["panel_sd"], blunt["panel_sd"])
        self.assertTrue(self.with_tests("far", *words)["doubtful"])

    def test_tight_priors_are_kept(self):
        name = self.channels[0]
        # Regions' own slopes would take what such a prior forbids.
        self.dcmmm(*self.words, "run.dir=tight", "model.estimator=likelihood", "model.likelihood.region_slopes=false",
                   "model.likelihood.drift=none", "model.priors={" + name +
                   ": {roi: 0.4, roi_sd: 0.0001, decay: 0.7, decay_sd: 0.0001, exponent: 1.7, exponent_sd: 0.0001, "
                   "half_saturation: 1.3, half_saturation_sd: 0.0001}, " + self.controls[0] + ": {sign: negative}, " +
                   self.controls[1] + ": {sign: negative}}")
        folder = self.export("tight", "tight_csv")
        curve = next(row for row in cli.read_csv(folder / "adstock.csv") if row["channel"] == name)
        self.assertAlmostEqual(float(curve["decay"]), 0.7, delta=0.002)
        effect = 0.0
        trained = {(row["region"], row["week"]) for row in cli.read_csv(folder / "prediction.csv")
                   if row["split"] == "train" and row["actual"]}
        for row in cli.read_csv(folder / "contributions.csv"):
            if row["component"] == f"media:{name}" and (row["region"], row["week"]) in trained:
                effect += float(row["value"])
            if row["component"] == f"control:{self.controls[0]}":  # its true effect is positive
                self.assertAlmostEqual(float(row["value"]), 0.0, delta=1e-9)
        spend = sum(json.loads((self.folder / "truth.json").read_text())["channels"][0]["media_by_week"][:-8])
        self.assertAlmostEqual(effect / spend, 0.4, delta=0.005)

    def test_mistakes(self):
        week, channel = self.weeks[3], self.channels[0]
        rows = {
            f"a,telly,*,{week},{week},1,1": ["line 2, column 'channel'", "'telly' is no channel of the panel"],
            f"a,{channel},Nowhere,{week},{week},1,1": ["column 'regions'", "'Nowhere' is no region of the panel"],
            f"a,{channel},*,{week},{self.weeks[-1]},1,1": ["column 'last_week'", "is not a training week"],
            f"a,{channel},*,{week},{week},1,-1": ["column 'standard_error'", "'-1' is not above 0"],
        }
        priors = {
            "{telly: {decay: 0.5, decay_sd: 0.1}}": "names 'telly', which is no channel or control",
            "{X: {decay: 0.5}}": "has decay without decay_sd",
            "{X: {decay: 1.5, decay_sd: 0.1}}": "'model.priors.X.decay' is 1.5, but expected a number above 0 and below 1",
            "{X: {roi: 2, roi_sd: 0}}": "'model.priors.X.roi_sd' is 0, but expected a number above 0",
            "{X: {exponent: 1, exponent_sd: 1}}": "a number above model.likelihood.min_exponent",
            "{X: {half: 1}}": "Unknown key 'model.priors.X.half'",
            "{X: {sign: negative}}": "is a channel, whose effect is never negative",
            "{K: {sign: up}}": "but expected positive or negative",
            "{K: {roi: 1, roi_sd: 1}}": "is a control, of which only the sign can be known",
            "2": "'model.priors' is 2, but expected a mapping",
        }
        for row, says in rows.items():
            with self.subTest(row):
                (self.folder / "bad.csv").write_text(HEADER + row + "\n")
                done = self.dcmmm(*self.words, "run.dir=bad", "data.experiments=bad.csv", code=2)
                for phrase in says:
                    self.assertIn(phrase, done.err)
                shutil.rmtree(self.folder / "bad", ignore_errors=True)
        for words, says in priors.items():
            with self.subTest(words):
                words = words.replace("X", channel).replace("K", self.controls[0])
                done = self.dcmmm(*self.words, "run.dir=bad", f"model.priors={words}", code=2)
                self.assertIn(says.replace("X", channel), done.err)
                shutil.rmtree(self.folder / "bad", ignore_errors=True)
        free = self.synth("free.h5", regions=7, weeks=70)
        done = self.dcmmm("train", f"data.panel={free}", "run.dir=bad", "model.priors={" + channel + ": {roi: 1, roi_sd: 1}}",
                          code=2)
        self.assertIn("has an roi, but the panel has no spend", done.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
