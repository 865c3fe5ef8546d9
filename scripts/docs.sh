#!/usr/bin/env bash
# docs.sh PRESET: the site, from the built package and the headers, into build/docs/html. Warnings
# are errors.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(scripts/python_venv.sh docs)
export WEFT_ROOT=$PWD WEFT_DOCS_BUILD=$PWD/build/docs WEFT_PYTHON=$python
export PYTHONPATH=$PWD/build/$1/python PYTHONDONTWRITEBYTECODE=1
export OMP_WAIT_POLICY=passive # a notebook's threads do not spin while they wait
mkdir -p "$WEFT_DOCS_BUILD"

WEFT_HEADERS=$("$python" -c 'import sys; sys.path.insert(0, "tests/structure")
import tree; print(*tree.public_headers())')
export WEFT_HEADERS
rm -rf "$WEFT_DOCS_BUILD/doxygen"
doxygen docs/Doxyfile
"$python" docs/tools/doxygen_xml.py "$WEFT_DOCS_BUILD/doxygen"
"$python" docs/tools/executed.py "$WEFT_DOCS_BUILD/notebooks" "build/$1/notebooks"
"$python" -m sphinx -b html -E -W --keep-going -n -q -d "$WEFT_DOCS_BUILD/doctrees" \
  docs "$WEFT_DOCS_BUILD/html"
echo "docs: build/docs/html/index.html"
