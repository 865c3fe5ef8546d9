"""The text of a stub: what was generated, with what was written by hand in its place."""

import ast
import builtins
import contextlib
import copy

from signatures import VAGUE

WIDTH = 100
HEADER = "# Made by python/stubs/generate.py; do not edit.\n\n"
# Where names come from; classes of the compiled module are added to these.
HOMES = {
    "collections": "defaultdict",
    "collections.abc": "Callable Iterable Iterator Mapping Sequence",
    "numpy.typing": "ArrayLike NDArray",
    "typing": "Any ClassVar Generic Literal NamedTuple Protocol SupportsIndex final overload",
    "typing_extensions": "Never Self TypeIs TypeVar",
    "weft._typing": "BoundType DTypeLike DeviceLike Index Operand Other Padding Params Reduction Scalar "
    "ShapeLike StrPath ValuesAndIndices",
    "weft.optim": "ParamGroup",
}
# A tensor's comparisons give tensors, and NumPy's arrays compare with tensors too.
IGNORED = {"__eq__": "override", "__ne__": "override"}
IGNORED |= {name: "misc" for name in ("__lt__", "__le__", "__gt__", "__ge__", "__ipow__")}
MAY_BE_BASE = 1 << 10  # CPython's Py_TPFLAGS_BASETYPE
vague = []  # what says too little
HOME_OF = {name: home for home, names in HOMES.items() for name in names.split()}


def names_of(node):
    """The names that a statement of a stub defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id]
    return [t.id for t in getattr(node, "targets", []) if isinstance(t, ast.Name)]


def by_name(statements):
    found = {}
    for node in statements:
        for name in names_of(node):
            found.setdefault(name, []).append(node)
    return found


def definition(signature, *decorators):
    lines = [f"@{d}\n" for d in decorators]
    return ast.parse(f"{''.join(lines)}def {signature}: ...").body[0]


def note_vague(owner, signature, name=None):
    if name is not None and signature.result in VAGUE or name is None and signature.is_vague():
        vague.append(f"{owner}: {name or signature}")


def loaded(name):
    return ast.Name(name, ast.Load())


class Body:
    """The statements of a class."""

    def __init__(self, name, cls, written):
        bases = [b.__name__ for b in cls.__bases__ if b.__name__ not in ("object", "pybind11_object")]
        metaclass = type(cls).__name__ == "pybind11_type" and not bases
        bases = written.bases if written and written.bases else [loaded(b) for b in bases]
        keywords = [ast.keyword("metaclass", loaded("BoundType"))] if metaclass else []
        final = [] if cls.__flags__ & MAY_BE_BASE else [loaded("final")]
        self.node = ast.ClassDef(name, bases, keywords, [], final)
        self.written = by_name(written.body) if written else {}

    def has(self, name):
        return name in self.written

    def exact(self, name, where=""):
        self.node.body += self.written.pop(name, [])

    def function(self, signatures, static=False):
        decorators = ["overload"] * (len(signatures) > 1) + ["staticmethod"] * static
        for s in signatures:
            note_vague(self.node.name, s)
            self.node.body.append(definition(s, *decorators))

    def property(self, name, signature, settable):
        note_vague(self.node.name, signature, name)
        result = signature.result
        self.node.body.append(definition(f"{name}(self) -> {result}", "property"))
        if settable:
            setter = definition(f"{name}(self, value: {result}) -> None", f"{name}.setter")
            self.node.body.append(setter)

    def close(self):
        for nodes in self.written.values():
            self.node.body += nodes
        forward = by_name(self.node.body).get("forward", [])
        if "__call__" not in by_name(self.node.body):
            for f in forward:
                if isinstance(f, ast.FunctionDef):  # a call takes and gives what forward() does
                    call = copy.deepcopy(f)
                    call.name = "__call__"
                    self.node.body.append(call)


class Stub:
    """A module's stub."""

    def __init__(self, name, classes, written):
        self.name = name
        self.homes = HOME_OF | classes
        self.nodes = []
        tree = ast.parse(written.read_text()) if written.exists() else ast.Module([], [])
        self.written = by_name(tree.body)

    def has(self, name):
        return name in self.written

    def exact(self, name):
        self.nodes += self.written.pop(name)

    def function(self, signatures):
        for s in signatures:
            note_vague(self.name, s)
            self.nodes.append(definition(s, *["overload"] * (len(signatures) > 1)))

    def variable(self, name, value):
        kind = type(value).__name__
        self.nodes.append(ast.parse(f"{name}: {kind}").body[0])

    @contextlib.contextmanager
    def of_class(self, name, cls):
        body = Body(name, cls, self.written.pop(name, [None])[0])
        yield body
        body.close()
        self.nodes.append(body.node)

    def text(self):
        rest = [node for nodes in self.written.values() for node in nodes]
        nodes = rest + self.nodes
        top = set(by_name(nodes))
        inner = {n for c in nodes if isinstance(c, ast.ClassDef) for n in by_name(c.body)}
        used = Names(top, inner)
        nodes = [used.visit(node) for node in nodes]
        own = {n for n in used.shadowed & top if not hasattr(builtins, n)}
        lines = [HEADER, *self.imports(used.free, used.shadowed - own), "\n"]
        lines += [f"_{n} = {n}\n" for n in sorted(own)]
        previous = None
        for node in nodes:
            if isinstance(node, ast.ClassDef) or isinstance(previous, ast.ClassDef):
                lines.append("\n")
            lines.append(statement(node))
            previous = node
        return "".join(lines).replace("'", '"')

    def imports(self, free, shadowed):
        wanted = {}
        for name in sorted(free | shadowed):
            home = "builtins" if hasattr(builtins, name) else self.homes.get(name)
            if home is None:
                raise NameError(f"{self.name}: {name} has no home")
            if name in shadowed:
                wanted.setdefault(home, []).append(f"{name} as _{name}")
            elif home not in ("builtins", self.name):
                wanted.setdefault(home, []).append(name)
        order = lambda home: (home.startswith("weft"), "numpy" in home, home)
        return [imported(home, wanted[home]) for home in sorted(wanted, key=order)]


