"""What an honest model may not do to the real panel: a random channel, one given twice, one shuffled, a constant more.

  .deps/bin/python bench/placebo.py [FOLDER] [key=value ...]

Fits the public panel five times with 16 members (FOLDER: build/release/bench/placebo) and prints how far contributions
moved, in points of the target and in parts of their 90 % intervals. Standard library only.
"""

import csv
import pathlib
import random
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "build/release/dcmmm"


def fit(folder, name, rows, words):
    """Shares of the channels, in points: {channel: (share, lower, upper)}."""
    table = folder / f"{name}.csv"
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    run = folder / name
    for command in (["train", f"data.source={table}", f"run.dir={run}", "run.overwrite=true", "ensemble.members=16", *words],
                    ["export", f"run={run}", f"output={run}/csv"]):
        done = subprocess.run([BINARY, *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr)
    shares = {}
    with open(run / "csv/channel_summary.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            whole = float(row["contribution"]) / float(row["share"]) if float(row["share"]) else 1.0
            shares[row["channel"]] = tuple(
                100 * float(row[key]) / whole for key in ("contribution", "contribution_lower", "contribution_upper")
            )
    return shares


def main():
    words = [word for word in sys.argv[1:] if "=" in word]
    folder = pathlib.Path(next((word for word in sys.argv[1:] if "=" not in word), BINARY.parent / "bench/placebo"))
    folder.mkdir(parents=True, exist_ok=True)
    with open(ROOT / ".deps/panel/mmm_data.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    media = [name for name in rows[0] if name.startswith("impressions_")]
    draw = random.Random(1)
    plain = fit(folder, "plain", rows, words)
    names = list(plain)

    def show(what, figure):
        print(f"{what:64} {figure}", flush=True)

    def interval(share):
        return f"{share[0]:.2f} points, 90 % interval {share[1]:.2f} to {share[2]:.2f}"

    noise = [{**row, "impressions_placebo": str(draw.lognormvariate(0, 1))} for row in rows]
    show("a random channel (under .5, interval from 0)", interval(fit(folder, "random", noise, words)["placebo"]))

    # The channel with the most certain effect of those that are identified: its lower bound is the highest.
    with open(folder / "plain/csv/channel_summary.csv", newline="", encoding="utf-8") as file:
        known = {row["channel"] for row in csv.DictReader(file) if row["identified"] == "yes"}
    firm = max((name for name in names if name in known), key=lambda name: plain[name][1])
    column = media[names.index(firm)]
    show(f"channel {names.index(firm) + 1}", interval(plain[firm]))
    twice = fit(folder, "twice", [{**row, "impressions_again": row[column]} for row in rows], words)
    both = twice[firm][0] + twice["again"][0]
    width = plain[firm][2] - plain[firm][1]
    show("the same, given twice: the sum of both (20 % of the interval)",
         f"{both:.2f} points, moved by {100 * abs(both - plain[firm][0]) / width:.0f} % of its interval")

    by_region = {}
    for row in rows:
        by_region.setdefault(row["dmacode"], []).append(row)
    shuffled = []
    for of_region in by_region.values():
        values = [row[column] for row in of_region]
        draw.shuffle(values)
        shuffled += [{**row, column: value} for row, value in zip(of_region, values)]
    lost = fit(folder, "shuffled", shuffled, words)[firm]
    show("the same, shuffled over weeks (80 % lost, if above 0 before)",
         f"{lost[0]:.2f} points, {100 * (1 - lost[0] / plain[firm][0]):.0f} % lost")

    mean = sum(float(row["target_visits"]) for row in rows) / len(rows)
    more = fit(folder, "constant", [{**row, "target_visits": str(float(row["target_visits"]) + mean)} for row in rows], words)
    moved = max(abs(2 * more[name][0] - plain[name][0]) / (plain[name][2] - plain[name][1]) for name in names)
    show("the mean target added to every cell (10 %)", f"contributions moved by {100 * moved:.0f} % of their interval at most")
    other = fit(folder, "seed", rows, [*words, "run.seed=1"])
    moved = max(min(abs(other[name][0] - plain[name][0]) / (plain[name][2] - plain[name][1]),
                    abs(other[name][0] - plain[name][0]) * 2.5) for name in names)
    show("another seed (a quarter of the interval or .1 point)",
         f"shares moved by {100 * moved:.0f} % of their interval at most, or less than that in tenths of a point")


if __name__ == "__main__":
    main()
