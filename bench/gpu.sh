#!/usr/bin/env bash
# gpu.sh [FOLDER_FOR_FIGURES]: every check and figure of docs/gpu-checklist.md on this machine's GPU, under eight
# minutes, with a table at the end, also as figures.json in the folder (default: build/release/bench/gpu, in a bundle
# figures). Runs in a built tree, or in the folder that bench/gpu_bundle.sh made, which needs CUDA's runtime, NCCL and
# LibTorch only: those of `$PYTHON -c "import torch"` are taken. PARTS="tests speed" picks parts; the part `pytorch` needs
# a torch with CUDA in PYTHON (python3, or where that has none .deps/bin/python).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
if [[ -x $root/bin/dcmmm-cuda ]]; then  # a bundle
  python=${PYTHON:-python3}
  if ! torch=$("$python" -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parent)'); then
    echo "gpu.sh: the bundle's programs need the LibTorch of a Python with torch, which $python is not. Set PYTHON." >&2
    exit 2
  fi
  libraries=$root/lib:$torch/lib
  for folder in "$torch"/../nvidia/*/lib; do libraries+=:$folder; done
  export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export OMPI_MCA_mca_base_component_path=$root/lib/openmpi3 PMIX_MCA_mca_base_component_path=$root/lib/pmix
  export OPAL_PKGDATADIR=$root/share/openmpi PATH=$root/bin:$PATH
  export BINARIES=$root/bin PANEL=$root/panel/mmm_data.csv
  figures=$root/figures
else
  python=${PYTHON:-python3}
  # Without a torch of the machine's own: that of set-up, whose CUDA may lack libraries.
  if [[ -z ${PYTHON:-} && -x $root/.deps/bin/python ]] && ! "$python" -c "import torch" 2> /dev/null; then
    python=$root/.deps/bin/python
  fi
  export BINARIES=$root/build/release PANEL=$root/.deps/panel/mmm_data.csv
  figures=$root/build/release/bench/gpu
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
exec "$python" "$here/gpu.py" "${1:-$figures}"
