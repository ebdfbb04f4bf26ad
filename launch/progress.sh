# shellcheck shell=bash
# Sourced by the other scripts.

# progress WHAT COMMAND...: runs the command with one line that says what it does and how long it took. Its output is shown
# only when it fails; its exit code is passed on.
progress() {
  local what=$1 log code=0 begin=$SECONDS
  shift
  log=$(mktemp)
  printf '%s ... ' "$what"
  "$@" >"$log" 2>&1 || code=$?
  if [[ $code == 0 ]]; then
    echo "done in $((SECONDS - begin)) s"
  else
    echo "failed (exit code $code)"
    tail -n 40 "$log" >&2
  fi
  rm -f "$log"
  return "$code"
}
