#!/usr/bin/env bash
# build.sh [--tests]: sets up and builds build/release/dcmmm, and dcmmm-cuda beside it where nvcc is found
# (DCMMM_CUDA=AUTO|ON|OFF). --tests builds the tests and benchmarks, too.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=launch/progress.sh
source "$root/launch/progress.sh"
bash "$root/launch/setup.sh" "$@"

folder=$root/build/release
with_tests=OFF
[[ ${1:-} == --tests ]] && with_tests=ON

# Ninja itself configures again when a CMake file changes: this is for the first time, and for other options than the last.
# Once tests are configured they stay so; only test.sh builds them.
configured_with() { grep -qsx "$1" "$folder/CMakeCache.txt"; }
options=("-DDCMMM_TESTS=$with_tests" "-DDCMMM_BENCH=$with_tests")
[[ -n ${DCMMM_CUDA:-} ]] && options+=("-DDCMMM_CUDA=$DCMMM_CUDA")
if [[ ! -f $folder/build.ninja ]] ||
  { [[ $with_tests == ON ]] && ! { configured_with DCMMM_TESTS:BOOL=ON && configured_with DCMMM_BENCH:BOOL=ON; }; } ||
  { [[ -n ${DCMMM_CUDA:-} ]] && ! configured_with "DCMMM_CUDA:STRING=$DCMMM_CUDA"; }; then
  if configured_with DCMMM_TESTS:BOOL=ON; then options[0]=-DDCMMM_TESTS=ON; fi
  if configured_with DCMMM_BENCH:BOOL=ON; then options[1]=-DDCMMM_BENCH=ON; fi
  cd "$root"
  progress "Configuring" cmake --preset release "${options[@]}"
fi

# One compiler needs up to 1.5 GB.
jobs=$(nproc)
memory_jobs=$(($(awk '/MemAvailable/ {print $2}' /proc/meminfo) / 1500000))
((memory_jobs >= jobs)) || jobs=$((memory_jobs > 0 ? memory_jobs : 1))
targets=()
if [[ $with_tests == OFF ]]; then
  targets=(dcmmm)
  if grep -qs '^build dcmmm-cuda:' "$folder/build.ninja"; then targets+=(dcmmm-cuda); fi
fi

begin=$SECONDS
if [[ -t 1 ]]; then
  ninja -C "$folder" -j "$jobs" "${targets[@]}"
else
  echo "Building with $jobs jobs ..."
  ninja -C "$folder" -j "$jobs" --quiet "${targets[@]}" | { grep -v 'no work to do' || true; }
fi
echo "Built in $((SECONDS - begin)) s: $folder/dcmmm"
