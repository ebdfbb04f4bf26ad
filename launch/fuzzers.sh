# The fuzzers (tests/fuzz) and what they start from; sourced by test_deep.sh and coverage.sh.
# shellcheck shell=bash disable=SC2034
fuzzers=(table config panel checkpoint manifest journal)

# fill_corpora FOLDER WRITER: a folder for each fuzzer with its seeds. WRITER writes the sample files.
fill_corpora() {
  local name
  "$2" "$1"
  for name in "${fuzzers[@]}"; do
    mkdir -p "$1/$name"
    [[ ! -d tests/fuzz/seeds/$name ]] || cp tests/fuzz/seeds/"$name"/* "$1/$name"
  done
  cp "$1/panel.h5" tests/data/panel_version_1.h5 "$1/panel/"
  cp "$1/checkpoint.h5" "$1/checkpoint/"
}
