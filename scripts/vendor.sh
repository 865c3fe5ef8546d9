#!/usr/bin/env bash
# vendor.sh [--python X.Y]: downloads what tests/gpu.sh needs, and a machine without a package
# registry lacks, into third_party/vendor.tar.xz (10 MB): run it on Debian 12 or Ubuntu 24.04, carry
# the folder along with the checkout. A second run changes nothing; --force downloads again.
#
# In the archive: usr/, headers, libraries and CMake packages of the distribution (a prefix for
# CMAKE_PREFIX_PATH), for a machine whose C library is as new; python/, packages at pyproject.toml's
# versions for Python X.Y (3.12) on x86-64 (a folder for PYTHONPATH). What is there anyway (CUDA with
# cuDNN, a compiler, CMake, ninja, Python with torch and NumPy) is not.
set -euo pipefail
cd "$(dirname "$0")/.."

python=3.12 force=
while [ $# -gt 0 ]; do
  case $1 in
    --python) python=${2:?vendor: --python: got nothing, expected a version} && shift 2 ;;
    --force) force=1 && shift ;;
    *) echo "vendor: got $1, expected --python X.Y or --force" >&2 && exit 2 ;;
  esac
done

archive=third_party/vendor.tar.xz
stamp=third_party/vendor.stamp
wanted=$(cat scripts/vendor.sh pyproject.toml | sha256sum | cut -c1-16)-$python
if [ -z "$force" ] && [ -f "$archive" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
  echo "vendor: $archive is there ($(du -h "$archive" | cut -f1))"
  exit 0
fi
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || { echo "vendor: needs $tool: Debian 12 or Ubuntu 24.04" >&2; exit 1; }
done

development=(libdnnl-dev libeigen3-dev libfmt-dev nlohmann-json3-dev zlib1g-dev catch2 libcli11-dev
  libbenchmark-dev libstb-dev)
# Of the test group's packages those that the tests on a device need; what these need themselves.
modules='pybind11|pytest|hypothesis|safetensors|ml_dtypes|tqdm'
needed=(pluggy iniconfig packaging pygments sortedcontainers)
# Their parts that no build reads.
needless=(usr/share/doc usr/share/doc-base usr/share/man usr/share/lintian usr/share/pkgconfig
  usr/share/Catch2 usr/share/bug usr/lib/x86_64-linux-gnu/pkgconfig usr/lib/x86_64-linux-gnu/libstb.a
  usr/lib/x86_64-linux-gnu/libstb.so usr/lib/x86_64-linux-gnu/cmake/dnnl python/bin)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/deb" "$work/tree"

# The libraries behind the -dev packages, whose names hold a version, and what oneDNN asks for.
libraries() {
  apt-cache depends libdnnl-dev libfmt-dev libbenchmark-dev |
    sed -nE 's/^ *Depends: (lib(dnnl|fmt|benchmark)[0-9][a-z0-9]*)$/\1/p'
  echo zlib1g
  echo ocl-icd-libopencl1
}
download() {
  mapfile -t debs < <(printf '%s\n' "${development[@]}"; libraries)
  (cd "$work/deb" && apt-get -o APT::Sandbox::User=root download -qq "${debs[@]}")
}
echo "vendor: packages of the distribution" >&2
if ! download 2>/dev/null; then
  as_root=() && [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  download
fi
for deb in "$work"/deb/*.deb; do dpkg-deb -x "$deb" "$work/tree"; done
# Debian 12 has some run-time libraries in /lib, and links there that name the whole path.
library=$work/tree/usr/lib/x86_64-linux-gnu
if [ -d "$work/tree/lib" ]; then
  cp -a "$work"/tree/lib/x86_64-linux-gnu/. "$library/"
  rm -r "$work/tree/lib"
fi
find "$library" -type l | while read -r link; do
  ln -sfn "$(basename "$(readlink "$link")")" "$link"
done

echo "vendor: packages for Python $python" >&2
venv=${WEFT_VENV:-$PWD/.venv}/bin/python
if ! "$venv" -m pip --version >/dev/null 2>&1; then # any pip will do
  python3 -m venv "$work/venv"
  venv=$work/venv/bin/python
fi
mapfile -t pinned < <("$venv" scripts/requirements.py test | grep -E "^($modules)==")
platforms=()
for n in 17 24 27 28 31 34 35; do platforms+=(--platform "manylinux_2_${n}_x86_64"); done
"$venv" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary=:all: \
  --python-version "$python" --implementation cp "${platforms[@]}" --platform manylinux2014_x86_64 \
  --target "$work/tree/python" "${pinned[@]}" "${needed[@]}"

for path in "${needless[@]}"; do rm -rf "${work:?}/tree/$path"; done
broken=$(find "$work/tree" -xtype l)
[ -z "$broken" ] || { echo "vendor: links that lead nowhere: $broken" >&2; exit 1; }
XZ_OPT=-3 tar -C "$work/tree" --owner=0 --group=0 --sort=name -cJf "$work/archive" usr python
mkdir -p third_party
mv "$work/archive" "$archive"
echo "$wanted" >"$stamp"
echo "vendor: $archive ($(du -h "$archive" | cut -f1), unpacked $(du -sh "$work/tree" | cut -f1))"
