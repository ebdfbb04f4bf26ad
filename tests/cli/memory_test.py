"""A large panel in bounded memory: 8,000 regions x 156 weeks x 13 channels, 3 steps."""

import json
import unittest

import cli


class Memory(cli.Case):
    def test_a_panel_that_is_read_in_blocks_gives_the_same_figures(self):
        self.dcmmm("synth", "output=panel.h5", "synth.regions=60", "synth.weeks=60", "synth.spend=true", "synth.promotions=2")
        figures, logs = [], []
        for name, limit in (("held", "1GiB"), ("read", "2MiB")):
            # The same regions at once, so that sums have the same order.
            done = self.dcmmm("train", "data.panel=panel.h5", f"run.dir={name}", "trainer.steps=5", "trainer.region_chunk=16",
                              f"trainer.memory_limit={limit}")
            logs.append(done.out + done.err)
            metrics = json.loads((self.folder / name / "metrics.json").read_text())
            figures.append([metrics[part] for part in ("train", "holdout", "totals", "dag")])
        self.assertEqual(figures[0], figures[1])
        self.assertNotIn("read as they are needed", logs[0])
        self.assertIn("read as they are needed", logs[1])

    def test_arrays_in_files_give_the_figures_of_the_likelihood(self):
        self.dcmmm("synth", "output=panel.h5", "synth.regions=360", "synth.weeks=60")
        figures = []
        for name, limit in (("held", "1GiB"), ("read", "4MiB")):
            done = self.dcmmm("train", "data.panel=panel.h5", f"run.dir={name}", "model.estimator=likelihood",
                              "model.likelihood.curve_draws=0", "trainer.region_chunk=32", f"trainer.memory_limit={limit}")
            figures.append(json.loads((self.folder / name / "metrics.json").read_text())["holdout"]["rmse"])
        self.assertIn("What is made of them lies in read", done.out + done.err)
        # Media are float32 in files and float64 in memory, and the search ends a little elsewhere.
        self.assertAlmostEqual(figures[1] / figures[0], 1, delta=2e-4)
        self.assertEqual(sorted(path.name for path in (self.folder / "held").iterdir()),
                         sorted(path.name for path in (self.folder / "read").iterdir()))

    def test_8000_regions_take_less_than_768_MiB(self):
        made = self.dcmmm("synth", "output=panel.h5", "synth.regions=8000", "synth.weeks=156")
        done = self.dcmmm("train", "data.panel=panel.h5", "run.dir=run", "trainer.steps=3", "trainer.memory_limit=400MiB")
        metrics = json.loads((self.folder / "run/metrics.json").read_text())
        peak = metrics["peak_memory_bytes"]
        print(f"\nsynth {made.seconds:.0f} s, train {done.seconds:.0f} s {metrics['seconds']}, peak {peak / 2**30:.2f} GiB")
        self.assertEqual(metrics["steps"], 3)
        self.assertLess(peak, 768 * 2**20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
