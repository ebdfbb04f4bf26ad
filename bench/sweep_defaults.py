"""sweep_defaults.py [--trials descent=24,likelihood=8] [--workers 2] [--pack 8] [--dcmmm BINARY] [--json FILE]

Whether other constants than the shipped ones forecast better, on training weeks only: the public panel's weeks 0 to 76
(its evaluated weeks come later), and two synthetic panels (kinds clean and season, 60 regions x 77 weeks, of seeds
that choices are made on). Three origins within these weeks, eight weeks ahead each.

Sobol's trials have the same settings on all panels. Each is compared with the shipped settings at the same origins. One
wins clearly on a panel where its pooled RMSE is at least 2 % below and it is better at most origins (the rule by which a
run chooses settings for itself); it is a candidate for configs/ where it does so on all three. Searches:

- descent: the closed form that the descent starts from, model.settings=auto as shipped: curves' centres, the ridge on
  media, and Huber's delta;
- likelihood: the priors of effects, and the centre of the exponents.

`gain`: how much lower the RMSE is, a column for each panel, of the trials with the best worst gain. All rows:
build/release/bench/sweep_defaults.json.
"""

import argparse
import json
import pathlib
import tempfile

import truth

CUT, CLEARLY = 32, 0.02
CROSSVAL = ["crossval.windows=3", "crossval.step=8", "crossval.horizon=8"]
SEARCHES = {
    "descent": (["model.estimator=descent", "model.descent=false"],
                ["model.adstock.decay=interval(0.1,0.8)", "model.hill.exponent=interval(2.05,3.2)",
                 "model.hill.half_saturation=tag(log, interval(0.3,3.0))", "model.ridge.media=tag(log, interval(0.05,3.0))",
                 "model.loss.huber_delta=interval(1.0,4.0)"]),
    "likelihood": (["model.estimator=likelihood"],
                   ["model.likelihood.share_sd=tag(log, interval(0.02,0.5))",
                    "model.likelihood.control_sd=tag(log, interval(0.01,0.2))",
                    "model.likelihood.seasonality_sd=tag(log, interval(0.03,0.5))",
                    "model.likelihood.exponent=interval(1.5,2.8)"]),
}  # fmt: skip


class Bench:
    def __init__(self, given, folder):
        self.given, self.folder = given, folder

    def call(self, *words):
        truth.call(self.given.dcmmm, *words)

    def panels(self):
        out = {"public": ["data=dma_panel"]}
        for kind, seed in (("clean", 51), ("season", 52)):
            path = self.folder / f"{kind}.h5"
            self.call("synth", f"output={path}", "synth.regions=60", f"synth.weeks={77 + CUT}", "synth.channels=8", "synth.controls=4",
                      f"synth.kind={kind}", f"synth.seed={seed}")  # fmt: skip
            out[kind] = [f"data.panel={path}"]
        return out

    def compare(self, search, trials, panel, source):
        """(settings, gain, wins clearly) of every trial."""
        fixed, searched = SEARCHES[search]
        at, plain = self.folder / f"{search}_{panel}", self.folder / f"{search}_{panel}_shipped"
        self.call("sweep", *source, f"data.holdout_weeks={CUT}", f"run.dir={at}", *fixed, *searched, *CROSSVAL, "sweep.sampler=sobol",
                  f"sweep.trials={trials}", f"sweep.workers={self.given.workers}", f"sweep.pack={self.given.pack}")  # fmt: skip
        self.call("crossval", f"data.panel={at / 'panel.h5'}", f"run.dir={plain}", *fixed, *CROSSVAL, "crossval.beside=[]",
                  "trainer.threads=1")  # fmt: skip
        shipped = json.loads((plain / "crossval.json").read_text(encoding="utf-8"))
        out = []
        for number in range(trials):
            file = at / f"trials/{number}/crossval.json"
            if not file.exists():  # it failed
                out.append((number, -1.0, False))
                continue
            trial = json.loads(file.read_text(encoding="utf-8"))
            gain = 1 - trial["pooled"]["model"]["rmse"] / shipped["pooled"]["model"]["rmse"]
            better = [a["model"]["rmse"] < b["model"]["rmse"] for a, b in zip(trial["by_origin"].values(), shipped["by_origin"].values())]
            out.append((number, gain, gain >= CLEARLY and 2 * sum(better) > len(better)))
        print(f"{search:<10} {panel:<7} shipped: RMSE {shipped['pooled']['model']['rmse']:,.1f}, skill "
              f"{shipped['pooled']['model']['skill']:.3f}; best of {trials} trials: gain {max(g for _, g, _ in out):+.1%}, "
              f"{sum(wins for _, _, wins in out)} win clearly", flush=True)  # fmt: skip
        with open(at / "trials.csv", encoding="utf-8") as file:
            names = file.readline().strip().split(",")[5:]
            settings = [dict(zip(names, line.strip().split(",")[5:])) for line in file]
        return [{"number": n, "gain": gain, "wins": wins, "settings": settings[n]} for n, gain, wins in out]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", default="descent=24,likelihood=8")
    parser.add_argument("--pack", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dcmmm", default="build/release/dcmmm")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("build/release/bench/sweep_defaults.json"))
    given = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(prefix="dcmmm_defaults_") as name:
        bench = Bench(given, pathlib.Path(name))
        panels = bench.panels()
        for word in given.trials.split(","):
            search, trials = word.split("=")
            rows = {panel: bench.compare(search, int(trials), panel, source) for panel, source in panels.items()}
            found[search] = rows
            given.json.parent.mkdir(parents=True, exist_ok=True)
            given.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
            ranked = sorted(range(int(trials)), key=lambda n: -min(rows[panel][n]["gain"] for panel in panels))
            print(f"{search}: gains on {', '.join(panels)}; * wins clearly")
            for n in ranked[:5]:
                cells = "  ".join(f"{rows[p][n]['gain']:+7.2%}{'*' if rows[p][n]['wins'] else ' '}" for p in panels)
                print(f"  {cells}  {' '.join(f'{k}={float(v):.3g}' for k, v in rows['public'][n]['settings'].items())}")
            candidates = [n for n in ranked if all(rows[panel][n]["wins"] for panel in panels)]
            print(f"{search}: {len(candidates)} trials win clearly on all panels", flush=True)


if __name__ == "__main__":
    main()
