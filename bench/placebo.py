"""What an honest model may not do: see an effect in a random channel or a shuffled one, change its mind about a channel
that is given twice, about a constant in the target, or with the seed.

  .deps/bin/python bench/placebo.py [--dcmmm FILE] [--only real,synthetic] [--folder DIR] [key=value ...]

`real`: the public panel, by descent, since the gate stops two of its channels. `synthetic`: three clean panels of
truth.py (low exponents, seeds 21 to 23), by the likelihood. 16 members each; key=value goes to `dcmmm train`. Prints
how far contributions moved, in points of the target and in parts of their 90 % intervals; in brackets what was asked
for.
Constants: `everywhere the same` is a part of the panel's mean target added to every cell, `in proportion` the same part
of each region's own mean. Needs h5py (launch/requirements-test.txt) for the synthetic panels.
"""

import argparse
import csv
import pathlib
import random
import statistics
import sys

import truth

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release"
CONSTANTS = (0.1, 0.5, 1.0)  # of the mean target


class Table:
    """A panel as rows of a CSV file, and how to fit it."""

    def __init__(self, dcmmm, folder, rows, region, target, media, words):
        self.dcmmm, self.folder, self.rows, self.words = dcmmm, folder, rows, words
        self.region, self.target, self.media = region, target, media
        folder.mkdir(parents=True, exist_ok=True)

    def fit(self, name, rows, words=()):
        """Contributions and 90 % intervals, in points of this table's target: {channel: (value, lower, upper)}."""
        with open(self.folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        run = self.folder / name
        truth.call(self.dcmmm, "train", f"data.source={self.folder / name}.csv", f"run.dir={run}", "run.overwrite=true",
                   "ensemble.members=16", *self.words, *words)
        truth.call(self.dcmmm, "export", f"run={run}", f"output={run}/csv")
        whole = sum(float(row[self.target]) for row in self.rows)
        return {row["channel"]: tuple(100 * float(row[key] or "nan") / whole
                                      for key in ("contribution", "contribution_lower", "contribution_upper"))
                for row in truth.table(run / "csv/channel_summary.csv")}

    def known_channels(self, name):
        return [row["channel"] for row in truth.table(self.folder / name / "csv/channel_summary.csv")
                if row["identified"] == "yes"]

    def raised(self, constant):
        """Rows with constant(region) added to the target."""
        return [{**row, self.target: str(float(row[self.target]) + constant[row[self.region]])} for row in self.rows]


def real_panel(dcmmm, folder, words):
    with open(ROOT / ".deps/panel/mmm_data.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    media = [name for name in rows[0] if name.startswith("impressions_")]
    return Table(dcmmm, folder / "real", rows, "dmacode", "target_visits", media, words)


def synthetic_panel(dcmmm, folder, seed, words):
    import h5py  # what the real panel does without

    folder = folder / f"clean_low_{seed}"
    truth.make_panel(dcmmm, folder, "clean", "low", seed)
    with h5py.File(folder / "panel.h5") as file:
        text = {name: [word.decode() for word in file[name][:]]
                for name in ("region", "week", "channel_column", "control_column")}
        target, media, controls = file["target"][:], file["media"][:], file["controls"][:]
    rows = [{"region": region, "week": week, "target": target[r, t],
             **dict(zip(text["channel_column"], media[r, t])), **dict(zip(text["control_column"], controls[r, t]))}
            for r, region in enumerate(text["region"]) for t, week in enumerate(text["week"])]
    return Table(dcmmm, folder, rows, "region", "target", text["channel_column"], ["model.estimator=likelihood", *words])


def show(what, figure):
    print(f"  {what:66} {figure}", flush=True)


def moved(before, after):
    """How far the channels' contributions moved, in parts of their interval before: the most, and the median."""
    parts = [abs(after[name][0] - before[name][0]) / (before[name][2] - before[name][1]) for name in before]
    return f"by {100 * max(parts):.1f} % of an interval at most, {100 * statistics.median(parts):.1f} % in the median"


def interval(share):
    return f"{share[0]:.2f} points, {share[1]:.2f} to {share[2]:.2f}"


def placebos(table):
    draw = random.Random(1)
    plain = table.fit("plain", table.rows)
    names = list(plain)

    # Names begin like a channel's, so that the columns are taken for media.
    noise = [{**row, f"{table.media[0]}_placebo": str(draw.lognormvariate(0, 1))} for row in table.rows]
    new = [share for name, share in table.fit("random", noise).items()
           if name not in names]
    show("a random channel (under .5, interval from 0)", interval(new[0]))

    # The channel with the most certain effect of those that are identified: its lower bound is the highest.
    firm = max(table.known_channels("plain"), key=lambda name: plain[name][1])
    column = table.media[names.index(firm)]
    show(f"channel {names.index(firm) + 1}, the farthest above 0", interval(plain[firm]))
    again = f"{column}_again"
    twice = table.fit("twice", [{**row, again: row[column]} for row in table.rows])
    both = twice[firm][0] + sum(share[0] for name, share in twice.items() if name not in names)
    width = plain[firm][2] - plain[firm][1]
    show("the same, given twice: the sum of both (20 % of the interval)",
         f"{both:.2f} points, moved by {100 * abs(both - plain[firm][0]) / width:.0f} %")

    by_region = {}
    for row in table.rows:
        by_region.setdefault(row[table.region], []).append(row)
    shuffled = []
    for of_region in by_region.values():
        values = [row[column] for row in of_region]
        draw.shuffle(values)
        shuffled += [{**row, column: value} for row, value in zip(of_region, values)]
    lost = table.fit("shuffled", shuffled)[firm]
    show("the same, shuffled over weeks (80 % lost, if above 0 before)",
         f"{lost[0]:.2f} points, {100 * (1 - lost[0] / plain[firm][0]):.0f} % lost")
    show("another seed (a quarter of the interval, or .1 point)",
         moved(plain, table.fit("seed", table.rows, ["run.seed=1"])))

    mean = statistics.fmean(float(row[table.target]) for row in table.rows)
    own = {region: statistics.fmean(float(row[table.target]) for row in rows) for region, rows in by_region.items()}
    for part in CONSTANTS:
        for kind, constant in (("in proportion", {region: part * own[region] for region in own}),
                               ("everywhere the same", {region: part * mean for region in own})):
            show(f"{100 * part:.0f} % of the mean target more, {kind} (10 %)",
                 moved(plain, table.fit("constant", table.raised(constant))))


def main():
    parser = argparse.ArgumentParser(usage=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dcmmm", default=BUILD / "dcmmm")
    parser.add_argument("--folder", type=pathlib.Path, default=BUILD / "bench/placebo")
    parser.add_argument("--only", default="real,synthetic")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    panels = {"real": [lambda: real_panel(arguments.dcmmm, arguments.folder, arguments.words)],
              "synthetic": [lambda s=seed: synthetic_panel(arguments.dcmmm, arguments.folder, s, arguments.words)
                            for seed in (21, 22, 23)]}
    for part in arguments.only.split(","):
        if part not in panels:
            sys.exit(f"Unknown part '{part}': expected real or synthetic.")
        for make in panels[part]:
            table = make()
            print(table.folder.name, flush=True)
            placebos(table)


if __name__ == "__main__":
    main()
