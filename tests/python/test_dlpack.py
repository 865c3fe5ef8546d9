"""DLPack both ways: NumPy as the other side, and capsules written by hand."""

import ctypes
import gc
import sys
import weakref

import numpy as np
import pytest
import weft
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

NAMES = "bool uint8 int8 int16 int32 int64 float16 float32 float64".split()


def name_of(capsule):
    get = ctypes.pythonapi.PyCapsule_GetName
    get.restype, get.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return get(capsule)


@pytest.mark.parametrize("name", NAMES)
def test_both_ways(name):
    x = weft.tensor([[0, 1, 1], [1, 0, 1]], dtype=getattr(weft, name))
    a = np.from_dlpack(x)
    assert a.dtype == np.dtype(name) and a.ctypes.data == x.data_ptr()
    np.testing.assert_array_equal(a, x.numpy())
    y = weft.from_dlpack(x.numpy())
    assert y.dtype is x.dtype and y.data_ptr() == x.data_ptr()


def test_bfloat16_from_weft_to_weft():
    x = weft.tensor([1.5, 2.0], dtype=weft.bfloat16)
    y = weft.from_dlpack(x)
    assert y.dtype is weft.bfloat16 and y.data_ptr() == x.data_ptr() and (x == y).all()


@st.composite
def arrays(draw):
    """Arrays of any dtype and strides: parts, steps back, other orders, repeats, sizes 0 and 1."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
    a = np.arange(np.prod(shape)).astype(draw(st.sampled_from(NAMES))).reshape(shape)
    if draw(st.booleans()):
        a = np.asfortranarray(a)
    if draw(st.booleans()):
        a = a.transpose(draw(st.permutations(range(a.ndim))))
    key = draw(hnp.basic_indices(a.shape, allow_newaxis=True, max_dims=7))
    part = a[(*key, ...) if isinstance(key, tuple) and ... not in key else key]
    if not draw(st.integers(0, 4)):
        return np.broadcast_to(part, (2, *part.shape))  # read-only
    return part if isinstance(part, np.ndarray) else np.asarray(part)


@settings(max_examples=300, deadline=None)
@given(arrays())
def test_any_array(a):
    """Memory is shared, unless it is read-only."""
    x = weft.from_dlpack(a)
    assert tuple(x.shape) == a.shape and x.dtype is getattr(weft, a.dtype.name)
    np.testing.assert_array_equal(x.numpy(), a)
    if a.size and a.flags.writeable:
        assert x.data_ptr() == a.ctypes.data
        sizes = [(n, s) for n, s in zip(a.shape, a.strides) if n > 1]
        assert [s * a.itemsize for n, s in zip(x.shape, x.stride()) if n > 1] == [s for _, s in sizes]
        x.fill_(1)
        assert (a == 1).all()
    elif a.size:
        before = a.copy()
        x.fill_(1)
        np.testing.assert_array_equal(a, before)
    back = np.from_dlpack(x)
    assert back.dtype == a.dtype and back.shape == a.shape
    assert not back.size or back.ctypes.data == x.data_ptr()
    np.testing.assert_array_equal(back, x.numpy())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_strides(data):
    a = np.arange(60.0).reshape(3, 4, 5)
    key = data.draw(hnp.basic_indices(a.shape, allow_newaxis=True, max_dims=6))
    part = a[key] if isinstance(a[key], np.ndarray) else a[key[0], key[1], key[2], ...]
    x = weft.from_dlpack(part)
    np.testing.assert_array_equal(x.numpy(), part)
    y = weft.tensor(a)[key]
    np.testing.assert_array_equal(np.from_dlpack(y), part)
    x.zero_()
    assert (part == 0).all()


def test_bfloat16_and_numpy():
    """NumPy has no such dtype of its own: an error, and no other number."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises((BufferError, RuntimeError, TypeError)):
        np.from_dlpack(weft.ones(2, dtype=weft.bfloat16))
    with pytest.raises((BufferError, TypeError)):
        weft.from_dlpack(np.ones(2, ml_dtypes.bfloat16))


@pytest.mark.parametrize("dtype", [">f4", ">i8"])
def test_bytes_in_the_other_order(dtype):
    with pytest.raises(BufferError):
        weft.from_dlpack(np.ones(2, dtype))


