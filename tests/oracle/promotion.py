"""Operators and functions of two operands, of all pairs of dtypes and kinds, in both libraries."""

import itertools
import operator
from collections import Counter, defaultdict

import torch
import weft
from compare import REFUSAL, difference, to_torch
from errors import raised
from known import PROMOTION, promotion_reason

DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()
NUMBERS = [True, 2, -3, 0.5]
OPERATORS = {
    name: getattr(operator, name)
    for name in (
        "add sub mul truediv floordiv mod pow eq ne lt le gt ge and_ or_ xor "
        "lshift rshift iadd isub imul itruediv ifloordiv imod ipow iand ior ixor ilshift irshift"
    ).split()
}
FUNCTIONS = {
    "maximum": lambda library, a, b: library.maximum(a, b),
    "minimum": lambda library, a, b: library.minimum(a, b),
    "logical_and": lambda library, a, b: library.logical_and(a, b),
    "logical_xor": lambda library, a, b: library.logical_xor(a, b),
    "result_type": lambda library, a, b: library.zeros(1, dtype=library.result_type(a, b)),
    "where": lambda library, a, b: library.where(library.tensor([True, False]), a, b),
    "cat": lambda library, a, b: library.cat([a, b]),
    "stack": lambda library, a, b: library.stack([a, b]),
    "outer": lambda library, a, b: library.outer(a, b),
    "matmul": lambda library, a, b: library.matmul(a, b),
    "dot": lambda library, a, b: library.dot(a, b),
    "trunc": lambda library, a, b: library.div(a, b, rounding_mode="trunc"),
    "copy": lambda library, a, b: a.copy_(b),
    "fill": lambda library, a, b: a.fill_(b),
    "clamp": lambda library, a, b: library.clamp(a, b, b),
    "masked_fill": lambda library, a, b: a.masked_fill(a == a, b),
    "setitem": lambda library, a, b: (operator.setitem(a, 0, b), a)[1],
    "full_like": lambda library, a, b: library.full_like(a, b),
    "add_alpha": lambda library, a, b: library.add(a, b, alpha=2),
    "index_copy": lambda library, a, b: a.index_copy(0, library.tensor([1, 0]), b),
    "index_fill": lambda library, a, b: a.index_fill(0, library.tensor([0]), b),
    "index_add": lambda library, a, b: a.index_add(0, library.tensor([0, 0]), b),
    "scatter": lambda library, a, b: a.scatter(0, library.tensor([1, 0]), b),
    "addmm": lambda library, a, b: library.addmm(a, a.reshape(2, 1), b.reshape(1, 2)),
}


def operand(library, kind):
    """A number, or ("dtype", dims): [1, 3], [1], or 1 as a tensor of no dimensions."""
    if not isinstance(kind, tuple):
        return kind
    dtype, dims = kind
    return library.tensor(1 if dims == 0 else [1, 3], dtype=getattr(library, dtype))


def pairs():
    kinds = [(name, dims) for name in DTYPES for dims in (1, 0)]
    yield from itertools.product(kinds, kinds)
    for kind, number in itertools.product(kinds, NUMBERS):
        yield kind, number
        yield number, kind


def result(library, name, kinds):
    a, b = (operand(library, kind) for kind in kinds)
    if name in OPERATORS:
        return OPERATORS[name](a, b)
    return FUNCTIONS[name](library, a, b)


def attempt(library, name, kinds):
    """(result, None) or (None, error)."""
    found = []
    error = raised(lambda: found.append(result(library, name, kinds)))
    return (found[0] if found else None), error


def outcome(name, kinds):
    ours, our_error = attempt(weft, name, kinds)
    theirs, their_error = attempt(torch, name, kinds)
    if our_error and their_error:
        same = isinstance(our_error, type(their_error))
        text = f"{type(our_error).__name__}, PyTorch's {type(their_error).__name__}: {their_error}"
        return ("equal", "") if same else ("different", text)
    if their_error:
        text = f"no error, PyTorch's {type(their_error).__name__}: {their_error}"
        return ("refused", "") if REFUSAL.search(str(their_error)) else ("lax", text)
    if our_error:
        return "different", f"{type(our_error).__name__}: {our_error}; PyTorch's {theirs}"
    if not isinstance(ours, weft.Tensor) or not isinstance(theirs, torch.Tensor):
        same = type(ours).__name__ == type(theirs).__name__ and ours == theirs
        return ("equal", "") if same else ("different", f"{ours}, PyTorch's {theirs}")
    off = difference(to_torch(ours), theirs, 1, 1e-4)
    return ("equal", "") if not off else ("different", off)


def compare(verbose):
    outcomes, failures, used = Counter(), defaultdict(list), set()
    for name in [*OPERATORS, *FUNCTIONS]:
        for kinds in pairs():
            found, text = outcome(name, kinds)
            reason = promotion_reason(name, kinds) if found in ("different", "lax") else None
            used.add(reason)
            outcomes["known" if reason else found] += 1
            if found in ("different", "lax") and not reason:
                failures[name].append(f"{kinds[0]} and {kinds[1]}: {text[:140]}")
    for reason, _ in PROMOTION:
        if reason not in used:
            failures[reason].append("agrees, so not for PROMOTION")
    for name, texts in failures.items():
        print(f"{name}: {len(texts)} differ")
        for text in texts if verbose else texts[:2]:
            print(f"    {text}")
    print(
        f"promotion: {outcomes['equal']} pairs agree, {outcomes['different'] + outcomes['lax']} "
        f"differ, {outcomes['known']} differ as they are meant to, "
        f"{outcomes['refused']} are of dtypes that PyTorch has no kernel for"
    )
    return not failures
