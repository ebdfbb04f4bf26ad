"""Holds what second_panel.sh made against the panel's truth: forecast, channels, promotions. Standard library only.

  second_panel.py FOLDER
"""

import csv
import json
import math
import pathlib
import statistics
import sys


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def forecast(folder):
    """RMSE of the 28 days to come, beside forecasts that know the weekday, and the intervals' coverage."""
    past, future = {}, {}
    for name, cells in (("past", past), ("future", future)):
        for row in table(folder / f"{name}.csv"):
            cells.setdefault(row["region"], []).append(float(row["target"]))
    rows = {}
    for row in table(folder / "forecast.csv"):
        rows.setdefault(row["region"], []).append(row)

    def rmse(predict):
        errors = [predict(region, t) - actual for region in future for t, actual in enumerate(future[region])]
        return math.sqrt(statistics.fmean(error * error for error in errors))

    def same_weekdays(weeks):
        return lambda region, t: statistics.fmean(past[region][-7 * (week + 1) + t % 7] for week in range(weeks))

    covered = statistics.fmean(float(rows[region][t]["lower"]) <= actual <= float(rows[region][t]["upper"])
                               for region in future for t, actual in enumerate(future[region]))
    print(f"28 days to come, {sum(map(len, future.values()))} cells, mean {statistics.fmean(sum(future.values(), [])):,.0f}")
    print(f"  dcmmm predict                     RMSE {rmse(lambda region, t: float(rows[region][t]['predicted'])):9,.0f}, "
          f"90 % intervals cover {covered:.3f}")
    print(f"  the same weekday of the last week RMSE {rmse(same_weekdays(1)):9,.0f}")
    print(f"  mean of the last four of them     RMSE {rmse(same_weekdays(4)):9,.0f}")
    print(f"  mean of all days                  RMSE {rmse(lambda region, t: statistics.fmean(past[region])):9,.0f}")


def channels(folder, truth, days):
    """Estimated and true share of the target of each channel."""
    target = sum(truth["by_week"]["target"][:days])
    summary = {row["channel"]: row for row in table(folder / "csv/channel_summary.csv")}
    decay = {row["channel"]: float(row["decay"]) for row in table(folder / "csv/adstock.csv")}
    errors, covered, shares = [], [], []
    print("\nshare of the target, %      true  estimated    90 % interval    decay: true  estimated")
    for channel in truth["channels"]:
        row = summary[channel["name"]]
        true = 100 * sum(channel["contribution_by_week"][:days]) / target
        share, lower, upper = (100 * float(row[f"contribution{end}"]) / target for end in ("", "_lower", "_upper"))
        errors.append(share - true)
        shares.append(true)
        covered.append(lower <= true <= upper)
        print(f"{channel['name']:24}{true:8.2f}{share:11.2f}{lower:9.2f} -{upper:6.2f}{channel['decay']:15.2f}"
              f"{decay[channel['name']]:11.2f}")
    print(f"mean error {statistics.fmean(map(abs, errors)):.2f} points, largest {max(map(abs, errors)):.2f}, total "
          f"{sum(errors):+.2f}; {sum(covered)} of {len(covered)} intervals hold the truth")
    equal = statistics.fmean(abs(share - statistics.fmean(shares)) for share in shares)
    print(f"an equal split of the true total would be off by {equal:.2f} points in the mean")


def events(folder, truth):
    """Estimated and true effect of promotions and weekdays on a day, as a share of the regions' level."""
    size = {row["region"]: float(row["population"]) for row in table(folder / "past.csv")}
    value, weight = {}, {}
    for row in table(folder / "csv/contributions.csv"):
        if row["component"].startswith("event:") and float(row["value"]) != 0:
            name = row["component"][6:]
            value[name] = value.get(name, 0.0) + float(row["value"])
            weight[name] = weight.get(name, 0.0) + size[row["region"]]
    true = {promotion["name"]: promotion["effect"] for promotion in truth["promotions"]}
    names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    for day in range(1, 7):
        true[f"weekday_{names[day]}"] = truth["weekdays"][day] - truth["weekdays"][0]
    print("\neffect, % of the level      true  estimated")
    for name, effect in true.items():
        print(f"{name:24}{100 * effect:8.1f}{100 * value[name] / weight[name]:11.1f}")


def main():
    folder = pathlib.Path(sys.argv[1])
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    days = len({row["date"] for row in table(folder / "past.csv")})
    forecast(folder)
    channels(folder, truth, days)
    events(folder, truth)


if __name__ == "__main__":
    main()
