"""What training E members side by side costs, against one alone.

  members.py BUILD [--members 1,2,4,8,16] [--rounds 3] [--steps 5] [--threads 1]

Members without shadows at 190 regions x 101 training weeks, GRU of 32 units, float32; cases in turns. `trials a minute`:
fits of 80 steps, from the step's clock. The table and BUILD/bench/members.json hold medians over rounds."""

import argparse
import json
import pathlib

from versus.interleaved import in_turns

STEPS_OF_A_FIT = 80


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--members", default="1,2,4,8,16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    folder = given.build / "bench"
    file = folder / "members_step.json"
    counts = [int(word) for word in given.members.split(",")]
    found = in_turns({E: ([folder / "train_step", "--members", E, "--steps", given.steps, "--threads", given.threads,
                           "--validation-weeks", 0, "--json", file], file) for E in counts}, given.rounds)
    print(f"{'members':>7} {'step ms':>9} {'cpu ms':>9} {'cpu, of one':>12} {'MiB':>6} {'trials a minute':>16}")
    rows = []
    for E, figures in found.items():
        clock, processor = figures["step_seconds_median"], figures["step_processor_seconds_median"]
        rows.append({"members": E, "step_seconds": clock, "step_processor_seconds": processor,
                     "times_one": processor / found[counts[0]]["step_processor_seconds_median"],
                     "peak_memory_bytes": figures["peak_memory_bytes"],
                     "trials_per_minute": 60 * E / (STEPS_OF_A_FIT * clock)})
        print(f"{E:>7} {1e3 * clock:>9.1f} {1e3 * processor:>9.1f} {rows[-1]['times_one']:>12.2f} "
              f"{figures['peak_memory_bytes'] / 2**20:>6.0f} {rows[-1]['trials_per_minute']:>16.1f}")
    (folder / "members.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
