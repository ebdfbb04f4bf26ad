#!/usr/bin/env bash
# truth.sh [--exponents low,high] [KINDS [SEEDS]] [-- key=value ...]: fits synthetic panels of known truth and compares;
# a table on the terminal, all rows in build/release/bench/truth/rows.csv. See truth.py, and docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.deps/bin/python
[ -x "$python" ] || python=python3
exec "$python" bench/truth.py "$@"
