"""What each part of the model buys: the same fit without it, on the real panel and on synthetic truth.

  ablation.py [--dcmmm FILE] [--folder DIR] [--only real,descent,likelihood] [SEEDS]

`real`: the public panel by descent (and two rows by the likelihood). Pooled RMSE of `dcmmm crossval` at the origins
77, 85, 93 and 101, each origin's, and that of `dcmmm train data.holdout_weeks=13` (96/13); thousands of visits.
`descent` and `likelihood`: both estimators on the six kinds of truth.py with both ranges of exponents, one panel for
each seed (SEEDS as in truth.py: 21 by default); means over all panels of truth.py's scores.
Every row is printed as it is done; all are left in FOLDER/rows.csv. Standard library only.
"""

import argparse
import csv
import json
import math
import pathlib
import statistics
import sys

import truth

FLAT_BASELINE = ["model.baseline.stiffness=1e6"]
COMMON = [
    ("without media", ["model.media.enabled=false", "model.gru.enabled=false"]),
    ("without season", ["model.seasonality.harmonics=0"]),
    ("without controls", ["model.controls.enabled=false"]),
    ("without carry-over", ["model.adstock.decay=0.01", "model.adstock.prior_sd=0.01"]),
]
DESCENT = [
    ("as it is", []),
    ("constants: settings=fixed", ["model.settings=fixed"]),
    *COMMON,
    ("without Hill curves", ["model.hill.enabled=false"]),
    ("without the GRU", ["model.gru.enabled=false"]),
    ("baselines don't move", FLAT_BASELINE),
    ("regions respond alike", ["model.region.coefficient_sd=0.001", "model.region.scale_sd=0.001"]),
    ("squared loss, no Huber", ["model.loss.huber_delta=0"]),
    ("regions weigh alike: size_power=0", ["model.loss.size_power=0"]),
    ("without ridge", ["model.ridge.strength=0"]),
    ("without early stopping", ["trainer.early_stopping=false"]),
    ("closed form only", ["model.descent=false", "model.gru.enabled=false"]),
    ("min_exponent=1, exponent=1.6", ["model.hill.min_exponent=1", "model.hill.exponent=1.6"]),
    ("with a trend", ["model.trend.enabled=true"]),
    ("model=ridge", ["model=ridge"]),
    ("model=local_level", ["model=local_level"]),
]
LIKELIHOOD = [
    ("as it is", []),
    *COMMON[1:],
    ("media per region's own mean", ["model.media.unit=region"]),
    ("the curves' mode: curve_draws=0", ["model.likelihood.curve_draws=0"]),
    ("without a national level", ["model.likelihood.national=false"]),
    ("regions respond alike", ["model.likelihood.region_slopes=false"]),
    ("no region scales, no Huber", ["model.likelihood.region_scales=false"]),
    ("min_exponent=2, exponent=2.2", ["model.likelihood.min_exponent=2", "model.likelihood.exponent=2.2"]),
]
ORIGINS = (77, 85, 93, 101)
SCORES = ("ideal", "skill", "total", "share", "roi_rank", "decay", "curve", "weekly")
OF_MEDIA = SCORES[2:]


def show(cells, widths):
    print("  ".join(f"{cell:<{width}}" if i == 0 else f"{cell:>{width}}"
                    for i, (cell, width) in enumerate(zip(cells, widths))), flush=True)


def real_row(arguments, words):
    """RMSE in thousands: pooled, at each origin, 96/13."""
    run = arguments.folder / "real"
    common = [f"run.dir={run}", "run.overwrite=true", *words]
    truth.call(arguments.dcmmm, "crossval", "crossval.origins=[77,85,93,101]", "crossval.beside=[]", *common)
    judged = json.loads((run / "crossval.json").read_text(encoding="utf-8"))
    truth.call(arguments.dcmmm, "train", "data.holdout_weeks=13", *common)
    longer = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["holdout"]["rmse"]
    by_origin = [judged["by_origin"][str(origin)]["model"]["rmse"] for origin in ORIGINS]
    return [figure / 1000 for figure in (judged["pooled"]["model"]["rmse"], *by_origin, longer)]


def synthetic_row(arguments, words, panels):
    scores = [truth.fit_and_score(arguments.dcmmm, folder, known, words) for folder, known in panels]
    has_media = "model.media.enabled=false" not in words and "model=local_level" not in words
    means = []
    for name in SCORES:
        values = [of[name] for of in scores if not math.isnan(of[name])]
        means.append(statistics.fmean(values) if values and (has_media or name not in OF_MEDIA) else math.nan)
    return means


def synthetic_panels(arguments):
    panels = []
    for exponents in truth.EXPONENTS:
        for kind in truth.KINDS:
            for seed in truth.seed_list(arguments.seeds):
                folder = arguments.folder / f"{kind}_{exponents}_{seed}"
                panels.append((folder, truth.make_panel(arguments.dcmmm, folder, kind, exponents, seed)))
    return panels


def main():
    parser = argparse.ArgumentParser(usage=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcmmm", default="build/release/dcmmm")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/release/bench/ablation"))
    parser.add_argument("--only", default="real,descent,likelihood")
    parser.add_argument("seeds", nargs="?", default="21-21")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    unknown = [part for part in parts if part not in ("real", "descent", "likelihood")]
    if unknown:
        sys.exit(f"Unknown part '{unknown[0]}': expected real, descent or likelihood.")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    panels = synthetic_panels(arguments) if set(parts) - {"real"} else []
    with open(arguments.folder / "rows.csv", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        for part in parts:
            names = ["pooled", *map(str, ORIGINS), "96/13"] if part == "real" else list(SCORES)
            rows = LIKELIHOOD if part == "likelihood" else DESCENT
            rows = [(name, [*words, f"model.estimator={'likelihood' if part == 'likelihood' else 'descent'}"])
                    for name, words in rows]
            if part == "real":
                rows += [("likelihood", ["model.estimator=likelihood"])]
            widths = [34, *(9 for _ in names)]
            print(f"\n{part}" + ("" if part == "real" else f", means over {len(panels)} panels"))
            show(["", *names], widths)
            for name, words in rows:
                figures = real_row(arguments, words) if part == "real" else synthetic_row(arguments, words, panels)
                digits = 1 if part == "real" else 3
                show([name, *("-" if math.isnan(f) else f"{f:.{digits}f}" for f in figures)], widths)
                for figure, value in zip(names, figures):
                    out.writerow([part, name, figure, value])
                file.flush()


if __name__ == "__main__":
    main()
