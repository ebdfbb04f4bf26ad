#!/usr/bin/env bash
# second_panel.sh: a simulated panel of another shape (daily, 12 regions x 758 days x 20 channels, promotions), from a
# table to figures that are held against its truth. Minutes; files in build/second_panel. See docs/second_panel.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dcmmm=build/release/dcmmm
folder=build/second_panel
rm -rf "$folder"
mkdir -p "$folder"

"$dcmmm" synth output="$folder/orders.csv" synth.step=day synth.weeks=758 synth.regions=12 synth.channels=20 \
  synth.controls=3 synth.promotions=6 synth.kind=clean synth.spend=true synth.exponent_low=1 synth.exponent_high=3 \
  synth.seed=201
# The last 28 days are still to come.
awk -F, 'NR == 1 || $2 < "2025-01-01"' "$folder/orders.csv" > "$folder/past.csv"
awk -F, 'NR == 1 || $2 >= "2025-01-01"' "$folder/orders.csv" > "$folder/future.csv"
"$dcmmm" train data.source="$folder/past.csv" data.events="$folder/events.csv" data.holdout_weeks=28 \
  ensemble.members=16 run.dir="$folder/run"
"$dcmmm" export run="$folder/run" output="$folder/csv"
"$dcmmm" predict run="$folder/run" data.source="$folder/future.csv" output="$folder/forecast.csv"
python3 bench/second_panel.py "$folder"
