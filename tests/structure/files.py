"""Tracked files: none over 500 lines, none that names a place on somebody's machine."""

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


def offences_of(path):
    text = text_of(path)
    if text is None:
        return
    lines = text.splitlines()
    if path.suffix in SOURCES and len(lines) > LINES:
        yield f"{tree.name(path)}: got {len(lines)} lines, expected at most {LINES}"
    for number, line in enumerate(lines, 1):
        if PLACES.search(line):
            yield f"{tree.name(path)}:{number}: names a place on one machine: {line.strip()[:80]}"


checked = tree.files()
tree.report([o for path in checked for o in offences_of(path)], checked)
