#!/usr/bin/env bash
# Fails where a source isn't laid out as .clang-format says; `check_format.sh --fix` lays it out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
action=(--dry-run -Werror)
[[ ${1:-} == --fix ]] && action=(-i)
find . -path ./build -prune -o -path ./.deps -prune -o \
  \( -name '*.cpp' -o -name '*.hpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 clang-format-14 "${action[@]}"
