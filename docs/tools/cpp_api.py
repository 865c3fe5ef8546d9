"""A block that shows every public header of a folder, one section each:

    ```{headers} nn
    ```
"""

import re
import sys
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/structure"))

import tree  # noqa: E402
from breathe.directives.file import DoxygenFileDirective  # noqa: E402
from docutils import nodes  # noqa: E402
from sphinx import addnodes  # noqa: E402

BLOCK = re.compile(r"^```\{headers\} (\w+)\n(.*?)^```$", re.M | re.S)


def headers(folder):
    """Public headers of a folder, as they are included."""
    found = sorted(tree.name(path) for path in tree.public_headers())
    return [name for name in found if name.startswith(f"{folder}/")]


def section(name):
    return f"## {name}\n\n```{{header}} {name}\n```\n"


def block(match):
    first = match[2].split()
    rest = [name for name in headers(match[1]) if name not in first]
    return "\n".join(section(name) for name in first + rest)


def read(app, docname, source):
    source[0] = BLOCK.sub(block, source[0])


def is_namespace(node):
    return isinstance(node, addnodes.desc) and node.children[0].astext().startswith("namespace ")


class Header(DoxygenFileDirective):
    """doxygenfile without a box around each namespace."""

    def run(self):
        top = nodes.container("", *super().run())
        while boxes := [n for n in top.findall(addnodes.desc) if is_namespace(n)]:
            boxes[0].parent.replace(boxes[0], boxes[0].children[-1].children)
        return top.children


def setup(app):
    app.add_directive("header", Header)
    app.connect("source-read", read)
    return {"parallel_read_safe": True}
