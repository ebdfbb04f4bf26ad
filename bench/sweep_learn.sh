#!/usr/bin/env bash
# sweep_learn.sh [--seeds 5] [--trials 30] [--panels real,synthetic]: how much of random search's compute TPE with ASHA
# needs. See sweep_learn.py, and docs/sweeps.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.deps/bin/python
[ -x "$python" ] || python=python3
exec "$python" bench/sweep_learn.py "$@"
