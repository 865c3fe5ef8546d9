"""Every public function of ops/ and method of C++'s Tensor has a name in Python."""

import pathlib
import re

import pytest

import weft
import weft.nn.functional as F

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What Python has under another name or not at all, and why.
EXCEPTIONS = {
    "kernels": "the seam to the devices",
    "optimizer_terms": "part of that seam",
    "autocast_enabled": "weft.is_autocast_enabled()",
    "autocast_dtype": "weft.autocast() holds it",
    "autocasting": "for ops",
    "lowered": "for ops",
    "widened": "for ops",
    "from_blob": "from_numpy() and from_dlpack(): Python has no pointers",
    "defined": "None stands for an undefined tensor",
    "impl": "for bindings",
    "get": "for ops",
    "is_same": "the operator `is`",
    "sizes": "shape",
    "options": "dtype and device",
    "layout": "shape, stride() and storage_offset()",
    "data": "data_ptr(); `data` is a tensor, as in PyTorch",
    "version": "_version",
    "to_vector": "tolist()",
    "str": "str(x)",
    "set_grad": "x.grad = ...",
    "index": "x[...]",
    "slice": "x[start:stop:step]",
}
FUNCTION = re.compile(r"^(?:WEFT_API|inline|requires|template)\b[^;{}()=]*?\b([a-z]\w*)\(", re.M)
METHOD = re.compile(
    r"^  (?:template|explicit|const |std::\w+<[^;(]*>|\w+[&*]?)[^;{}()=]*?\b([a-z]\w*)\(", re.M
)


def without_details(text):
    while found := re.search(r"^namespace detail \{$", text, re.M):
        end = text.index("}  // namespace detail", found.start())
        text = text[: found.start()] + text[end + len("}  // namespace detail") :]
    return text


def functions():
    names = {}
    for path in sorted((ROOT / "ops").glob("*.h")):
        text = path.read_text()
        # formula.h is for numbers; headers "for .cpp files only" are not public.
        if path.name == "formula.h" or "For .cpp files only" in text:
            continue
        for name in FUNCTION.findall(without_details(text)):
            names.setdefault(name, f"ops/{path.name}")
    return names


def methods():
    text = (ROOT / "core/tensor.h").read_text()
    body = text[text.index("class WEFT_API Tensor {") :]
    body = body[: body.index(" private:")]
    return set(METHOD.findall(body)) - {"operator"}


def test_the_headers_are_read():
    assert {"conv2d", "exp", "maximum", "where", "uniform_", "cat"} <= set(functions())
    assert {"sum", "dim", "masked_fill_", "item", "backward", "view", "max"} <= methods()
    assert len(functions()) > 100 and len(methods()) > 120


@pytest.mark.parametrize("name", sorted(functions()))
def test_every_function_is_in_python(name):
    found = [o for o in (weft, F, weft.Tensor) if hasattr(o, name)]
    assert bool(found) != (name in EXCEPTIONS), f"{functions()[name]}: {name}"


@pytest.mark.parametrize("name", sorted(methods()))
def test_every_method_is_in_python(name):
    assert hasattr(weft.Tensor, name) or name in EXCEPTIONS, f"core/tensor.h: {name}"


def test_every_exception_is_one():
    assert set(EXCEPTIONS) <= set(functions()) | methods()
