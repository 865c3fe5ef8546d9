"""executed.py CACHE COPIES: takes notebooks that the tests have executed since the package was built
into the cache that the site's build reads, so that they need not run again.
"""

import pathlib
import shutil
import sys

from jupyter_cache import get_cache

import weft

NOTEBOOKS = pathlib.Path(__file__).resolve().parents[1] / "notebooks"
cache_path, copies = map(pathlib.Path, sys.argv[1:])
built = pathlib.Path(weft._weft.__file__).stat().st_mtime

if cache_path.exists() and cache_path.stat().st_mtime < built:
    shutil.rmtree(cache_path)
cache = get_cache(cache_path)
for notebook in NOTEBOOKS.glob("*.ipynb"):
    copy = copies / notebook.name
    if copy.exists() and copy.stat().st_mtime > max(built, notebook.stat().st_mtime):
        cache.cache_notebook_file(copy, uri=str(notebook), check_validity=False, overwrite=True)
