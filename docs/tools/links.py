"""Links in README and the pages that both a forge and the site show: those to files of the tree
which the site has no page for stay what they name, without a link.
"""

import pathlib

from docutils import nodes
from sphinx import addnodes

ROOT = pathlib.Path(__file__).resolve().parents[2]


def resolve(app, env, node, content):
    target = (node.get("reftarget") or "").removeprefix("./")
    name = target.split("#")[0]
    places = (ROOT / name, ROOT / "docs" / name, ROOT / "docs" / node.get("refdoc", "") / ".." / name)
    if name and any(place.exists() for place in places):
        return content
    return None


def setup(app):
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}
