"""Which names of the Python package are public, and which the pages show."""

import importlib
import inspect
import pathlib
import pkgutil
import re

import weft

DOCS = pathlib.Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```\{api\} (\S+)\n(.*?)^```$", re.M | re.S)


def modules():
    """The public modules of the package."""
    walked = pkgutil.walk_packages(weft.__path__, "weft.")
    return ["weft", "weft.cpu", *(m.name for m in walked if "._" not in m.name)]


def scope(name):
    """The module or class of that name; weft.cpu is an attribute rather than a module."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        outer, _, last = name.rpartition(".")
        return getattr(scope(outer), last)


def entries(block):
    """(name, text) of the lines of a block: `name name ...`, or `name: what it is`."""
    for line in block.splitlines():
        names, colon, text = line.partition(": ")
        for name in names.split():
            yield name, text if colon else ""


def public(where):
    """Public names of a module or class that are Weft's own."""
    names = getattr(where, "__all__", None) or [n for n in vars(where) if not n.startswith("_")]
    for name in names:
        value = getattr(where, name)
        if inspect.ismodule(value) or not ours(where, name, value):
            continue
        yield name


def ours(where, name, value):
    if inspect.isclass(where):
        return True
    made = getattr(value, "__module__", None) or type(value).__module__
    return made.startswith("weft") and name != "adopt"


def documented():
    """{module or class: names} over all pages."""
    found = {}
    for page in sorted((DOCS / "python").glob("*.md")):
        for where, block in BLOCK.findall(page.read_text()):
            found.setdefault(where, []).extend(name for name, _ in entries(block))
    return found
