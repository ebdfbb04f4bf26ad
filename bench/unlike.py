"""Fits panels that another generator made than `dcmmm synth`: other curves, baselines and media. Says how far shares,
intervals and forecasts are off where the model's own assumptions don't hold.

  unlike.py [--dcmmm FILE] [--folder DIR] [KINDS [SEEDS]] [-- key=value ...]

KINDS, `all` or names with commas. All have 6 channels, 8 weeks of holdout and media of about 30 % of the target:
  correlated    channels move each other (a random graph), per head; Hill curves; coefficients drift by 20 %, regions
                differ by 20 %; random-walk levels
  logistic      bursts of media with weeks of none; y = (1 - exp(-k x)) / (1 + exp(-k x)); a linear trend, a season, no
                random walk
  weibull       carry-over that peaks in the second week and ends after 8; y = log(1 + k x); random-walk levels
  multiplied    season and price multiply the whole target, media included; negative exponential curves
SEEDS: a count (5), a range (11-15) or a list (1,2,7). What follows `--` is passed to `dcmmm train`.

Scores: floor, skill, total, bias, share, cover, width as truth.py explains them. Where nothing is additive (multiplied),
a channel's true contribution is what the target's expectation loses without it.
"""

import argparse
import csv
import json
import math
import pathlib
import shutil
import statistics
import sys

import numpy as np
from truth import call, seed_list

KINDS = ["correlated", "logistic", "weibull", "multiplied"]
SCORES = ["floor", "skill", "total", "bias", "share", "cover", "width", "forecast", "estimator", "seconds"]
CHANNELS, CONTROLS, HOLDOUT = 6, 3, 8
SIZES = {"correlated": (40, 130), "logistic": (25, 110), "weibull": (60, 156), "multiplied": (30, 120)}  # regions, weeks


def persistent(random, shape, rho):
    """AR(1) along the second axis, of variance 1."""
    shocks = random.standard_normal(shape)
    out = shocks.copy()
    for t in range(1, shape[1]):
        out[:, t] = rho * out[:, t - 1] + math.sqrt(1 - rho**2) * shocks[:, t]
    return out


def walk(random, regions, weeks, local, national):
    steps = local * random.standard_normal((regions, weeks)) + national * random.standard_normal((1, weeks))
    level = np.cumsum(steps, axis=1)
    return level - level.mean(axis=1, keepdims=True)


def carry(media_RTC, weights_CL):
    """Media spread over following weeks by each channel's weights, which sum to 1."""
    out = np.zeros_like(media_RTC)
    for c, weights in enumerate(weights_CL):
        for lag, weight in enumerate(weights):
            out[:, lag:, c] += weight * media_RTC[:, : media_RTC.shape[1] - lag, c]
    return out


def geometric(decays, lags=60):
    weights = decays[:, None] ** np.arange(lags)
    return weights / weights.sum(axis=1, keepdims=True)


def media_of(random, kind, regions, weeks, season):
    """Media per head, of mean 1 in each channel."""
    if kind == "correlated":
        z = 0.8 * persistent(random, (regions, weeks, CHANNELS), 0.5) + 0.6 * persistent(random, (1, weeks, CHANNELS), 0.6)
        z[..., -1] += season
        graph = np.triu(random.uniform(0.4, 0.8, (CHANNELS, CHANNELS)) * (random.random((CHANNELS, CHANNELS)) < 0.4), 1)
        z = z @ np.linalg.inv(np.eye(CHANNELS) - graph)
        media = np.exp(0.5 * z) * np.exp(0.3 * random.standard_normal((regions, 1, CHANNELS)))
    elif kind == "logistic":
        on = persistent(random, (regions, weeks, CHANNELS), 0.8) + 0.5 * persistent(random, (1, weeks, CHANNELS), 0.8) > 0.2
        media = on * random.gamma(2.0, 1.0, (regions, weeks, CHANNELS))
    else:
        media = random.gamma(1.5, 1.0, (regions, weeks, CHANNELS)) * np.exp(0.4 * persistent(random, (1, weeks, CHANNELS), 0.7))
        media *= np.exp(0.4 * random.standard_normal((regions, 1, CHANNELS)))
    return media / media.mean(axis=(0, 1))


