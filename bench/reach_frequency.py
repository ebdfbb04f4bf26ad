"""What reach and frequency as a channel's input are worth (docs/knowledge.md): panels of known truth in which a channel
works by its reach times a curve of its frequency, fitted with both, and with their product, impressions, alone.

Usage: .deps/bin/python bench/reach_frequency.py [SEEDS]

Shapes: R regions, T weeks, C channels. Contributions are shares of a region's level.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
DCMMM = ROOT / "build/release/dcmmm"
R, T = 30, 120
# The first channel has reach and frequency; the others are plain.
DECAY, EXPONENT, HALF, SHARE = (0.5, 0.3, 0.6), (2.2, 2.0, 2.5), (3.0, 1.0, 1.3), (0.08, 0.06, 0.06)


def autoregressive(random, shape, persistence=0.6):
    series = random.normal(size=shape)
    for t in range(1, shape[-1]):
        series[..., t] = persistence * series[..., t - 1] + np.sqrt(1 - persistence**2) * series[..., t]
    return series


def carried_over(series_RT, decay):
    out, carried = np.empty_like(series_RT), 0
    for t in range(series_RT.shape[1]):
        carried = decay * carried + (1 - decay) * series_RT[:, t]
        out[:, t] = carried
    return out


def curve(value, exponent, half):
    return 1 / (1 + (value / half) ** -exponent)


def panel(seed):
    """Table of a panel, and what its channels contribute in all weeks, as shares of the target."""
    random = np.random.default_rng(seed)
    size_R1 = np.exp(random.normal(size=(R, 1))) * 1e4
    log_media = 0.5 * autoregressive(random, (3, R, T)) + 0.3 * autoregressive(random, (3, 1, T))
    reach_RT = np.exp(log_media[0])
    # Contacts of those reached: what is bought on top of reach moves by itself.
    frequency_RT = 1 + np.exp(0.9 + 0.5 * autoregressive(random, (R, T)) + 0.3 * autoregressive(random, (1, T)))
    media = [reach_RT, np.exp(log_media[1]), np.exp(log_media[2])]
    response = [carried_over(reach_RT * curve(frequency_RT, EXPONENT[0], HALF[0]), DECAY[0]),
                *(curve(carried_over(media[c], DECAY[c]), EXPONENT[c], HALF[c]) for c in (1, 2))]  # fmt: skip
    effect = [share * of_channel / of_channel.mean() for share, of_channel in zip(SHARE, response)]
    year_T = 2 * np.pi * np.arange(T) / 52.18
    level_RT = 0.8 + np.cumsum(0.01 * random.normal(size=(R, T)), axis=1) + np.cumsum(0.008 * random.normal(size=T))
    target_RT = size_R1 * (level_RT + 0.05 * np.sin(year_T) + sum(effect) + 0.03 * random.normal(size=(R, T)))
    share = [float((size_R1 * of_channel).sum() / target_RT.sum()) for of_channel in effect]
    rows = [{"region": f"r{r:02}", "week": t, "target": target_RT[r, t], "media_video": size_R1[r, 0] * reach_RT[r, t],
             "control_contacts": frequency_RT[r, t], "media_radio": size_R1[r, 0] * media[1][r, t],
             "media_search": size_R1[r, 0] * media[2][r, t]} for r in range(R) for t in range(T)]  # fmt: skip
    return rows, share


def impressions(rows):
    """The same without the frequency: the channel's media are reach times frequency."""
    return [{**{key: value for key, value in row.items() if key != "control_contacts"},
             "media_video": row["media_video"] * row["control_contacts"]} for row in rows]  # fmt: skip


def write_table(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def fit(folder, name, rows, *words):
    """Its channels' shares with intervals, curves, and holdout RMSE."""
    write_table(folder / f"{name}.csv", rows)
    for command in (["train", f"data.source={folder / name}.csv", f"run.dir={folder / name}", *words],
                    ["export", f"run={folder / name}", f"output={folder / name}_csv"]):  # fmt: skip
        subprocess.run([DCMMM, *command], check=True, capture_output=True)
    metrics = json.loads((folder / name / "metrics.json").read_text())
    table = {key: list(csv.DictReader(open(folder / f"{name}_csv/{key}.csv", encoding="utf-8")))
             for key in ("channel_summary", "saturation", "adstock")}  # fmt: skip
    return table, metrics


def main(seeds):
    words = {"reach x frequency": (lambda rows: rows, ["model.media.frequency={video: contacts}"]),
             "impressions": (impressions, [])}  # fmt: skip
    print(f"{'':31}{'share %':>9}{'90 %':>14}{'true':>7}{'half':>7}{'exponent':>10}{'decay':>7}{'others':>8}{'RMSE':>8}")
    for estimator in ("likelihood", "descent"):
        error = {name: [] for name in words}
        for seed in seeds:
            rows, share = panel(seed)
            for name, (shaped, more) in words.items():
                with tempfile.TemporaryDirectory() as folder:
                    table, metrics = fit(pathlib.Path(folder), "panel", shaped(rows), f"model.estimator={estimator}",
                                         "ensemble.members=16", *more)  # fmt: skip
                summary = table["channel_summary"]
                total = float(summary[0]["contribution"]) / float(summary[0]["share"])
                estimate = [100 * float(row["share"]) for row in summary]
                low, high = (100 * float(summary[0][f"contribution_{end}"]) / total for end in ("lower", "upper"))
                error[name].append(abs(estimate[0] - 100 * share[0]))
                others = np.mean([abs(estimate[c] - 100 * share[c]) for c in (1, 2)])
                half, exponent = (float(table["saturation"][0][key]) for key in ("half_saturation", "exponent"))
                print(f"{estimator:11}{name:18}{seed:2}{estimate[0]:9.2f}{low:7.2f} -{high:5.2f}{100 * share[0]:7.2f}"
                      f"{half:7.2f}{exponent:10.2f}{float(table['adstock'][0]['decay']):7.2f}{others:8.2f}"
                      f"{metrics['holdout']['rmse']:8.1f}", flush=True)  # fmt: skip
        print(f"{estimator:11}mean error of the channel's share, points: "
              + ", ".join(f"{name} {np.mean(of_name):.2f}" for name, of_name in error.items()))  # fmt: skip
    print(f"true: half {HALF[0] / 2} (of 2 contacts), exponent {EXPONENT[0]}, decay {DECAY[0]}; "
          "half and exponent of impressions are of their own curve")  # fmt: skip


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [1, 2, 3, 4, 5])