class Names(ast.NodeTransformer):
    """Finds what names a stub uses; those that it hides by its own get an underscore."""

    def __init__(self, top, inner):
        self.top, self.inner = top, inner
        self.free, self.shadowed = set(), set()

    def visit_Name(self, node):
        name = node.id
        is_builtin = hasattr(builtins, name)
        hidden = name in self.inner or is_builtin and name in self.top
        if isinstance(node.ctx, ast.Load) and hidden and name not in ("property",):
            self.shadowed.add(name)
            return ast.Name("_" + name, node.ctx)
        if isinstance(node.ctx, ast.Load) and name not in self.top:
            self.free.add(name)
        return node

    def visit_FunctionDef(self, node):
        decorators = node.decorator_list
        node.decorator_list = []
        self.generic_visit(node)
        node.decorator_list = decorators
        if any(ast.unparse(d) == "overload" for d in decorators):
            self.free.add("overload")
        return node


def imported(home, names):
    line = f"from {home} import {', '.join(names)}\n"
    if len(line) <= WIDTH + 1:
        return line
    return f"from {home} import (\n" + "".join(f"    {n},\n" for n in names) + ")\n"


def statement(node, indent=""):
    if isinstance(node, ast.ClassDef):
        return class_text(node)
    if isinstance(node, ast.FunctionDef):
        return function_text(node, indent)
    return indent + ast.unparse(node) + "\n"


def class_text(node):
    bases = ", ".join(ast.unparse(b) for b in node.bases + node.keywords)
    decorators = "".join(f"@{ast.unparse(d)}\n" for d in node.decorator_list)
    head = decorators + (f"class {node.name}({bases}):" if bases else f"class {node.name}:")
    if not node.body:
        return head + " ...\n"
    return head + "\n" + "".join(statement(n, "    ") for n in node.body)


def function_text(node, indent):
    decorators = "".join(f"{indent}@{ast.unparse(d)}\n" for d in node.decorator_list)
    arguments = arguments_of(node.args)
    end = f") -> {ast.unparse(node.returns)}: ..."
    if node.name in IGNORED and "other: Other" in arguments:
        end += f"  # type: ignore[{IGNORED[node.name]}]"
    line = f"{indent}def {node.name}({', '.join(arguments)}{end}"
    if len(line) <= WIDTH:
        return decorators + line + "\n"
    lines = "".join(f"{indent}    {a},\n" for a in arguments)
    return f"{decorators}{indent}def {node.name}(\n{lines}{indent}{end}\n"


def arguments_of(args):
    """Each argument as it is written."""
    found = []
    first = args.posonlyargs + args.args
    defaults = [None] * (len(first) - len(args.defaults)) + args.defaults
    for i, (a, d) in enumerate(zip(first, defaults), 1):
        found.append(argument_text(a, d))
        if i == len(args.posonlyargs):
            found.append("/")
    if args.vararg:
        found.append("*" + argument_text(args.vararg, None))
    elif args.kwonlyargs:
        found.append("*")
    found += [argument_text(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults)]
    if args.kwarg:
        found.append("**" + argument_text(args.kwarg, None))
    return found


def argument_text(node, default):
    text = ast.unparse(node)
    if default is None:
        return text
    return f"{text} = {ast.unparse(default)}" if node.annotation else f"{text}={ast.unparse(default)}"
