"""Scores the graph of channels that `dcmmm train` learns.

  graph.py [--dcmmm FILE] [--folder DIR] [PARTS [SEEDS]] [-- key=value ...]

PARTS: `all`, or some of these with commas.
  recover   synthetic panels (50 regions x 130 weeks, 8 channels, 8 edges, half of them a week late, noise of unequal
            scales): Student-t(3), Laplace, and Gaussian without lags
  units     the same Student panels with one channel times 1,000: whether the graph is the same
  effects   indirect and total effects against truth.json's
  size      seconds for the graph of 13 and of 100 channels
  real      edges on the real panel, and with one of its channels in random order
SEEDS: a count (5), a range (11-15) or a list (1,2,7). What follows `--` is passed to `dcmmm train`.

Scores, means over seeds, lags ignored (`i -> j` is one edge whatever its lag):
  F1        of directed edges against the true ones; an undirected edge is not found
  SHD       pairs of channels whose edge is missing, too much, reversed or undirected
  claimed   directed edges claimed, and how many of them are true
  h         largest tr exp(W o W) - C
Standard library, numpy and h5py.
"""

import argparse
import csv
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

import h5py
import numpy as np

PARTS = ["recover", "units", "effects", "size", "real"]
PLAIN = ["model.settings=fixed", "model.descent=false", "model.estimator=descent"]  # the graph doesn't depend on them


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = arguments.folder
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def dcmmm(self, *words):
        done = subprocess.run([self.arguments.dcmmm, *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"dcmmm {' '.join(map(str, words))}\nended with {done.returncode}:\n{done.stderr}")

    def synth(self, seed, noise, lagged=0.5, channels=8, edges=8, **more):
        folder = self.folder / f"{noise}_{channels}_{seed}"
        folder.mkdir(exist_ok=True)
        options = {"regions": 50, "weeks": 130, "channels": channels, "controls": 2, "seed": seed, "graph_edges": edges,
                   "graph_lagged": lagged, "graph_noise": noise, **more}
        self.dcmmm("synth", f"output={folder / 'panel.h5'}", *(f"synth.{k}={v}" for k, v in options.items()))
        return folder, json.loads((folder / "truth.json").read_text(encoding="utf-8"))

    def train(self, folder, name, *words, export=True):
        run = folder / name
        self.dcmmm("train", f"run.dir={run}", *words, *self.arguments.overrides)
        if export:
            self.dcmmm("export", f"run={run}", f"output={run / 'csv'}")
        return run


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def edges_of(run):
    return [(row["source"], row["target"], row["directed"] == "yes") for row in table(run / "csv" / "dag.csv")]


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


def score(found, truth):
    """F1, SHD, claimed, right."""
    true = {(edge["source"], edge["target"]) for edge in truth["edges"]}
    claimed = {(source, target) for source, target, directed in found if directed}
    right = len(claimed & true)
    f1 = 2 * right / max(1, len(claimed) + len(true))
    shd = 0
    for a, b in {tuple(sorted(edge[:2])) for edge in found} | {tuple(sorted(edge)) for edge in true}:
        both = {(a, b), (b, a)}
        shd += not both & true or both & claimed != both & true
    return f1, shd, len(claimed), right


def recover(bench, seeds):
    print(f"\nrecover: means over {len(seeds)} seeds")
    print(f"{'noise':24}{'F1':>8}{'SHD':>8}{'claimed':>9}{'right':>8}{'linked':>8}{'largest h':>12}{'graph s':>9}")
    for noise, lagged in (("student", 0.5), ("laplace", 0.5), ("gaussian", 0.0)):
        rows = []
        for seed in seeds:
            folder, truth = bench.synth(seed, noise, lagged)
            run = bench.train(folder, "run", f"data.panel={folder / 'panel.h5'}", *PLAIN)
            metrics = metrics_of(run)
            found = edges_of(run)
            rows.append((*score(found, truth), len({frozenset(e[:2]) for e in found}), metrics["dag"]["h"],
                         metrics["seconds"]["graph"]))
        mean = [statistics.fmean(row[i] for row in rows) for i in range(5)]
        name = noise + (", half lagged" if lagged else ", unlagged")
        print(f"{name:24}{mean[0]:8.3f}{mean[1]:8.2f}{mean[2]:9.2f}{mean[3]:8.2f}{mean[4]:8.2f}"
              f"{max(row[5] for row in rows):12.1e}{statistics.fmean(row[6] for row in rows):9.2f}")
        sys.stdout.flush()


def write_csv(panel, path, factors):
    """The panel file as a CSV table, each channel times its factor."""
    with h5py.File(panel) as file, open(path, "w", newline="", encoding="utf-8") as out:
        media, target = np.asarray(file["media"]), np.asarray(file["target"])
        regions, weeks = [x.decode() for x in file["region"]], [x.decode() for x in file["week"]]
        writer = csv.writer(out)
        writer.writerow(["region", "week", "target", *(f"media_{c:02d}" for c in range(1, media.shape[2] + 1))])
        for r, region in enumerate(regions):
            for t, week in enumerate(weeks):
                writer.writerow([region, week, repr(float(target[r, t])),
                                 *(repr(float(media[r, t, c] * factors[c])) for c in range(media.shape[2]))])


def units(bench, seeds):
    same = 0
    for seed in seeds:
        folder, _ = bench.synth(seed, "student")
        found = []
        for name, factors in (("plain", [1] * 8), ("thousand", [1000 if c == seed % 8 else 1 for c in range(8)])):
            write_csv(folder / "panel.h5", folder / f"{name}.csv", factors)
            found.append(edges_of(bench.train(folder, name, f"data.source={folder / name}.csv", *PLAIN)))
        same += found[0] == found[1]
    print(f"\nunits: the same edges and directions with one channel times 1,000: {same} of {len(seeds)} seeds")


def effects(bench, seeds):
    indirect, total, sums = [], [], []
    for seed in seeds:
        folder, truth = bench.synth(seed, "student", channels=6, edges=6, weeks=130)
        run = bench.train(folder, "effects", f"data.panel={folder / 'panel.h5'}", "ensemble.members=1")
        for channel, row in zip(truth["channels"], table(run / "csv" / "channel_summary.csv")):
            sums.append(abs(float(row["direct"]) + float(row["indirect"]) - float(row["total"])) / float(row["total"]))
            true = channel["total"] - channel["contribution"]
            if abs(true) < 0.05 * channel["contribution"]:
                continue
            indirect.append(float(row["indirect"]) / true - 1)
            total.append(float(row["total"]) / channel["total"] - 1)
    print(f"\neffects: of {len(total)} channels that move others, {len(seeds)} seeds; truth.json sums training and holdout")
    print(f"  median |total / true - 1|     {statistics.median(map(abs, total)):.3f}")
    print(f"  median |indirect / true - 1|  {statistics.median(map(abs, indirect)):.3f}")
    print(f"  median total / true - 1       {statistics.median(total):+.3f}")
    print(f"  largest |direct + indirect - total| / total  {max(sums):.1e}")


def size(bench, seeds):
    print("\nsize: graph seconds (wall), F1, h")
    for channels, edges in ((13, 13), (100, 100)):
        for method in ("notears", "dagma"):
            folder, truth = bench.synth(seeds[0], "student", channels=channels, edges=edges)
            run = bench.train(folder, method, f"data.panel={folder / 'panel.h5'}", f"model.dag.method={method}", *PLAIN)
            metrics = metrics_of(run)
            print(f"  {channels:4} channels, {method:8} {metrics['seconds']['graph']:7.2f} s  "
                  f"F1 {score(edges_of(run), truth)[0]:.3f}  h {metrics['dag']['h']:.1e}")
            sys.stdout.flush()


def real(bench, seeds):
    source = pathlib.Path(".deps/panel/mmm_data.csv")
    rows = table(source)
    media = [name for name in rows[0] if name.startswith("impressions_")]
    words = ["data=dma_panel", "data.holdout_weeks=32", *PLAIN]
    run = bench.train(bench.folder, "real", f"data.source={source}", *words)
    print(f"\nreal: weeks 0 to 76, {metrics_of(run)['dag']}, {metrics_of(run)['seconds']['graph']:.2f} s")
    print((run / "csv" / "dag.csv").read_text(encoding="utf-8"))
    with_edges = []
    for seed in seeds:
        column = media[(5 * seed + 3) % len(media)]
        values = [row[column] for row in rows]
        random.Random(seed).shuffle(values)
        path = bench.folder / "permuted.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows({**row, column: value} for row, value in zip(rows, values))
        run = bench.train(bench.folder, f"permuted_{seed}", f"data.source={path}", *words)
        name = column.removeprefix("impressions_")
        with_edges += [name for edge in edges_of(run) if name in edge[:2]]
    print(f"  one channel in random order, {len(seeds)} seeds: {len(with_edges)} edges of that channel {with_edges}")


def seed_list(words):
    if "-" in words:
        first, last = words.split("-")
        return list(range(int(first), int(last) + 1))
    return [int(word) for word in words.split(",")] if "," in words else list(range(1, int(words) + 1))


def main():
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(usage=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcmmm", default="build/release/dcmmm")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/release/bench/graph"))
    parser.add_argument("parts", nargs="?", default="all")
    parser.add_argument("seeds", nargs="?", default="5")
    arguments = parser.parse_args(words[:at])
    arguments.overrides = words[at + 1:]
    parts = PARTS if arguments.parts == "all" else arguments.parts.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        sys.exit(f"Unknown part '{unknown[0]}': expected {', '.join(PARTS)}.")
    bench = Bench(arguments)
    for part in parts:
        globals()[part](bench, seed_list(arguments.seeds))


if __name__ == "__main__":
    main()
