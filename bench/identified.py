"""What a panel identifies: a small experiment for each statement of docs/model.md, "What is identified".

  .deps/bin/python bench/identified.py [--folder DIR] [phases,starts,exponents,flighting,real]

  phases     loss of the descent by step, from the closed form: with curves held, with curves free, and all free
  starts     optima that both estimators reach from different starts of the curves, hardly any prior on these
  exponents  the media total against the centre of the exponents' prior
  flighting  the same known effect of 5 % brought by a channel of different flighting, and its interval
  real       the media total of the public panel over settings that forecast alike

Synthetic panels are clean ones of truth.py (40 x 130 x 6; low and high exponents, seeds 21 to 23). Needs h5py
(launch/requirements-test.txt).
"""

import argparse
import json
import math
import pathlib
import random
import statistics
import sys

import placebo
import truth

SEEDS = (21, 22, 23)
DESCENT = ["model.estimator=descent", "model.settings=fixed", "trainer.validation_weeks=0"]
# Hardly any priors on the curves, of either estimator.
LOOSE = ["model.adstock.prior_sd=2", "model.hill.exponent_prior_sd=2", "model.hill.half_saturation_prior_sd=2",
         "model.likelihood.exponent_prior_sd=2"]


def line(*cells):
    print("  " + f"{cells[0]:<46}" + "".join(f"{cell:>11}" for cell in cells[1:]), flush=True)


def fit(folder, name, words):
    """Trains on folder/panel.h5 (or the public panel) and returns the run folder and the media total, in points."""
    run = folder / name
    panel = folder / "panel.h5"
    truth.call(placebo.BUILD / "dcmmm", "train", *([f"data.panel={panel}"] if panel.exists() else []), f"run.dir={run}",
               "run.overwrite=true", *words)
    truth.call(placebo.BUILD / "dcmmm", "export", f"run={run}", f"output={run}/csv")
    return run, 100 * sum(float(row["share"]) for row in truth.table(run / "csv/channel_summary.csv"))


def metrics(run):
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


def phases(folder):
    where = folder / "clean_low_21"
    truth.make_panel(placebo.BUILD / "dcmmm", where, "clean", "low", 21)
    squared = [*DESCENT, "model.loss.huber_delta=0"]
    no_regions, no_gru = ["trainer.learning_rates.local=0"], ["model.gru.enabled=false"]
    held = ["model.adstock.prior_sd=0.01", "model.hill.exponent_prior_sd=0.01",
            "model.hill.half_saturation_prior_sd=0.01"]
    print("phases: data term of the loss after steps of the descent (0.5 after the closed form)")
    steps = (1, 10, 20, 40, 60, 80)
    line("", *steps)
    for what, words in (("curves held, no region effects, no GRU", [*held, *no_regions, *no_gru]),
                        ("curves free", [*no_regions, *no_gru]), ("curves and regions free", no_gru), ("all free", [])):
        run, _ = fit(where, "phases", [*squared, *words])
        data = [float(row["data"]) for row in truth.table(run / "history.csv")]
        line(what, *(f"{data[step - 1]:.4f}" for step in steps))


def starts(folder):
    print("starts: clean, low exponents, seed 21; total and largest difference of a share in points, decay: mean error")
    where = folder / "clean_low_21"
    known = truth.make_panel(placebo.BUILD / "dcmmm", where, "clean", "low", 21)
    line("", "loss", "total", "decay", "apart")
    for name, words in (("descent", [*DESCENT, "model.gru.enabled=false", "trainer.steps=400"]),
                        ("likelihood", ["model.estimator=likelihood", "model.likelihood.max_steps=60"])):
        first = None
        for decay, half in ((0.4, 1.0), (0.15, 1.0), (0.7, 1.0), (0.4, 0.5), (0.4, 2.0)):
            run, total = fit(where, "starts", [*words, *LOOSE, f"model.adstock.decay={decay}",
                                               f"model.hill.half_saturation={half}"])
            shares = [100 * float(row["share"]) for row in truth.table(run / "csv/channel_summary.csv")]
            first = first or shares
            decays = [float(row["decay"]) for row in truth.table(run / "csv/adstock.csv")]
            history = list(truth.table(run / "history.csv")) if (run / "history.csv").exists() else []
            error = statistics.fmean(abs(d - c["decay"]) for d, c in zip(decays, known["channels"]))
            line(f"{name} from decay {decay}, half-saturation {half}",
                 f"{float(history[-1]['loss']):.4f}" if history else "-", f"{total:.2f}", f"{error:.3f}",
                 f"{max(abs(a - b) for a, b in zip(shares, first)):.2f}")


