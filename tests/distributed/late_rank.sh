#!/usr/bin/env bash
# late_rank.sh PROGRAM: eight ranks wait for one of them: one message names it, by its number in the job, and the exit
# code is 6. From five ranks on a broadcast goes along a tree, and those who have done their part wait at the next call.
set -euo pipefail
program=$1
output=$(mktemp)
trap 'rm -f "$output"' EXIT

check() {  # check LATE_RANK [half]
  local code=0 messages
  mpirun -n 8 --oversubscribe --bind-to none --timeout 60 "$program" "$@" >"$output" 2>&1 || code=$?
  messages=$(grep -c "is late" "$output" || true)
  if [[ $code != 6 || $messages != 1 ]] || ! grep -q "^Rank $1 of 8 is late: it hasn't come to step 57," "$output"; then
    echo "late: '$*': exit code $code (expected 6), $messages messages (expected 1)"
    cat "$output"
    exit 1
  fi
  echo "late: '$*': exit code 6, one message"
}

check 1
check 6 half
