#!/usr/bin/env bash
# ablation.sh [--only real,descent,likelihood] [SEEDS]: what each part of the model buys; tables on the terminal, all
# rows in build/release/bench/ablation/rows.csv. See ablation.py, and docs/model.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.deps/bin/python
[ -x "$python" ] || python=python3
exec "$python" bench/ablation.py "$@"
