"""Every public class, method and function of nn/, data/ and core/cuda*.h has a name in Python."""

import pathlib
import re

import pytest

import weft
from weft import amp, cuda, data, datasets, nn, optim
from weft.nn import init, models, utils
from weft.optim import lr_scheduler

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACES = (nn, models, init, utils, optim, lr_scheduler, data, datasets, amp, cuda, weft)

# Names that Python has otherwise, or not at all, and why. "Class.method" or a name alone.
EXCEPTIONS = {
    # nn
    "Attempt": "a Python module's call is one",
    "Fan": "the texts fan_in and fan_out, as in PyTorch",
    "Fans": "a tuple",
    "find": "a state is a dict",
    "number": "numbers become tensors in C++",
    "check_no_mismatch": "for the library's own parts",
    "prepare_load": "Checkpoint uses it",
    "remove_hook": "RemovableHandle.remove()",
    "has_hooks": "for Sequential",
    "forward_relu": "Sequential calls it",
    "forward_gelu": "Sequential calls it",
    "Scheduler": "LRScheduler, as in PyTorch",
    "last_step": "last_epoch, as in PyTorch",
    "last_lr": "get_last_lr(), as in PyTorch",
    "groups": "param_groups, as in PyTorch",
    "add_group": "add_param_group(), as in PyTorch",
    "Group": "ParamGroup",
    "ParameterShape": "parameters that wait for a shape are C++'s",
    "Sequential.size": "len()",
    "Sequential.empty": "len()",
    "args": "eps, momentum, stride... are attributes",
    "has_bias": "bias is a tensor or None",
    "set_momentum": "momentum can be written",
    "set_p": "p can be written",
    "set_inplace": "inplace can be written",
    "forward_with_indices": "a call of a pool with return_indices",
    "CrossEntropyLoss.options": "weight, reduction... are attributes",
    "NLLLoss.options": "weight, reduction... are attributes",
    "BCEWithLogitsLoss.options": "weight, reduction... are attributes",
    "LeaveUnbuilt": "__reduce__() uses it",
    # core/cuda*.h
    "OwnStream": "graph() has one",
    "device_of": "as_tensor() finds the device",
    "StreamGuard": "stream()",
    "handle": "cuda_stream",
    "Graph": "CUDAGraph and graph()",
    # data
    "Dataset.batch": "dataset[i] may be any object",
    "Batch": "a pair (images, labels)",
    "get": "dataset[i]",
    "size": "len()",
    "next": "__next__() of what iter() of a loader gives",
    "State": "a tuple",
    "Iterator": "iter() of a loader",
    "begin": "__iter__()",
    "end": "__iter__()",
    "Picture": "a tensor [C, H, W]",
    "Image": "a uint8 tensor [C, H, W]",
    "ImageSet": "ImageDataset",
    "bytes_each": "the tensors' sizes",
    "picture": "dataset[i]",
    "append": "weft.cat of images and labels",
    "parse_cifar": "CIFAR10 and CIFAR100 read files",
    "parse_mnist": "MNIST reads files",
    "parse_idx": "MNIST reads files",
    "CifarLayout": "CIFAR10 and CIFAR100 have it",
    "IdxArray": "of parse_idx()",
    "Image.whole": "a tensor's sizes are checked",
    "Image.at": "indexing",
    "numel": "of a tensor",
    "save_safetensors": "weft.save(), as in PyTorch",
    "load_safetensors": "weft.load(), as in PyTorch",
    "Padding": "the texts constant and reflect",
}
# Options are keyword arguments, except where C++ and Python both want an object.
OPTIONS = re.compile(r"(Args|Options)$")
# Bytes and system calls: Python has its own.
INTERNAL = {
    "nn/attempt.h",
    "nn/gradients.h",
    "nn/sizes.h",
    "nn/module_parts.h",
    "data/file.h",
    "data/archive.h",
    "data/checked_bytes.h",
    "data/jpeg_check.h",
    "data/npy_header.h",
    "data/safetensors_header.h",
    "data/tensor_bytes.h",
    "core/cuda_capture.h",
    "core/cuda_plugin.h",
}
HEADERS = sorted(
    str(h.relative_to(ROOT))
    for pattern in ("nn/**/*.h", "data/**/*.h", "core/cuda*.h")
    for h in ROOT.glob(pattern)
    if str(h.relative_to(ROOT)) not in INTERNAL
)
METHOD = re.compile(r"^\s+(?:\[\[nodiscard\]\] )?(?:virtual |static |explicit |template <.*> )*"
                    r"[\w:<>,&* ]*?[\w>&*] &?(\w+)\(", re.M)
