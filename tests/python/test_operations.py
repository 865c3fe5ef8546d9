"""Values of every function and method against NumPy, by one table: a row names the operation, what
it is called with, and what NumPy makes of the same."""

import math

import numpy as np
import pytest
import test_order
from test_surface import EXCEPTIONS, functions, methods

import weft
import weft.nn.functional as F

rng = np.random.default_rng(4)
A = rng.normal(size=(3, 4))
B = rng.normal(size=(3, 4))
ROW = rng.normal(size=4)
POSITIVE = rng.uniform(0.5, 2, size=(3, 4))
INTS = rng.integers(-9, 9, size=(3, 4))
BOOLS = A > 0
SPIKES = np.array([0.0, 1.0, np.nan, np.inf, -np.inf])
SQUARE = rng.normal(size=(4, 4))
VECTOR = rng.normal(size=5)
INDEX = np.array([2, 0, 2])
CUBE = rng.normal(size=(2, 3, 4))
IMAGES = rng.normal(size=(2, 4, 7, 6))
TABLE = []


def row(name, reference, *args, **keywords):
    """The operation called with these arguments gives what reference(*args, **keywords) does."""
    TABLE.append((name, args, keywords, reference))


def gives(expected):
    return lambda *args, **keywords: expected


def unary(name, reference, values=A, in_place=True):
    row(name, reference, values)
    if in_place:
        row(name + "_", reference, values)


erf = np.vectorize(math.erf)


def sigmoid(x, inplace=False):
    return 1 / (1 + np.exp(-x))


# ---- Elementwise
unary("abs", np.abs)
unary("neg", np.negative)
unary("sign", np.sign)
unary("exp", np.exp)
unary("log", np.log, POSITIVE)
unary("log1p", np.log1p, POSITIVE)
unary("sqrt", np.sqrt, POSITIVE)
unary("rsqrt", lambda x: 1 / np.sqrt(x), POSITIVE)
unary("square", np.square)
unary("reciprocal", np.reciprocal)
unary("sin", np.sin)
unary("cos", np.cos)
unary("tanh", np.tanh)
unary("erf", erf)
unary("sigmoid", sigmoid)
unary("relu", lambda x: np.maximum(x, 0))
unary("silu", lambda x: x * sigmoid(x))
unary("floor", np.floor)
unary("ceil", np.ceil)
unary("round", np.round, 3 * A)
unary("logical_not", np.logical_not, INTS)
unary("isnan", np.isnan, SPIKES, in_place=False)
unary("isfinite", np.isfinite, SPIKES, in_place=False)
row("abs", np.abs, INTS)
row("leaky_relu", lambda x, s=0.01: np.where(x > 0, x, s * x), A)
row("leaky_relu", lambda x, s: np.where(x > 0, x, s * x), A, 0.2)
row("leaky_relu_", lambda x, s: np.where(x > 0, x, s * x), A, 0.2)
row("gelu", lambda x: x * (1 + erf(x / math.sqrt(2))) / 2, A)
row(
    "gelu",
    lambda x, approximate: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    A,
    approximate="tanh",
)
for softplus in "softplus", "softplus_":
    row(softplus, lambda x: np.log1p(np.exp(x)), A)
    row(softplus, lambda x, beta: np.log1p(np.exp(beta * x)) / beta, A, beta=2.0)

for other in (B, ROW, 2.5, 3):
    row("add", np.add, A, other)
    row("sub", np.subtract, A, other)
    row("mul", np.multiply, A, other)
    row("div", np.divide, A, other)
    row("add_", np.add, A, other)
    row("sub_", np.subtract, A, other)
    row("mul_", np.multiply, A, other)
    row("div_", np.divide, A, other)
    for name in "add", "add_":
        row(name, lambda a, b, alpha: a + alpha * b, A, other, alpha=0.5)
    for name in "sub", "sub_":
        row(name, lambda a, b, alpha: a - alpha * b, A, other, alpha=2)
    row("maximum", np.maximum, A, other)
    row("minimum", np.minimum, A, other)
    for name, reference in [
        ("eq", np.equal),
        ("ne", np.not_equal),
        ("lt", np.less),
        ("le", np.less_equal),
        ("gt", np.greater),
        ("ge", np.greater_equal),
    ]:
        row(name, reference, A, other)
