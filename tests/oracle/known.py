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
    Known(
        "fmod",
        "torch.fmod(x[0], x[1])",
        ((515,), (515,)),
        ("float16", "bfloat16"),
        "gradient 1",
        "torch.fmod(x[0].float(), x[1].float()).to(x[0].dtype)",
        "PyTorch rounds the quotient to the dtype before it takes its whole part",
    ),
    Known(
        "pad",
        "torch.nn.functional.pad(x[0], (-1, 3), mode='circular')",
        ((2, 3),),
        ("float16", "bfloat16", "float32", "float64"),
        "gradient 0",
        "x[0][:, torch.tensor([1, 2, 1, 2, 1])]",
        "what wraps around what was cut: PyTorch's gradient is not that of its values (gradcheck)",
    ),
    *(
        Known(
            "gelu",
            "torch.nn.functional.gelu(x[0])",
            (sizes,),
            dtypes,
            "output 0",
            "torch.nn.functional.gelu(x[0].double()).to(x[0].dtype)",
            "PyTorch's vectors of AVX-512 make NaN of infinity, and are off by 1e-6",
        )
        for sizes, dtypes in (((3, 7), ("float16", "bfloat16", "float32")), ((1031,), ("float32",)))
    ),
]


def known(call, sizes, quantity):
    """The entry for a quantity of a call with inputs of those sizes, or None."""
    key = (call["op"], call["torch"], sizes, quantity)
    for entry in KNOWN:
        if (entry.op, entry.call, entry.sizes, entry.quantity) == key:
            return entry if call["dtype"] in entry.dtypes else None
    return None


@dataclass(frozen=True)
class Lenient:
    """Calls of ops that only one of the two refuses, or that they refuse as another error."""

    reason: str
    ops: str
    what: str  # the start of what is wrong: "arguments", "undefined", or a dtype


INTEGERS = "integers have no use there, and PyTorch's kernels for them differ by op"
ERRORS = [
    *(
        Lenient(INTEGERS, "conv2d max_pool2d max_pool2d_with_indices", dtype)
        for dtype in ("uint8", "int8", "int16", "int32", "int64")
    ),
    Lenient(INTEGERS, "avg_pool2d local_response_norm", "int64"),
    Lenient("a shape that does not fit is a ShapeError", "avg_pool2d argmax argmin", "arguments"),
    Lenient("None among indices is a new axis", "index_put_ index", "undefined 1"),
]


def error_reason(call):
    """Why Weft means to differ in a call of errors.json, or None."""
    for entry in ERRORS:
        if call["op"] in entry.ops.split() and call["what"] == entry.what:
            return entry.reason
    return None


# In-place forms of PyTorch's that Weft's Tensor has in neither language: views are new tensors, and
# the rest have an operator or are written out.
NOT_IN_PLACE = set(
    "addmm_ as_strided_ eq_ ge_ gt_ le_ logical_and_ logical_or_ logical_xor_ lt_ "
    "ne_ squeeze_ t_ transpose_ unsqueeze_".split()
)


def is_number(kind):
    return not isinstance(kind, tuple)


def is_bool(kind):
    return kind is True or (not is_number(kind) and kind[0] == "bool")


def is_integer(kind):
    return kind[0] not in ("float16", "bfloat16", "float32", "float64")


PROMOTION = [
    (
        "bool promotes in a difference as everywhere",
        lambda name, a, b: name in ("sub", "isub") and (is_bool(a) or is_bool(b)),
    ),
    (
        "uint8 beside a negative number: Weft computes with the number, PyTorch with 256 + number",
        lambda name, a, b: {("uint8", 1), ("uint8", 0)} & {a, b} and -3 in (a, b),
    ),
    (
        "integers to a negative number: what both give for a negative tensor",
        lambda name, a, b: name in ("pow", "ipow") and b == -3 and is_integer(a),
    ),
    (
        "Weft takes numbers too",
        lambda name, a, b: name in ("maximum", "minimum", "logical_and", "logical_xor")
        and (is_number(a) or is_number(b)),
    ),
    ("a number is for fill_()", lambda name, a, b: name == "copy" and is_number(b)),
    (
        "a value is a number",
        lambda name, a, b: name == "full_like" and not is_number(b),
    ),
    (
        "what a dtype cannot hold is refused, as in index_put_()",
        lambda name, a, b: name == "masked_fill",
    ),
    (
        "sizes that do not fit are a ShapeError; of one element PyTorch refuses them",
        lambda name, a, b: name in ("index_add", "index_copy") and 0 in (a[1:] + b[1:]),
    ),
]


def promotion_reason(name, kinds):
    """Why Weft means to differ in a pair of promotion.py, or None."""
    for reason, holds in PROMOTION:
        if holds(name, *kinds):
            return reason
    return None
