#!/usr/bin/env bash
# versus_peers.sh [OPTIONS] [PEERS [PANELS]]: fits the same panels by dcmmm and by other packages, each in a virtual
# environment of its own under build/peers, and compares; takes hours, and goes on where it was stopped. See
# versus_peers.py, and docs/peers.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.deps/bin/python
if ! "$python" -c 'import h5py' 2>/dev/null; then
  echo "Needs h5py: run bash launch/setup.sh --tests first." >&2
  exit 2
fi
exec "$python" bench/versus_peers.py "$@"
