"""One call of the op table in PyTorch, beside what Weft gave."""

import json
import re
import struct

import torch

from known import known

DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
# Relative; both sides round, so twice a unit in the last place and a bit.
TOLERANCE = {torch.float16: 2e-3, torch.bfloat16: 1.6e-2, torch.float32: 4e-6, torch.float64: 1e-12}


def load(path):
    """The tensors of a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = bytearray(data[8 + length :])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        dtype = DTYPES[entry["dtype"]]
        flat = (
            torch.frombuffer(body[begin:end], dtype=dtype) if end > begin else torch.empty(0, dtype=dtype)
        )
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors


def difference(got, expected, loose, scale):
    """What differs, or None."""
    if got.shape != expected.shape:
        return f"sizes {list(got.shape)}, PyTorch's {list(expected.shape)}"
    if got.dtype != expected.dtype:
        return f"{got.dtype}, PyTorch's {expected.dtype}"
    tolerance = TOLERANCE.get(expected.dtype, 0) * max(loose, 1)
    a, b = got.double().flatten(), expected.detach().double().flatten()
    close = (a == b) | (a.isnan() & b.isnan())
    both = a.isfinite() & b.isfinite()
    close |= both & ((a - b).abs() <= tolerance * (b.abs() + scale))
    if close.all():
        return None
    at = int((~close).nonzero()[0])
    return f"element {at}: {a[at].item():.9g}, PyTorch's {b[at].item():.9g}"


def gradient_difference(got, expected, loose, scale):
    """No gradient is one of zeros."""
    if got is None or expected is None:
        one = got if expected is None else expected
        return "only one of the two has it" if one is not None and one.count_nonzero() else None
    return difference(got, expected, 2 * loose, scale)


def listed(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


# What PyTorch says where it has no kernel for a dtype. Any other error is the call's fault.
REFUSAL = re.compile("not implemented for '|does not support bool input")


class Comparison:
    def __init__(self, folder):
        self.folder = folder
        self.file = None
        self.tensors = {}
        self.used = set()  # entries of KNOWN that were needed, with the dtypes

    def inputs(self, call):
        x = [self.tensors.get(f"{call['key']}x.{i}") for i in range(call["inputs"])]
        return [t.detach().requires_grad_(grad) for t, grad in zip(x, call["requires_grad"])]

    def check(self, call):
        """('equal' | 'different' | 'known' | 'refused', text)."""
        if call["file"] != self.file:
            self.file, self.tensors = call["file"], load(self.folder / call["file"])
        head = f"{call['torch']} of {call['dtype']}: "
        try:
            found = self.differences(call, self.results(call, call["torch"]))
        except (RuntimeError, NotImplementedError, TypeError, IndexError) as error:
            return "refused" if REFUSAL.search(str(error)) else "different", head + str(error)
        sizes = tuple(tuple(t.shape) for t in self.inputs(call))
        for quantity in found:
            entry = known(call, sizes, quantity)
            if entry is None:
                return "different", f"{head}{quantity}: {found[quantity]}"
            off = self.differences(call, self.results(call, entry.instead)).get(quantity)
            if off:
                return "different", f"{head}{quantity}: {off} (where {entry.reason})"
            self.used.add((entry, call["dtype"]))
        return ("known" if found else "equal"), ""

    def results(self, call, expression):
        """Outputs and gradients of an expression in PyTorch, by the names of quantities."""
        x = self.inputs(call)
        outputs = listed(eval(expression, {"torch": torch, "x": x, "float": float}))
        results = {f"output {i}": y.detach() for i, y in enumerate(outputs)}
        given = [y for y in outputs if y.requires_grad]
        wanted = [t for t in x if t.requires_grad]
        grads = [self.tensors.get(f"{call['key']}g.{i}") for i in range(len(given))]
        results["gradients"] = bool(given)
        if given and all(g is not None for g in grads):
            found = torch.autograd.grad(given, wanted, grads, allow_unused=True)
            results.update({f"gradient {i}": g for i, g in enumerate(found)})
        return results

    def differences(self, call, theirs):
        """What differs, by quantity."""
        found = {}
        key, loose, scale = call["key"], call["loose"], call["scale"]
        count = sum(name.startswith("output") for name in theirs)
        if call["outputs"] != count:
            return {"outputs": f"{call['outputs']}, PyTorch's {count}"}
        if call["gradients"] != theirs["gradients"]:
            return {"gradients": f"{call['gradients']}, PyTorch's {theirs['gradients']}"}
        for name, expected in theirs.items():
            kind, _, i = name.partition(" ")
            if kind == "output":
                found[name] = difference(self.tensors[f"{key}y.{i}"], expected, loose, scale)
            elif kind == "gradient":
                got = self.tensors.get(f"{key}dx.{i}")
                found[name] = gradient_difference(got, expected, loose, max(scale, 1))
        if call["gradients"] and "gradient 0" not in theirs:
            found["gradients"] = "fewer outputs have one than PyTorch's"
        return {name: text for name, text in found.items() if text}
