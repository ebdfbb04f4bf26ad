"""A large panel in bounded memory: 20,000 regions x 156 weeks x 13 channels, 3 steps."""

import json
import unittest

import cli


class Memory(cli.Case):
    def test_20000_regions_take_less_than_6_GiB(self):
        made = self.dcmmm("synth", "output=panel.h5", "synth.regions=20000", "synth.weeks=156")
        done = self.dcmmm("train", "data.panel=panel.h5", "run.dir=run", "trainer.steps=3")
        metrics = json.loads((self.folder / "run/metrics.json").read_text())
        peak = metrics["peak_memory_bytes"]
        print(f"\nsynth {made.seconds:.0f} s, train {done.seconds:.0f} s {metrics['seconds']}, peak {peak / 2**30:.2f} GiB")
        self.assertEqual(metrics["steps"], 3)
        self.assertLess(peak, 6 * 2**30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
