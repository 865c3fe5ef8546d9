#!/usr/bin/env bash
# Installs the packages that the build needs and that are missing; a second run changes nothing.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache git python3 ca-certificates curl clang-format-14
  libdnnl-dev libeigen3-dev libfmt-dev nlohmann-json3-dev zlib1g-dev
  catch2 libcli11-dev libbenchmark-dev libstb-dev
)

if ! command -v dpkg-query >/dev/null; then
  echo "setup: no dpkg here; install by hand what docs/dependencies.md lists" >&2
  exit 0
fi

installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "setup: installing ${missing[*]}"
root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: needs root or sudo to install packages" >&2; exit 1; }
  root=(sudo)
fi
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
