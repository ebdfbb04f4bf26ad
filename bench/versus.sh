#!/usr/bin/env bash
# versus.sh pytorch|reference [OPTIONS]: dcmmm's training step against idiomatic PyTorch, or against the package
# deepcausalmmm, in a virtual environment under build/versus. Each takes some minutes; `reference --whole`, the time to the
# package's final error, over half an hour. `--threads 2` gives both sides two threads. See versus_pytorch.py and
# versus_reference.py.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
which=${1:-}
if [[ $which != pytorch && $which != reference ]]; then
  echo "Usage: versus.sh pytorch|reference [OPTIONS]" >&2
  exit 2
fi
shift
build=$root/build/release
environment=$root/build/versus/environment
ninja -C "$build" --quiet train_step dcmmm
if [[ ! -e $environment/installed ]]; then
  rm -rf "$environment"
  mkdir -p "$(dirname "$environment")"
  python3.11 -m venv "$environment"
  "$environment/bin/pip" install -q --disable-pip-version-check deepcausalmmm==1.0.21 torch==2.13.0
  touch "$environment/installed"
fi
panel=()
[[ $which == reference ]] && panel=("$root/.deps/panel/mmm_data.csv")
"$environment/bin/python" "$root/bench/versus_$which.py" "$environment/bin/python" "$build" "${panel[@]}" "$@"
