"""Rolling origins: each is what `train` would have forecast then, whatever comes later and however the ranks lie."""

import json
import re
import shutil
import time
import unittest

import numpy as np

import cli

FIELDS = ("actual", "predicted", "lower", "upper")


class Crossval(cli.Case):
    def setUp(self):
        super().setUp()
        rows = cli.table(regions=5, weeks=80, channels=2, controls=1)
        self.weeks = sorted({row["week"] for row in rows})
        at = {week: index for index, week in enumerate(self.weeks)}
        gone = {"r0": range(0, 15), "r1": range(58, 62), "r2": range(0, 55)}
        self.rows = [row for row in rows if at[row["week"]] not in gone.get(row["region"], ())]
        self.settings = [*cli.QUICK, "trainer.precision=float64", "crossval.origins=[56,64]", "crossval.horizon=5"]

    def crossval(self, name, *words, rows=None, ranks=0):
        table = cli.write_table(self.folder / f"{name}.csv", self.rows if rows is None else rows)
        self.dcmmm(
            "crossval", f"data.source={table}", f"run.dir={self.folder / name}", *self.settings, *words, ranks=ranks
        )
        return cli.read_csv(self.folder / name / "crossval.csv")

    def assert_same(self, found, expected, fields=FIELDS):
        self.assertEqual([(r["origin"], r["horizon"], r["region"], r["week"]) for r in found],
                         [(r["origin"], r["horizon"], r["region"], r["week"]) for r in expected])  # fmt: skip
        for field in fields:
            np.testing.assert_allclose(cli.column(found, field), cli.column(expected, field), rtol=1e-7, err_msg=field)

    def test_an_origin_is_what_train_would_have_forecast(self):
        found = [row for row in self.crossval("cv") if row["origin"] == "64"]
        past = [row for row in self.rows if row["week"] < self.weeks[69]]
        table = cli.write_table(self.folder / "past.csv", past)
        self.train("run", f"data.source={table}", "data.holdout_weeks=5", *self.settings)
        self.export("run", "csv")
        expected = [row for row in cli.read_csv(self.folder / "csv/prediction.csv") if row["split"] == "holdout"]
        self.assertEqual([(r["region"], r["week"]) for r in found], [(r["region"], r["week"]) for r in expected])
        for field in FIELDS:
            np.testing.assert_allclose(cli.column(found, field), cli.column(expected, field), rtol=1e-9)
        pooled = json.loads((self.folder / "cv/crossval.json").read_text())["by_origin"]["64"]
        metrics = json.loads((self.folder / "run/metrics.json").read_text())
        for figure in ("r2", "rmse", "wape", "median_region_relative_error", "cells"):
            self.assertAlmostEqual(pooled["model"][figure] / metrics["holdout"][figure], 1, delta=1e-9)
        self.assertAlmostEqual(pooled["model"]["skill"] / metrics["skill"], 1, delta=1e-9)
        self.assertAlmostEqual(pooled["naive"]["last_4"]["rmse"] / metrics["naive"]["last_4"]["rmse"], 1, delta=1e-9)

    def test_what_comes_later_changes_nothing(self):
        changed = []
        for row in self.rows:
            if row["week"] >= self.weeks[61]:
                row = row | {name: str(3 * float(row[name]) + 1) for name in ("sales", "media_0", "control_0")}
            changed.append(row)
        before = [row for row in self.crossval("before") if row["origin"] == "56"]
        after = [row for row in self.crossval("after", rows=changed) if row["origin"] == "56"]
        self.assertEqual(before, after)

    def test_any_ranks_and_mesh_find_the_same(self):
        expected = self.crossval("alone", "ensemble.members=2")
        for ranks, mesh in ((2, 1), (3, 1), (2, 2)):
            with self.subTest(ranks=ranks, mesh=mesh):
                found = self.crossval(f"on_{ranks}_{mesh}", "ensemble.members=2", f"mesh.members={mesh}", ranks=ranks)
                self.assert_same(found, expected)

    def test_origins_side_by_side_are_what_each_is_alone(self):
        words = ["model.estimator=descent", "crossval.origins=[48,56,64]", "trainer.steps=30"]
        expected = self.crossval("alone", *words)
        for together, ranks in ((2, 1), (3, 1), (3, 2)):
            with self.subTest(together=together, ranks=ranks):
                name = f"together_{together}_{ranks}"
                found = self.crossval(name, *words, f"crossval.together={together}", ranks=ranks)
                self.assert_same(found, expected)
                log = (self.folder / name / "train.log").read_text()
                side_by_side = "48, 56, 64" if together == 3 else "48, 56"
                self.assertIn(f"Origins {side_by_side} are trained side by side", log)

    def test_a_gap_and_a_window(self):
        found = self.crossval("cv", "crossval.gap=3", "crossval.window=40")
        first = [row for row in found if row["origin"] == "56" and row["region"] == "r3"]
        self.assertEqual([row["horizon"] for row in first], ["4", "5", "6", "7", "8"])
        self.assertEqual([row["week"] for row in first], self.weeks[59:64])
        # Only the window's rows are needed: the weeks before it have no say.
        late = [row for row in self.rows if row["week"] >= self.weeks[16]]
        again = self.crossval("late", "crossval.gap=3", "crossval.window=40", "crossval.origins=[40]", rows=late)
        for row, other in zip(found[: len(again)], again, strict=True):
            self.assertAlmostEqual(float(row["predicted"]) / float(other["predicted"]), 1, delta=1e-9)

    def test_a_stopped_one_goes_on_after_its_last_origin(self):
        panel = self.synth("stopped.h5")
        words = ["crossval", f"data.panel={panel}", "crossval.windows=4", "crossval.step=4", "crossval.horizon=4", "model.hidden=4",
                 "model.estimator=descent", "trainer.steps=150", "trainer.early_stopping=false", "trainer.threads=1"]  # fmt: skip
        at = self.folder / "stopped"
        started = cli.Started([*words, f"run.dir={at}"])
        deadline = time.monotonic() + 60
        while len(list(at.glob("origins/[0-9][0-9]"))) < 2 and time.monotonic() < deadline:
            self.assertIsNone(started.process.poll(), "it ended before it could be killed")
            time.sleep(0.002)
        started.kill()
        kept = sorted(path.name for path in at.glob("origins/[0-9][0-9]"))
        self.assertFalse((at / "crossval.json").exists())
        # A damaged file counts for nothing, nor do any under other settings.
        other = self.folder / "other"
        shutil.copytree(at, other)
        damaged = at / "origins" / kept[0]
        damaged.write_bytes(damaged.read_bytes()[:-8])
        err = self.dcmmm("crossval", f"run.dir={at}", "run.resume=true").err
        self.assertEqual(re.findall(r"Origin (\d+) was evaluated before", err), kept[1:])
        self.assertIn(f"Origin {kept[0]}: training", err)
        self.assertNotIn("evaluated before", self.dcmmm("crossval", f"run.dir={other}", "run.resume=true", "model.adstock.decay=0.3").err)
        whole = self.folder / "whole"
        self.dcmmm(*words, f"run.dir={whole}")
        self.assertEqual((at / "crossval.csv").read_bytes(), (whole / "crossval.csv").read_bytes())
        for part in ("pooled", "by_origin", "by_horizon"):
            self.assertEqual(*(json.loads((folder / "crossval.json").read_text())[part] for folder in (at, whole)))
        self.assertFalse((at / "origins").exists())
        self.assertIn("nothing to do", self.dcmmm(*words, f"run.dir={at}", "run.resume=true").err)

    def test_a_refused_resume_leaves_all_as_it_was(self):
        found = self.crossval("cv")
        at = self.folder / "cv"
        (at / "crossval.json").unlink()  # as if it had been stopped
        before = cli.hashes(at)
        (self.folder / "lifts.csv").write_text("no,such\n1,2\n")
        for word in ("crossval.horizon=500", "data.experiments=lifts.csv"):
            self.dcmmm("crossval", f"run.dir={at}", "run.resume=true", word, code=2)
            self.assertEqual({**cli.hashes(at), "train.log": ""}, {**before, "train.log": ""})
        # Nor is another panel taken.
        (at / "panel.h5").touch()
        kept = (at / "panel.h5").stat().st_mtime_ns
        cli.write_table(self.folder / "cv.csv", self.rows[:-1])
        done = self.dcmmm("crossval", f"run.dir={at}", "run.resume=true")
        self.assertIn("isn't the table that this run was started with", done.err)
        self.assertEqual((at / "panel.h5").stat().st_mtime_ns, kept)
        self.assertEqual(cli.read_csv(at / "crossval.csv"), found)
        # What another command made isn't gone on with.
        done = self.dcmmm("train", f"run.dir={at}", "run.resume=true", code=2)
        self.assertIn("holds what `dcmmm crossval` made", done.err)

    def test_impossible_origins_are_told(self):
        table = cli.write_table(self.folder / "table.csv", self.rows)
        for words, message in ((["crossval.origins=[12]"], "at least 13 weeks"),
                               (["crossval.origins=[76]"], "the last origin that is possible is 75"),
                               (["crossval.origins=null", "crossval.windows=10"], "Ask for fewer windows"),
                               (["run.resume=true", f"run.dir={self.folder / 'no'}"], "no run to resume"),
                               (["crossval.beside=[nothing]"], "nothing")):  # fmt: skip
            outcome = cli.run("crossval", f"data.source={table}", f"run.dir={self.folder / 'x'}", *self.settings, *words)
            self.assertEqual(outcome.code, 2, outcome.err)
            self.assertIn(message, outcome.err)


if __name__ == "__main__":
    cli.main()
