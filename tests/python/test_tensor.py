"""What a tensor tells of itself, how it is called, converted and copied."""

import numpy as np
import pytest

import weft
import weft.nn.functional as F

rng = np.random.default_rng(4)
A = rng.normal(size=(3, 4))
IMAGES = rng.normal(size=(2, 4, 7, 6))


@pytest.mark.parametrize("name", ["relu", "silu", "sigmoid", "tanh", "leaky_relu"])
def test_functional_in_place(name):
    x = weft.tensor(A)
    expected = getattr(F, name)(x)
    assert getattr(F, name)(x, inplace=True) is x
    assert (x == expected).all()


def test_named_tuples():
    result = weft.tensor(A).max(dim=1)
    assert result.values is result[0] and result.indices is result[1]
    values, indices = weft.min(weft.tensor(A), 0)
    assert indices.dtype == weft.int64 and values.dtype == weft.float64


def test_inputs_by_name():
    x = weft.tensor(A)
    assert (weft.sum(input=x, dim=0) == x.sum(0)).all()
    assert (weft.add(input=x, other=x, alpha=2) == 3 * x).all()
    assert (weft.exp(input=x) == x.exp()).all()
    assert (weft.pow(input=x, exponent=2) == x**2).all()
    assert (weft.cat(tensors=[x, x], dim=0) == weft.cat((x, x))).all()


def test_wrong_arguments_show_the_signature():
    x = weft.ones(2)
    for call in (lambda: weft.sum(None), lambda: x.add("a"), lambda: weft.exp(3), x.narrow):
        with pytest.raises(TypeError, match="input|self|got"):
            call()
    with pytest.raises(TypeError, match="two numbers"):
        weft.add(1, 2)
    with pytest.raises(ValueError, match="'none', 'mean' or 'sum'"):
        F.mse_loss(x, x, reduction="average")
    with pytest.raises(ValueError, match="padding"):
        F.conv2d(weft.ones(1, 1, 3, 3), weft.ones(1, 1, 3, 3), padding="some")


@pytest.mark.parametrize(
    "name, dtype",
    [
        ("bool", weft.bool),
        ("byte", weft.uint8),
        ("char", weft.int8),
        ("short", weft.int16),
        ("int", weft.int32),
        ("long", weft.int64),
        ("half", weft.float16),
        ("bfloat16", weft.bfloat16),
        ("float", weft.float32),
        ("double", weft.float64),
    ],
)
def test_conversions(name, dtype):
    x = weft.tensor([0.0, 1.0, 2.0])
    y = getattr(x, name)()
    assert y.dtype is dtype and y.tolist() == ([False, True, True] if name == "bool" else [0, 1, 2])
    same = [x.to(dtype), x.type(dtype), x.to(dtype=dtype), x.to("cpu", dtype), x.to(y)]
    assert all(z.dtype is dtype and (z == y).all() for z in same)
    assert y.to(dtype) is y and y.to(dtype, copy=True) is not y


def test_facts():
    x = weft.tensor(IMAGES).transpose(2, 3)
    assert x.dim() == x.ndim == 4 and x.numel() == weft.numel(x) == IMAGES.size
    assert x.shape == x.size() == (2, 4, 6, 7) and x.size(-1) == 7 and x.stride(3) == 6
    assert x.dtype is weft.float64 and x.element_size() == x.itemsize == 8
    assert x.nbytes == 8 * IMAGES.size and x.is_floating_point() and weft.is_tensor(x)
    assert not x.is_contiguous() and x.contiguous().is_contiguous()
    assert x[1].storage_offset() == 4 * 42 and x[1].data_ptr() == x.data_ptr() + 8 * 4 * 42
    last = x.contiguous(memory_format=weft.channels_last)
    assert last.is_contiguous(memory_format=weft.channels_last) and last.stride(1) == 1
    assert weft.empty_like(last).stride() == last.stride()
    assert weft.zeros_like(last, memory_format=weft.contiguous_format).is_contiguous()
    assert weft.empty(2, 3, 4, 5, memory_format=weft.channels_last).stride() == (60, 1, 15, 3)
    assert weft.empty((2, 3), dtype=weft.int8).dtype is weft.int8
    assert weft.tensor(2.5).item() == 2.5 and weft.tensor([[True]]).item() is True


