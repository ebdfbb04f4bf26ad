#!/usr/bin/env bash
# soak.sh [--fits 200] [--minutes 30]: whether memory grows over many fits in one process and over a long one on 2 ranks.
# See soak.py, and docs/reliability.md.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ninja -C "$root/build/release" --quiet dcmmm soak_fits
exec python3 "$root/bench/soak.py" "$root/build/release" "$@"
