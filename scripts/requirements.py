"""Prints what pyproject.toml wants for building, running and testing, one requirement a line."""

import pathlib

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from pip._vendor import tomli as tomllib

project = tomllib.loads((pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text())
wanted = project["build-system"]["requires"] + project["project"]["dependencies"]
print(*wanted, *project["project"]["optional-dependencies"]["test"], sep="\n")
