"""dcmmm, as its README says: train on the weeks that have a target, predict the others, export. DCMMM names the binary."""

import csv
import json
import os
import pathlib
import subprocess
import tempfile

import exchange


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def dcmmm(*words):
    subprocess.run([os.environ["DCMMM"], *words], check=True)


def main():
    panel = exchange.panel_argument()
    answer = exchange.Answer("", "defaults")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        training_weeks = set(panel.training_weeks)
        for file_name, is_training in (("training.csv", True), ("future.csv", False)):
            with open(folder / file_name, "w", newline="", encoding="utf-8") as file:
                out = csv.DictWriter(file, [column for column in panel.rows[0] if is_training or column != "target"],
                                     extrasaction="ignore")
                out.writeheader()
                out.writerows(row for row in panel.rows if (row["week"] in training_weeks) == is_training)
        dcmmm("train", f"data.source={folder / 'training.csv'}", "data.holdout_weeks=0", f"run.dir={folder / 'run'}")
        dcmmm("predict", f"run={folder / 'run'}", f"data.source={folder / 'future.csv'}", f"output={folder / 'forecast.csv'}")
        dcmmm("export", f"run={folder / 'run'}", f"output={folder / 'csv'}")
        answer.version = json.loads((folder / "run/metrics.json").read_text(encoding="utf-8"))["version"]
        for row in table(folder / "forecast.csv"):
            answer.predicted.append((row["region"], row["week"], float(row["predicted"])))
            answer.forecast_interval.append((row["region"], row["week"], float(row["lower"]), float(row["upper"])))
        for column, row in zip(panel.media, table(folder / "csv/channel_summary.csv")):
            answer.contribution[column] = float(row["contribution"])
            if row["contribution_lower"]:
                answer.interval[column] = (float(row["contribution_lower"]), float(row["contribution_upper"]))
    answer.write()


if __name__ == "__main__":
    main()