def test_strides_between_elements():
    """DLPack counts strides in elements: a field of a record may lie elsewhere."""
    records = np.zeros(3, dtype=[("a", "i1"), ("b", "f4")])
    with pytest.raises((BufferError, ValueError)):
        weft.from_dlpack(records["b"])
    even = np.zeros(3, dtype=[("a", "f4"), ("b", "f4")])
    weft.from_dlpack(even["b"]).fill_(2)
    assert even["b"].tolist() == [2, 2, 2] and even["a"].tolist() == [0, 0, 0]


def test_more_dimensions_than_eight():
    with pytest.raises((BufferError, ValueError)):
        weft.from_dlpack(np.zeros((1,) * 9))
    assert weft.from_dlpack(np.zeros((1,) * 8)).dim() == 8


def test_leaves_and_views():
    """A tensor that requires grad gives its memory by detach() alone; views give their part."""
    x = weft.arange(6.0).requires_grad_()
    with pytest.raises(BufferError):
        np.from_dlpack(x[1:3])
    a = np.from_dlpack(x.detach()[::-2])
    assert a.tolist() == [5, 3, 1]
    a[0] = 50
    assert x[5].item() == 50


def test_versions():
    x = weft.ones(2)
    assert name_of(x.__dlpack__()) == b"dltensor"
    assert name_of(x.__dlpack__(max_version=(0, 8))) == b"dltensor"
    for version in (1, 0), (1, 9), (2, 0):
        assert name_of(x.__dlpack__(max_version=version)) == b"dltensor_versioned"
    for options in {}, {"max_version": (1, 0)}:
        capsule = x.__dlpack__(**options)
        y = weft.from_dlpack(capsule)
        assert y.data_ptr() == x.data_ptr() and name_of(capsule).startswith(b"used_dltensor")
        with pytest.raises(ValueError, match="used before"):
            weft.from_dlpack(capsule)


def test_devices():
    x = weft.ones(2)
    assert x.__dlpack_device__() == (1, 0)
    x.__dlpack__(dl_device=(1, 0))
    with pytest.raises(BufferError, match="device"):
        x.__dlpack__(dl_device=(4, 0))
    with pytest.raises(BufferError, match="stream"):
        x.__dlpack__(stream=1)
    assert weft.from_dlpack(np.ones(2), device="cpu").tolist() == [1, 1]


def test_copies():
    x, a = weft.ones(2), np.ones(2)
    assert np.from_dlpack(x, copy=True).ctypes.data != x.data_ptr()
    assert np.from_dlpack(x, copy=False).ctypes.data == x.data_ptr()
    assert weft.from_dlpack(a, copy=True).data_ptr() != a.ctypes.data
    assert weft.from_dlpack(a, copy=False).data_ptr() == a.ctypes.data


def test_read_only_memory_is_copied():
    a = np.arange(3.0)
    a.flags.writeable = False
    x = weft.from_dlpack(a)
    x[0] = 5
    assert a[0] == 0 and x.tolist() == [5, 1, 2]
    with pytest.raises(BufferError, match="read-only"):
        weft.from_dlpack(a, copy=False)


def test_a_gradient_is_not_lost_unasked():
    with pytest.raises(BufferError, match="detach"):
        weft.ones(2, requires_grad=True).__dlpack__()


@pytest.mark.parametrize("dtype", ["complex64", "uint16", "uint64"])
def test_dtypes_that_weft_lacks(dtype):
    with pytest.raises(BufferError, match="no dtype"):
        weft.from_dlpack(np.zeros(2, dtype))


def test_what_is_no_array():
    with pytest.raises(TypeError, match="__dlpack__"):
        weft.from_dlpack([1, 2])
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    with pytest.raises(ValueError, match="something else"):
        weft.from_dlpack(new(1, b"else", None))


def test_lifetimes():
    a = np.arange(4.0)
    gone = weakref.ref(a)
    x = weft.from_dlpack(a)[1:]
    del a
    gc.collect()
    assert gone() is not None and x.tolist() == [1, 2, 3]
    del x
    gc.collect()
    assert gone() is None
    b = np.from_dlpack(weft.arange(1000.0))
    gc.collect()
    assert (weft.ones(1000) * 7).sum() == 7000 and b[999] == 999


