#!/usr/bin/env python3
"""Writes the type stubs of the compiled module: python/weft/_weft/**/*.pyi.

pybind11 says in each docstring what a function takes and gives; that becomes its stub. What such a
signature cannot tell (overloads by value, the element of an iterator, plain CPython functions)
stands in the .pyi files beside this one, which win. A result that is no more than `object` and has
no entry there is an error, so that no stub is vague unnoticed.

    generate.py           write the stubs
    generate.py --check   fail if the files are not what would be written
"""

import importlib
import inspect
import pathlib
import sys

from signatures import Signature, signatures_of
from writer import Stub, vague

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parent / "weft" / "_weft"
NO_CONSTRUCTOR = Signature.parse("__init__(self, *args: Never, **kwargs: Never) -> None")
SKIPPED = {
    "_arguments",
    "_defaults",
    "_find_mismatches",
    "_gather_state",
    "_prepare_state",
    "__dict__",
    "__doc__",
    "__entries",
    "__file__",
    "__getstate__",
    "__loader__",
    "__members__",
    "__module__",
    "__name__",
    "__new__",
    "__package__",
    "__reduce_ex__",
    "__reduce__",
    "__setstate__",
    "__spec__",
    "__weakref__",
    "_pybind11_conduit_v1_",
}


def modules(module):
    """The compiled module and its submodules, parents first."""
    yield module
    for value in vars(module).values():
        if inspect.ismodule(value) and value.__name__.startswith(module.__name__ + "."):
            yield from modules(value)


def members(owner):
    return [(n, v) for n, v in sorted(vars(owner).items()) if n not in SKIPPED]


def is_elementwise(name, module):
    """Whether a plain function or method is one of those made from the lists of operations."""
    function = getattr(module, name, None) or getattr(module, name.rstrip("_"), None)
    return getattr(function, "__text_signature__", None) in (
        "(input)",
        "(input, other)",
        "(input, exponent)",
    )


def elementwise(name, text):
    """The signature of such a function from its text signature."""
    names = [n.strip() for n in text.strip("()").split(",")]
    alone = len(names) == 1
    typed = {"$self": "self", "input": "input: Tensor" if alone else "input: Operand"}
    arguments = ", ".join(typed.get(n, f"{n}: Operand") for n in names)
    return Signature.parse(f"{name}({arguments}) -> Tensor")


def python_signature(name, function):
    """Of a function of Python that became a method; its annotations are texts."""
    code, kinds = function.__code__, function.__annotations__
    names = code.co_varnames[: code.co_argcount]
    arguments = ["self", *(f"{n}: {kinds[n]}" for n in names[1:])]
    return Signature.parse(f"{name}({', '.join(arguments)}) -> {kinds['return']}")


def functions_of(name, value, root):
    if inspect.isfunction(value):
        return [python_signature(name, value)]
    text = getattr(value, "__text_signature__", None)
    if text and is_elementwise(name, root):
        return [elementwise(name, text)]
    signatures = signatures_of(value, name)
    return with_other_names(signatures) if takes_other_names(value) else signatures


def takes_other_names(function):
    """Whether it stands around one of pybind11's and translates names (argument_names.cpp)."""
    return callable(getattr(getattr(function, "__func__", function), "__self__", None))


def with_other_names(signatures):
    """An overload more for each that has sizes or a dim."""
    return [form for s in signatures for form in (s, s.by_size() or s.by_axis()) if form]


def write_property(stub, name, value):
    getter = signatures_of(value.fget, None)
    stub.property(name, getter[0], settable=value.fset is not None)


def write_class(stub, name, cls, root):
    with stub.of_class(name, cls) as body:
        for key, value in members(cls):
            if body.has(key) or inspect.isdatadescriptor(value) and not isinstance(value, property):
                body.exact(key)
            elif isinstance(value, property):
                write_property(body, key, value)
            elif callable(value) or isinstance(value, staticmethod):
                static = isinstance(value, staticmethod)
                value = value.__func__ if static else value
                if key == "__init__" and type(value).__name__ == "wrapper_descriptor":
                    body.function([NO_CONSTRUCTOR])
                elif type(value).__name__ != "wrapper_descriptor":
                    body.function(functions_of(key, value, root), static=static)
                elif cls.__module__ == "weft" and key != "__init__" and key != "__repr__":
                    body.exact(key)


def stub_of(module, root, classes):
    short = module.__name__.removeprefix(root.__name__).lstrip(".")
    stub = Stub(module.__name__, classes, HERE / f"{short or '_weft'}.pyi")
    for name, value in members(module):
        if inspect.ismodule(value):
            continue
        if isinstance(value, type) and value.__name__ == name:
            write_class(stub, name, value, root)
        elif stub.has(name):
            stub.exact(name)
        elif callable(value):
            stub.function(functions_of(name, value, root))
        else:
            stub.variable(name, value)
    return stub


def stubs():
    """Path and text of every stub."""
    importlib.import_module("weft.nn")
    importlib.import_module("weft.optim")
    root = importlib.import_module("weft._weft")
    parts = list(modules(root))
    classes = {n: p.__name__ for p in parts for n, v in members(p) if isinstance(v, type)}
    for part in parts:
        path = FOLDER.joinpath(*part.__name__.split(".")[2:])
        has_parts = any(p.__name__.startswith(part.__name__ + ".") for p in parts)
        path = path / "__init__.pyi" if has_parts else path.with_suffix(".pyi")
        yield path, stub_of(part, root, classes).text()


def main():
    made = list(stubs())
    if vague:
        sys.exit("say more in python/stubs/*.pyi about\n" + "\n".join(vague))
    stale = []
    for path, text in made:
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                stale.append(path.name)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale:
        sys.exit(f"other than the module: {', '.join(stale)}; run python/stubs/generate.py")


if __name__ == "__main__":
    main()
