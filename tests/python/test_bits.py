"""Operations on bits against NumPy: of any two integers, and views of the same bytes."""

import operator

import ml_dtypes
import numpy as np
import pytest
import weft
from hypothesis import given, settings
from hypothesis import strategies as st

INTEGERS = "bool uint8 int8 int16 int32 int64".split()
FLOATING = "float16 bfloat16 float32 float64".split()
OPERATORS = {
    "and": (operator.and_, operator.iand, np.bitwise_and),
    "or": (operator.or_, operator.ior, np.bitwise_or),
    "xor": (operator.xor, operator.ixor, np.bitwise_xor),
    "lshift": (operator.lshift, operator.ilshift, np.left_shift),
    "rshift": (operator.rshift, operator.irshift, np.right_shift),
}


def numpy_dtype(name):
    return np.dtype(getattr(ml_dtypes, name, name))


@st.composite
def arrays(draw, names=INTEGERS, low=None):
    dtype = np.dtype(draw(st.sampled_from(names)))
    info = None if dtype == bool else np.iinfo(dtype)
    least, most = (0, 1) if info is None else (info.min, info.max)
    value = st.integers(least if low is None else low, most)
    return np.array([draw(value) for _ in range(3)], dtype=dtype)


@settings(max_examples=300, deadline=None)
@given(arrays(), arrays(), st.sampled_from(["and", "or", "xor"]))
def test_bits_of_any_two(x, y, name):
    function, in_place, reference = OPERATORS[name]
    expected = reference(x, y)
    for a, b in [(weft.tensor(x), weft.tensor(y)), (weft.tensor(x), y), (x, weft.tensor(y))]:
        np.testing.assert_array_equal(function(a, b).numpy(), expected, strict=True)
    a = weft.tensor(x)
    if x.dtype == bool and y.dtype != bool:
        with pytest.raises(TypeError):
            in_place(a, weft.tensor(y))
        assert (a.numpy() == x).all()
    else:
        assert in_place(a, weft.tensor(y)) is a
        np.testing.assert_array_equal(a.numpy(), expected.astype(x.dtype), strict=True)
    np.testing.assert_array_equal((~weft.tensor(x)).numpy(), ~x, strict=True)


@settings(max_examples=200, deadline=None)
@given(arrays(INTEGERS[1:]), st.integers(-5, 100), st.sampled_from(["lshift", "rshift"]))
def test_shifts(x, amount, name):
    """By what Python's integers give, in the bits that there are; negative amounts shift all out."""
    function, in_place, _ = OPERATORS[name]
    far = 200 if amount < 0 else amount
    expected = np.array([function(int(v), far) & 2**64 - 1 for v in x], np.uint64).astype(x.dtype)
    a = weft.tensor(x)
    np.testing.assert_array_equal(function(a, amount).numpy(), expected, strict=True)
    by = np.full(3, amount)
    np.testing.assert_array_equal(
        function(a, weft.tensor(by)).numpy(),
        np.array([function(int(v), far) & 2**64 - 1 for v in x], np.uint64).astype(np.int64),
        strict=True,
    )
    assert in_place(a, amount) is a
    np.testing.assert_array_equal(a.numpy(), expected, strict=True)


def test_numbers_on_the_left():
    x = weft.tensor([1, 2, 3])
    assert (6 & x).tolist() == [0, 2, 2] and (6 | x).tolist() == [7, 6, 7]
    assert (6 ^ x).tolist() == [7, 4, 5] and (1 << x).tolist() == [2, 4, 8]
    assert (64 >> x).tolist() == [32, 16, 8]
    assert (weft.tensor([True, False]) & 3).tolist() == [1, 0]
    assert (weft.tensor([True, False]) << 2).tolist() == [4, 0]


@pytest.mark.parametrize("name", OPERATORS)
def test_what_has_no_bits(name):
    function, in_place, _ = OPERATORS[name]
    x, y = weft.tensor([1, 2]), weft.tensor([1.0, 2.0])
    for a, b in [(x, y), (y, x), (y, y), (x, 1.5), (1, y)]:
        with pytest.raises(TypeError):
            function(a, b)
        with pytest.raises(NotImplementedError):
            function(a, b)
    with pytest.raises(TypeError):
        in_place(x, 1.5)
    with pytest.raises(TypeError):
        ~y
    if "shift" in name:
        with pytest.raises(TypeError, match="got bool"):
            function(x > 1, x > 1)


# ---- The same bytes as another dtype


@pytest.mark.parametrize("source", INTEGERS[1:] + FLOATING)
@pytest.mark.parametrize("target", INTEGERS[1:] + FLOATING)
@pytest.mark.parametrize("rows", [np.s_[:], np.s_[::2], np.s_[::-1], np.s_[1]])
def test_views_of_bytes(source, target, rows):
    x = np.random.default_rng(3).integers(0, 256, (3, 16 * 8), np.uint8).view(numpy_dtype(source))
    t, dtype = weft.tensor(x)[rows], getattr(weft, target)
    expected = x[rows].view(numpy_dtype(target))
    for y in t.view(dtype), t.view(dtype=dtype):
        assert y.dtype is dtype and y.shape == expected.shape and y.data_ptr() == t.data_ptr()
        assert y.numpy().tobytes() == expected.tobytes()
        assert [s * y.itemsize for s in y.stride()] == list(expected.strides)


def test_views_share_memory_and_versions():
    x = weft.zeros(2, 4)
    y = x.view(weft.int32)
    version = x._version
    y[0, 1] = 0x3F800000
    assert x.tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]] and x._version > version
    assert x.view(float).dtype is weft.float64 and x.view(float).shape == (2, 2)


def test_views_of_other_dtypes_are_unknown_to_the_tape():
    x = weft.ones(2, 4, requires_grad=True)
    for dtype in weft.int32, weft.float32, weft.bfloat16, weft.float64:
        y = (x * 2).view(dtype)
        assert not y.requires_grad and y.grad_fn is None


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: weft.zeros(2, 4).t().view(weft.float64), "stride 4 of the last dim"),
        (lambda: weft.zeros(2, 4).t().view(weft.int16), "stride 4 of the last dim"),
        (lambda: weft.zeros(2, 3).view(weft.float64), "size 3 of dim 1"),
        (lambda: weft.zeros(2, 4)[:, 1:3].view(weft.float64), "offset 1"),
        (lambda: weft.zeros(3, 5)[:, :2].view(weft.float64), "stride 5 of dim 0"),
        (lambda: weft.tensor(1.0).view(weft.int16), "no dimensions"),
    ],
)
def test_views_that_cannot_be(make, words):
    with pytest.raises(weft.ShapeError, match=words):
        make()


def test_views_at_the_edges():
    assert weft.tensor(1.0).view(weft.int32).item() == 0x3F800000
    assert weft.zeros(0, 4).view(weft.float64).shape == (0, 2)
    assert weft.tensor([0, 1], dtype=weft.uint8).view(weft.bool).tolist() == [False, True]
    for wrong in "f", (weft.int32,), None, 1.5:
        with pytest.raises(TypeError):
            weft.zeros(2).view(wrong)
    with pytest.raises(TypeError):
        weft.zeros(2).view(weft.int32, 2)
