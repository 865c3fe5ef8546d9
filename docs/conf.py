"""Sphinx's configuration; scripts/docs.sh calls it with weft importable and Doxygen's XML made."""

import os
import pathlib
import sys

DOCS = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("WEFT_DOCS_BUILD", DOCS.parent / "build/docs"))
sys.path.insert(0, str(DOCS / "tools"))

import weft  # noqa: E402  (before autodoc, which else reads stubs in its place)

project = "Weft"
author = "the authors of Weft"
project_copyright = "the authors of Weft, Apache-2.0"
version = release = weft.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "breathe",
    "python_api",
    "cpp_api",
    "links",
    "mathml",
]
exclude_patterns = ["tools", "guide/*.txt"]
nitpicky = True
templates_path = []

html_theme = "furo"
html_title = "Weft"
html_static_path = ["_static"]
html_css_files = ["weft.css"]
html_logo = "_static/weft.svg"
html_favicon = "_static/weft.svg"
html_math_renderer = "mathml"
myst_update_mathjax = False
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True, "sidebar_hide_name": False}
pygments_style = "friendly"
pygments_dark_style = "monokai"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 4
# A namespace is declared by each of its headers.
suppress_warnings = ["mystnb.unknown_mime_type", "duplicate_declaration.cpp"]

nb_execution_mode = "cache"
nb_execution_cache_path = str(BUILD / "notebooks")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_member_order = "groupwise"
autodoc_docstring_signature = True
autosummary_generate = False
add_module_names = False
python_display_short_literal_types = True

breathe_projects = {"weft": str(BUILD / "doxygen")}
breathe_default_project = "weft"
breathe_domain_by_extension = {"h": "cpp"}
cpp_id_attributes = ["WEFT_API"]

# Names of other projects, of templates' parameters, of annotations' aliases, of what is private.
nitpick_ignore_regex = [
    ("cpp:.*", r"(std|detail|op|formula)\b.*"),
    ("cpp:.*", r".*::@\d+"),
    ("cpp:identifier", "parameter|buffer|add|UnaryId|BinaryId|Update|State|Parts|Impl|SIZE_MAX|cuda::Stream"),
    ("py:class", r"[A-Z]\w*|_weft\.\w+"),
    ("py:.*", r"(numpy|np|collections|typing|os|pathlib|types)\b.*"),
]
