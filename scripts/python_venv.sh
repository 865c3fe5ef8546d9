#!/usr/bin/env bash
# Prints the Python of the virtual environment that builds and tests the Python package, made on the
# first call and again when pyproject.toml asks for other versions. WEFT_VENV names another place.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${WEFT_VENV:-$PWD/.venv}
python=$venv/bin/python
stamp=$venv/installed
if ! cmp -s pyproject.toml "$stamp"; then
  echo "python: installing what the tests need into $venv" >&2
  [ -x "$python" ] || python3 -m venv "$venv" >&2
  # What [build-system] and [project] name, without building the project itself.
  mapfile -t wanted < <("$python" scripts/requirements.py)
  "$python" -m pip install --quiet --disable-pip-version-check "${wanted[@]}" >&2
  cp pyproject.toml "$stamp"
fi
echo "$python"
