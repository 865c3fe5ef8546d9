"""executed.py CACHE COPIES: takes what notebooks gave when the tests executed them, since the package
was built, into the cache that the site's build reads, so that they need not run again.
"""

import pathlib
import shutil
import sys

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn

import weft

NOTEBOOKS = pathlib.Path(__file__).resolve().parents[1] / "notebooks"


def with_outputs(notebook, copy):
    """The notebook with the outputs of its executed copy, or None if they are not of one source."""
    if [cell.source for cell in notebook.cells] != [cell.source for cell in copy.cells]:
        return None
    for cell, executed in zip(notebook.cells, copy.cells):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = executed.outputs, executed.execution_count
    return notebook


def main(place, copies):
    built = pathlib.Path(weft._weft.__file__).stat().st_mtime
    if place.exists() and place.stat().st_mtime < built:
        shutil.rmtree(place)
    cache = get_cache(place)
    for path in NOTEBOOKS.glob("*.ipynb"):
        copy = copies / path.name
        if copy.exists() and copy.stat().st_mtime > built:
            notebook = with_outputs(nbformat.read(path, 4), nbformat.read(copy, 4))
            if notebook:
                bundle = CacheBundleIn(notebook, str(path))
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


main(*map(pathlib.Path, sys.argv[1:]))
