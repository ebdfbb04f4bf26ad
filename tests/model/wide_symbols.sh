#!/usr/bin/env bash
# wide_symbols.sh ARCHIVE: gru_wide.cpp is compiled for AVX-512. A function of the standard library or of a class that it
# left behind could be the one that the linker keeps for the whole program, which then ends on other machines. So all its
# weak symbols must be kernels for registers of 64 bytes.
set -euo pipefail
symbols=$(nm -C --defined-only "$1" | awk '/^gru_wide.cpp.o:/ {inside = 1; next} /^$/ {inside = 0} inside')
if ! grep -q ' T dcmmm::kernels::gru_forward_wide' <<<"$symbols"; then
  echo "gru_wide.cpp.o is not in $1" >&2
  exit 1
fi
if grep -E ' [VWuvw] ' <<<"$symbols" | grep -vE 'dcmmm::kernels::[a-z_]+<(float|double), 64'; then
  echo "These symbols of gru_wide.cpp.o are not for its registers alone." >&2
  exit 1
fi
