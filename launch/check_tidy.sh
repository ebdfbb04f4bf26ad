#!/usr/bin/env bash
# check_tidy.sh [SOURCE...]: clang-tidy (.clang-tidy) over the rooms' sources, or the named ones. Needs what launch/setup.sh
# --deep installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=launch/progress.sh
source launch/progress.sh
# Clang reads only what clang precompiled: the fuzzers' build tree.
[[ -f build/fuzz/build.ninja ]] || progress "Configuring for clang" cmake --preset fuzz
progress "Precompiling LibTorch's headers with clang" ninja -C build/fuzz dcmmm_torch_header
sources=("$@")
if [[ $# == 0 ]]; then
  mapfile -t sources < <(find common comm data model likelihood graph checkpoints trainer analysis planning report sweep launch \
    -name '*.cpp' -not -path '*/nccl/*' -not -path '*/cuda/*' | sort)
fi
printf '%s\0' "${sources[@]}" | xargs -0 -P "$(nproc)" -n 1 clang-tidy-14 -p build/fuzz --quiet 2>/dev/null
echo "clang-tidy: ${#sources[@]} files are clean"
