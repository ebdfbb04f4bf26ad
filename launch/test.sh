#!/usr/bin/env bash
# test.sh [ctest flags]: sets up, builds everything and runs every test;
# `-L '^fast$'` is the part that takes under a minute.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/launch/build.sh" --tests
exec ctest --test-dir "$root/build/release" --output-on-failure -j "$(nproc)" "$@"
