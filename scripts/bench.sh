#!/usr/bin/env bash
# bench.sh BIN ARGS...: Weft beside its peers in one run; bench/run.py prints the table, writes the JSON.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(scripts/torch_venv.sh)
exec "$python" -B bench/run.py "$@"
