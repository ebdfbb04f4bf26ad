#!/usr/bin/env bash
# test_deep.sh [--ci]: what takes too long for test.sh: random faults in whole runs, fuzzers, the address and
# undefined-behaviour sanitizers, valgrind and cppcheck. --ci: fewer faults.
# FAULTS=300, SEED=(random), FUZZ_SECONDS=30 (of each fuzzer) may be set.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=launch/progress.sh
source launch/progress.sh
faults=${FAULTS:-300}
[[ ${1:-} == --ci ]] && faults=${FAULTS:-60}
seed=${SEED:-$RANDOM}
fuzz_seconds=${FUZZ_SECONDS:-30}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_WAIT_POLICY=passive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PYTHONDONTWRITEBYTECODE=1
bash launch/setup.sh --deep
bash launch/build.sh --tests

lap=$SECONDS
part() {  # part NAME COMMAND...: its output, and how long it took
  echo "== $1"
  "${@:2}"
  echo "== $1: $((SECONDS - lap)) s"
  lap=$SECONDS
}

faults_in_runs() {
  DCMMM_BINARY=build/release/dcmmm DCMMM_FAULTS_BINARY=build/release/tests/dcmmm-faults DCMMM_MPIRUN=$(command -v mpirun) \
    OMP_NUM_THREADS=1 .deps/bin/python tests/faults/campaign.py --faults "$faults" --seed "$seed" --keep-going
}

fuzzers=(table config panel checkpoint manifest journal)

fuzz() {
  [[ -f build/fuzz/build.ninja ]] || progress "Configuring the fuzzers" cmake --preset fuzz
  progress "Building the fuzzers" ninja -C build/fuzz fuzzers
  build/release/tests/write_sample_files "$work"
  local name
  for name in "${fuzzers[@]}"; do
    mkdir -p "$work/$name"
    cp tests/fuzz/seeds/"$name"/* "$work/$name" 2>/dev/null || true
  done
  cp "$work"/panel.h5 tests/data/panel_version_1.h5 "$work/panel/"
  cp "$work"/checkpoint.h5 "$work/checkpoint/"
  local waiting=() failed=0 process
  for name in "${fuzzers[@]}"; do
    ASAN_OPTIONS=detect_leaks=0 build/fuzz/tests/fuzz/"$name"_fuzz -max_total_time="$fuzz_seconds" -timeout=20 \
      -rss_limit_mb=3000 -detect_leaks=0 -print_final_stats=1 -artifact_prefix="$root/build/fuzz/$name-" "$work/$name" \
      >"$work/$name.log" 2>&1 &
    waiting+=($!)
    while (($(jobs -rp | wc -l) >= $(nproc))); do sleep 0.2; done
  done
  for process in "${waiting[@]}"; do wait "$process" || failed=1; done
  for name in "${fuzzers[@]}"; do
    echo "$name: $(grep -o 'number_of_executed_units: .*' "$work/$name.log" || tail -n 30 "$work/$name.log")"
  done
  return $failed
}

sanitized() {
  [[ -f build/asan/build.ninja ]] || progress "Configuring with sanitizers" cmake --preset asan
  local tests=(common_test comm_test data_test checkpoints_test)
  progress "Building with sanitizers" ninja -C build/asan "${tests[@]}"
  local name
  for name in "${tests[@]}"; do
    # Leaks: HDF5 and Open MPI keep what they have for good.
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 build/asan/tests/"$name" --gtest_brief=1
  done
}

checked_memory() {
  valgrind --quiet --error-exitcode=9 build/release/tests/checkpoints_test --gtest_brief=1 \
    --gtest_filter='CheckpointFile.*-CheckpointFile.TruncationIsFound'
}

read_by_cppcheck() {
  cppcheck --quiet --std=c++20 --language=c++ -j "$(nproc)" --error-exitcode=1 --enable=warning,performance,portability \
    --inline-suppr --suppressions-list=.cppcheck -I . common comm data checkpoints launch
}

part "cppcheck" read_by_cppcheck
part "fuzzers, $fuzz_seconds s each" fuzz
part "address and undefined-behaviour sanitizers" sanitized
part "valgrind" checked_memory
part "$faults random faults" faults_in_runs
echo "All deep tests passed in $SECONDS s."
