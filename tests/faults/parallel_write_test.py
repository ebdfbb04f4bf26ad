"""A disk that fails one rank in the middle of the checkpoint that all ranks write: the job ends with one message, and nobody
waits in HDF5 for the rank whose writes failed."""

import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
import cli  # noqa: E402

cli.BINARY = os.environ["DCMMM_FAULTS_BINARY"]


class ParallelWrite(cli.Case):
    def test_an_error_of_one_rank_ends_the_job(self):
        self.dcmmm("synth", "output=panel.h5", "synth.regions=4", "synth.weeks=44", "synth.channels=2", "synth.controls=1")
        ended = 0
        for number in (62, 66, 70, 76):  # of the writes to the checkpoint's file: numbers, by all ranks at once
            for rank in (0, 2):
                done = cli.run("train", "data.panel=panel.h5", f"run.dir=run_{number}_{rank}", "trainer.steps=9",
                               "checkpoint.every_steps=3", "checkpoint.most_share=1", "model.hidden=2", "trainer.threads=1", "model.settings=fixed",
                               ranks=3, cwd=self.folder,
                               environment={"DCMMM_FAULTS": f"at=write,file=step_,nth={number},do=eio,rank={rank},lasting=1"})
                self.assertIn(done.code, (0, 2), done.err)
                ended += done.code == 2
        self.assertGreater(ended, 3, "hardly any of the faults was met")


if __name__ == "__main__":
    unittest.main(verbosity=2)
