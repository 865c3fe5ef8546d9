"""differences.py [torch]: evaluates the lines of docs/pytorch.md, and prints those that give
something else than their column says.
"""

import contextlib
import importlib
import os
import pathlib
import re
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parents[1] / "pytorch.md"
NOTHING = "no error"


def rows():
    """(expression, Weft's column, PyTorch's) of every line."""
    for line in PAGE.read_text().splitlines():
        cells = re.split(r"(?<!\\) \| ", line.strip("| "))
        if line.startswith("| ") and cells[0] != "expression":
            yield (cells[1].strip("`").replace("\\|", "|"), *cells[2:4])


@contextlib.contextmanager
def scratch():
    """In a folder that is removed afterwards."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def result(expression, module):
    """What an expression gives in Weft or PyTorch: its repr or the name of its error."""
    names = {
        module.__name__: module,
        "nn": importlib.import_module(f"{module.__name__}.nn"),
        "F": importlib.import_module(f"{module.__name__}.nn.functional"),
        "optim": importlib.import_module(f"{module.__name__}.optim"),
        "np": importlib.import_module("numpy"),
    }
    *statements, last = expression.split("; ")
    with scratch():
        try:
            exec("; ".join(statements), names)
            try:
                code = compile(last, "page", "eval")
            except SyntaxError:
                exec(last, names)
                return NOTHING
            value = eval(code, names)
        except Exception as error:
            return type(error).__name__
    return NOTHING if value is None else repr(value)


def wrong(module, column):
    for expression, *said in rows():
        said = said[column]
        got = result(expression.replace("weft", module.__name__), module)
        expected = re.match(r"`([^`]*)`|(.*)", said)
        if got != (expected[1] or expected[2]):
            yield f"{expression}: got {got}, the page says {said}"


if __name__ == "__main__":
    other = "torch" in sys.argv
    found = list(wrong(importlib.import_module("torch" if other else "weft"), int(other)))
    print(*found, sep="\n")
    print(f"{len(list(rows()))} lines, {len(found)} wrong")
    sys.exit(bool(found) or not list(rows()))
