"""Tracked files: none over 500 lines, none that names a place on somebody's machine, and notebooks
without what running them leaves."""

import json
import re

import tree

LINES = 500
SOURCES = {".h", ".cpp", ".py", ".sh", ".cmake"}
# Written in pieces so that this file does not find itself.
PLACES = re.compile("|".join(["/" + "work/", "/" + r"home/\w", "/" + "root/", r"(?<!:-)/" + "tmp/"]))


def text_of(path):
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return None


def remains_of(text):
    """The numbers of a notebook's cells that hold outputs."""
    cells = enumerate(json.loads(text)["cells"], 1)
    return [n for n, cell in cells if cell.get("outputs") or cell.get("execution_count")]


def offences_of(path):
    text = text_of(path)
    if text is None:
        return
    lines = text.splitlines()
    if path.suffix in SOURCES and len(lines) > LINES:
        yield f"{tree.name(path)}: got {len(lines)} lines, expected at most {LINES}"
    if path.suffix == ".ipynb" and (cells := remains_of(text)):
        yield f"{tree.name(path)}: got outputs in cells {cells}, expected a notebook without"
    for number, line in enumerate(lines, 1):
        if PLACES.search(line):
            yield f"{tree.name(path)}:{number}: names a place on one machine: {line.strip()[:80]}"


checked = tree.files()
tree.report([o for path in checked for o in offences_of(path)], checked)
