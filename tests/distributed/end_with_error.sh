#!/usr/bin/env bash
# end_with_error.sh PROGRAM: whichever ranks fail, the user sees one message and exit code 2, in under 5 seconds.
set -euo pipefail
program=$1
output=$(mktemp)
trap 'rm -f "$output"' EXIT

check() {  # check FIRST_WORDS FAILING_RANK...
  local first_words=$1
  shift
  local begin code=0
  begin=$(date +%s%N)
  mpirun -n 3 --oversubscribe --bind-to none --timeout 30 "$program" "$@" >"$output" 2>&1 || code=$?
  local milliseconds=$((($(date +%s%N) - begin) / 1000000))
  local messages
  messages=$(grep -c "The value -1 is wrong: give a positive one." "$output" || true)
  if [[ $code != 2 || $messages != 1 || $milliseconds -ge 5000 ]] || ! grep -q "^$first_words" "$output"; then
    echo "failing ranks '$*': exit code $code (expected 2), $messages messages (expected 1), $milliseconds ms (expected < 5000)"
    cat "$output"
    exit 1
  fi
  echo "failing ranks '$*': exit code 2, one message, $milliseconds ms"
}

check "The value -1" all
check "The value -1" 0
check "The value -1" 0 2
check "rank 1: The value -1" 1 2
check "rank 2: The value -1" 2

# Alone, without mpirun.
code=0
env -u OMPI_COMM_WORLD_SIZE "$program" all 2>"$output" || code=$?
if [[ $code != 2 || $(<"$output") != "The value -1 is wrong: give a positive one." ]]; then
  echo "alone: exit code $code (expected 2) and this on stderr:"
  cat "$output"
  exit 1
fi
