#!/usr/bin/env bash
# gpu.sh [--build] [--test] [--bench] [OPTION...]: builds the checkout on a machine with an NVIDIA GPU
# and no package registry, runs all tests on the device, measures, prints one table, writes one JSON.
# Without a choice it does all three. It wants the CUDA toolkit with cuDNN, CMake, ninja, Python with
# torch and NumPy, and third_party/ as scripts/vendor.sh leaves it. tests/gpu/run.py --help has the
# options; WEFT_GPU_SIMULATE=1 tries it all, small, on simulated devices.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${WEFT_GPU_BUILD:-build/gpu}
mkdir -p "$build"
build=$(cd "$build" && pwd)
archive=third_party/vendor.tar.xz
unpacked=$build/third_party
if [ -f "$archive" ] && ! cmp -s third_party/vendor.stamp "$unpacked/stamp"; then
  echo "gpu: unpacking $archive" >&2
  rm -rf "$unpacked" && mkdir -p "$unpacked"
  tar -xJf "$archive" -C "$unpacked"
  cp third_party/vendor.stamp "$unpacked/stamp"
fi
if [ -d "$unpacked" ]; then
  export LD_LIBRARY_PATH=$unpacked/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export PYTHONPATH=$unpacked/python${PYTHONPATH:+:$PYTHONPATH}
fi
cuda=${CUDA_HOME:-/usr/local/cuda}
for folder in "$cuda/bin" "$cuda/compute-sanitizer"; do
  [ ! -d "$folder" ] || PATH=$PATH:$folder
done
export PATH PYTHONUNBUFFERED=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
exec "${PYTHON:-python3}" -B tests/gpu/run.py --build-folder "$build" "$@"
