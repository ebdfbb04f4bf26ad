"""Strong and weak scaling over ranks, and what a cost model makes of it on many GPUs.

  scaling.py BUILD [--regions 2000] [--rounds 3] [--steps 4] [--latency-us 10] [--gpu-fixed-ms 0.17]
             [--gpu-cell-ns 2.77] [--gpu-latency-us 10] [--gpu-bandwidth 40]

Measured, in turns, one thread a rank: the step of REGIONS x 109 weeks on 1 and 2 ranks (strong), and of half the regions
on 1 (weak: as many a rank). `reduce` is the all-reduce by itself (bench/all_reduce) at the step's message; inside a step it
holds the wait for the other rank, too.

The model of a step on n ranks: fixed + cell * cells / n + 2 log2(n) latency + 2 (n - 1) / n * bytes / bandwidth. Latency and
bandwidth of these ranks are fitted to what all_reduce measures, in one machine's memory; fixed and cell to two sizes of
panel. More ranks than a machine has cores need a network: its rows, beside, take the latency --latency-us, which is an
assumption, and the rest as measured. For GPUs fixed and cell are those of one NVIDIA H200 (bench/gpu.sh: 190 and 10,000
regions); latency and bandwidth of NCCL between machines are assumptions. BUILD/bench/scaling.json holds all figures."""

import argparse
import json
import math
import os
import pathlib

from versus.interleaved import in_turns, measure

TRAINING_WEEKS = 101


def all_reduce_seconds(ranks, size, latency, bandwidth):
    return 2 * math.log2(ranks) * latency + 2 * (ranks - 1) / ranks * size / bandwidth if ranks > 1 else 0.0


def fit_all_reduce(rows, ranks):
    """Latency (s) and bandwidth (B/s): the smallest message's time, then the largest one's."""
    latency = rows[0]["seconds"] / (2 * math.log2(ranks))
    largest = rows[-1]
    return latency, 2 * (ranks - 1) / ranks * largest["bytes"] / max(largest["seconds"] - rows[0]["seconds"], 1e-12)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--regions", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--latency-us", type=float, default=10)
    parser.add_argument("--gpu-fixed-ms", type=float, default=0.17)
    parser.add_argument("--gpu-cell-ns", type=float, default=2.77)
    parser.add_argument("--gpu-latency-us", type=float, default=10)
    parser.add_argument("--gpu-bandwidth", type=float, default=40)
    given = parser.parse_args()
    folder, R = given.build / "bench", given.regions
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    file = folder / "scaling_step.json"

    def step(ranks, regions):
        return (["mpirun", "-n", ranks, "--oversubscribe", folder / "train_step", "--regions", regions, "--steps",
                 given.steps, "--threads", 1, "--validation-weeks", 0, "--json", file], file)

    found = in_turns({"one": step(1, R), "two": step(2, R), "half": step(1, R // 2), "small": step(1, R // 10)},
                     given.rounds)
    reduce = measure(["mpirun", "-n", 2, "--oversubscribe", folder / "all_reduce"])
    latency, bandwidth = fit_all_reduce(reduce["rows"], 2)
    size = found["two"]["reduced_bytes"]
    alone = all_reduce_seconds(2, size, latency, bandwidth)
    clock = {name: figures["step_seconds_median"] for name, figures in found.items()}
    processor = {name: figures["step_processor_seconds_median"] for name, figures in found.items()}
    print(f"{R} regions x {TRAINING_WEEKS} training weeks{'':9} {'clock ms':>9} {'cpu ms':>8}")
    for name, words in (("one", f"1 rank, {R} regions"), ("two", f"2 ranks, {R} regions"), ("half", f"1 rank, {R // 2} regions")):
        print(f"  {words:36} {1e3 * clock[name]:>9.1f} {1e3 * processor[name]:>8.1f}")
    print(f"  strong, 1 rank over 2: clock {clock['one'] / clock['two']:.2f}, cpu of a rank {processor['one'] / processor['two']:.2f}")
    print(f"  weak, half on 1 over all on 2: clock {clock['half'] / clock['two']:.2f}, cpu of a rank "
          f"{processor['half'] / processor['two']:.2f}")
    print(f"  all-reduce of {size} bytes by itself: {1e6 * alone:.0f} us, {100 * alone / processor['two']:.2f} % of a rank's cpu")

    cell = (processor["one"] - processor["small"]) / ((R - R // 10) * TRAINING_WEEKS)
    fixed = max(processor["small"] - cell * (R // 10) * TRAINING_WEEKS, 0.0)
    machines = {"measured ranks": (fixed, cell, latency, bandwidth),
                "measured ranks, latency of a network assumed": (fixed, cell, 1e-6 * given.latency_us, bandwidth),
                "GPUs, network assumed": (1e-3 * given.gpu_fixed_ms, 1e-9 * given.gpu_cell_ns,
                                          1e-6 * given.gpu_latency_us, 1e9 * given.gpu_bandwidth)}
    predicted = []
    for machine, (a, b, alpha, beta) in machines.items():
        print(f"{machine}: fixed {1e3 * a:.2f} ms, {1e9 * b:.1f} ns a cell, latency {1e6 * alpha:.1f} us, {1e-9 * beta:.1f} GB/s")
        print(f"  {'regions':>10} {'ranks':>6} {'step ms':>9} {'speed-up':>9} {'efficiency':>11}")
        for regions in (10_000, 100_000, 1_000_000):
            single = a + b * regions * 156
            for ranks in (8, 64, 512, 4096):
                seconds = a + b * regions * 156 / ranks + all_reduce_seconds(ranks, size, alpha, beta)
                efficiency = single / seconds / ranks
                predicted.append({"machine": machine, "regions": regions, "ranks": ranks, "step_seconds": seconds,
                                  "efficiency": efficiency})
                print(f"  {regions:>10} {ranks:>6} {1e3 * seconds:>9.2f} {single / seconds:>9.1f} {100 * efficiency:>9.0f} %")
            paying = max((n for n in (2**k for k in range(21)) if single / (a + b * regions * 156 / n + all_reduce_seconds(
                n, size, alpha, beta)) / n >= 0.5), default=1)
            print(f"  {regions:>10} regions: at least half of every rank is used up to {paying} ranks")
    (folder / "scaling.json").write_text(json.dumps(
        {"steps": found, "all_reduce": reduce, "latency": latency, "bandwidth": bandwidth,
         "assumed_network_latency": 1e-6 * given.latency_us, "predicted": predicted}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
