#!/usr/bin/env bash
# expect.sh PATTERN COMMAND...: runs the command; fails with its exit code, or where nothing that it prints is like
# PATTERN (an extended regular expression; a dot is a line's end, too). ctest's PASS_REGULAR_EXPRESSION looks at no exit
# code.
set -euo pipefail
pattern=$1
code=0
said=$("${@:2}") || code=$?
echo "$said"
[[ $code == 0 ]] || exit "$code"
[[ $said =~ $pattern ]] || { echo "Expected: $pattern" >&2; exit 1; }
