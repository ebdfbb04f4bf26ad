#!/usr/bin/env bash
# gpu_bundle.sh FOLDER [BUILD_FOLDER]: what bench/gpu.sh needs on a machine with a GPU, CUDA, NCCL and a Python with torch, but
# without Open MPI, HDF5 or yaml-cpp: the programs, the libraries that they are linked to (not LibTorch's, CUDA's and the C
# library's), mpirun, the configs and the public panel, also as FOLDER.tar.xz. `FOLDER/bench/gpu.sh` then runs there.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
to=${1:?usage: gpu_bundle.sh FOLDER [BUILD_FOLDER]}
build=$(realpath "${2:-$root/build/release}")
ninja -C "$build" --quiet dcmmm dcmmm-cuda device_descent_test train_step_cuda cuda_calls
rm -rf "$to"
mkdir -p "$to"/{bin,lib,share/dcmmm,bench,panel}
cp "$build"/{dcmmm,dcmmm-cuda,device_descent_test,bench/train_step_cuda} "$to/bin"
cp "$build/bench/libcuda_calls.so" "$to/lib"
cp -r "$root/configs" "$to/share/dcmmm/"
mkdir "$to/share/dcmmm/report"
cp -r "$root/report/assets" "$to/share/dcmmm/report/"
cp "$root"/.deps/lib/python*/site-packages/plotly/package_data/plotly.min.js "$to/share/dcmmm/"
cp -r "$root"/bench/{gpu.sh,gpu.py,sweep_pack.py,versus} "$to/bench"
cp "$root/.deps/panel/mmm_data.csv" "$to/panel"
# Open MPI and PMIx load their parts from folders; bench/gpu.sh says where these are.
cp "$(readlink -f "$(command -v mpirun)")" "$to/bin/mpirun"
cp "$(command -v orted)" "$to/bin/orted"
for parts in openmpi/lib/openmpi3 pmix2/lib/pmix; do
  cp -rL "$(dirname "$(ldconfig -p | grep -o '/.*libmpi.so.40' | head -1)")/$parts" "$to/lib/"
done
cp -rL /usr/share/openmpi /usr/share/pmix* "$to/share/" 2>/dev/null || true
for binary in "$to"/bin/* "$to"/lib/openmpi3/*.so "$to"/lib/pmix/*.so; do ldd "$binary" 2>/dev/null; done | grep -o '/[^ ]*' | sort -u |
  grep -Ev '/torch/lib/|/nvidia/|/cuda|/(libc|libm|libmvec|libdl|librt|libpthread|libstdc\+\+|libgcc_s|libgomp|libresolv|ld-linux[^/]*)\.so|libcuda|libnvidia|libnccl' |
  while read -r library; do cp -Ln "$library" "$to/lib/"; done
strip --strip-unneeded "$to"/bin/* "$to"/lib/*.so* "$to"/lib/openmpi3/*.so "$to"/lib/pmix/*.so 2>/dev/null || true
tar -C "$(dirname "$to")" -c "$(basename "$to")" | xz -T0 -3 >"$to.tar.xz"
du -h "$to.tar.xz"
