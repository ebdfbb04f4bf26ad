#!/usr/bin/env bash
# sweep_defaults.sh [--trials descent=24,likelihood=8] [--workers 2]: whether other constants than the shipped ones do
# better on the public panel's first weeks and on synthetic panels. See sweep_defaults.py, and docs/sweeps.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.deps/bin/python
[ -x "$python" ] || python=python3
exec "$python" bench/sweep_defaults.py "$@"
