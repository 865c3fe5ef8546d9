#!/usr/bin/env bash
# Prints the path of the CIFAR-10 archive (binary version), fetched from the data set's own site
# when the cache lacks it. Exits 1 with one line on stderr when it cannot be had.
set -euo pipefail

archives=$(dirname "$0")/../python/weft/datasets/archives.txt
read -r _ url md5 < <(grep '^cifar10 ' "$archives")
cache=${XDG_CACHE_HOME:-${HOME:-$PWD}/.cache}/weft
archive=$cache/${url##*/}

fail() { echo "cifar10: $*" >&2; exit 1; }
whole() { echo "$md5  $1" | md5sum --check --status 2>/dev/null; }

if whole "$archive"; then
  echo "$archive"
  exit
fi
mkdir -p "$cache" 2>/dev/null || fail "cannot write to $cache"
part=$(mktemp "$cache/fetch.XXXXXX" 2>/dev/null) || fail "cannot write to $cache"
trap 'rm -f "$part"' EXIT

progress=--silent
[ -t 2 ] && progress=--progress-bar
echo "cifar10: fetching ${url##*/} (170 MB) once, into $cache" >&2
curl --fail --location "$progress" --connect-timeout 5 --speed-limit 20000 --speed-time 20 \
  --output "$part" "$url" || fail "the data set's site cannot be reached"
whole "$part" || fail "the checksum of what arrived is not that of the data set"
chmod 644 "$part"
mv -f "$part" "$archive"
echo "$archive"
