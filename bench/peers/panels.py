"""The panels that the peers are compared on: data.csv and roles.json for them, hidden.json for the driver alone.

Shapes: R regions, T weeks, C channels, K controls.
"""

import csv
import datetime
import json
import shutil
import subprocess

import h5py
import numpy as np

HOLDOUT = 8
# Synthetic panels of known truth. Exponents from 1, where curves are concave, to 3, where they are S-shaped: some
# packages can only be concave, others can be both.
SYNTH = {"kind": "clean", "regions": 20, "weeks": 120, "channels": 5, "controls": 3, "exponent_low": 1,
         "exponent_high": 3, "spend": "true"}
REAL_REGIONS = 20
FIRST_MONDAY = datetime.date(2023, 1, 2)  # for weeks that are numbers


def make(name, folder, dcmmm):
    """Makes the panel `synthetic_SEED` or `real` in `folder`, unless it is there."""
    if (folder / "hidden.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    panel = folder / "panel.h5"
    if name == "real":
        command = ["import", "data=dma_panel", "source=.deps/panel/mmm_data.csv", f"output={panel}"]
    else:
        seed = name.removeprefix("synthetic_")
        command = ["synth", f"output={panel}", f"synth.seed={seed}", *(f"synth.{k}={v}" for k, v in SYNTH.items())]
    subprocess.run([dcmmm, *command], check=True, stdout=subprocess.DEVNULL)
    write(panel, folder)
    panel.unlink()


def chosen_regions(target_RT, observed_RT):
    """Of the regions with a row in every week, ordered by their target in the training weeks, every n-th."""
    complete = np.flatnonzero(observed_RT.all(axis=1))
    size = target_RT[complete, :-HOLDOUT].sum(axis=1)
    order = complete[np.argsort(-size, kind="stable")]
    return order[::max(1, len(order) // REAL_REGIONS)][:REAL_REGIONS]


def write(panel, folder):
    """data.csv and roles.json for the peers; hidden.json: the holdout's target, and the truth where it is known."""
    with h5py.File(panel) as file:
        read = {name: file[name][()] for name in file}
    regions = [label.decode() for label in read["region"]]
    weeks = [label.decode() for label in read["week"]]
    if weeks[0].isdigit():
        weeks = [str(FIRST_MONDAY + datetime.timedelta(weeks=t)) for t in range(len(weeks))]
    target_RT = read["target"]
    rows = chosen_regions(target_RT, read["observed"] != 0)
    media = [f"media_{c + 1:02}" for c in range(read["media"].shape[2])]
    controls = [f"control_{k + 1:02}" for k in range(read["controls"].shape[2])]
    has_spend, has_population = read.get("spend", np.empty(0)).size > 0, bool(np.all(read["population"][rows] > 0))
    spend = [column.replace("media", "spend") for column in media] if has_spend else []
    T = len(weeks)
    with open(folder / "data.csv", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["region", "week", "target", *media, *spend, *controls, *(["population"] * has_population)])
        for r in rows:
            for t in range(T):
                out.writerow([regions[r], weeks[t], repr(float(target_RT[r, t])) if t < T - HOLDOUT else "",
                              *map(float, read["media"][r, t]), *(map(float, read["spend"][r, t]) if has_spend else []),
                              *map(float, read["controls"][r, t]),
                              *([float(read["population"][r])] if has_population else [])])
    (folder / "roles.json").write_text(json.dumps({"media": media, "spend": spend, "controls": controls,
                                                   "population": has_population, "holdout": HOLDOUT}), encoding="utf-8")
    hidden = {"regions": [regions[r] for r in rows], "weeks": weeks, "target": target_RT[rows].tolist()}
    truth_file = folder / "truth.json"
    if truth_file.exists():
        truth = json.loads(truth_file.read_text(encoding="utf-8"))
        hidden["contribution"] = {column: sum(channel["contribution_by_week"][:T - HOLDOUT])
                                  for column, channel in zip(media, truth["channels"])}
        hidden["noise_floor"] = truth["noise_floor"][str(HOLDOUT)]
        hidden["forecast_floor"] = truth["forecast_floor"][str(HOLDOUT)]
        truth_file.unlink()  # no peer may see it
    (folder / "hidden.json").write_text(json.dumps(hidden), encoding="utf-8")
