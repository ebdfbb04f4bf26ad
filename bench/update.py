"""What an update with four new weeks costs and reaches beside a full refit, by both estimators, on the real panel and on a
synthetic one (docs/update.md).

Usage: .deps/bin/python bench/update.py [SYNTH_WORD ...]

Every run has one thread; times are processor seconds of the whole command.
"""

import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
DCMMM = ROOT / "build/release/dcmmm"
NEW_WEEKS = 4
SYNTH = ["synth.kind=clean", "synth.regions=40", "synth.weeks=130", "synth.channels=6", "synth.controls=3", "synth.seed=31"]


def dcmmm(*words):
    """Runs a command; its processor seconds."""
    before = os.times()
    subprocess.run([DCMMM, *map(str, words)], check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def write_rows(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def synthetic_rows(folder, words):
    dcmmm("synth", f"output={folder / 'panel.h5'}", *SYNTH, *words)
    with h5py.File(folder / "panel.h5") as panel:
        target, media, controls = (panel[name][:] for name in ("target", "media", "controls"))
    header = ["region", "week", "sales", *(f"media_{c}" for c in range(media.shape[2])),
              *(f"control_{k}" for k in range(controls.shape[2]))]  # fmt: skip
    rows = [[f"r{r}", t, target[r, t], *media[r, t], *controls[r, t]] for r in range(target.shape[0]) for t in range(target.shape[1])]
    return header, rows


def real_rows():
    with open(ROOT / ".deps/panel/mmm_data.csv", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def shares(run):
    with h5py.File(run / "results.h5") as results:
        return results["media_contribution"][:].sum((0, 1)) / results["predicted"][:].sum()


def compare(name, header, rows, folder):
    weeks = sorted({int(row[1]) for row in rows})
    write_rows(folder / "whole.csv", header, rows)
    write_rows(folder / "past.csv", header, [row for row in rows if int(row[1]) < weeks[-NEW_WEEKS]])
    for estimator in ("descent", "likelihood"):
        def train(run, table, *words):
            return dcmmm("train", f"run.dir={folder / estimator / run}", f"data.source={folder / table}.csv",
                         "data.holdout_weeks=0", "trainer.threads=1", *words)  # fmt: skip

        train("past", "past", f"model.estimator={estimator}")
        past = folder / estimator / "past"
        # The refit with the settings of the past, so that both descend on the same loss.
        full = train("full", "whole", *same_settings(past))
        update = train("update", "whole", f"run.init={past}")
        loss = {run: json.loads((folder / estimator / run / "metrics.json").read_text())["loss"] for run in ("full", "update")}
        moved = np.abs(shares(folder / estimator / "update") - shares(folder / estimator / "full")).max()
        print(f"{name:10} {estimator:10} full {full:5.2f} s, update {update:5.2f} s ({update / full:.2f}); "
              f"loss {loss['full']:.6g}, {loss['update']:.6g}; shares differ by {100 * moved:.2f} points at the most", flush=True)  # fmt: skip


def same_settings(run):
    """The settings that a run chose, as words."""
    metrics = json.loads((run / "metrics.json").read_text())
    chosen = metrics["settings"]
    keys = {"baseline.stiffness": "stiffness", "baseline.persistence": "persistence", "ridge.strength": "ridge",
            "ridge.controls": "ridge_controls", "seasonality.harmonics": "harmonics", "loss.size_power": "size_power"}  # fmt: skip
    return [f"model.estimator={metrics['estimator']}", *(f"model.{key}={chosen[name]}" for key, name in keys.items())]


def main(words):
    with tempfile.TemporaryDirectory() as folder:
        for name, table in (("real", real_rows), ("synthetic", lambda: synthetic_rows(pathlib.Path(folder), words))):
            inside = pathlib.Path(folder) / name
            inside.mkdir()
            compare(name, *table(), inside)


if __name__ == "__main__":
    main(sys.argv[1:])
