#!/usr/bin/env bash
# setup.sh [PACKAGE...]: installs what the build needs (and PACKAGEs) and is missing; a second run
# changes nothing.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache git ca-certificates curl
  python3 python3-dev python3-venv
  libdnnl-dev libeigen3-dev libfmt-dev nlohmann-json3-dev zlib1g-dev
  catch2 libcli11-dev libbenchmark-dev libstb-dev
)
optional=(clang-format-14) # newer distributions have newer ones only; the layout test then skips

if ! command -v dpkg-query >/dev/null; then
  echo "setup: no dpkg here; install by hand what docs/dependencies.md lists" >&2
  exit 0
fi

# Prints those of its arguments that are not installed.
missing() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
  for package in "$@"; do
    grep -qxF "installed $package" <<<"$installed" || echo "$package"
  done
}
# Prints those of its arguments that apt knows.
known() {
  for package in "$@"; do
    [ -z "$(apt-cache show "$package" 2>/dev/null)" ] || echo "$package"
  done
}
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "setup: needs root or sudo to install packages" >&2
    exit 1
  fi
}

mapfile -t wanted < <(missing "${packages[@]}" "$@")
mapfile -t extra < <(missing "${optional[@]}")
if [ ${#wanted[@]} -gt 0 ]; then
  as_root apt-get update -qq
fi
mapfile -t -O ${#wanted[@]} wanted < <(known "${extra[@]}")
[ ${#wanted[@]} -gt 0 ] || exit 0

echo "setup: installing ${wanted[*]}"
as_root env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${wanted[@]}" </dev/null
