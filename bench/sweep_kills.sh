#!/usr/bin/env bash
# sweep_kills.sh [--moments 20] [--seed S] [--dcmmm BINARY]: kill -9 of sweeps' processes at random moments, and what is
# left after `resume`. See sweep_kills.py, and docs/sweeps.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.deps/bin/python
[ -x "$python" ] || python=python3
exec "$python" bench/sweep_kills.py "$@"
