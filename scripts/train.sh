#!/usr/bin/env bash
# train.sh PROGRAM ARGS...: trains on --data or WEFT_DATA if given, else on the fetched CIFAR-10, else
# on the pictures that the example ships.
set -euo pipefail
program=$1
shift

if [[ -z ${WEFT_DATA:-} && " $* " != *" --data"[\ =]* ]]; then
  if data=$("${BASH_SOURCE%/*}/fetch_cifar10.sh"); then
    export WEFT_DATA=$data
  else
    unset WEFT_DATA
  fi
fi
exec "$program" train "$@"
