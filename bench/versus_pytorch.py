"""dcmmm's training step against the same step in idiomatic PyTorch (versus/pytorch_step.py), in turns.

  versus_pytorch.py PYTHON BUILD [--hidden 0,32,64] [--rounds 5] [--steps 10] [--threads 1]

PYTHON: one that has torch. BUILD: the folder of a build. The table and BUILD/bench/versus_pytorch.json hold medians
over rounds of medians over steps; ratios are PyTorch's figure over dcmmm's. One fit without its shadow, float32, 190
regions x 101 training weeks x 13 channels x 7 controls. --threads 2 gives both sides two threads; the file holds the
last call's rows and its number of threads. Peak memory is the process's, with LibTorch or Python and PyTorch."""

import argparse
import json
import pathlib

from versus.interleaved import in_turns

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("python")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--hidden", default="0,32,64")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    folder = given.build / "bench"
    print(f"{'hidden':>6} {'':8} {'clock ms':>9} {'cpu ms':>8} {'MiB':>6}   ratios: clock, cpu, memory")
    rows = []
    for hidden in map(int, given.hidden.split(",")):
        file = folder / "versus_pytorch_step.json"
        ours = [folder / "train_step", "--hidden", hidden, "--steps", given.steps, "--threads", given.threads,
                "--validation-weeks", 0, "--json", file]
        theirs = [given.python, HERE / "versus/pytorch_step.py", hidden, given.steps, given.threads]
        found = in_turns({"dcmmm": (ours, file), "PyTorch": (theirs, None)}, given.rounds)
        keys = ("step_seconds_median", "step_processor_seconds_median", "peak_memory_bytes")
        row = {"hidden": hidden, **{name: {key: figures[key] for key in keys} for name, figures in found.items()}}
        row["ratios"] = [found["PyTorch"][key] / found["dcmmm"][key] for key in keys]
        row["pytorch_version"] = found["PyTorch"]["version"]
        rows.append(row)
        for name in ("dcmmm", "PyTorch"):
            clock, processor, memory = (row[name][key] for key in keys)
            ratios = "   " + " ".join(f"{ratio:.2f}" for ratio in row["ratios"]) if name == "PyTorch" else ""
            print(f"{hidden:>6} {name:8} {1e3 * clock:>9.1f} {1e3 * processor:>8.1f} {memory / 2**20:>6.0f}{ratios}",
                  flush=True)
    result = {"threads": given.threads, "rounds": given.rounds, "rows": rows}
    (folder / "versus_pytorch.json").write_text(json.dumps(result, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
