"""plan: what it writes, that it agrees with predict, and what it refuses."""

import json
import unittest

import cli
import numpy as np

FILES = {
    "plan.csv": "channel,region,week,spend_now,spend_plan,lower,upper,extrapolates",
    "channels.csv": "channel,spend_now,spend_plan,lower,upper,outcome_now,outcome_now_lower,outcome_now_upper,"
    "outcome_plan,outcome_plan_lower,outcome_plan_upper,roi_now,roi_plan,marginal_now,marginal_plan,identified,status",
    "scenarios.csv": "scenario,spend,outcome,outcome_lower,outcome_upper,gain,gain_lower,gain_upper,roi,roi_lower,"
    "roi_upper",
    "scenario_channels.csv": "scenario,channel,spend,outcome,outcome_lower,outcome_upper",
}  # fmt: skip
CHANNELS = ["channel_01", "channel_02", "channel_03"]


class Plan(cli.Case):
    def setUp(self):
        super().setUp()
        self.synth("sales.csv", regions=6, weeks=70, channels=3, controls=1, kind="clean")
        self.fit("run", "model.likelihood.curve_draws=0")  # no draws: a plan by the plain fit

    def fit(self, name, *words):
        self.dcmmm("train", "data.source=sales.csv", f"run.dir={name}", "trainer.threads=1", "data.holdout_weeks=0",
                   "model.estimator=likelihood", *words)

    def plan(self, *words, output="plan", run="run", **options):
        done = self.dcmmm("plan", f"run={run}", f"output={output}", "trainer.threads=1", *words, **options)
        return done if "code" in options else self.folder / output

    def test_writes_its_files_and_the_same_bytes_twice(self):
        self.fit("ensemble", "ensemble.members=4")
        (self.folder / "mine.csv").write_text("scenario,channel,spend\nno tv,channel_01,0\n")
        words = ["plan.scenarios=mine.csv", "plan.level=channel_week", "plan.horizon_weeks=4", "plan.smoothness=0.5"]
        out = self.plan(*words, run="ensemble")
        again = self.plan(*words, run="ensemble", output="again")
        self.assertEqual(cli.hashes(out), cli.hashes(again))
        found = {path.name: path.read_text().partition("\n")[0] for path in out.glob("*.csv")}
        self.assertEqual(found, FILES)
        scenarios = cli.read_csv(out / "scenarios.csv")
        self.assertEqual([row["scenario"] for row in scenarios], ["today", "plan", "cut", "no tv"])
        channels = cli.read_csv(out / "channels.csv")
        self.assertEqual([row["channel"] for row in channels], CHANNELS)
        now, planned = cli.column(channels, "spend_now"), cli.column(channels, "spend_plan")
        np.testing.assert_allclose(planned.sum(), now.sum(), rtol=1e-9)
        np.testing.assert_allclose(cli.column(scenarios, "spend"),
                                   [now.sum(), planned.sum(), 0.8 * now.sum(), now[1:].sum()], rtol=1e-9)
        self.assertGreaterEqual(float(scenarios[1]["gain"]), 0)
        self.assertLess(float(scenarios[2]["gain"]), 0)
        for row in scenarios:
            self.assertTrue(float(row["outcome_lower"]) <= float(row["outcome"]) <= float(row["outcome_upper"]))
        for name, scenario in (("now", "today"), ("plan", "plan")):
            of_channels = cli.read_csv(out / "scenario_channels.csv")
            np.testing.assert_allclose(
                [float(row["outcome"]) for row in of_channels if row["scenario"] == scenario],
                cli.column(channels, f"outcome_{name}"), rtol=1e-12)
        rows = cli.read_csv(out / "plan.csv")
        self.assertEqual(len(rows), 3 * 4)
        self.assertTrue(all(row["region"] == "" and row["week"] for row in rows))
        for c, channel in enumerate(CHANNELS):
            weeks = [row for row in rows if row["channel"] == channel]
            spend = cli.column(weeks, "spend_plan")
            np.testing.assert_allclose(spend.sum(), planned[c], rtol=1e-9)
            self.assertLessEqual(np.abs(np.diff(spend)).max(), 0.5 * now[c] / 4 * (1 + 1e-6))
            self.assertTrue((spend >= cli.column(weeks, "lower") - 1e-6).all())
            self.assertTrue((spend <= cli.column(weeks, "upper") + 1e-6).all())
        told = json.loads((out / "plan.json").read_text())
        self.assertEqual((told["goal"], told["level"], told["variables"]), ("budget", "channel_week", 12))
        self.assertGreaterEqual(min(row["slack"] for row in told["constraints"]), -1e-6 * now.sum())

    def test_gains_what_a_forecast_of_both_schedules_gains(self):
        # Without a tail, and by the plain fit, outcomes are differences between forecasts.
        out = self.plan("plan.level=all", "plan.horizon_weeks=5", "plan.tail_weeks=0")
        rows = cli.read_csv(out / "plan.csv")
        total = {}
        for kind in ("spend_now", "spend_plan", None):
            cells = {}
            for row in rows:
                cells.setdefault((row["region"], row["week"]), {})[f"media_{row['channel']}"] = row[kind] if kind else "0"
            table = [{"region": r, "week": w, **media, "control_factor_01": ""} for (r, w), media in cells.items()]
            cli.write_table(self.folder / "future.csv", table)
            self.dcmmm("predict", "run=run", "data.source=future.csv", "output=forecast.csv")
            total[kind] = cli.column(cli.read_csv(self.folder / "forecast.csv"), "predicted").sum()
        scenarios = cli.read_csv(out / "scenarios.csv")
        self.assertEqual(scenarios[0]["outcome_lower"], "")
        np.testing.assert_allclose(float(scenarios[0]["outcome"]), total["spend_now"] - total[None], rtol=1e-6)
        np.testing.assert_allclose(float(scenarios[1]["outcome"]), total["spend_plan"] - total[None], rtol=1e-6)
        self.assertGreater(float(scenarios[1]["gain"]), 0.01 * float(scenarios[0]["outcome"]))

    def test_prices_targets_and_locked_channels(self):
        cost = "plan.cost={channel_01: 2, channel_02: 0.5, channel_03: 1}"
        self.plan("plan.tail_weeks=4", output="units")
        out = self.plan("plan.tail_weeks=4", cost, "plan.locked=[channel_02]")
        units, priced = (cli.read_csv(self.folder / name / "channels.csv") for name in ("units", "plan"))
        np.testing.assert_allclose(cli.column(priced, "spend_now"), cli.column(units, "spend_now") * [2, 0.5, 1])
        np.testing.assert_allclose(cli.column(priced, "outcome_now"), cli.column(units, "outcome_now"), rtol=1e-9)
        self.assertEqual(priced[1]["spend_plan"], priced[1]["spend_now"])
        self.assertEqual(priced[1]["status"], "locked")
        self.assertEqual(json.loads((out / "plan.json").read_text())["kept"], [{"channel": "channel_02", "reason": "locked"}])
        now = cli.read_csv(out / "scenarios.csv")[0]
        target = 0.9 * float(now["outcome"]) / float(now["spend"]) * 25
        out = self.plan("plan.tail_weeks=4", cost, "plan.revenue=25", f"plan.target_roi={target}", output="roi")
        plan = cli.read_csv(out / "scenarios.csv")[1]
        self.assertGreaterEqual(float(plan["roi"]), target * (1 - 1e-6))
        out = self.plan("plan.tail_weeks=4", cost, f"plan.target_outcome={now['outcome']}", output="outcome")
        plan = cli.read_csv(out / "scenarios.csv")[1]
        self.assertGreaterEqual(float(plan["outcome"]), float(now["outcome"]) * (1 - 1e-6))
        self.assertLessEqual(float(plan["spend"]), float(now["spend"]) * (1 + 1e-6))

    def test_another_plan_as_a_scenario(self):
        words = ["plan.horizon_weeks=4", "plan.level=all"]
        plan_b = self.plan(*words, "plan.upper=1.3", output="b")
        rows = [{"scenario": "b", "channel": row["channel"], "region": row["region"], "week": row["week"],
                 "spend": row["spend_plan"]} for row in cli.read_csv(plan_b / "plan.csv")]
        cli.write_table(self.folder / "b.csv", rows)
        found = cli.read_csv(self.plan(*words, "plan.scenarios=b.csv") / "scenarios.csv")
        of_b = cli.read_csv(plan_b / "scenarios.csv")[1]
        for figure in ("spend", "outcome", "gain"):
            np.testing.assert_allclose(float(found[3][figure]), float(of_b[figure]), rtol=1e-9)
        self.assertGreaterEqual(float(found[1]["outcome"]), float(of_b["outcome"]))

    def test_refuses(self):
        (self.folder / "bad.csv").write_text("scenario,channel,spend\nmine,tv,3\n")
        (self.folder / "negative.csv").write_text("scenario,channel,spend\nmine,channel_01,-3\n")
        (self.folder / "taken.csv").write_text("scenario,channel,spend\ntoday,channel_01,3\n")
        (self.folder / "columns.csv").write_text("scenario,spend\ntoday,3\n")
        (self.folder / "twice.csv").write_text("scenario,channel,region,spend\na,channel_01,,3\na,channel_01,region_000002,3\n")
        (self.folder / "region.csv").write_text("scenario,channel,region,spend\na,channel_01,moon,3\n")
        for words, messages in {
            ("plan.budget=1",): ["plan.budget=1.00 is below what the limits ask for", "plan.lower=0.5", "channel_03"],
            ("plan.budget=1e12",): ["is above what the limits allow", "plan.upper=2"],
            ("plan.channels={channel_01: {min: 1e12}}", "plan.level=all"): ["These limits clash", "channel_01.min="],
            ("plan.channels={tv: {min: 1}}",): ["plan.channels names 'tv'", "channel_01, channel_02, channel_03"],
            ("plan.locked=[chanel_01]",): ["plan.locked names 'chanel_01'", "Did you mean 'channel_01'?"],
            ("plan.groups={a: {channels: [x]}}",): ["plan.groups.a names 'x'"],
            ("plan.groups={a: {channels: [channel_01]}, b: {channels: [channel_01]}}",): ["in one group only"],
            ("plan.lower=3",): ["'plan.lower' is 3, but expected at most plan.upper (2)"],
            ("plan.cell_lower=4",): ["'plan.cell_lower' is 4, but expected at most plan.cell_upper (3)"],
            ("plan.budget=5", "plan.target_roi=2"): ["only one can be given"],
            ("plan.target_roi=1e9",): ["plan.target_roi=1e+09 is out of reach", "plan.lower"],
            ("plan.target_outcome=1e15",): ["is out of reach", "plan.upper"],
            ("plan.smoothness=0.2",): ["plan.smoothness limits changes from week to week"],
            ("plan.objective=lower",): ["needs an ensemble"],
            ("plan.horizon_weeks=80",): ["plan.horizon_weeks=80 is longer than the panel of 70 weeks"],
            ("plan.cost={channel_01: 2}",): ["plan.cost has no price of channel 'channel_02'"],
            ("plan.cost={tv: 2}",): ["plan.cost names 'tv'"],
            ("plan.cost={channel_01: 0, channel_02: 1, channel_03: 1}",): ["'plan.cost.channel_01' is 0"],
            ("plan.scenarios=bad.csv",): ["bad.csv, line 2, column 'channel': 'tv' is no channel of the run"],
            ("plan.scenarios=negative.csv",): ["line 2, column 'spend': '-3' is not an amount"],
            ("plan.scenarios=taken.csv",): ["'today' is the name of a scenario that is always there"],
            ("plan.scenarios=columns.csv",): ["no column 'channel'"],
            ("plan.scenarios=none.csv",): ["none.csv"],
            ("plan.scenarios=twice.csv",): ["line 3, column 'channel': 'channel_01' is there twice"],
            ("plan.scenarios=region.csv",): ["column 'region': 'moon' is no region of the run"],
        }.items():
            with self.subTest(words=words):
                done = self.plan(*words, code=2)
                for message in messages:
                    self.assertIn(message, done.err)
                self.assertFalse((self.folder / "plan").exists())
        self.assertIn("needs run=DIR", self.dcmmm("plan", code=2).err)


class Unidentified(cli.Case):
    def test_what_is_not_identified_stays_unless_asked_for(self):
        panel = self.synth(regions=20, weeks=90, channels=3, controls=1, kind="clean", demand_following=0.05)
        self.dcmmm("train", f"data.panel={panel}", "run.dir=run", "trainer.threads=1", "trainer.steps=3",
                   "model.hidden=4", "model.estimator=auto", "data.holdout_weeks=0")
        done = self.dcmmm("plan", "run=run", "output=kept")
        self.assertIn("Kept as today, since their effects aren't identified: channel_01", done.err)
        rows = cli.read_csv(self.folder / "kept/channels.csv")
        self.assertEqual((rows[0]["identified"], rows[0]["status"]), ("0", "not identified"))
        self.assertEqual(rows[0]["spend_plan"], rows[0]["spend_now"])
        done = self.dcmmm("plan", "run=run", "output=moved", "plan.include_unidentified=true")
        self.assertIn("moves money by effects that aren't identified: channel_01", done.err)
        rows = cli.read_csv(self.folder / "moved/channels.csv")
        self.assertNotEqual(rows[0]["spend_plan"], rows[0]["spend_now"])


if __name__ == "__main__":
    cli.main()
