#!/usr/bin/env bash
# graph.sh [PARTS [SEEDS]] [-- key=value ...]: learns graphs of channels on synthetic panels of known truth and on the
# real panel, and compares; tables on the terminal. See graph.py, and docs/graph.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.deps/bin/python
[ -x "$python" ] || python=python3
exec "$python" bench/graph.py "$@"
