#!/usr/bin/env bash
# experiments.sh [KINDS [SEEDS]] [-- key=value ...]: simulated lift tests on synthetic panels of known truth; a table on
# the terminal, all rows in build/release/bench/experiments/rows.csv. See experiments.py, and docs/knowledge.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.deps/bin/python
[ -x "$python" ] || python=python3
exec "$python" bench/experiments.py "$@"
