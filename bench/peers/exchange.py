"""What every peer's script reads and writes.

A script is called as `NAME.py PANEL OUTPUT`. PANEL is a folder with data.csv (one row per region and week, complete;
the target is empty in the holdout) and roles.json. OUTPUT is written by Answer.write(): the forecast of every holdout
cell, and each channel's contribution summed over regions and training weeks, with its 90 % interval where there is one.
"""

import csv
import json
import pathlib
import sys
from dataclasses import dataclass, field


class Panel:
    """Roles of a panel's columns, and its rows by region and week."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        roles = json.loads((self.folder / "roles.json").read_text(encoding="utf-8"))
        self.media = roles["media"]
        self.spend = roles["spend"]  # one column per media column, or empty
        self.controls = roles["controls"]
        self.has_population = roles["population"]
        self.holdout = roles["holdout"]  # weeks
        with open(self.folder / "data.csv", newline="", encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file))
        self.regions = list(dict.fromkeys(row["region"] for row in self.rows))
        self.weeks = list(dict.fromkeys(row["week"] for row in self.rows))
        self.training_weeks = self.weeks[:-self.holdout]

    def array(self, columns):
        """Regions x weeks x columns; NaN where a cell is empty. Needs numpy, which not every script has."""
        import numpy as np
        place = {(row["region"], row["week"]): row for row in self.rows}
        return np.array([[[float(place[region, week][column] or "nan") for column in columns] for week in self.weeks]
                         for region in self.regions])

    def frame(self):
        """The table for pandas, weeks as dates."""
        import pandas
        return pandas.read_csv(self.folder / "data.csv", parse_dates=["week"], dtype={"region": str})


@dataclass
class Answer:
    """What a peer says. Keys of the contributions are media columns; intervals are of 90 %."""

    version: str
    settings: str  # of the documentation, in a line
    predicted: list = field(default_factory=list)  # (region, week, value) of each holdout cell
    contribution: dict = field(default_factory=dict)
    interval: dict = field(default_factory=dict)  # column -> (lower, upper)
    forecast_interval: list = field(default_factory=list)  # (region, week, lower, upper)

    def predict(self, panel, predicted_RT, lower_RT=None, upper_RT=None):
        """Takes the holdout's columns of arrays of regions x weeks (all weeks, or the holdout only)."""
        for r, region in enumerate(panel.regions):
            for i, week in enumerate(panel.weeks[-panel.holdout:]):
                t = i - panel.holdout
                self.predicted.append((region, week, float(predicted_RT[r][t])))
                if lower_RT is not None:
                    self.forecast_interval.append((region, week, float(lower_RT[r][t]), float(upper_RT[r][t])))

    def credit(self, panel, draws_SC):
        """Contributions and intervals from draws (samples x channels) of their sums."""
        import numpy as np
        lower_C, upper_C = np.quantile(draws_SC, [0.05, 0.95], axis=0)
        for c, column in enumerate(panel.media):
            self.contribution[column] = float(np.mean(draws_SC[:, c]))
            self.interval[column] = (float(lower_C[c]), float(upper_C[c]))

    def write(self):
        pathlib.Path(sys.argv[2]).write_text(json.dumps(self.__dict__), encoding="utf-8")


def panel_argument():
    """The panel that the command line names."""
    if len(sys.argv) != 3:
        sys.exit(f"Usage: {sys.argv[0]} PANEL_FOLDER OUTPUT.json")
    return Panel(sys.argv[1])
