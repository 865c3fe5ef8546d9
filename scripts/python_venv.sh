#!/usr/bin/env bash
# python_venv.sh [GROUP]: prints the Python of the virtual environment that builds and tests the
# Python package, made on the first call and again when pyproject.toml asks for other versions.
# GROUP adds what that group of pyproject.toml names. WEFT_VENV names another place.
set -euo pipefail
cd "$(dirname "$0")/.."

group=${1:-test}
venv=${WEFT_VENV:-$PWD/.venv}
python=$venv/bin/python
stamp=$venv/installed-$group
if ! cmp -s pyproject.toml "$stamp"; then
  echo "python: installing what pyproject.toml names for $group into $venv" >&2
  [ -x "$python" ] || python3 -m venv "$venv" >&2
  # What [build-system] and [project] name, without building the project itself.
  mapfile -t wanted < <("$python" scripts/requirements.py "$group")
  "$python" -m pip install --quiet --disable-pip-version-check "${wanted[@]}" >&2
  cp pyproject.toml "$stamp"
fi
echo "$python"
