#!/usr/bin/env bash
# report.sh [dcmmm [real,large]]: how long `dcmmm report` takes, its memory and the page's size, on the real panel and
# on a synthetic one of 5,000 regions.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
exec "$root/.deps/bin/python" "$root/bench/report.py" "${1:-$root/build/release/dcmmm}" "${@:2}"
