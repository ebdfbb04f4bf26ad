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
            ("plan.locked=[channel_01]", "plan.channels={channel_01: {min: 1e12, max: 1}}"): ["plan.channels.channel_01.min=1000000000000", "locked at today's by plan.locked"],
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


class Spend(cli.Case):
    """Panels with spend: what today costs, and media that cost nothing."""

    PRICES = (0.5, 3.0)  # of channels 0 and 1; nobody pays for channel 2

    def fit(self, rows):
        for row in rows:
            for c in range(3):
                row.setdefault(f"spend_{c}", repr(float(row[f"media_{c}"]) * self.PRICES[c]) if c < 2 else "0")
        self.rows = cli.write_table(self.folder / "sales.csv", rows) and rows
        self.dcmmm("train", "data.source=sales.csv", "data.target=sales", "run.dir=run", "trainer.threads=1", "data.holdout_weeks=0",
                   "model.estimator=likelihood", "model.likelihood.curve_draws=0")

    def plan(self, *words, output="plan", **options):
        done = self.dcmmm("plan", "run=run", f"output={output}", "trainer.threads=1", "plan.horizon_weeks=5", *words, **options)
        if "code" in options:
            return done
        return done, {row["channel"]: row for row in cli.read_csv(self.folder / output / "channels.csv")}

    def paid(self, channel, column="spend"):
        last = sorted({row["week"] for row in self.rows})[-5:]
        return sum(float(row[f"{column}_{channel}"]) for row in self.rows if row["week"] in last)

    def test_todays_spend_is_the_panels(self):
        rows = cli.table(channels=3)
        del rows[-3], rows[-2], rows[118]  # weeks without a row: their media are guesses, which nobody paid for
        self.fit(rows)
        done, channels = self.plan()
        for c in range(3):
            np.testing.assert_allclose(float(channels[str(c)]["spend_now"]), self.paid(c), rtol=1e-9)
        today = cli.read_csv(self.folder / "plan/scenarios.csv")[0]
        np.testing.assert_allclose(float(today["spend"]), self.paid(0) + self.paid(1), rtol=1e-9)
        # Owned media: kept, at no cost, and said.
        owned = channels["2"]
        self.assertEqual((owned["spend_now"], owned["spend_plan"], owned["status"]), ("0", "0", "no price"))
        self.assertEqual(json.loads((self.folder / "plan/plan.json").read_text())["kept"], [{"channel": "2", "reason": "no price"}])
        self.assertIn("the panel never paid for their media: 2. plan.cost={2: PRICE}", done.err)
        self.assertNotIn("without spend", done.err)
        (self.folder / "mine.csv").write_text("scenario,channel,region,spend\nmore,2,r0,7\n")
        for words, message in ((["plan.channels={2: {min: 7}}"], "plan.channels.2.min=7.00"), (["plan.scenarios=mine.csv"], "never cost anything in the panel")):
            self.assertIn(message, self.plan(*words, output="no", code=2).err)
        # With a price they take part.
        done, channels = self.plan("plan.cost={2: 0.25}", "plan.level=channel", output="priced")
        self.assertGreaterEqual(float(channels["2"]["spend_now"]), 0.25 * self.paid(2, "media") * (1 - 1e-9))
        self.assertNotEqual(channels["2"]["spend_plan"], channels["2"]["spend_now"])
        self.assertNotIn("never paid", done.err)

    def test_free_media_stay_and_money_comes_on_top(self):
        rows = cli.table(channels=3)
        last = sorted({row["week"] for row in rows})[-5:]
        for row in rows:
            if row["week"] in last:
                row["spend_1"] = "0"
        self.fit(rows)
        done, channels = self.plan("plan.tail_weeks=0")
        self.assertIn("Media without spend from", done.err)
        self.assertIn(": 1 (4 of 4 regions).", done.err)
        self.assertNotIn("Spend without media", done.err)
        self.assertEqual((channels["1"]["spend_now"], channels["1"]["spend_plan"], channels["1"]["outcome_now"]), ("0", "0", "0"))
        np.testing.assert_allclose(float(channels["0"]["spend_now"]), self.paid(0), rtol=1e-9)
        # What money for them brings is what a forecast with more media brings, at the panel's earlier price.
        (self.folder / "mine.csv").write_text("scenario,channel,region,spend\n" + "".join(f"more,1,r{r},300\n" for r in range(4)))
        _, channels = self.plan("plan.tail_weeks=0", "plan.scenarios=mine.csv", "plan.channels={1: {max: 900}}", output="more")
        self.assertEqual(float(channels["1"]["upper"]), 900)
        self.assertEqual(channels["1"]["spend_now"], "0")
        total = []
        for more in (0, 300 / 3.0 / 5):
            table = [{"region": row["region"], "week": str(np.datetime64(row["week"]) + 35), "control_0": "",
                      **{f"media_{c}": repr(float(row[f"media_{c}"]) + (more if c == 1 else 0)) for c in range(3)}}
                     for row in rows if row["week"] in last]
            cli.write_table(self.folder / "future.csv", table)
            self.dcmmm("predict", "run=run", "data.source=future.csv", "output=forecast.csv")
            total.append(cli.column(cli.read_csv(self.folder / "forecast.csv"), "predicted").sum())
        gain = next(float(row["gain"]) for row in cli.read_csv(self.folder / "more/scenarios.csv") if row["scenario"] == "more")
        self.assertGreater(gain, 0)
        np.testing.assert_allclose(gain, total[1] - total[0], rtol=1e-5)

    def test_names_that_files_guard_come_back(self):
        rows = cli.table(regions=3, channels=3)
        for row in rows:
            row["region"] = {"r0": "=cmd", "r1": "-x, y", "r2": "plain"}[row["region"]]
        self.fit(rows)
        self.plan("plan.level=channel_region")
        found = (self.folder / "plan/plan.csv").read_text()
        self.assertIn(",'=cmd,", found)
        written = cli.read_csv(self.folder / "plan/plan.csv")
        cli.write_table(self.folder / "mine.csv", [{"scenario": "b", "spend": row["spend_plan"], **{name: row[name] for name in ("channel", "region", "week")}} for row in written])
        self.plan("plan.scenarios=mine.csv", output="again")
        scenarios = {row["scenario"]: row for row in cli.read_csv(self.folder / "again/scenarios.csv")}
        planned = cli.read_csv(self.folder / "plan/scenarios.csv")[1]
        np.testing.assert_allclose(float(scenarios["b"]["outcome"]), float(planned["outcome"]), rtol=1e-9)


