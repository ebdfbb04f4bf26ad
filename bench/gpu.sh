#!/usr/bin/env bash
# gpu.sh [FOLDER_FOR_FIGURES]: every check and figure of docs/gpu-checklist.md on this machine's GPU, under eight minutes, with
# a table at the end (figures.json in the folder). Runs in a built tree, or in the folder that bench/gpu_bundle.sh made, which
# needs CUDA's runtime, NCCL and LibTorch only: those of `python3 -c "import torch"` are taken. PARTS="tests speed" picks parts.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
python=${PYTHON:-python3}
if [[ -x $root/bin/dcmmm-cuda ]]; then  # a bundle
  torch=$("$python" -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parent)')
  libraries=$root/lib:$torch/lib
  for folder in "$torch"/../nvidia/*/lib; do libraries+=:$folder; done
  export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export OMPI_MCA_mca_base_component_path=$root/lib/openmpi3 PMIX_MCA_mca_base_component_path=$root/lib/pmix
  export OPAL_PKGDATADIR=$root/share/openmpi PATH=$root/bin:$PATH
  export BINARIES=$root/bin PANEL=$root/panel/mmm_data.csv
else
  export BINARIES=$root/build/release PANEL=$root/.deps/panel/mmm_data.csv
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
exec "$python" "$here/gpu.py" "$@"
