#!/usr/bin/env bash
# run.sh [BUILD_FOLDER]: the benchmarks of the training step; tables on the terminal, figures in BUILD_FOLDER/bench/*.json.
# Takes about five minutes on two cores; the machine should have nothing else to do. bench/versus.sh compares with others,
# bench/panel.py runs 100,000 regions.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(realpath "${1:-$root/build/release}")
ninja -C "$build" --quiet kernels_bench train_step gemm all_reduce
cd "$build/bench"

# mpirun refuses root unless told, and binds each rank to a core of its own where there are enough.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
for case in "190 30" "2000 5" "20000 2"; do
  read -r regions steps <<<"$case"
  for ranks in 1 2; do
    mpirun -n "$ranks" --oversubscribe ./train_step --regions "$regions" --steps "$steps" --threads 1 \
      --json "train_step_${regions}_regions_${ranks}_ranks.json"
  done
done
./train_step --regions 190 --steps 30 --threads 2 --json train_step_190_regions_2_threads.json
./train_step --regions 190 --steps 15 --threads 1 --precision float64 --json train_step_190_regions_float64.json
./kernels_bench --benchmark_min_time=0.3 --benchmark_out=kernels.json --benchmark_out_format=json
for bench in roofline members scaling; do python3 "$root/bench/$bench.py" "$build"; done
