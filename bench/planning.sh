#!/usr/bin/env bash
# planning.sh [--seeds 1-12] [--levels channel,channel_region] [--exponents low,high] [-- key=value ...]: plans budgets
# for synthetic panels and compares with the best possible plan. See planning.py, and docs/planning.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.deps/bin/python
[ -x "$python" ] || python=python3
exec "$python" bench/planning.py "$@"