class Panels(cli.Case):
    """plan, export and report read the run's panel, wherever it lies."""

    def test_a_panel_that_was_moved_or_is_another(self):
        self.synth(weeks=30)
        self.dcmmm("train", "data.panel=panel.h5", "run.dir=run", *cli.QUICK)
        self.synth("other.h5", weeks=30, seed=2)
        (self.folder / "panel.h5").rename(self.folder / "moved.h5")
        commands = {"plan": ["plan.horizon_weeks=4", "plan.starts=1", "output=plan"], "export": ["output=csv"], "report": ["output=report.html"]}
        for command, words in commands.items():
            output = self.folder / words[-1].split("=")[1]
            for given, messages in (([], ["'panel.h5', isn't there", "data.panel=FILE.h5"]),
                                    (["data.panel=nowhere.h5"], ["nowhere.h5"]),
                                    (["data.panel=other.h5"], ["data.panel is 'other.h5', which isn't the panel that the run in 'run' was fitted to"]),
                                    (["data.source=sales.csv", "data.panel=moved.h5"], ["data.source is 'sales.csv'", "Leave data.source out"])):
                with self.subTest(command=command, given=given):
                    done = self.dcmmm(command, "run=run", *words, *given, code=2)
                    for message in messages:
                        self.assertIn(message, done.err)
                    self.assertFalse(output.exists())
            self.dcmmm(command, "run=run", *words, "data.panel=moved.h5")
            self.assertTrue(output.exists())


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
        done = self.dcmmm("plan", "run=run", "output=clash", "plan.channels={channel_01: {upper: 0.5}}", code=2)
        self.assertIn("not identified, see plan.include_unidentified", done.err)
        self.assertIn("plan.channels.channel_01.upper=0.5", done.err)
        done = self.dcmmm("plan", "run=run", "output=moved", "plan.include_unidentified=true")
        self.assertIn("moves money by effects that aren't identified: channel_01", done.err)
        rows = cli.read_csv(self.folder / "moved/channels.csv")
        self.assertNotEqual(rows[0]["spend_plan"], rows[0]["spend_now"])


if __name__ == "__main__":
    cli.main()
