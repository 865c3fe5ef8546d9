"""Blocks of the pages that name parts of the Python package:

    ```{api} weft.nn
    Linear Conv2d
    pi: a number, with what it is
    ```

become a table of one line each and, below it, all that autodoc knows of each.
"""

import inspect
import re

import names

CODE = re.compile(r"(``[^`]+``|`[^`]+`)")


def directive(value):
    if inspect.isclass(value):
        return "autoexception" if issubclass(value, BaseException) else "autoclass"
    if isinstance(value, property) or inspect.isgetsetdescriptor(value):
        return "autoattribute"
    return "autofunction"


def is_number(value):
    return not callable(value) and not inspect.isdatadescriptor(value)


def constructor(value):
    """The arguments of a compiled class, if they stand in the docstring of its __init__ alone."""
    if not inspect.isclass(value) or (value.__doc__ or "").startswith(f"{value.__name__}("):
        return ""
    first = (vars(value).get("__init__", value).__doc__ or "").split("\n")[0]
    found = re.match(r"__init__\(self: [^,)]+(?:, )?(.*)\) -> None$", first)
    return f"({shorter(found[1])})" if found else ""


def described(where, name, text):
    """The lines of one entry."""
    owner = names.scope(where)
    value = getattr(owner, name)
    if is_number(value):
        yield from (f".. py:data:: {where}.{name}", "", f"   {text or value}", "")
        return
    kind = directive(value)
    if inspect.isclass(owner) and kind == "autofunction":
        kind = "automethod"
    yield f".. {kind}:: {where}.{name}{constructor(value)}"
    if inspect.isclass(value) and f"{where}.{name}" not in names.documented():
        yield from ("   :members:", "   :undoc-members:", "   :show-inheritance:")
    yield ""


def block(match):
    where, entries = match[1], list(names.entries(match[2]))
    lines = ["```{eval-rst}"]
    owner = names.scope(where)
    summed = [n for n, _ in entries if not is_number(getattr(owner, n))]
    if len(summed) > 1:
        lines += [".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {where}.{n}" for n in summed] + [""]
    for name, text in entries:
        lines += described(where, name, text)
    return "\n".join(lines + ["```"])


def read(app, docname, source):
    source[0] = names.BLOCK.sub(block, source[0])


def plain(text):
    """Docstrings are plain text with `code` in it; reST's own signs are escaped."""
    parts = CODE.split(text)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = f"``{part.strip('`')}``"
        else:
            parts[i] = re.sub(r"([*|\\`]|_(?!\w))", r"\\\1", part)
    return "".join(parts)


def docstring(app, what, name, value, options, lines):
    in_example = False
    for i, line in enumerate(lines):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if not in_example:
            lines[i] = plain(line)


def shorter(text):
    for long, short in (
        ("typing.SupportsInt | typing.SupportsIndex", "int"),
        ("typing.SupportsFloat | typing.SupportsIndex", "float"),
        ("collections.abc.", ""),
        ("typing.", ""),
        ("weft._weft._functional.", "weft.nn.functional."),
        ("weft._weft.", "weft."),
        ("pybind11_builtins.pybind11_object", "object"),
    ):
        text = text.replace(long, short)
    return text


def signature(app, what, name, value, options, arguments, result):
    if result == "object":  # what a module's method returns is the module
        result = None
    if arguments and what != "function":
        arguments = re.sub(r"^\(\$?self(: [^,)]+)?(, )?", "(", arguments)
    return (arguments and shorter(arguments), result and shorter(result))


def bases(app, name, value, options, found):
    found[:] = [b for b in found if b.__module__.startswith("weft") and not b.__name__.startswith("_")]
    if not found:
        found.append(object)


def setup(app):
    app.connect("autodoc-process-bases", bases)
    app.connect("source-read", read)
    app.connect("autodoc-process-docstring", docstring)
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True}
