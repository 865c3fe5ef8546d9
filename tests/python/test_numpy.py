"""Arrays and tensors: memory shared both ways, operators between them, what is refused."""

import array
import collections
import gc
import sys
import weakref

import ml_dtypes
import numpy as np
import pytest
import weft
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

NAMES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()
DTYPES = [(np.dtype(getattr(ml_dtypes, n, n)), getattr(weft, n)) for n in NAMES]


@pytest.mark.parametrize("own, dtype", DTYPES, ids=NAMES)
def test_memory_is_shared(own, dtype):
    a = np.array([[0, 1, 2], [3, 4, 5]]).astype(own)
    x = weft.from_numpy(a)
    assert x.dtype is dtype and x.data_ptr() == a.ctypes.data and x.shape == (2, 3)
    x[0, 1] = 0
    assert a[0, 1] == 0
    for back in x.numpy(), np.asarray(x), np.array(x, copy=None):
        assert back.dtype == own and back.ctypes.data == a.ctypes.data
        back[1, 1] = 0
        assert x[1, 1].item() == 0
        back[1, 1] = 1
    assert np.array(x).ctypes.data != a.ctypes.data
    assert weft.as_tensor(a).data_ptr() == a.ctypes.data and weft.tensor(a).dtype is dtype
    assert weft.tensor(a).data_ptr() != a.ctypes.data


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_strides(data):
    a = np.arange(60.0).reshape(3, 4, 5)
    key = data.draw(hnp.basic_indices(a.shape, allow_newaxis=True, max_dims=6))
    part = a[key] if isinstance(a[key], np.ndarray) else a[key[0], key[1], key[2], ...]
    x = weft.from_numpy(part)
    np.testing.assert_array_equal(x.numpy(), part)
    np.testing.assert_array_equal(weft.tensor(part).numpy(), part)
    np.testing.assert_array_equal(weft.tensor(a)[key].numpy(), part)
    x.fill_(-1)
    assert (part == -1).all()


def test_lifetimes():
    a = np.arange(4.0)
    x = weft.from_numpy(a)
    gone = weakref.ref(a)
    del a
    gc.collect()
    assert gone() is not None and x.tolist() == [0, 1, 2, 3]
    view = x[1:]
    del x
    assert view.tolist() == [1, 2, 3]
    del view
    gc.collect()
    assert gone() is None
    b = weft.arange(1000.0).numpy()[500:]
    gc.collect()
    assert (weft.ones(1000) * 7).sum() == 7000 and b[0] == 500


def test_reference_counts_stay():
    a = np.arange(4.0)
    before = sys.getrefcount(a)
    for _ in range(100):
        x = weft.from_numpy(a)
        y = x.numpy()
        weft.tensor(a), np.asarray(x), a + x, memoryview(x), weft.from_dlpack(a)
    del x, y
    assert sys.getrefcount(a) == before


def test_read_only_arrays_are_copied():
    a = np.arange(3.0)
    a.flags.writeable = False
    x = weft.from_numpy(a)
    x[0] = 9
    assert a[0] == 0 and x[0] == 9
    assert weft.from_numpy(np.broadcast_to(np.float32(2), (2, 3))).tolist() == [[2] * 3] * 2


def test_askew_elements():
    records = np.zeros(3, dtype=[("a", "i1"), ("b", "f4")])
    records["b"] = [1, 2, 3]
    with pytest.raises(ValueError, match="multiples"):
        weft.from_numpy(records["b"])
    assert weft.tensor(records["b"]).tolist() == weft.as_tensor(records["b"]).tolist() == [1, 2, 3]
    odd = np.frombuffer(bytearray(b"?" + np.arange(3.0).tobytes()), offset=1)
    assert weft.tensor(odd).tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", ["uint16", "uint32", "uint64", "complex64", ">f4", "U3", "M8[s]"])
def test_dtypes_that_weft_lacks(kind):
    with pytest.raises((TypeError, ValueError)):
        weft.from_numpy(np.zeros(2, kind))


def test_more_dimensions_than_eight():
    with pytest.raises(ValueError):
        weft.from_numpy(np.zeros((1,) * 9))


OPERATORS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "@": lambda a, b: a @ b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


@pytest.mark.parametrize("sign", OPERATORS)
def test_operators_between_them(sign):
    a, b = np.array([[1.0, 2], [3, 4]]), np.array([[2.0, 5], [2, 4]])
    f = OPERATORS[sign]
    for result in f(a, weft.tensor(b)), f(weft.tensor(a), b):
        assert type(result) is weft.Tensor
        np.testing.assert_array_equal(result.numpy(), f(a, b))


@pytest.mark.parametrize("number", [np.float64(2), np.float32(2), np.int64(2), np.bool_(True)])
def test_operators_with_numpys_numbers(number):
    x = weft.tensor([1.0, 3.0])
    for result, expected in [
        (number + x, 1 + int(number)),
        (x + number, 1 + int(number)),
        (number * x, int(number)),
        (number - x, int(number) - 1),
        (number < x, int(number) < 1),
    ]:
        assert type(result) is weft.Tensor and result[0].item() == expected
        assert result.dtype in (weft.float32, weft.bool)


def test_functions_of_numpy():
    x = weft.tensor([0.0, 1.0])
    assert type(np.sin(x)) is weft.Tensor and np.allclose(np.sin(x).numpy(), np.sin([0, 1]))
    assert np.concatenate([x, x]).shape == (4,) and np.stack([x, x]).shape == (2, 2)