def test_nothing_leaks():
    """Capsules that are taken, dropped and refused."""
    a, x = np.arange(4.0), weft.ones(100_000)
    before, bytes_before = sys.getrefcount(a), weft.cpu.memory_stats()["in_use"]
    for _ in range(50):
        weft.from_dlpack(a)
        np.from_dlpack(x * 2)
        (x * 2).__dlpack__()
        (x * 2).__dlpack__(max_version=(1, 0))
        with pytest.raises(BufferError):
            weft.from_dlpack(a.astype("complex64"))
    gc.collect()
    assert sys.getrefcount(a) == before
    assert weft.cpu.memory_stats()["in_use"] - bytes_before < 100_000


# ---- Capsules by hand: what another library may get wrong, or may hold that Weft cannot.


class Array(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_kind", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("rank", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Managed(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", DELETER),
        ("flags", ctypes.c_uint64),
        ("array", Array),
    ]


class Exporter:
    """Six floats in memory of its own, as a capsule of version 1.0."""

    def __init__(self, shape=(2, 3), strides=None, version=(1, 0), flags=0, offset=0, **changes):
        self.values = (ctypes.c_float * 8)(*range(8))
        self.shape = (ctypes.c_int64 * len(shape))(*shape)
        self.strides = (ctypes.c_int64 * len(strides))(*strides) if strides else None
        self.deleted = 0
        self.deleter = DELETER(self.delete)
        array = Array(ctypes.addressof(self.values), 1, 0, len(shape), 2, 32, 1, self.shape)
        array.byte_offset = offset
        if strides:
            array.strides = self.strides
        for field, value in changes.items():
            setattr(array, field, value)
        self.managed = Managed(*version, None, self.deleter, flags, array)

    def delete(self, _):
        self.deleted += 1

    def capsule(self):
        new = ctypes.pythonapi.PyCapsule_New
        new.restype = ctypes.py_object
        new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(self.managed), b"dltensor_versioned", None)


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, [[0, 1, 2], [3, 4, 5]]),
        ({"strides": (1, 2)}, [[0, 2, 4], [1, 3, 5]]),
        ({"offset": 8}, [[2, 3, 4], [5, 6, 7]]),
        ({"offset": 20, "strides": (-3, -1)}, [[5, 4, 3], [2, 1, 0]]),
        ({"shape": (0, 3)}, []),
        ({"shape": (0,), "data": None}, []),
        ({"shape": ()}, 0),
        ({"flags": 1}, [[0, 1, 2], [3, 4, 5]]),
    ],
)
def test_capsules_by_hand(options, expected):
    exporter = Exporter(**options)
    x = weft.from_dlpack(exporter.capsule())
    assert x.tolist() == expected
    assert exporter.deleted == options.get("flags", 0)  # a copy lets go at once
    del x
    gc.collect()
    assert exporter.deleted == 1


@pytest.mark.parametrize(
    "options",
    [
        {"version": (2, 0)},
        {"device_kind": 4},
        {"device_kind": 10},
        {"lanes": 4},
        {"code": 5, "bits": 64},
        {"bits": 8},
        {"rank": 9},
        {"rank": -1},
        {"data": None},
        {"offset": 1},
        {"shape": (2**62, 2**62)},
        {"shape": (-1, 3)},
    ],
)
def test_capsules_that_are_refused(options):
    exporter = Exporter(**options)
    capsule = exporter.capsule()
    with pytest.raises((BufferError, ValueError)):
        weft.from_dlpack(capsule)
    assert name_of(capsule) == b"dltensor_versioned" and exporter.deleted == 0


class Older:
    """A library of before version 1, whose __dlpack__ takes no arguments."""

    def __dlpack__(self):
        return weft.arange(3).__dlpack__()

    def __dlpack_device__(self):
        return (1, 0)


def test_older_libraries():
    assert weft.from_dlpack(Older()).tolist() == [0, 1, 2]


class Elsewhere(Older):
    def __dlpack_device__(self):
        return (4, 0)


def test_memory_elsewhere():
    with pytest.raises(BufferError, match="device kind 4"):
        weft.from_dlpack(Elsewhere())


def test_torch():
    torch = pytest.importorskip("torch")
    x = weft.arange(6.0).reshape(2, 3).t()
    t = torch.from_dlpack(x)
    assert t.data_ptr() == x.data_ptr() and t.stride() == x.stride() and t.tolist() == x.tolist()
    y = weft.from_dlpack(torch.ones(3, dtype=torch.bfloat16))
    assert y.dtype is weft.bfloat16 and y.tolist() == [1, 1, 1]
    with pytest.raises((BufferError, RuntimeError)):
        weft.from_dlpack(torch.ones(2, requires_grad=True))
