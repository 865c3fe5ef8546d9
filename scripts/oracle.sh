#!/usr/bin/env bash
# oracle.sh BIN ARGS...: tests/oracle/run.py compares what Weft computes with what PyTorch does.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(scripts/torch_venv.sh)
exec "$python" -B tests/oracle/run.py "$@"
