"""One call of the op table in PyTorch, beside what Weft gave."""

import json
import struct

import numpy
import torch

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


def listed(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


class Comparison:
    def __init__(self, folder):
        self.folder = folder
        self.file = None
        self.tensors = {}

    def tensor(self, name):
        return self.tensors.get(name)

    def check(self, call):
        """('equal' | 'different' | 'refused', text)."""
        if call["file"] != self.file:
            self.file, self.tensors = call["file"], load(self.folder / call["file"])
        key = call["key"]
        x = [self.tensor(f"{key}x.{i}") for i in range(call["inputs"])]
        for t, grad in zip(x, call["requires_grad"]):
            t.requires_grad_(grad)
        try:
            outputs = listed(eval(call["torch"], {"torch": torch, "x": x, "float": float}))
        except (RuntimeError, NotImplementedError, TypeError, IndexError) as refusal:
            return "refused", f"{call['torch']} of {call['dtype']}: {refusal}"
        text = self.differences(call, x, outputs)
        return ("different", f"{call['torch']} of {call['dtype']}: {text}") if text else ("equal", "")

    def differences(self, call, x, outputs):
        key = call["key"]
        if len(outputs) != call["outputs"]:
            return f"{call['outputs']} outputs, PyTorch's {len(outputs)}"
        for i, output in enumerate(outputs):
            text = difference(self.tensor(f"{key}y.{i}"), output, call["loose"], call["scale"])
            if text:
                return f"output {i}: {text}"
        return self.gradient_differences(call, x, [y for y in outputs if y.requires_grad])

    def gradient_differences(self, call, x, outputs):
        key = call["key"]
        if not call["gradients"]:
            return "no gradient, PyTorch has one" if outputs else None
        wanted = [t for t in x if t.requires_grad]
        given = [self.tensor(f"{key}g.{i}") for i in range(len(outputs))]
        if any(g is None for g in given):
            return "fewer outputs with a gradient than PyTorch's"
        try:
            grads = torch.autograd.grad(outputs, wanted, given, allow_unused=True)
        except (RuntimeError, NotImplementedError):
            return None
        for i, expected in enumerate(grads):
            got = self.tensor(f"{key}dx.{i}")
            if expected is None or got is None:
                zero = got if expected is None else expected
                if zero is not None and zero.count_nonzero():
                    return f"gradient {i}: only one of the two has it"
                continue
            text = difference(got, expected, 2 * call["loose"], max(call["scale"], 1))
            if text:
                return f"gradient {i}: {text}"
        return None