row("eq", np.equal, INTS, np.roll(INTS, 1))
row("div", lambda a, b, rounding_mode: a // b, INTS, 4, rounding_mode="floor")
row("div", lambda a, b, rounding_mode: np.trunc(a / b), A, B, rounding_mode="trunc")
row("div_", lambda a, b, rounding_mode: a // b, INTS, 4, rounding_mode="floor")
row("pow", np.power, POSITIVE, B)
row("pow", np.power, A, 2)
row("pow_", np.power, POSITIVE, B)
row("pow_", np.power, INTS, 3)
for name in "fmod", "fmod_", "remainder", "remainder_":
    row(name, getattr(np, name.rstrip("_")), A, B)
for name in "bitwise_and", "bitwise_or", "bitwise_xor":
    for suffix in "", "_":
        row(name + suffix, getattr(np, name), INTS, np.roll(INTS, 1))
        row(name + suffix, getattr(np, name), BOOLS, B > 0)
    row(name, getattr(np, name), INTS, 5)
    row(name, getattr(np, name), 5, INTS)
for name, shift in ("bitwise_left_shift", np.left_shift), ("bitwise_right_shift", np.right_shift):
    for suffix in "", "_":
        row(name + suffix, shift, INTS, np.abs(np.roll(INTS, 1)))
        row(name + suffix, shift, INTS, 2)
unary("bitwise_not", np.invert, INTS)
unary("bitwise_not", np.invert, BOOLS)
for name in "logical_and", "logical_or", "logical_xor":
    row(name, getattr(np, name), BOOLS, B > 0)
for name in "clamp", "clamp_":
    row(name, lambda x, low, high: np.clip(x, low, high), A, -0.5, 0.5)
    row(name, lambda x, min: np.maximum(x, min), A, min=0.1)
    row(name, lambda x, max: np.minimum(x, max), INTS, max=3)
    row(name, np.clip, A, np.minimum(ROW, B), np.maximum(ROW, B))
    row(name, lambda x, min: np.maximum(x, min), A, min=ROW)
    row(name, lambda x, max: np.minimum(x, max), A, max=B)
row("where", np.where, BOOLS, A, B)
row("where", np.where, BOOLS, A, 1.5)
row("where", np.where, BOOLS, 1.5, ROW)
row("where", np.where, BOOLS, 1, 2)
row("where", np.where, BOOLS)
row("masked_fill", lambda x, m, v: np.where(m, v, x), A, BOOLS, 7)
row("masked_fill_", lambda x, m, v: np.where(m, v, x), A, BOOLS, 7)

# ---- Reductions
for name in "sum", "mean", "prod", "amax", "amin", "all", "any":
    reduce = getattr(np, {"amax": "max", "amin": "min"}.get(name, name))
    row(name, reduce, CUBE)
    row(name, lambda x, d, f=reduce: f(x, axis=d), CUBE, 1)
    row(name, lambda x, dim, f=reduce: f(x, axis=dim), CUBE, dim=(0, -1))
    row(name, lambda x, dim, keepdim, f=reduce: f(x, dim, keepdims=1), CUBE, dim=1, keepdim=True)
row("sum", lambda x, dtype: x.sum(), INTS, dtype=weft.float64)
row("mean", lambda x, dtype: x.mean(), INTS, dtype=weft.float64)
for name, reduce in ("var", np.var), ("std", np.std):
    row(name, lambda x, f=reduce: f(x, ddof=1), CUBE)
    row(name, lambda x, d, f=reduce: f(x, d, ddof=1), CUBE, (0, 2))
    row(name, lambda x, dim, correction, f=reduce: f(x, dim), CUBE, dim=2, correction=0)
row("norm", np.linalg.norm, A)
row("norm", lambda x, p, d: np.linalg.norm(x, p, d), A, 3, 1)
row("norm", lambda x, p, dim: np.abs(x).max(dim), A, p=math.inf, dim=0)
row("max", np.max, CUBE)
row("min", np.min, CUBE)
row("max", lambda x, d: (x.max(d), x.argmax(d)), CUBE, 1)
row("min", lambda x, d: (x.min(d), x.argmin(d)), CUBE, -1)
row("max", lambda x, dim, keepdim: (x.max(0, keepdims=1), x.argmax(0, keepdims=1)), CUBE, dim=0,
    keepdim=True)  # fmt: skip
row("max", np.maximum, A, B)
row("min", np.minimum, A, B)
for name in "argmax", "argmin":
    row(name, getattr(np, name), CUBE)
    row(name, lambda x, dim, f=getattr(np, name): f(x, dim), CUBE, dim=1)
    row(name, lambda x, d, k, f=getattr(np, name): f(x, d, keepdims=k), CUBE, 1, True)
row("logsumexp", lambda x, d: np.log(np.exp(x).sum(d)), CUBE, 1)
row("logsumexp", lambda x, d, k: np.log(np.exp(x).sum(d, keepdims=k)), CUBE, (0, 2), True)


def softmax(x, dim=-1, dtype=None):
    return np.exp(x) / np.exp(x).sum(dim, keepdims=True)


row("softmax", softmax, CUBE, 1)
row("softmax", softmax, INTS, dim=0, dtype=weft.float64)
row("log_softmax", lambda x, dim: np.log(softmax(x, dim)), CUBE, dim=-1)

# ---- Shapes
row("reshape", np.reshape, CUBE, (6, 4))
row("reshape", np.reshape, CUBE, (-1,))
row("view", gives(CUBE.reshape(4, 6)), CUBE, 4, 6)
row("view", gives(CUBE.reshape(4, 6)), CUBE, (4, -1))
row("view_as", gives(CUBE.reshape(4, 6)), CUBE, np.zeros((4, 6)))
row("reshape_as", gives(CUBE.reshape(4, 6)), CUBE, np.zeros((4, 6)))
row("flatten", gives(CUBE.reshape(-1)), CUBE)
row("flatten", gives(CUBE.reshape(2, 12)), CUBE, 1)
row("flatten", gives(CUBE.reshape(6, 4)), CUBE, start_dim=0, end_dim=1)
row("unflatten", gives(CUBE.reshape(2, 3, 2, 2)), CUBE, 2, (2, -1))
row("squeeze", np.squeeze, CUBE[:1, :, None])
row("squeeze", np.squeeze, CUBE[:1], 0)
row("squeeze", gives(CUBE[0]), CUBE[:1, None], dim=(0, 1))
row("unsqueeze", np.expand_dims, CUBE, -1)
row("transpose", np.swapaxes, CUBE, 0, -1)
row("t", np.transpose, A)
row("permute", np.transpose, CUBE, (2, 0, 1))
row("movedim", np.moveaxis, CUBE, 0, 2)
row("expand", gives(np.broadcast_to(ROW, (3, 4))), ROW, 3, -1)
row("expand_as", gives(np.broadcast_to(ROW, (3, 4))), ROW, A)
row("as_strided", gives(A.reshape(-1)[1:9].reshape(4, 2)), A, (4, 2), (2, 1), 1)
row("select", gives(CUBE[:, 1]), CUBE, 1, 1)
row("narrow", gives(CUBE[:, :, 1:3]), CUBE, 2, 1, 2)
row("split", gives([A[:, :3], A[:, 3:]]), A, 3, 1)
row("split", gives([A[:1], A[1:]]), A, [1, 2])
row("chunk", gives(np.split(A, 2, 1)), A, 2, dim=1)
row("unbind", gives(list(A)), A)
row("unbind", gives(list(A.T)), A, dim=1)
row("flip", np.flip, CUBE, (0, 2))
row("cat", np.concatenate, [A, B, A[:1]])
row("cat", np.concatenate, [A, B], 1)
row("stack", np.stack, [A, B, A], 1)
row("pad", gives(np.pad(A, ((0, 0), (1, 2)), constant_values=3)), A, (1, 2), value=3)
row("pad", gives(np.pad(A, ((2, 0), (0, 1)))[:, 1:]), A, (-1, 1, 2, 0))
for name, mode in ("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"):
    around = ((0, 0), (0, 0), (2, 1), (3, 3))
    row("pad", gives(np.pad(IMAGES, around, mode)), IMAGES, (3, 3, 2, 1), mode=name)
    row("pad", gives(np.pad(A[:, 1:], ((0, 0), (0, 2)), mode)), A[:, 1:], (0, 2), name)
row("clone", np.copy, A)
row("clone", gives(IMAGES), IMAGES, memory_format=weft.channels_last)
row("contiguous", np.copy, A.T)
row("detach", np.copy, A)
row("detach_", np.copy, A)
row("cpu", np.copy, A)
row("to", gives(INTS), INTS.astype(float), weft.int64)
row("copy_", gives(np.broadcast_to(ROW, A.shape)), A, ROW)
row("fill_", gives(np.full((3, 4), 2.5)), A, 2.5)
row("zero_", gives(np.zeros((3, 4))), A)

# ---- Indexing
row("index_select", lambda x, d, i: np.take(x, i, d), CUBE, 1, INDEX)
row("index_add", gives(A + [[0] * 4, [0] * 4, [2] * 4] + np.eye(3)[[0]].T * 2), A, 0,
    np.array([2, 0, 2, 0]), np.ones((4, 4)))  # fmt: skip
row("index_add_", gives(A + 3 * np.array([[0], [0], [1]]) * B[1]), A, 0, np.array([2]), B[1:2],
    alpha=3)  # fmt: skip
for suffix in "", "_":
    row("index_copy" + suffix, gives(np.stack([A[0], B[1], B[0]])), A, 0, np.array([2, 1]), B[:2])
    row("index_fill" + suffix, gives(np.where([1, 0, 0, 1], 7, A)), A, 1, np.array([-1, 0]), 7)
row("gather", lambda x, d, i: np.take_along_axis(x, i, d), A, 1, INTS[:, :2] % 4)


def put(x, dim, index, source):
    y = x.copy()
    np.put_along_axis(y, index, source, dim)
    return y


def put_add(x, dim, index, source):
    y = x.copy()
    for i, j in np.ndindex(*index.shape):
        at = (index[i, j], j) if dim == 0 else (i, index[i, j])
        y[at] += source[i, j]
    return y


UNIQUE = np.array([[3, 1], [0, 2], [1, 3]])
row("scatter", put, A, 1, UNIQUE, B[:, :2])
row("scatter", put, A, 1, UNIQUE, 2.5)
row("scatter_", put, A, 1, UNIQUE, B[:, :2])
row("scatter_", put, A, 1, UNIQUE, 2.5)
for name in "scatter_add", "scatter_add_":
    row(name, put_add, A, 0, INTS[:2] % 3, B[:2])
row("nonzero", lambda x: np.argwhere(x), INTS)
row("masked_select", lambda x, m: x[m], A, BOOLS)
FIRST = np.eye(1, 12).reshape(A.shape) == 1
row("index_put_", gives(np.where(FIRST, B, A)), A, (np.array([0]), 0), B[0, 0])

# ---- Products
row("matmul", np.matmul, A, SQUARE)
row("matmul", np.matmul, CUBE, SQUARE)
row("matmul", np.matmul, A, ROW)
row("mm", np.matmul, A, SQUARE)
row("bmm", np.matmul, CUBE, np.swapaxes(CUBE, 1, 2))
row("dot", np.dot, ROW, ROW)
row("outer", np.outer, ROW, VECTOR)
row("addmm", lambda c, a, b, beta, alpha: beta * c + alpha * (a @ b), ROW, A, SQUARE, beta=2,
    alpha=0.5)  # fmt: skip
row("linear", lambda x, w: x @ w.T, CUBE, B)
row("linear", lambda x, w, b: x @ w.T + b, CUBE, B, ROW[:3])
row("linear_relu", lambda x, w, b: np.maximum(x @ w.T + b, 0), CUBE, B, ROW[:3])
row("linear_gelu", lambda x, w: (y := x @ w.T) * (1 + erf(y / math.sqrt(2))) / 2, CUBE, B)
row("embedding", lambda i, w: w[i], INDEX[:, None], A)

# ---- Networks
WEIGHT = rng.normal(size=(6, 2, 3, 2))
BIAS = rng.normal(size=6)


def windows(x, size, stride, padding=(0, 0), fill=0.0):
    """[N, C, H', W', R, S]"""
    around = [(0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2]
    x = np.pad(x, around, constant_values=fill)
    cut = np.lib.stride_tricks.sliding_window_view(x, size, axis=(2, 3))
    return cut[:, :, :: stride[0], :: stride[1]]


def conv2d(x, w, b=None, stride=1, padding=(0, 0), groups=1):
    x, ws = np.split(x, groups, 1), np.split(w, groups)
    y = [
        np.einsum("nchwrs,kcrs->nkhw", windows(g, w.shape[2:], (stride, stride), padding), v)
        for g, v in zip(x, ws)
    ]
    return np.concatenate(y, 1) + (0 if b is None else b[:, None, None])


for name, after in ("conv2d", lambda y: y), ("conv2d_relu", lambda y: np.maximum(y, 0)):
    row(name, lambda x, w, f=after: f(conv2d(x, w)), IMAGES[:, :2], WEIGHT)
    row(name, lambda x, w, b, s, p, groups, f=after: f(conv2d(x, w, b, s, p, groups)), IMAGES,
        WEIGHT, BIAS, 2, (1, 2), groups=2)  # fmt: skip
row("max_pool2d", lambda x, k: windows(x, (2, 2), (2, 2)).max((4, 5)), IMAGES, 2)
row("max_pool2d", lambda x, k, stride, padding: windows(x, (3, 2), (1, 2), (1, 1), -np.inf).max(
    (4, 5)), IMAGES, (3, 2), stride=(1, 2), padding=1)  # fmt: skip


def pool_indices(x, *args, **keywords):
    cut = windows(x, (2, 2), (2, 2))
    flat = cut.reshape(*cut.shape[:4], 4)
    at = flat.argmax(4)
    h, w = np.indices(cut.shape[2:4])
    return flat.max(4), (2 * h + at // 2) * x.shape[3] + 2 * w + at % 2


row("max_pool2d", pool_indices, IMAGES, 2, return_indices=True)
row("max_pool2d_with_indices", pool_indices, IMAGES, 2)
row("avg_pool2d", lambda x, k, s: windows(x, (3, 3), (2, 2)).mean((4, 5)), IMAGES, 3, 2)
row("avg_pool2d", lambda x, k, s, p, divisor_override: windows(x, (2, 2), (2, 2), (1, 1)).sum(
    (4, 5)) / 3, IMAGES, 2, None, 1, divisor_override=3)  # fmt: skip
row("adaptive_avg_pool2d", lambda x, s: x.mean((2, 3), keepdims=True), IMAGES, 1)
row("adaptive_avg_pool2d", lambda x, s: windows(x, (1, 2), (1, 2)).mean((4, 5)), IMAGES, (None, 3))


def normalize(x, dims):
    return (x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + 1e-5)


def per_channel(v):
    return v[:, None, None]


for name, after in ("batch_norm", lambda y: y), ("batch_norm_relu", lambda y: np.maximum(y, 0)):
    row(name, lambda x, m, v, w, b, training, f=after: f(
        normalize(x, (0, 2, 3)) * per_channel(w) + per_channel(b)), IMAGES, None, None, ROW,
        ROW[::-1], training=True)  # fmt: skip
    row(name, lambda x, m, v, f=after: f((x - per_channel(m)) / np.sqrt(per_channel(v) + 1e-5)),
        IMAGES, ROW, POSITIVE[0])  # fmt: skip
row("layer_norm", lambda x, s, w, b: normalize(x, (1, 2)) * w + b, CUBE, (3, 4), A, B)


def local_response_norm(x, size, alpha, beta, k):
    squares = np.pad(x**2, [(0, 0), (size // 2, (size - 1) // 2), (0, 0), (0, 0)])
    total = sum(squares[:, i : i + x.shape[1]] for i in range(size))
    return x / (k + alpha / size * total) ** beta


row("local_response_norm", local_response_norm, IMAGES, 3, 0.1, 0.75, 2.0)
for name in "dropout", "dropout_":
    row(name, lambda x, p: x, A, 0.0)
    row(name, lambda x, p: 0 * x, A, 1.0)
    row(name, lambda x, training: x, A, training=False)

# ---- Losses
CLASSES = np.array([1, 3, 0])


def picked(x, target, weight=None):
    weights = np.ones(x.shape[1]) if weight is None else weight
    return -x[np.arange(len(x)), target] * weights[target], weights[target].sum()


def nll(x, target, weight=None, reduction="mean"):
    losses, total = picked(x, target, weight)
    return {"mean": losses.sum() / total, "sum": losses.sum(), "none": losses}[reduction]


def cross_entropy(x, target, weight=None, reduction="mean"):
    return nll(np.log(softmax(x, 1)), target, weight, reduction)


for name, reference in ("nll_loss", nll), ("cross_entropy", cross_entropy):
    row(name, reference, A, CLASSES)
    row(name, reference, A, CLASSES, POSITIVE[0])
    row(name, reference, A, CLASSES, reduction="sum")
    row(name, reference, A, CLASSES, reduction="none")
    row(name, lambda x, t, ignore_index, f=reference: f(x[:2], t[:2]), A, CLASSES, ignore_index=0)
row(
    "cross_entropy",
    lambda x, t, label_smoothing: 0.9 * cross_entropy(x, t) - 0.1 * np.log(softmax(x, 1)).mean(),
    A, CLASSES, label_smoothing=0.1)  # fmt: skip
for reduction, last in ("mean", np.mean), ("sum", np.sum), ("none", np.array):
    row("mse_loss", lambda x, y, reduction, f=last: f((x - y) ** 2), A, B, reduction=reduction)
    row("l1_loss", lambda x, y, reduction, f=last: f(np.abs(x - y)), A, B, reduction=reduction)
row(
    "binary_cross_entropy_with_logits",
    lambda x, y, w, pos_weight: (
        -w * (pos_weight * y * np.log(sigmoid(x)) + (1 - y) * np.log(1 - sigmoid(x)))
    ).mean(),
    A, sigmoid(B), POSITIVE, pos_weight=ROW**2)  # fmt: skip
row("one_hot", lambda i: np.eye(3, dtype=int)[i], INDEX)
row("one_hot", lambda i, n: np.eye(n, dtype=int)[i], INDEX, 5)

# ---- Makers
row("zeros", np.zeros, (2, 3))
row("ones", np.ones, (2, 3))
row("full", np.full, (2, 3), 1.5)
row("zeros_like", np.zeros_like, A)
row("ones_like", np.ones_like, INTS)
row("full_like", np.full_like, A, 2.5)
row("arange", np.arange, 5)
row("arange", np.arange, 2, 9, 3)
row("arange", np.arange, 1, -1, -0.25)
row("linspace", np.linspace, -1, 2, 7)
row("eye", np.eye, 3)
row("eye", np.eye, 2, 3)
row("tensor", np.array, [[1, 2], [3, 4]])
row("bernoulli", lambda x: x, BOOLS.astype(float))

# What is tried elsewhere.
ELSEWHERE = {
    **dict.fromkeys(["rand", "randn", "randint", "randperm", "rand_like", "randn_like"], "random"),
    **dict.fromkeys(["uniform_", "normal_", "bernoulli_", "multinomial"], "random"),
    **dict.fromkeys(["dim", "numel", "dtype", "device", "size", "itemsize"], "facts"),
    **dict.fromkeys(["stride", "strides", "nbytes", "storage_offset"], "facts"),
    **dict.fromkeys(["is_contiguous", "is_floating_point", "item", "empty", "empty_like"], "facts"),
    **dict.fromkeys("requires_grad requires_grad_ is_leaf grad retain_grad".split(), "tape"),
    **dict.fromkeys("grad_fn backward".split(), "tape"),
    **dict.fromkeys(["cuda", "pin_memory", "is_pinned", "record_stream"], "test_cuda.py"),
    **dict.fromkeys(test_order.TRIED, "test_order.py and test_sets.py"),
}


def tensors(value):
    if isinstance(value, (list, tuple)):
        return type(value)(tensors(v) for v in value)
    return weft.tensor(value) if isinstance(value, (np.ndarray, np.generic)) else value


def check(result, expected):
    if isinstance(expected, (list, tuple)):
        assert len(result) == len(expected)
        for r, e in zip(result, expected):
            check(r, e)
        return
    expected = np.asarray(expected)
    assert tuple(result.shape) == expected.shape
    exact = expected.dtype.kind in "bi"
    close = 0 if exact else 1e-6 if result.dtype == weft.float32 else 1e-12
    np.testing.assert_allclose(result.detach().numpy(), expected, rtol=close, atol=close)


def places(name, args):
    """What Python calls by this name: functions, and a method of the first argument."""
    for module in weft, F:
        if callable(getattr(module, name, None)):
            yield getattr(module, name), list(args)
    if hasattr(weft.Tensor, name) and args and isinstance(args[0], weft.Tensor):
        if name == "where":  # input.where(condition, other)
            if len(args) == 3 and isinstance(args[1], weft.Tensor):
                yield args[1].where, [args[0], args[2]]
            return
        yield getattr(args[0], name), list(args[1:])


@pytest.mark.parametrize("row", TABLE, ids=[r[0] for r in TABLE])
def test_values(row):
    name, args, keywords, reference = row
    expected = reference(*args, **keywords)
    keywords = {key: tensors(value) for key, value in keywords.items()}
    count = 0
    if name.endswith("_"):
        for module in [F] * hasattr(F, name) + [None] * hasattr(weft.Tensor, name):
            x, *rest = tensors(args)
            call = getattr(module or weft.Tensor, name)
            assert call(x, *rest, **keywords) is x
            check(x, np.asarray(expected).astype(args[0].dtype))
            count += 1
    else:
        for call, rest in places(name, tensors(args)):
            check(call(*rest, **keywords), expected)
            count += 1
    assert count


def test_every_operation_has_a_row():
    tried = {r[0] for r in TABLE} | set(ELSEWHERE) | set(EXCEPTIONS)
    assert not (set(functions()) | methods()) - tried
    assert not set(ELSEWHERE) & {r[0] for r in TABLE}
