#!/usr/bin/env bash
# wide_symbols.sh ARCHIVE: gru_wide.cpp and media_wide.cpp are compiled for AVX-512. A function of the standard library or
# of a class that they left behind could be the one that the linker keeps for the whole program, which then ends on other
# machines. So all their weak symbols must be kernels for registers of 64 bytes.
set -euo pipefail
for file in gru media; do
  symbols=$(nm -C --defined-only "$1" | awk -v file="${file}_wide.cpp.o:" '$0 == file {inside = 1; next} /^$/ {inside = 0} inside')
  if ! grep -qE ' T dcmmm::kernels::[a-z_]+_wide' <<<"$symbols"; then
    echo "${file}_wide.cpp.o is not in $1" >&2
    exit 1
  fi
  if grep -E ' [VWuvw] ' <<<"$symbols" | grep -vE 'dcmmm::kernels::[A-Za-z_]+<(float|double), 64'; then
    echo "These symbols of ${file}_wide.cpp.o are not for its registers alone." >&2
    exit 1
  fi
done
