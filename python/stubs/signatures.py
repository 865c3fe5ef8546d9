"""Signatures as pybind11 writes them into docstrings, with the types that users think in."""

import ast
import dataclasses
import re

# Arguments whose type a signature gives as `object` or `str`, by name.
ARGUMENTS = {
    ("object", "data"): "ArrayLike",
    ("object", "path"): "StrPath",
    ("object", "folder"): "StrPath",
    ("object", "f"): "StrPath",
    ("object", "params"): "Params",
    ("str", "reduction"): "Reduction",
    ("str | None", "rounding_mode"): "Literal['trunc', 'floor'] | None",
    ("str", "approximate"): "Literal['none', 'tanh']",
    ("object", "obj"): "object",
    ("object", "self"): None,
}
# Unions that have a name of their own, widest first.
NAMED = {
    "Padding": {"int", "Sequence[int]", "str"},
    "Operand": {"Tensor", "bool", "int", "float"},
    "Scalar": {"bool", "int", "float"},
    "ShapeLike": {"int", "Sequence[int]"},
}
TYPES = {"dtype": "DTypeLike", "device": "DeviceLike"}
VAGUE = {"object", "tuple", "list", "dict", "Iterator", "Any"}


def text_of(node):
    text = re.sub(r"\b(collections\.abc|typing)\.", "", ast.unparse(node))
    return re.sub(r"\bweft\.(?:\w+\.)*", "", text)


def union_parts(node):
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return union_parts(node.left) + union_parts(node.right)
    return [node]


def plain(node, result):
    """One member of a union."""
    text = text_of(node)
    if text in TYPES and not result:
        return TYPES[text]
    if isinstance(node, ast.Subscript):
        name = text_of(node.value)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Literal":
            return text
        return f"{name}[{', '.join(type_text(n, result) for n in inner)}]"
    if isinstance(node, ast.List):
        return f"[{', '.join(type_text(n, result) for n in node.elts)}]"
    return text


def type_text(node, result=False):
    """A type as the stubs name it."""
    parts = list(dict.fromkeys(plain(n, result) for n in union_parts(node)))
    for number in ("SupportsInt", "SupportsFloat"):
        if number in parts and "SupportsIndex" in parts:
            kept = [p for p in parts if p not in (number, "SupportsIndex")]
            parts = list(dict.fromkeys([{"SupportsInt": "int"}.get(number, "float"), *kept]))
    for name, members in NAMED.items():
        if members <= set(parts):
            parts = [name] + [p for p in parts if p not in members]
    if result and parts == ["ShapeLike"]:
        return "Size"
    return " | ".join(p for p in parts)


@dataclasses.dataclass
class Argument:
    name: str
    type: str | None = None
    default: str | None = None

    def __str__(self):
        if self.type is None:
            return self.name if self.default is None else f"{self.name}={self.default}"
        default = "" if self.default is None else f" = {self.default}"
        return f"{self.name}: {self.type}{default}"


def default_text(node):
    """A default that reads well in a stub, or an ellipsis."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return "..."
    return "..." if isinstance(value, (list, dict, type(...))) else repr(value)


def argument(node, default, stars=""):
    given = None if node.annotation is None else type_text(node.annotation)
    kind = ARGUMENTS.get((given, node.arg), given)
    if default is None:
        return Argument(stars + node.arg, kind)
    text = default_text(default)
    if kind and text == "None" and "None" not in kind:
        kind += " | None"
    return Argument(node.arg, kind, text)


@dataclasses.dataclass
class Signature:
    name: str
    arguments: list
    result: str

    @classmethod
    def parse(cls, line):
        line = re.sub(r"= <[^>]*>", "= ...", line)
        node = ast.parse(f"def {line}: ...").body[0]
        a = node.args
        first = a.posonlyargs + a.args
        defaults = [None] * (len(first) - len(a.defaults)) + a.defaults
        arguments = [argument(n, d) for n, d in zip(first, defaults)]
        if a.posonlyargs:
            arguments.insert(len(a.posonlyargs), Argument("/"))
        if a.vararg:
            arguments.append(argument(a.vararg, None, "*"))
        elif a.kwonlyargs:
            arguments.append(Argument("*"))
        arguments += [argument(n, d) for n, d in zip(a.kwonlyargs, a.kw_defaults)]
        if a.kwarg:
            arguments.append(argument(a.kwarg, None, "**"))
        return cls(node.name, arguments, type_text(node.returns, result=True))

    def sized(self):
        """With the sizes that pybind11 calls *args."""
        for a in self.arguments:
            if a.name == "*args":
                a.name, a.type = "*size", "ShapeLike"
        return self

    def numbered_to_positional(self):
        """Without the names that pybind11 makes up: what has none is given by position."""
        last = max((i for i, a in enumerate(self.arguments) if re.match(r"arg\d", a.name)), default=-1)
        if last >= 0 and not any(a.name == "/" for a in self.arguments):
            self.arguments.insert(last + 1, Argument("/"))
        return self

    def by_size(self):
        """With the sizes as one argument; None if there are none."""
        at = next((i for i, a in enumerate(self.arguments) if a.name == "*size"), None)
        if at is None:
            return None
        before, after = self.arguments[:at], self.arguments[at + 1 :]
        after = [Argument("size", "ShapeLike"), *(a for a in after if a.name != "*")]
        return Signature(self.name, [*before, Argument("*"), *after], self.result)

    def by_axis(self):
        """With NumPy's names in place of dim and keepdim; None if there is no dim."""
        named = {"dim": "axis", "keepdim": "keepdims"}
        if not any(a.name == "dim" for a in self.arguments):
            return None
        first = next(i for i, a in enumerate(self.arguments) if a.name in named)
        after = [
            dataclasses.replace(a, name=named.get(a.name, a.name))
            for a in self.arguments[first:]
            if a.name != "*"
        ]
        after[0].default = None  # or the two would overlap
        return Signature(self.name, [*self.arguments[:first], Argument("*"), *after], self.result)

    def is_vague(self):
        """Whether a type says nothing."""
        types = [a.type for a in self.arguments] + [self.result]
        return any(t in VAGUE for t in types if t) or any(
            a.type is None and a.name not in ("self", "/", "*") for a in self.arguments
        )

    def __str__(self):
        return f"{self.name}({', '.join(map(str, self.arguments))}) -> {self.result}"


def signatures_of(value, name):
    """The signatures in the docstring of a bound function (name None: of a property's getter)."""
    doc = inspect_doc(value)
    pattern = r"(?:\d+\. )?(\w*)(\(.*\) -> .*)"
    lines = doc.split("\n")
    overloaded = any(line == "Overloaded function." for line in lines[:2])
    candidates = lines if overloaded else lines[:1]
    found = [m for m in (re.fullmatch(pattern, line) for line in candidates) if m]
    if overloaded:
        found = [m for m in found if re.match(r"\d+\. ", m.string)]
    parsed = [Signature.parse((name or "get") + m.group(2)) for m in found]
    for s in parsed:
        for a in s.arguments:
            if a.name == "self":
                a.type = None
        s.sized().numbered_to_positional()
    return parsed


def inspect_doc(value):
    return getattr(value, "__doc__", None) or ""
