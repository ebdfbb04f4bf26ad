#!/usr/bin/env bash
# test_deep.sh [--ci] [PART...]: what takes too long for test.sh: cppcheck, clang-tidy, fuzzers, the tests under sanitizers
# (the address and undefined-behaviour ones: memory; the thread one: threads), valgrind, and random faults in whole runs.
# All parts, or the named ones of: cppcheck tidy fuzzers memory threads valgrind faults. --ci: fewer faults, of one seed, under
# the address sanitizer the fast tests, bad inputs and faults only.
# FAULTS=300, SEED=(random), FUZZ_SECONDS=30 (of each fuzzer), FUZZ_SEED=(random) may be set, and FUZZERS="table config
# panel checkpoint manifest journal" (which of them; all by default).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=launch/progress.sh
source launch/progress.sh
# shellcheck source=launch/fuzzers.sh
source launch/fuzzers.sh
faults=${FAULTS:-300}
ci=no
if [[ ${1:-} == --ci ]]; then
  ci=yes
  faults=${FAULTS:-40}
  SEED=${SEED:-7364}  # CI is no lottery: other seeds are drawn by whoever runs this by hand
  FUZZ_SEED=${FUZZ_SEED:-7364}
  shift
fi
parts=("$@")
[[ $# -gt 0 ]] || parts=(cppcheck tidy fuzzers memory threads valgrind faults)
seed=${SEED:-$RANDOM}
fuzz_seconds=${FUZZ_SECONDS:-30}
read -ra chosen <<<"${FUZZERS:-${fuzzers[*]}}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_WAIT_POLICY=passive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PYTHONDONTWRITEBYTECODE=1

run_cppcheck() {
  cppcheck --quiet --std=c++20 --language=c++ -j "$(nproc)" --error-exitcode=1 --enable=warning,performance,portability \
    --inline-suppr --suppressions-list=.cppcheck -I . common comm data checkpoints launch sweep
}

run_tidy() {
  bash launch/check_tidy.sh
}

# fuzz NAME: for $fuzz_seconds of the clock.
fuzz() {
  local TIMEFORMAT='processor seconds: %U + %S'
  time ASAN_OPTIONS=detect_leaks=0 build/fuzz/tests/fuzz/"$1"_fuzz -max_total_time="$fuzz_seconds" -timeout=60 \
    -seed="${FUZZ_SEED:-0}" -rss_limit_mb=3000 -detect_leaks=0 -print_final_stats=1 \
    -artifact_prefix="$root/build/fuzz/$1-" "$work/$1"
}

run_fuzzers() {
  [[ -f build/fuzz/build.ninja ]] || progress "Configuring the fuzzers" cmake --preset fuzz
  progress "Building the fuzzers" ninja -C build/fuzz fuzzers
  fill_corpora "$work" build/release/tests/write_sample_files
  local name failed=0
  declare -A running
  for name in "${chosen[@]}"; do
    fuzz "$name" >"$work/$name.log" 2>&1 &
    running[$name]=$!
    while (($(jobs -rp | wc -l) >= $(nproc))); do sleep 0.2; done
  done
  for name in "${chosen[@]}"; do
    if wait "${running[$name]}"; then
      echo "$name, $fuzz_seconds s: $(grep -o 'number_of_executed_units: .*' "$work/$name.log"), $(grep -o 'processor seconds: .*' "$work/$name.log")"
    else
      echo "$name: an input that it doesn't stand, kept at the path below; give that to build/fuzz/tests/fuzz/${name}_fuzz" >&2
      grep -v '^#[0-9]*[[:space:]]' "$work/$name.log" | tail -n 40 >&2
      failed=1
    fi
  done
  return $failed
}

# Without --ci every test but those that measure memory or time, which sanitizers multiply.
run_memory() {
  [[ -f build/asan/build.ninja ]] || progress "Configuring with sanitizers" cmake --preset asan
  progress "Building with sanitizers" ninja -C build/asan all
  local which=(-LE slow -E '^(sweep_pack|bench_step_memory|sources_are_formatted)$')
  [[ $ci == no ]] || which=(-R '^(cli_bad_input_.*|faults_in_runs)$|\.' -E '^sources_are_formatted$')
  # Leaks: HDF5 and Open MPI keep what they have for good.
  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    ctest --test-dir build/asan --output-on-failure -j "$(nproc)" "${which[@]}"
}

# The ranks as threads, and the sweep's runner. Loops over regions run on LibTorch's OpenMP, which the sanitizer can't see.
run_threads() {
  [[ -f build/tsan/build.ninja ]] || progress "Configuring with the thread sanitizer" cmake --preset tsan
  local name tests=(comm_test checkpoints_test sweep_test)
  progress "Building with the thread sanitizer" ninja -C build/tsan "${tests[@]}"
  for name in "${tests[@]}"; do
    progress "$name with the thread sanitizer" env TSAN_OPTIONS=halt_on_error=1 build/tsan/tests/"$name" --gtest_brief=1
  done
}

run_valgrind() {
  valgrind --quiet --error-exitcode=9 build/release/tests/checkpoints_test --gtest_brief=1 \
    --gtest_filter='CheckpointFile.*-CheckpointFile.TruncationIsFound'
}

run_faults() {
  DCMMM_BINARY=build/release/dcmmm DCMMM_FAULTS_BINARY=build/release/tests/dcmmm-faults DCMMM_MPIRUN=$(command -v mpirun) \
    OMP_NUM_THREADS=1 .deps/bin/python tests/faults/campaign.py --faults "$faults" --seed "$seed" --keep-going
}

for part in "${parts[@]}"; do
  declare -F "run_$part" >/dev/null || { echo "There is no part '$part': see the head of $0." >&2; exit 2; }
done
bash launch/setup.sh --deep
bash launch/build.sh --tests
for part in "${parts[@]}"; do
  lap=$SECONDS
  echo "== $part"
  "run_$part"
  echo "== $part: $((SECONDS - lap)) s"
done
echo "All deep tests passed in $SECONDS s."