def make(kind, seed):
    """Target, expectation, media, controls, sizes and the media's contributions, [R, T, ...]."""
    random = np.random.default_rng([seed, KINDS.index(kind)])
    R, T = SIZES[kind]
    size = 1e5 * np.exp(0.8 * random.standard_normal(R))
    week = np.arange(T)
    season = np.sin(2 * np.pi * week / 52.18 + random.uniform(0, 6)) + 0.4 * np.cos(4 * np.pi * week / 52.18)
    media = media_of(random, kind, R, T, season)
    controls = 0.7 * persistent(random, (R, T, CONTROLS), 0.7) + 0.5 * persistent(random, (1, T, CONTROLS), 0.7)
    share = random.uniform(0.02, 0.08, CHANNELS)
    decay = random.uniform(0.1, 0.7, CHANNELS)
    rate = random.uniform(0.5, 1.5, CHANNELS)
    if kind == "weibull":
        lag = np.arange(8)
        weights = np.stack([(lag + 0.7) ** (shape - 1) * np.exp(-(((lag + 0.7) / 3) ** shape))
                            for shape in random.uniform(1.3, 2.5, CHANNELS)])
        response = np.log1p(2 * rate * carry(media, weights / weights.sum(axis=1, keepdims=True)))
    elif kind == "logistic":
        response = np.tanh(rate * carry(media, geometric(decay)) / 2)
    elif kind == "multiplied":
        response = 1 - np.exp(-rate * carry(media, geometric(decay)))
    else:
        carried, exponent = carry(media, geometric(decay)), random.uniform(1.0, 3.0, CHANNELS)
        response = carried**exponent / (carried**exponent + random.uniform(0.5, 2, CHANNELS) ** exponent)
    effect = response * np.exp(0.2 * random.standard_normal((R, 1, CHANNELS)))
    if kind == "correlated":
        effect = effect * (1 + 0.2 * np.sin(2 * np.pi * week[:, None] / random.uniform(80, 200, CHANNELS)))
    effect *= share / effect.mean(axis=(0, 1))
    local_season = 1 + 0.2 * random.standard_normal((R, 1))
    base = np.full((R, T), 1 - share.sum())
    if kind == "multiplied":
        base = base + walk(random, R, T, 0.006, 0.004)
        factor = np.exp(0.12 * local_season * season - 0.05 * controls[..., 0] + 0.02 * controls[..., 1])
        expected = (base + effect.sum(axis=2)) * factor
        contribution = effect * factor[..., None]
    else:
        base = base + (0.15 * (week / T - 0.5) if kind == "logistic" else walk(random, R, T, 0.01, 0.008))
        expected = (base + effect.sum(axis=2) + 0.1 * local_season * season
                    + controls @ np.array([0.03, -0.02, 0.0]))
        contribution = effect
    noise = {"correlated": 0.04, "logistic": 0.06, "weibull": 0.05, "multiplied": 0.04}[kind]
    target = np.maximum(expected + noise * random.standard_normal((R, T)), 0.02)
    scale = size[:, None] / 1e3
    return {"target": target * scale, "expected": expected * scale, "media": media * size[:, None, None],
            "controls": controls, "size": size, "contribution": contribution * scale[..., None]}


def write_panel(panel, path):
    regions, weeks = panel["target"].shape
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["region", "week", "sales", *(f"media_{c}" for c in range(CHANNELS)),
                      *(f"control_{k}" for k in range(CONTROLS)), "population"])
        for r in range(regions):
            for t in range(weeks):
                out.writerow([r, t, *(f"{value:.9g}" for value in (panel["target"][r, t], *panel["media"][r, t],
                                                                   *panel["controls"][r, t])), round(panel["size"][r])])


def score(panel, run, exported):
    training = panel["target"].shape[1] - HOLDOUT
    whole = panel["target"][:, :training].sum()
    true = panel["contribution"][:, :training].sum(axis=(0, 1)) / whole
    estimated = np.zeros(CHANNELS)
    with open(exported / "contributions.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["component"].startswith("media:") and int(row["week"]) < training:
                estimated[int(row["component"][6:])] += float(row["value"]) / whole
    with open(exported / "channel_summary.csv", newline="", encoding="utf-8") as file:
        summary = list(csv.DictReader(file))
    total = next((float(row["contribution"]) / float(row["share"]) for row in summary if float(row["share"] or 0) > 0), math.nan)
    bounds = [(float(row["contribution_lower"]) / total, float(row["contribution_upper"]) / total) for row in summary
              if row["contribution_lower"] and row["contribution_upper"]]
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    floor = math.sqrt(((panel["target"] - panel["expected"])[:, training:] ** 2).mean())
    return {
        "floor": metrics["holdout"]["rmse"] / floor,
        "skill": metrics["skill"],
        "total": 100 * abs(estimated.sum() - true.sum()),
        "bias": 100 * (estimated.sum() - true.sum()),
        "share": 100 * np.abs(estimated - true).mean(),
        "cover": statistics.fmean(low <= share <= high for (low, high), share in zip(bounds, true)) if bounds else math.nan,
        "width": 100 * statistics.fmean(high - low for low, high in bounds) if bounds else math.nan,
        "forecast": metrics["coverage_90"],
        "estimator": float(metrics["estimator"] == "likelihood"),
        "seconds": metrics["seconds"]["total"],
    }


def main():
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(usage=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcmmm", default="build/release/dcmmm")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/release/bench/unlike"))
    parser.add_argument("kinds", nargs="?", default="all")
    parser.add_argument("seeds", nargs="?", default="5")
    arguments = parser.parse_args(words[:at])
    kinds = KINDS if arguments.kinds == "all" else arguments.kinds.split(",")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        sys.exit(f"Unknown kind '{unknown[0]}': expected {', '.join(KINDS)} or all.")
    means = {}
    for kind in kinds:
        rows = []
        for seed in seed_list(arguments.seeds):
            folder = arguments.folder / f"{kind}_{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            panel = make(kind, seed)
            write_panel(panel, folder / "panel.csv")
            call(arguments.dcmmm, "train", f"data.source={folder / 'panel.csv'}", f"data.holdout_weeks={HOLDOUT}",
                 f"run.dir={folder / 'run'}", *words[at + 1:])
            call(arguments.dcmmm, "export", f"run={folder / 'run'}", f"output={folder / 'csv'}")
            rows.append(score(panel, folder / "run", folder / "csv"))
            shutil.rmtree(folder)
        means[kind] = {name: statistics.fmean(row[name] for row in rows) for name in SCORES}
    print(f"{'':12}" + "".join(f"{kind:>14}" for kind in kinds))
    for name in SCORES:
        print(f"{name:12}" + "".join(f"{means[kind][name]:14.3f}" for kind in kinds))


if __name__ == "__main__":
    main()