FUNCTION = re.compile(r"^WEFT_API [\w:<>,&*_ ]*?\b(\w+)\(", re.M)


def stripped(text):
    text = re.sub(r"//.*", "", text)
    return re.sub(r'"[^"\n]*"', '""', text)


def body(text, start):
    """What stands between the braces that open at or after `start`."""
    at = text.index("{", start)
    depth = 0
    for i in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[at + 1 : i]
    raise AssertionError("braces")


def flat(text):
    """The text without what is inside of inner braces."""
    while (shorter := re.sub(r"\{[^{}]*\}", ";", text)) != text:
        text = shorter
    return text


def public(text, is_struct):
    parts = re.split(r"^ (public|protected|private):", text, flags=re.M)  # not a nested class's
    shown = parts[0] if is_struct else ""
    for access, part in zip(parts[1::2], parts[2::2]):
        shown += part if access == "public" else ""
    return shown


def classes(text):
    """(name, names of public methods) of the classes of a header."""
    for match in re.finditer(r"^(class|struct) (?:WEFT_API )?(\w+)(?: final)?(?=[ :{])[^;{]*\{", text, re.M):
        shown = flat(public(body(text, match.start()), match[1] == "struct"))
        methods = {m for m in METHOD.findall(shown) if m not in (match[2], "operator", "return")}
        methods -= {m for m in methods if not m[0].islower() or m in ("fail", "requires")}
        yield match[2], methods


def python_class(name):
    for place in PLACES:
        if isinstance(found := getattr(place, name, None), type):
            return found
    return None


def missing(header):
    text = stripped((ROOT / header).read_text())
    for name, methods in classes(text):
        if name in EXCEPTIONS or (OPTIONS.search(name) and not python_class(name)):
            continue
        found = python_class(name)
        if not found:
            yield name
            continue
        for method in methods:
            known = method in EXCEPTIONS or f"{name}.{method}" in EXCEPTIONS
            if not known and not hasattr(found, method):
                yield f"{name}.{method}"
    for name in FUNCTION.findall(text):
        if name not in EXCEPTIONS and not any(hasattr(place, name) for place in PLACES):
            yield name


@pytest.mark.parametrize("header", HEADERS)
def test_header_is_bound(header):
    assert sorted(missing(header)) == []


def test_the_check_sees_what_there_is():
    found = dict(classes(stripped((ROOT / "nn/module.h").read_text())))
    assert {"train", "named_parameters", "load_matching", "summary"} <= found["Module"]
    assert "parameter" not in found["Module"]
    text = stripped((ROOT / "nn/init.h").read_text())
    assert {"uniform_", "kaiming_normal_", "calculate_gain"} <= set(FUNCTION.findall(text))
    assert {"step", "zero_grad"} <= dict(classes(stripped((ROOT / "nn/optim.h").read_text())))["Optimizer"]


def test_everything_public_has_a_docstring():
    bare = []
    for place in PLACES[:-1]:
        for name, value in vars(place).items():
            if name.startswith("_") or not getattr(value, "__module__", "").startswith("weft"):
                continue
            if callable(value) and not value.__doc__:
                bare.append(f"{place.__name__}.{name}")
    assert bare == []
