"""Runs that get in each other's way, disks that fill up, and panels to warn about."""

import json
import re
import shutil
import signal
import unittest

import cli
from bad_input_test import SmallDisk

STEPS = 60


class Trust(cli.Case):
    def words(self, panel, *more):
        return ["train", f"data.panel={panel}", "trainer.threads=1", "model.hidden=8", f"trainer.steps={STEPS}",
                "trainer.region_chunk=5", "checkpoint.every_steps=10", "checkpoint.most_share=1", "model.settings=fixed", *more]  # fmt: skip

    def test_a_folder_takes_one_run_at_a_time(self):
        words = self.words(self.synth(regions=12, weeks=70), "run.dir=run")
        first = cli.Started([*words, "trainer.steps=100000"], cwd=self.folder)
        first.wait_for_step(self.folder / "run", 10)
        for more in ("run.resume=true", "run.overwrite=true", ""):
            for ranks in (0, 2):
                done = self.dcmmm(*words, *([more] if more else []), code=2, ranks=ranks)
                self.assertEqual(done.err.count("Another run is using 'run'"), 1, done.err)
                self.assertIn(f"process {first.process.pid} on ", done.err)
        first.kill()
        self.assertTrue((self.folder / "run/run.lock").exists())
        # What the killed run left behind holds nobody up; a run that is told to stop takes its lock away.
        refused = self.dcmmm(*words, "run.resume=true", "trainer.steps=1", code=2)
        steps = re.search(r"has done (\d+) steps already", refused.err).group(1)
        self.dcmmm(*words, "run.resume=true", f"trainer.steps={steps}")
        self.assertFalse((self.folder / "run/run.lock").exists())
        second = cli.Started([*words, "trainer.steps=100000", "run.dir=second"], cwd=self.folder)
        second.wait_for_step(self.folder / "second", 10)
        self.assertTrue((self.folder / "second/run.lock").exists())
        second.send(signal.SIGTERM)
        self.assertEqual(second.finish()[0], 5)
        self.assertFalse((self.folder / "second/run.lock").exists())

    def test_a_disk_that_fills_up_while_training(self):
        panel = self.synth(regions=12, weeks=70)
        words = self.words(panel, "checkpoint.every_steps=2", "checkpoint.most_share=1", "checkpoint.keep=100")
        self.dcmmm(*words, f"run.dir={self.folder / 'straight'}")
        small = self.folder / "small"
        small.mkdir()
        with SmallDisk(small, kilobytes=1024) as disk:
            done = self.dcmmm(*words, f"run.dir={small / 'run'}", code=2, before=disk.limit)
            message = "No space left" if disk.is_mounted else "File too large"
            self.assertEqual(done.err.count(message), 1, done.err)
            self.assertEqual(list(small.rglob("*.tmp")), [])
            step = cli.manifest_step(small / "run")
            if disk.is_mounted:
                self.assertGreaterEqual(step, 2)
            # Again, on the full disk: the same message, and what is there stays.
            before = cli.hashes(small / "run/checkpoints")
            if disk.is_mounted:
                self.dcmmm("train", f"run.dir={small / 'run'}", "run.resume=true", code=2, before=disk.limit)
                self.assertEqual(cli.hashes(small / "run/checkpoints"), before)
            shutil.copytree(small / "run", self.folder / "roomy")
        if disk.is_mounted:
            done = self.dcmmm("train", f"run.dir={self.folder / 'roomy'}", "run.resume=true")
            self.assertIn(f"Going on from step {step} ", done.err)
            found, wanted = (cli.arrays(cli.newest_checkpoint(self.folder / run), "parameter.") for run in ("roomy", "straight"))
            for name in wanted:
                self.assertEqual(cli.bits(found[name]), cli.bits(wanted[name]), name)

    def test_what_makes_a_panel_doubtful_is_said_once(self):
        rows = cli.table(regions=4, weeks=48, channels=3)
        for number, row in enumerate(rows):
            row["media_1"] = str(2 * float(row["media_0"]) + 1e-3 * (number % 7))
            row["media_2"] = "5"
        rows[10]["sales"] = "0"
        table = cli.write_table(self.folder / "table.csv", rows)
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                done = self.train(f"run{ranks}", f"data.source={table}", "model.adstock.decay=0.9", ranks=ranks)
                for words in ("Channel 0 moves with the other channels", "Channel 1 moves", "Channel 2 doesn't vary",
                              "1 of 160 training targets are at or below zero", "40 training weeks are less than a year",
                              "The holdout of 8 weeks is shorter than the carry-over"):  # fmt: skip
                    self.assertEqual(done.err.count(words), 1, f"{words} in {done.err}")

    def test_a_manifest_of_a_later_version_is_refused_and_stays(self):
        panel = self.synth()
        self.train("run", f"data.panel={panel}")
        (self.folder / "run/metrics.json").unlink()
        path = self.folder / "run/checkpoints/manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 2}))
        before = cli.hashes(self.folder / "run/checkpoints")
        done = self.dcmmm("train", f"run.dir={self.folder / 'run'}", "run.resume=true", code=2)
        self.assertIn("format version 2", done.err)
        self.assertEqual(cli.hashes(self.folder / "run/checkpoints"), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
