"""The calls of the op table, as op_table_dump writes them, in Python."""

import json
import os
import pathlib
import re
import subprocess
import tempfile

import weft

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("WEFT_BIN", ROOT / "build/release/bin")) / "op_table_dump"
FUNCTION = re.compile(r"^torch\.(?:nn\.functional\.)?(\w+)\(x\[0\](?:, (.*))?\)$")


class Table:
    """calls and errors, with their tensors."""

    def __init__(self, folder):
        subprocess.run([PROGRAM, "calls", folder], check=True)
        self.folder = pathlib.Path(folder)
        self.calls = json.loads((self.folder / "calls.json").read_text())
        self.errors = json.loads((self.folder / "errors.json").read_text())
        self.file, self.loaded = None, {}

    def tensors(self, file):
        if self.file != file:
            self.file, self.loaded = file, weft.load(self.folder / file)
        return self.loaded

    def found(self, call, kind, count, file=None):
        """The tensors of one kind (x, y, g, dx), None where there is none."""
        tensors = self.tensors(file or call["file"])
        return [tensors.get(f"{call['key']}{kind}.{i}") for i in range(count)]

    def inputs(self, call):
        x = self.found(call, "x", call["inputs"])
        return [t.clone().requires_grad_(grad) for t, grad in zip(x, call["requires_grad"])]


def names():
    """The rows, without the names of in-place forms."""
    listed = subprocess.run([PROGRAM, "names"], check=True, capture_output=True, text=True)
    rows = listed.stdout.split()
    return [name for name in rows if not (name.endswith("_") and name[:-1] in rows)]


def table():
    folder = tempfile.TemporaryDirectory()
    result = Table(folder.name)
    result.keeps = folder
    return result


def evaluate(expression, x, library=weft):
    """The value of an expression of torch's, in a library of that interface; always a list."""
    y = eval(expression, {"torch": library, "x": x})
    return list(y) if isinstance(y, (tuple, list)) else [y]


def as_method(expression):
    """(name, x[0].name(...)) for torch.name(x[0], ...), where tensors have it; or nothing."""
    if expression.startswith("torch.where(x[0], x[1], "):
        return "where", expression.replace("torch.where(x[0], x[1], ", "x[1].where(x[0], ")
    found = FUNCTION.match(expression)
    if not found or not hasattr(weft.Tensor, found[1]):
        return None
    return found[1], f"x[0].{found[1]}({found[2] or ''})"


def as_inplace(expression):
    """(name_, x[0].name_(...)) or (name_, torch.nn.functional.name_(x[0], ...)), or nothing."""
    found = FUNCTION.match(expression)
    if not found:
        return None
    name, rest = found[1] + "_", found[2]
    if hasattr(weft.Tensor, name):
        return name, f"x[0].{name}({rest or ''})"
    if hasattr(weft.nn.functional, name):
        return name, f"torch.nn.functional.{name}(x[0], {rest or ''})"
    return None


def bits(t):
    """What must be equal: dtype, sizes, and bytes in row-major order."""
    if t is None:
        return None
    return str(t.dtype), tuple(t.shape), t.detach().numpy().tobytes()
