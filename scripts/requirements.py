"""requirements.py [GROUP]: what pyproject.toml wants for building and running, and for a group of
its own (test where none is named), one requirement a line."""

import pathlib
import sys

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from pip._vendor import tomli as tomllib

project = tomllib.loads((pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text())
wanted = project["build-system"]["requires"] + project["project"]["dependencies"]
group = sys.argv[1] if len(sys.argv) > 1 else "test"
print(*wanted, *project["project"]["optional-dependencies"][group], sep="\n")
