#!/usr/bin/env bash
# check_tidy.sh [--all]: clang-tidy (.clang-tidy) over the sources that don't see LibTorch, about five minutes on 2 cores;
# --all adds those that do, which take half a minute each. Needs a configured build/release and clang-tidy-14.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -t sources < <(find common comm data checkpoints analysis launch model trainer -name '*.cpp' -not -path 'comm/nccl/*' | sort)
chosen=()
for source in "${sources[@]}"; do
  if [[ ${1:-} == --all ]] || ! grep -qE '"(model|trainer)/|ATen|"analysis/decompose' "$source" "${source%.cpp}.hpp" 2>/dev/null; then
    chosen+=("$source")
  fi
done
printf '%s\0' "${chosen[@]}" | xargs -0 -P "$(nproc)" -n 1 clang-tidy-14 -p build/release --quiet 2>/dev/null
echo "clang-tidy: ${#chosen[@]} files are clean"