def test_tape():
    x = weft.tensor(A, requires_grad=True)
    assert x.requires_grad and x.is_leaf and x.grad is None and x.grad_fn is None
    y = x * 2
    y.retain_grad()
    assert y.grad_fn is not None and not y.is_leaf
    y.sum().backward()
    assert (x.grad == 2).all() and (y.grad == 1).all()
    assert weft.ones(2).requires_grad_().requires_grad


def test_new_tensors():
    x = weft.ones(2, dtype=weft.int16)
    assert x.new_zeros(2, 3).shape == (2, 3) and x.new_zeros((2,)).dtype is weft.int16
    assert x.new_ones(2).tolist() == [1, 1] and x.new_empty(0).shape == (0,)
    assert x.new_full((2,), 3).tolist() == [3, 3]
    assert x.new_tensor([1.5], dtype=weft.float32).tolist() == [1.5]
    for maker in weft.zeros, weft.ones, weft.empty, weft.rand, weft.randn:
        t = maker(2, dtype=weft.float64, device="cpu", requires_grad=True)
        assert t.dtype is weft.float64 and t.requires_grad and t.is_leaf


def test_index_put_accumulates():
    x = weft.zeros(4)
    assert x.index_put_((weft.tensor([1, 1, 3]),), weft.tensor([1.0, 2, 4]), accumulate=True) is x
    assert x.tolist() == [0, 3, 0, 4]


class OtherFloat(float):
    """Not read by the way of Python's own floats and ints."""


class OtherInt(int):
    pass


DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()
FLOATS = [0.0, -0.0, 1.5, -3.7, 1e-8, 1e30, float("inf"), -float("inf"), float("nan"), 300.0]
INTS = [0, 1, -1, 300, -(2**31), 2**40 + 1, 2**63 - 1, -(2**63)]


@pytest.mark.parametrize("dtype", [None, *DTYPES])
@pytest.mark.parametrize("values, other", [(FLOATS, OtherFloat), (INTS, OtherInt)])
@pytest.mark.parametrize("sequence", [list, tuple])
def test_plain_numbers_are_read_as_all_others_are(values, other, sequence, dtype):
    finite = dtype is None or dtype.startswith(("float", "bfloat", "bool"))
    values = [v for v in values if finite or abs(v) < 2**63]
    options = {} if dtype is None else {"dtype": getattr(weft, dtype)}
    nested = sequence(sequence(values[i:] + values[:i]) for i in range(len(values)))
    slow = [[other(v) for v in row] for row in nested]
    x, y = weft.tensor(nested, **options), weft.tensor(slow, **options)
    assert x.shape == (len(values), len(values)) and x.dtype is y.dtype
    wide = weft.float64 if x.dtype is not weft.int64 else weft.int64
    assert x.to(wide).numpy().tobytes() == y.to(wide).numpy().tobytes()


def test_lists_that_begin_plainly():
    assert weft.tensor([1, 2.5]).tolist() == [1, 2.5]
    assert weft.tensor([1.5, 2, True]).tolist() == [1.5, 2, 1]
    assert weft.tensor([1, True]).dtype is weft.int64 and weft.tensor([True]).dtype is weft.bool
    assert weft.tensor([1.0, weft.tensor(2, dtype=weft.float64)]).dtype is weft.float64
    assert weft.tensor([[1, 2], [3, 4.5]], dtype=weft.int64).tolist() == [[1, 2], [3, 4]]
    for wrong in ([[1.0], 2.0], [[1.0], []], [[1, 2], [1]], [[[1]], [1]], [1.0, [1.0]]):
        with pytest.raises(weft.ShapeError):
            weft.tensor(wrong)
    with pytest.raises(weft.ShapeError):  # before memory for a square of it is asked for
        weft.tensor([[0.0] * 1_000_000] + [[]] * 999_999)
    for wrong in ([1.0, "a"], [1, None], [1, 2**70]):
        with pytest.raises((TypeError, OverflowError, ValueError)):
            weft.tensor(wrong)
