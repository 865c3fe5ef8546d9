#!/usr/bin/env bash
# Prints the Python of a virtual environment that has PyTorch and NumPy, made on the first call with the
# newest from PyPI (5 GB). WEFT_TORCH_VENV names another place, or an environment that exists.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${WEFT_TORCH_VENV:-$PWD/.venv-torch}
python=$venv/bin/python
if ! "$python" -c 'import numpy, torch' 2>/dev/null; then
  scripts/setup.sh python3-venv >&2
  echo "torch: installing the newest PyTorch into $venv, once" >&2
  python3 -m venv "$venv" >&2
  "$python" -m pip install --quiet --disable-pip-version-check torch numpy >&2
fi
echo "$python"
