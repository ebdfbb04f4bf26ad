"""What a prior that is right does to the channel that it is about, on panels of known truth (docs/knowledge.md).

For each seed: a panel (`dcmmm synth`, 40 regions x 130 weeks x 6 channels with spend), a fit without priors, and the channel
of which it knows least: the widest interval of its contribution as a share of it. Then one fit for each kind of prior on
that channel, centred at the truth.

Usage: .deps/bin/python bench/priors.py [SEEDS]
"""

import csv
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

DCMMM = pathlib.Path(__file__).resolve().parent.parent / "build/release/dcmmm"
SYNTH = ["synth.kind=clean", "synth.regions=40", "synth.weeks=130", "synth.channels=6", "synth.controls=3",
         "synth.exponent_low=1", "synth.exponent_high=2.5", "synth.spend=true"]  # fmt: skip


def dcmmm(*words):
    subprocess.run([DCMMM, *map(str, words)], check=True, capture_output=True)


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fit(folder, *words):
    """Channel -> share and its width in points, and decay."""
    run = folder / "run"
    dcmmm("train", f"data.panel={folder / 'panel.h5'}", f"run.dir={run}", "run.overwrite=true", "data.holdout_weeks=0",
          "model.estimator=likelihood", "ensemble.members=16", *words)  # fmt: skip
    dcmmm("export", f"run={run}", f"output={run / 'csv'}")
    decays = {row["channel"]: float(row["decay"]) for row in table(run / "csv/adstock.csv")}
    out = {}
    for row in table(run / "csv/channel_summary.csv"):
        points = 100 * float(row["share"]) / float(row["contribution"])
        width = points * (float(row["contribution_upper"]) - float(row["contribution_lower"]))
        out[row["channel"]] = {"share": 100 * float(row["share"]), "width": width, "decay": decays[row["channel"]]}
    return out


def priors(true):
    """Words of each kind of prior, centred at what is true of the channel."""
    name, roi = true["name"], true["roi"]
    known = {"roi, sd 10 %": {"roi": roi, "roi_sd": 0.1 * roi},
             "decay, sd .05": {"decay": true["decay"], "decay_sd": 0.05},
             "curve, sds .2 and .2": {"exponent": true["exponent"], "exponent_sd": 0.2,
                                      "half_saturation": true["half_saturation"], "half_saturation_sd": 0.2}}  # fmt: skip
    return {kind: f"model.priors={{{name}: {json.dumps(keys).replace(chr(34), '')}}}" for kind, keys in known.items()}


def main(seeds):
    before_of, after_of = {}, {}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            dcmmm("synth", f"output={folder / 'panel.h5'}", f"synth.seed={seed}", *SYNTH)
            truth = json.loads((folder / "truth.json").read_text())
            before = fit(folder)
            channel = max(before, key=lambda c: before[c]["width"] / max(before[c]["share"], 0.1))
            true = next(row for row in truth["channels"] if row["name"] == channel)
            for kind, words in priors(true).items():
                after = fit(folder, words)
                for of, figures in ((before_of, before[channel]), (after_of, after[channel])):
                    of.setdefault(kind, []).append({"error": abs(figures["share"] - 100 * true["share"]),
                                                    "width": figures["width"],
                                                    "decay": abs(figures["decay"] - true["decay"])})  # fmt: skip
                print(f"seed {seed} {channel} {kind:22} share {100 * true['share']:.2f}: {before[channel]['share']:.2f} > "
                      f"{after[channel]['share']:.2f}, width {before[channel]['width']:.2f} > {after[channel]['width']:.2f}, "
                      f"decay {true['decay']:.2f}: {before[channel]['decay']:.2f} > {after[channel]['decay']:.2f}", flush=True)  # fmt: skip
    for kind in before_of:
        def mean(of, key):
            return statistics.fmean(row[key] for row in of[kind])

        closer = sum(a["error"] < b["error"] for b, a in zip(before_of[kind], after_of[kind]))
        print(f"{kind:22} error of the share {mean(before_of, 'error'):.2f} > {mean(after_of, 'error'):.2f} points (smaller in "
              f"{closer} of {len(seeds)}), interval {mean(before_of, 'width'):.2f} > {mean(after_of, 'width'):.2f}, "
              f"error of the decay {mean(before_of, 'decay'):.2f} > {mean(after_of, 'decay'):.2f}")  # fmt: skip


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or list(range(1, 11)))
