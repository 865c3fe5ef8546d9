"""The calls in which Weft means to differ from PyTorch, each with what it means instead."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    op: str
    call: str
    sizes: tuple  # of its inputs
    dtypes: tuple
    quantity: str  # "output 0", "gradient 0"...; all others of the call are compared as ever
    instead: str  # what PyTorch computes in place of the call, with which the quantity must agree
    reason: str


KNOWN = [
    Known(
        "pow",
        "torch.pow(x[0], x[1])",
        ((3, 4), (3, 4)),
        (
            "float32 float16",
            "float32 bfloat16",
            "float64 float16",
            "float64 bfloat16",
            "float64 float32",
        ),
        "gradient 0",
        "torch.pow(*[t.to(torch.result_type(*x)) for t in x])",
        "PyTorch rounds the exponent less one to the exponent's dtype; Weft promotes first",
    ),
]


def known(call, sizes, quantity):
    """The entry for a quantity of a call with inputs of those sizes, or None."""
    key = (call["op"], call["torch"], sizes, quantity)
    for entry in KNOWN:
        if (entry.op, entry.call, entry.sizes, entry.quantity) == key:
            return entry if call["dtype"] in entry.dtypes else None
    return None
