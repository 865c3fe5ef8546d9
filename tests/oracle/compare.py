"""One call of the op table in PyTorch, beside what Weft's Python gives."""

import re

import op_table
import torch
import weft
from known import NOT_IN_PLACE, known

# Relative; both sides round, so twice a unit in the last place and a bit.
TOLERANCE = {torch.float16: 2e-3, torch.bfloat16: 1.6e-2, torch.float32: 4e-6, torch.float64: 1e-12}


def to_torch(t):
    """The same memory where PyTorch can have it: it knows no negative strides."""
    return t if t is None else torch.from_dlpack(t.detach().contiguous())


def load(path):
    """The tensors of a safetensors file, as PyTorch's."""
    return {name: to_torch(t).clone() for name, t in weft.load(path).items()}


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


# What PyTorch says where it has no kernel for a dtype. Any other error is the call's fault.
REFUSAL = re.compile("not implemented for '|does not support bool input")


def missing_forms(table):
    """Methods and in-place forms of the table's functions that PyTorch has and Weft has not."""
    found = [op_table.FUNCTION.match(call["torch"]) for call in table.calls]
    names = {match[1] + end for match in found if match for end in ("", "_")}
    lacking = {
        name
        for theirs, ours in ((torch.Tensor, weft.Tensor), (torch.nn.functional, weft.nn.functional))
        for name in names
        if hasattr(theirs, name) and not hasattr(ours, name)
    }
    return sorted(lacking ^ NOT_IN_PLACE)


class Comparison:
    def __init__(self, table):
        self.table = table
        self.used = set()  # entries of KNOWN that were needed, with the dtypes

    def check(self, call):
        """('equal' | 'different' | 'known' | 'refused' | 'own', text)."""
        if not call["torch"]:
            return "own", ""
        head = f"{call['torch']} of {call['dtype']}: "
        ours = self.ours(call)
        try:
            found = self.differences(call, ours, self.theirs(call, call["torch"]))
        except (RuntimeError, NotImplementedError, TypeError, IndexError) as error:
            return "refused" if REFUSAL.search(str(error)) else "different", head + str(error)
        sizes = tuple(tuple(t.shape) for t in self.table.inputs(call))
        for quantity in found:
            entry = known(call, sizes, quantity)
            if entry is None:
                return "different", f"{head}{quantity}: {found[quantity]}"
            off = self.differences(call, ours, self.theirs(call, entry.instead)).get(quantity)
            if off:
                return "different", f"{head}{quantity}: {off} (where {entry.reason})"
            self.used.add((entry, call["dtype"]))
        return ("known" if found else "equal"), ""

    def ours(self, call):
        """Outputs and gradients of Weft, by the names of quantities."""
        x = self.table.inputs(call)
        outputs = op_table.evaluate(call["python"], x)
        grads = lambda given, wanted, g: weft.autograd.grad(given, wanted, g, allow_unused=True)
        found = self.quantities(call, x, outputs, grads, lambda t: t)
        return {k: to_torch(v) if isinstance(v, weft.Tensor) else v for k, v in found.items()}

    def theirs(self, call, expression):
        """The same of an expression in PyTorch."""
        x = [
            to_torch(t).clone().requires_grad_(t.requires_grad) for t in self.table.inputs(call)
        ]
        outputs = op_table.evaluate(expression, x, torch)
        grads = lambda given, wanted, g: torch.autograd.grad(given, wanted, g, allow_unused=True)
        return self.quantities(call, x, outputs, grads, to_torch)

    def quantities(self, call, x, outputs, gradients_of, convert):
        results = {f"output {i}": y.detach() for i, y in enumerate(outputs)}
        given = [y for y in outputs if y.requires_grad]
        wanted = [t for t in x if t.requires_grad]
        grads = [convert(g) for g in self.table.found(call, "g", len(given))]
        results["gradients"] = bool(given)
        if given and all(g is not None for g in grads):
            found = gradients_of(given, wanted, grads)
            results.update({f"gradient {i}": g for i, g in enumerate(found)})
        return results

    def differences(self, call, ours, theirs):
        """What differs, by quantity."""
        found = {}
        loose, scale = call["loose"], call["scale"]
        if ours.keys() != theirs.keys():
            return {"results": f"{', '.join(ours)}; PyTorch's {', '.join(theirs)}"}
        for name, expected in theirs.items():
            if name.startswith("output"):
                found[name] = difference(ours[name], expected, loose, scale)
            elif name.startswith("gradient "):
                found[name] = gradient_difference(ours[name], expected, loose, max(scale, 1))
            elif ours[name] != expected:
                found[name] = f"{ours[name]}, PyTorch's {expected}"
        return {name: text for name, text in found.items() if text}
