#!/usr/bin/env bash
# check_tidy.sh: clang-tidy (.clang-tidy) over the sources that don't see LibTorch, some minutes on 2 cores. Those that do
# compile with GCC's precompiled header, which clang can't read. Needs clang-tidy-14 and a configured build/release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -t sources < <(find common comm data checkpoints planning report sweep launch -name '*.cpp' -not -path 'comm/nccl/*' |
  xargs grep -LE '"((model|trainer|analysis)/|planning/(fitted_run|scenarios|budget_plan|plan_files)\.)' | sort)
printf '%s\0' "${sources[@]}" | xargs -0 -P "$(nproc)" -n 1 clang-tidy-14 -p build/release --quiet 2>/dev/null
echo "clang-tidy: ${#sources[@]} files are clean"
