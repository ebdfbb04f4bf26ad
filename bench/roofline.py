"""The share of a training step that is matrix products at the library's speed.

  roofline.py BUILD [--hidden 32,128,280] [--rounds 3] [--steps 6]

FLOPs are those of the step's matrix products alone; `sgemm` is their rate when MKL runs each of them by itself, at the
step's shapes, `step` the rate of the whole step (everything else included). One thread, processor time, in turns; the
table and BUILD/bench/roofline.json hold medians over rounds."""

import argparse
import json
import pathlib

from versus.interleaved import in_turns

REGIONS, TRAINING_WEEKS = 190, 101


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--hidden", default="32,128,280")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    given = parser.parse_args()
    folder = given.build / "bench"
    print(f"{'hidden':>6} {'GFLOP':>7} {'step ms':>8} {'sgemm ms':>9} {'step GFLOP/s':>13} {'sgemm GFLOP/s':>14} {'share':>7}")
    rows = []
    for hidden in map(int, given.hidden.split(",")):
        file = folder / "roofline_step.json"
        step = [folder / "train_step", "--hidden", hidden, "--regions", REGIONS, "--weeks", TRAINING_WEEKS + 8, "--steps",
                given.steps, "--threads", 1, "--validation-weeks", 0, "--json", file]
        found = in_turns({"step": (step, file),
                          "sgemm": ([folder / "gemm", hidden, REGIONS * TRAINING_WEEKS, REGIONS], None)}, given.rounds)
        seconds, flops = found["step"]["step_processor_seconds_median"], found["sgemm"]["flops"]
        row = {"hidden": hidden, "flops": flops, "step_seconds": seconds, "sgemm_seconds": found["sgemm"]["seconds"],
               "share": found["sgemm"]["seconds"] / seconds}
        rows.append(row)
        print(f"{hidden:>6} {1e-9 * flops:>7.2f} {1e3 * seconds:>8.1f} {1e3 * row['sgemm_seconds']:>9.1f} "
              f"{1e-9 * flops / seconds:>13.0f} {1e-9 * flops / row['sgemm_seconds']:>14.0f} {100 * row['share']:>5.0f} %",
              flush=True)
    (folder / "roofline.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
