"""What writing checkpoints takes of a fit's time: `seconds.checkpoints` over `seconds.fit` of metrics.json, with the
default of a checkpoint every 20 steps. Usage: checkpoints.py DCMMM [--folder DIR] [--steps 200]

The run folders lie in --folder (default: the system's for temporary files): what a checkpoint takes is mostly the disk's.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CASES = ((190, 109, 13, 1), (190, 109, 13, 2), (2000, 156, 13, 2))  # regions, weeks, channels, ranks


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dcmmm", type=Path)
    parser.add_argument("--folder")
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    worst = 0.0
    print("regions x weeks x channels  ranks  steps  fit s  checkpoints s  share")
    with tempfile.TemporaryDirectory(prefix="dcmmm_checkpoints_", dir=options.folder) as name:
        for regions, weeks, channels, ranks in CASES:
            folder = Path(name) / f"{regions}_{ranks}"
            folder.mkdir()
            panel = folder / "panel.h5"
            subprocess.run([options.dcmmm, "synth", f"output={panel}", f"synth.regions={regions}", f"synth.weeks={weeks}",
                            f"synth.channels={channels}"], **quiet)  # fmt: skip
            steps = options.steps if regions < 1000 else max(40, options.steps // 4)
            launcher = ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none"] if ranks > 1 else []
            subprocess.run([*launcher, options.dcmmm, "train", f"data.panel={panel}", f"run.dir={folder / 'run'}", f"trainer.steps={steps}",
                            "model.estimator=descent", "model.settings=fixed", "trainer.threads=1", "model.dag.enabled=false",
                            "trainer.early_stopping=false"], **quiet)  # fmt: skip
            seconds = json.loads((folder / "run/metrics.json").read_text())["seconds"]
            share = seconds["checkpoints"] / seconds["fit"]
            worst = max(worst, share)
            print(f"{f'{regions} x {weeks} x {channels}':<27} {ranks:5} {steps:6} {seconds['fit']:6.2f} {seconds['checkpoints']:14.3f}  {share:.1%}", flush=True)
    return 0 if worst <= 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