def exponents(folder):
    print(f"exponents: likelihood, clean, means over seeds {SEEDS[0]} to {SEEDS[-1]}; total less the true one, points")
    line("centre of the prior", "1.5", "2", "2.5", "3")
    for which, (low, high) in truth.EXPONENTS.items():
        totals, errors = [], []
        for centre in (1.5, 2.0, 2.5, 3.0):
            total, error = [], []
            for seed in SEEDS:
                where = folder / f"clean_{which}_{seed}"
                known = truth.make_panel(placebo.BUILD / "dcmmm", where, "clean", which, seed)
                run, estimate = fit(where, "exponents",
                                    ["model.estimator=likelihood", f"model.likelihood.exponent={centre}"])
                total.append(estimate - 100 * known["media_share"])
                error.append(metrics(run)["holdout"]["rmse"] / known["forecast_floor"]["8"])
            totals.append(statistics.fmean(total))
            errors.append(statistics.fmean(error))
        line(f"exponents U({low:g}, {high:g}): total", *(f"{total:+.2f}" for total in totals))
        line("  holdout RMSE over that of the ideal forecast", *(f"{error:.3f}" for error in errors))


def media_of(flighting, regions, weeks, draw):
    """Media of a new channel relative to its mean: {region: [week]}."""
    def series():
        state, out = draw.gauss(0, 1), []
        for _ in range(weeks):
            out.append(math.exp(0.8 * state))
            state = 0.6 * state + 0.8 * draw.gauss(0, 1)
        return out
    if flighting == "always on":
        return {region: [1.0] * weeks for region in regions}
    if flighting == "national":
        shared = series()
        return {region: shared for region in regions}
    return {region: series() for region in regions}


def with_channel(table, flighting, seed):
    """Rows with a channel more, which brings 5 % of the target (decay .4, exponent 2, half-saturation at the mean)."""
    by_region = {}
    for row in table.rows:
        by_region.setdefault(row["region"], []).append(row)
    weeks = len(next(iter(by_region.values())))
    media = media_of(flighting, by_region, weeks, random.Random(seed))
    out = []
    for region, rows in by_region.items():
        size = statistics.fmean(float(row["target"]) for row in rows)
        mean, carried, response = statistics.fmean(media[region]), 0.0, []
        for value in media[region]:
            carried = 0.4 * carried + 0.6 * value / mean
            response.append(carried ** 2 / (1 + carried ** 2))
        unit = 0.05 / 0.95 * size / statistics.fmean(response)
        out += [{**row, "media_new": size * value, "target": float(row["target"]) + unit * effect}
                for row, value, effect in zip(rows, media[region], response)]
    return out


def flighting(folder):
    print(f"flighting: a channel that brings 5.0 points; likelihood, 16 members, means over seeds 21 to 23")
    line("", "estimated", "from", "to", "width", "holds it")
    for kind in ("own in each region", "national", "always on"):
        shares = []
        for seed in SEEDS:
            table = placebo.synthetic_panel(placebo.BUILD / "dcmmm", folder, seed, [])
            rows = with_channel(table, kind, seed)
            table.rows = rows  # points are of the new target
            shares.append(next(share for name, share in table.fit("flighting", rows).items() if "new" in name))
        mean = [statistics.fmean(share[i] for share in shares) for i in range(3)]
        line(kind, *(f"{value:.2f}" for value in (*mean, mean[2] - mean[1])),
             f"{sum(share[1] <= 5 <= share[2] for share in shares)} of {len(SEEDS)}")
    line("the prior alone: |N(0, 10)|", f"{10 * math.sqrt(2 / math.pi):.2f}", "0.63", "19.60", "18.97", "")


def real(folder):
    print("real: the public panel by descent, constants (model.settings=fixed), 8 weeks held out")
    line("", "RMSE/1000", "total")
    low = ["model.hill.min_exponent=1", "model.hill.exponent=1.6"]
    for what, words in (("as it is", []), ("exponents from 1, around 1.6", low),
                        ("exponents from 2, around 3", ["model.hill.exponent=3"]),
                        ("half-saturation around 0.5", ["model.hill.half_saturation=0.5"]),
                        ("half-saturation around 2", ["model.hill.half_saturation=2"]),
                        ("decay around 0.8", ["model.adstock.decay=0.8"]),
                        ("decay around 0.8, and a trend", ["model.adstock.decay=0.8", "model.trend.enabled=true"]),
                        ("baselines of stiffness 5", ["model.baseline.stiffness=5"]),
                        ("baselines of stiffness 60", ["model.baseline.stiffness=60"]),
                        ("ridge on media: factor 2", ["model.ridge.media=2"]),
                        ("a looser GRU: sds 0.5 and 0.05", ["model.gru.level_sd=0.5", "model.gru.change_sd=0.05"]),
                        ("without the GRU", ["model.gru.enabled=false"])):
        run, total = fit(folder / "real", "fit", ["model.estimator=descent", "model.settings=fixed", *words])
        line(what, f"{metrics(run)['holdout']['rmse'] / 1000:.1f}", f"{total:.1f}")


def main():
    experiments = {of.__name__: of for of in (phases, starts, exponents, flighting, real)}
    parser = argparse.ArgumentParser(usage=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, default=placebo.BUILD / "bench/identified")
    parser.add_argument("which", nargs="?", default=",".join(experiments))
    arguments = parser.parse_args()
    for name in arguments.which.split(","):
        if name not in experiments:
            sys.exit(f"Unknown experiment '{name}': expected {', '.join(experiments)}.")
        experiments[name](arguments.folder)


if __name__ == "__main__":
    main()
