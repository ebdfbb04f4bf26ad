#!/usr/bin/env bash
# coverage.sh [--all] [SECONDS]: line coverage (clang's) of the code that reads what others wrote, by file: every fuzzer for
# SECONDS (30) from its seeds, and the tests of the rooms that don't see LibTorch. With --all every test but the slow ones,
# and the lines of all code for processors as well, by room (half an hour). Exit code 1 where the lines of parsing code
# are covered to 85 % or less, or with --all those of all code to 90 % or less. Needs what launch/setup.sh --deep installs.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=launch/progress.sh
source launch/progress.sh
# shellcheck source=launch/fuzzers.sh
source launch/fuzzers.sh
all=no
if [[ ${1:-} == --all ]]; then
  all=yes
  shift
fi
seconds=${1:-30}
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests=(common_test comm_test data_test checkpoints_test sweep_test)
[[ -f build/coverage/build.ninja ]] || progress "Configuring with coverage" cmake --preset coverage
targets=(fuzzers write_sample_files "${tests[@]}")
[[ $all == no ]] || targets=(all fuzzers)
progress "Building with coverage" ninja -C build/coverage "${targets[@]}"

# Processes of one program merge what they count into one of two files.
export LLVM_PROFILE_FILE=$work/%2m.profraw OMP_WAIT_POLICY=passive
fill_corpora "$work" build/coverage/tests/write_sample_files
objects=()
for name in "${fuzzers[@]}"; do
  fuzzer=build/coverage/tests/fuzz/${name}_fuzz
  objects+=(-object "$fuzzer")
  progress "Fuzzing: $name" "$fuzzer" -max_total_time="$seconds" -timeout=60 "$work/$name"
done
if [[ $all == no ]]; then
  for name in "${tests[@]}"; do
    objects+=(-object "build/coverage/tests/$name")
    progress "Running $name" "build/coverage/tests/$name" --gtest_brief=1
  done
else
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PYTHONDONTWRITEBYTECODE=1
  for name in build/coverage/dcmmm build/coverage/tests/*_test; do objects+=(-object "$name"); done
  # Times, memory and symbols are not those of the program without counters.
  ctest --test-dir build/coverage --output-on-failure -j "$(nproc)" -LE slow \
    -E '^(sweep_pack|sources_are_formatted|wide_kernels_leak_nothing)$' || failed=1
fi

llvm-profdata-14 merge -o "$work/all.profdata" "$work"/*.profraw
# What takes bytes or words from a user's files and command line.
parsing=(data/array_file.cpp data/array_file_reading.cpp data/file_seal.cpp data/panel_file.cpp data/table_import.cpp
  data/table_reader.cpp data/table_rows.cpp data/time_axis.cpp data/csv_lines.cpp data/arrow_cells.cpp data/column_roles.cpp
  data/events.cpp data/experiments.cpp data/inspect.cpp checkpoints/checkpoint_file.cpp checkpoints/checkpoint_store.cpp
  sweep/journal.cpp sweep/space.cpp sweep/study.cpp launch/configuration.cpp launch/config_files.cpp
  launch/defaults_list.cpp launch/interpolation.cpp launch/override_grammar.cpp launch/scalar_text.cpp launch/schema.cpp
  launch/value.cpp launch/yaml_text.cpp)
# A row a file; its 8th to 10th columns are lines, those missed, and the share that ran.
llvm-cov-14 report "${objects[@]:1}" -instr-profile "$work/all.profdata" >"$work/report" 2>/dev/null
awk -v parsing="${parsing[*]}" '
  BEGIN {
    split(parsing, names, " ")
    for (i in names) is_parsing[names[i]] = 1
  }
  /\.cpp/ {
    sub(/^(\.\.\/)*/, "", $1)
    if (!($1 in is_parsing)) next
    printf "%-34s %5d lines %8s\n", $1, $8, $10
    lines += $8
    missed += $9
  }
  END {
    share = 100 * (lines - missed) / lines
    printf "%-34s %5d lines %7.2f%%\n", "parsing code", lines, share
    exit !(share > 85)
  }' "$work/report" || failed=1
[[ $all == yes ]] || exit $failed

# GPU code runs on GPUs (bench/gpu.sh), or emulated where there are none (tests/cuda); bench/ and tests/ are not counted.
echo
awk '
  /\.[ch]pp/ {
    sub(/^(\.\.\/)*/, "", $1)
    sub(/^.*rooms\/[a-z]*\//, "", $1)  # headers
    room = $1
    sub(/\/.*/, "", room)
    if ($1 ~ /cuda|^(bench|tests|build|\.deps)\// || $1 ~ /^usr\//) next
    lines[room] += $8
    missed[room] += $9
    if ($8 >= 20 && $9 > 0.2 * $8) printf "%-44s %5d lines %8s\n", $1, $8, $10
  }
  END {
    for (room in lines) {
      printf "%-44s %5d lines %7.2f%%\n", room, lines[room], 100 * (1 - missed[room] / lines[room])
      total += lines[room]
      all_missed += missed[room]
    }
    share = 100 * (1 - all_missed / total)
    printf "%-44s %5d lines %7.2f%%\n", "all code for processors", total, share
    exit !(share > 90)
  }' "$work/report" || failed=1
exit $failed
