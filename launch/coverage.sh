#!/usr/bin/env bash
# coverage.sh [SECONDS]: line coverage of the code that reads what others wrote (clang's, by room and file): every fuzzer
# for SECONDS (30) from its seeds, and the tests of the rooms that don't see LibTorch. Exit code 1 where the lines of
# parsing code are covered to 85 % or less. Needs what launch/setup.sh --deep installs.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=launch/progress.sh
source launch/progress.sh
# shellcheck source=launch/fuzzers.sh
source launch/fuzzers.sh
seconds=${1:-30}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests=(common_test comm_test data_test checkpoints_test sweep_test)
[[ -f build/coverage/build.ninja ]] || progress "Configuring with coverage" cmake --preset coverage
progress "Building with coverage" ninja -C build/coverage fuzzers write_sample_files "${tests[@]}"

export LLVM_PROFILE_FILE=$work/%p.profraw OMP_WAIT_POLICY=passive
fill_corpora "$work" build/coverage/tests/write_sample_files
objects=()
for name in "${fuzzers[@]}"; do
  fuzzer=build/coverage/tests/fuzz/${name}_fuzz
  objects+=(-object "$fuzzer")
  progress "Fuzzing: $name" "$fuzzer" -max_total_time="$seconds" -timeout=60 "$work/$name"
done
for name in "${tests[@]}"; do
  objects+=(-object "build/coverage/tests/$name")
  progress "Running $name" "build/coverage/tests/$name" --gtest_brief=1
done

llvm-profdata-14 merge -o "$work/all.profdata" "$work"/*.profraw
# What takes bytes or words from a user's files and command line.
parsing=(data/array_file.cpp data/array_file_reading.cpp data/file_seal.cpp data/panel_file.cpp data/table_import.cpp
  data/table_reader.cpp data/table_rows.cpp data/time_axis.cpp data/csv_lines.cpp data/arrow_cells.cpp data/column_roles.cpp
  data/events.cpp data/experiments.cpp data/inspect.cpp checkpoints/checkpoint_file.cpp checkpoints/checkpoint_store.cpp
  sweep/journal.cpp sweep/space.cpp sweep/study.cpp launch/configuration.cpp launch/config_files.cpp
  launch/defaults_list.cpp launch/interpolation.cpp launch/override_grammar.cpp launch/scalar_text.cpp launch/schema.cpp
  launch/value.cpp launch/yaml_text.cpp)
# A row a file; its 8th to 10th columns are lines, those missed, and the share that ran.
llvm-cov-14 report "${objects[@]:1}" -instr-profile "$work/all.profdata" 2>/dev/null |
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
    }'
