#!/usr/bin/env bash
# manylinux.sh [NAME...]: builds what the library needs, and a manylinux image lacks, into PREFIX
# (/usr/local): Debian 12's sources, so the versions that the tests see. For cibuildwheel.
set -euo pipefail

prefix=${PREFIX:-/usr/local}
mirrors=(http://deb.debian.org/debian/pool/main
  https://snapshot.debian.org/archive/debian/20250520T000000Z/pool/main)
list=$(cd "$(dirname "$0")" && pwd)/manylinux_sources.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# fetch PATH SHA256: the archive from the first mirror that has it whole.
fetch() {
  for mirror in "${mirrors[@]}"; do
    curl --fail --silent --location --retry 3 --output archive "$mirror/$1" || continue
    echo "$2  archive" | sha256sum --check --status && return
  done
  echo "manylinux: cannot fetch ${1##*/}" >&2
  return 1
}
install_with_cmake() {
  cmake -S source -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DBUILD_TESTING=OFF "$@" >log 2>&1 || { cat log; return 1; }
  cmake --build build --parallel "$(nproc)" --target install >log 2>&1 || { tail -n 50 log; return 1; }
}
install_onednn() { install_with_cmake -DDNNL_BUILD_TESTS=OFF -DDNNL_BUILD_EXAMPLES=OFF; }
install_fmt() { install_with_cmake -DFMT_TEST=OFF -DFMT_DOC=OFF; }
install_json() { install_with_cmake -DJSON_BuildTests=OFF; }
install_eigen() { install_with_cmake -DEIGEN_BUILD_DOC=OFF; }
install_stb() { install -D -m 644 -t "$prefix/include/stb" source/*.h; }

while read -r name path sum; do
  [[ $# -eq 0 || " $* " == *" $name "* ]] || continue
  echo "manylinux: $name" >&2
  rm -rf source build && mkdir source
  fetch "$path" "$sum"
  tar -xf archive -C source --strip-components 1
  "install_$name"
done <"$list"
[ "$prefix" != /usr/local ] || { printf '/usr/local/lib\n/usr/local/lib64\n' >/etc/ld.so.conf.d/weft.conf && ldconfig; }
