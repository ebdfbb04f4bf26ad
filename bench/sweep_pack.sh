#!/usr/bin/env bash
# sweep_pack.sh [--trials ridge=200,no_gru=24,default=9] [--pack 8] [--workers 2]: trials an hour of a packed sweep,
# against a process for each trial. See sweep_pack.py, and docs/sweeps.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.deps/bin/python
[ -x "$python" ] || python=python3
exec "$python" bench/sweep_pack.py "$@"
