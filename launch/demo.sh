#!/usr/bin/env bash
# demo.sh [key=value ...]: sets up, builds, and trains on the real panel
# (190 DMAs x 109 weeks x 13 channels x 7 controls).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/launch/build.sh"
dcmmm=$root/build/release/dcmmm

if [[ -f $root/.deps/panel/mmm_data.csv || " $*" == *" data.source="* || " $*" == *" data.panel="* ]]; then
  exec "$dcmmm" train "$@"
fi
echo "No real panel here (fetching it failed): training on a SYNTHETIC panel of the same shape instead."
panel=$root/build/synthetic/panel.h5
mkdir -p "$(dirname "$panel")"
"$dcmmm" synth output="$panel" synth.regions=190 synth.weeks=109 synth.channels=13 synth.controls=7
exec "$dcmmm" train data.panel="$panel" "$@"