@pytest.mark.parametrize("name", "sum mean prod std var max min any all argmax ptp median".split())
def test_reductions_of_numpy(name):
    a = np.array([[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]])
    f = getattr(np, name)
    x = weft.tensor(a)
    assert f(x) == f(a)
    np.testing.assert_array_equal(f(x, axis=0), f(a, axis=0))


def test_more_functions_of_numpy():
    x = weft.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert np.allclose(x, x.numpy()) and np.array_equal(x, x)
    assert np.vstack([x, np.zeros((1, 2))]).shape == (3, 2)
    assert np.linalg.norm(x) == np.linalg.norm(x.numpy())
    assert np.reshape(x, (4,)).tolist() == np.ravel(x).tolist() == [1, 2, 3, 4]
    with pytest.raises(TypeError):
        np.mean(x, nothing=1)
    with pytest.raises(RuntimeError, match="detach"):
        np.median(weft.ones(2, requires_grad=True))


def test_array_protocol():
    x = weft.arange(3)
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    assert np.array(x, dtype=np.int64, copy=None).ctypes.data == x.data_ptr()
    assert x.__array__(np.dtype("int8")).dtype == np.int8
    assert x.__array__(copy=True).ctypes.data != x.data_ptr()
    assert np.asarray(weft.tensor(2.5)).shape == () and np.asarray(weft.zeros(0, 3)).shape == (0, 3)
    assert np.asarray(weft.ones(2, 3).t()).strides == (4, 12)


def test_a_gradient_is_not_lost_unasked():
    x = weft.ones(2, requires_grad=True)
    for call in (x.numpy, lambda: np.asarray(x), lambda: np.add(x, 1), lambda: x.__array__()):
        with pytest.raises(RuntimeError, match="detach"):
            call()
    with pytest.raises(BufferError, match="detach"):
        memoryview(x)
    assert x.numpy(force=True).ctypes.data == x.data_ptr()
    assert x.detach().numpy().tolist() == [1, 1]


def test_without_ml_dtypes(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(TypeError, match="ml_dtypes"):
        weft.ones(2, dtype=weft.bfloat16).numpy()


def test_buffers():
    x = weft.tensor([[1, 2], [3, 4]], dtype=weft.int16)
    view = memoryview(x)
    assert view.shape == (2, 2) and view.format == "h" and view.tolist() == [[1, 2], [3, 4]]
    view[0, 0] = 9
    assert x[0, 0] == 9
    assert weft.tensor(array.array("d", [1, 2])).tolist() == [1, 2]
    assert weft.from_numpy(bytearray(b"ab") and memoryview(bytearray(b"ab"))).tolist() == [97, 98]
    with pytest.raises(BufferError):
        memoryview(weft.ones(2, dtype=weft.bfloat16))


class Lender:
    """As another library's tensor: with an __index__ that may refuse."""

    def __array__(self, dtype=None, copy=None):
        return np.array([[1.5, 2.5]])

    def __index__(self):
        raise TypeError("more than one element")


@pytest.mark.parametrize(
    "data, expected, dtype",
    [
        (3, 3, weft.int64),
        (True, True, weft.bool),
        (2.5, 2.5, weft.float32),
        ([], [], weft.float32),
        ([[], []], [[], []], weft.float32),
        ([1, 2.0], [1, 2], weft.float32),
        ([True, 2], [1, 2], weft.int64),
        (((1, 2), [3, 4]), [[1, 2], [3, 4]], weft.int64),
        (range(3), [0, 1, 2], weft.int64),
        (collections.deque([1, 2]), [1, 2], weft.int64),
        (np.float64(2), 2, weft.float64),
        ([np.float64(1), 2], [1, 2], weft.float64),
        ([np.int8(1), np.int8(2)], [1, 2], weft.int8),
        ([np.arange(2), np.arange(2)], [[0, 1], [0, 1]], weft.int64),
        ([np.array(1.0), np.array(2.0)], [1, 2], weft.float64),
        ([weft.tensor(1.5), 2], [1.5, 2], weft.float32),
        ([weft.ones(2), weft.zeros(2)], [[1, 1], [0, 0]], weft.float32),
        (Lender(), [[1.5, 2.5]], weft.float64),
        (float("inf"), float("inf"), weft.float32),
    ],
)
def test_tensor_of_anything(data, expected, dtype):
    x = weft.tensor(data)
    assert x.tolist() == expected and x.dtype is dtype
    assert weft.tensor(data, dtype=weft.float64).dtype is weft.float64
    assert weft.as_tensor(data).dtype is dtype


@pytest.mark.parametrize("data", ["a", None, 1j, {1: 2}, object(), [1, "a"], [None]])
def test_what_holds_no_numbers(data):
    with pytest.raises(TypeError):
        weft.tensor(data)


@pytest.mark.parametrize("data", [[[1], [1, 2]], [[1, 2], 3], [1, [2]], [[[1]], [[1, 2]]]])
def test_ragged_rows(data):
    with pytest.raises(ValueError):
        weft.tensor(data)


def test_numbers_too_large_and_lists_too_deep():
    with pytest.raises(OverflowError):
        weft.tensor(2**70)
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError):
        weft.tensor(endless)


def test_as_tensor_keeps_tensors():
    x = weft.ones(2)
    assert weft.as_tensor(x) is x and weft.as_tensor(x, dtype=weft.float32) is x
    assert weft.as_tensor(x, dtype=weft.int64).tolist() == [1, 1]
