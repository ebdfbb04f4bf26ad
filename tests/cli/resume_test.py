"""Killed, stopped and resumed runs: the bits of a run that was never interrupted."""

import os
import signal
import unittest

import cli

STEPS = 100


class Resume(cli.Case):
    def setUp(self):
        super().setUp()
        panel = self.synth(regions=12, weeks=70, missing_rows=0.05)
        # Some milliseconds a step, so that signals arrive in the middle of the fit.
        words = [f"data.panel={panel}", "trainer.threads=1", "model.hidden=8", f"trainer.steps={STEPS}"]
        words += ["run.seed=3", "trainer.region_chunk=5", "trainer.early_stopping=false", "checkpoint.every_steps=20", "checkpoint.most_share=1"]
        self.words = ["train", *words]

    def start(self, name, *words, ranks=0):
        return cli.Started([*self.words, f"run.dir={name}", *words], ranks=ranks, cwd=self.folder)

    def resume(self, name, *words, **options):
        return self.dcmmm("train", f"run.dir={name}", "run.resume=true", *words, **options)

    def assert_same_fit(self, name, expected):
        """The last checkpoints hold the same bits, but for the seconds of each step; and so do the histories."""
        paths = [cli.newest_checkpoint(self.folder / run) for run in (name, expected)]
        self.assertEqual([path.name for path in paths], [f"step_{STEPS:06}.h5"] * 2)
        found, wanted = ({k: v for k, v in cli.arrays(p, "").items() if k not in ("history", "config")} for p in paths)
        self.assertEqual(set(found), set(wanted))
        self.assertGreater(sum(key.startswith("parameter.") for key in found), 5)
        for key in wanted:
            self.assertEqual(cli.bits(found[key]), cli.bits(wanted[key]), key)
        rows = [cli.read_csv(self.folder / run / "history.csv") for run in (name, expected)]
        for row in rows[0] + rows[1]:
            del row["seconds"]
        self.assertEqual(len(rows[1]), STEPS)
        self.assertEqual(rows[0], rows[1])

    def kill_and_resume(self, ranks):
        self.dcmmm(*self.words, "run.dir=straight", ranks=ranks)
        killed = self.start("killed", ranks=ranks)
        killed.wait_for_step(self.folder / "killed", 60)
        code, _ = killed.kill()
        self.assertNotEqual(code, 0)
        self.assertIn(cli.manifest_step(self.folder / "killed"), (60, 80))
        self.assertFalse((self.folder / "killed/metrics.json").exists())
        done = self.resume("killed", ranks=ranks)
        self.assertRegex(done.err, "Going on from step (60|80) ")
        self.assert_same_fit("killed", "straight")

    def test_kill_9_and_resume_gives_the_same_bits(self):
        self.kill_and_resume(ranks=0)

    def test_kill_9_and_resume_gives_the_same_bits_on_2_ranks(self):
        self.kill_and_resume(ranks=2)

    def test_term_writes_a_checkpoint_at_the_next_step_and_exits_5(self):
        self.dcmmm(*self.words, "run.dir=straight")
        stopped = self.start("stopped")
        stopped.wait_for_step(self.folder / "stopped", 20)
        stopped.send(signal.SIGTERM)
        code, output = stopped.finish()
        self.assertEqual(code, 5, output)
        step = cli.manifest_step(self.folder / "stopped")
        self.assertLess(step, STEPS)
        self.assertIn(f"Stopped at step {step} of {STEPS} after writing a checkpoint", output)
        self.assertIn("run.resume=true", output)
        self.assertEqual(len(cli.read_csv(self.folder / "stopped/history.csv")), step)
        self.assertFalse((self.folder / "stopped/metrics.json").exists())
        self.resume("stopped")
        self.assert_same_fit("stopped", "straight")

    def test_term_to_mpirun_stops_every_rank_with_a_checkpoint(self):
        self.dcmmm(*self.words, "run.dir=straight", ranks=2)
        stopped = self.start("stopped", ranks=2)
        stopped.wait_for_step(self.folder / "stopped", 20)
        for rank in stopped.children():
            os.kill(rank, signal.SIGTERM)
        code, output = stopped.finish()
        self.assertNotEqual(code, 0)
        self.assertEqual(output.count("after writing a checkpoint"), 1, output)
        self.assertLess(cli.manifest_step(self.folder / "stopped"), STEPS)
        self.resume("stopped", ranks=2)
        self.assert_same_fit("stopped", "straight")

    def test_usr1_writes_a_checkpoint_and_goes_on(self):
        self.dcmmm(*self.words, "run.dir=straight")
        # No checkpoint is due after the first, so a later one is the signal's.
        run = self.start("asked", "checkpoint.every_steps=45", "checkpoint.most_share=1")
        run.wait_for_step(self.folder / "asked", 45)
        run.send(signal.SIGUSR1)
        run.wait_for_step(self.folder / "asked", 46)
        step = cli.manifest_step(self.folder / "asked")
        self.assertLess(step, 90)
        code, output = run.finish()
        self.assertEqual(code, 0, output)
        self.assert_same_fit("asked", "straight")

    def test_a_resumed_run_keeps_its_settings_however_the_resume_is_said(self):
        self.dcmmm(*self.words, "run.dir=straight", "trainer.learning_rate=0.05")
        for name, resume in {"again": ["run.resume=true", *self.words[1:], "trainer.learning_rate=0.05"],
                             "shouted": ["++run.resume=True"], "whole": ["run={resume: true}"]}.items():  # fmt: skip
            with self.subTest(name):
                stopped = self.start(name, "trainer.learning_rate=0.05")
                stopped.wait_for_step(self.folder / name, 20)
                stopped.send(signal.SIGTERM)
                self.assertEqual(stopped.finish()[0], 5)
                self.dcmmm("train", f"run.dir={name}", *resume)
                self.assert_same_fit(name, "straight")

    def test_a_table_that_changed_since_is_named(self):
        rows = cli.table(regions=12, weeks=70)
        table = cli.write_table(self.folder / "table.csv", rows)
        words = ["train", f"data.source={table}", *self.words[2:]]
        self.dcmmm(*words, "run.dir=straight")
        stopped = cli.Started([*words, "run.dir=stopped"], cwd=self.folder)
        stopped.wait_for_step(self.folder / "stopped", 20)
        stopped.send(signal.SIGTERM)
        self.assertEqual(stopped.finish()[0], 5)
        cli.write_table(table, rows[:-1])
        done = self.resume("stopped")
        self.assertIn("isn't the table that this run was started with", done.err)
        self.assert_same_fit("stopped", "straight")

    def test_resuming_a_finished_run_changes_nothing(self):
        self.dcmmm(*self.words, "run.dir=straight", "trainer.steps=3")
        before = cli.hashes(self.folder)
        for ranks in (0, 2):
            done = self.resume("straight", ranks=ranks)
            self.assertEqual(done.err.count("is finished: nothing to do"), 1)
        self.assertEqual(cli.hashes(self.folder), before)

    def test_overwriting_a_run_leaves_other_files_alone(self):
        self.dcmmm(*self.words, "run.dir=run", "trainer.steps=3")
        (self.folder / "run/notes.txt").write_text("mine")
        self.dcmmm(*self.words, "run.dir=run", "trainer.steps=2", "run.overwrite=true")
        self.assertEqual(cli.manifest_step(self.folder / "run"), 2)
        self.assertEqual((self.folder / "run/notes.txt").read_text(), "mine")


if __name__ == "__main__":
    unittest.main(verbosity=2)
