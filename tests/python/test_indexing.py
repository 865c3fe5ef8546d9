"""x[...] and x[...] = value beside NumPy's: the same elements, shapes, IndexErrors and changes."""

import ml_dtypes
import numpy as np
import pytest
import weft
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
HUGE = [2**62, -(2**62), 2**63, -(2**63), 2**70, -(2**70)]
SIZES = st.one_of(st.none(), st.integers(-6, 6), st.integers(-6, 6), st.sampled_from(HUGE))
STEPS = st.one_of(st.none(), st.sampled_from([1, 2, 3, -1, -2, -5, 2**62, -(2**62)]))
SLICES = st.builds(slice, SIZES, SIZES, STEPS)
NAMES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()
DTYPES = {name: np.dtype(getattr(ml_dtypes, name, name)) for name in NAMES}


@st.composite
def positions(draw, size, shape):
    """An array of integers, now and then one out of range."""
    reach = max(size, 1) + draw(st.sampled_from([0] * 9 + [1]))
    return draw(hnp.arrays(np.int64, shape, elements=st.integers(-reach, reach - 1)))


@st.composite
def masks(draw, shape):
    """Of these sizes; now and then of others."""
    if shape and not draw(st.integers(0, 15)):
        shape = (*shape[:-1], shape[-1] + 1)
    return draw(hnp.arrays(bool, shape))


@st.composite
def keys(draw, shape):
    """Entries for some of the dimensions, with what takes none strewn in."""
    entries, dim = [], 0
    common = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    kinds = ["integer", "numpy", "slice", "slice", "array", "array", "scalar", "mask", "none", "bool"]
    while dim < len(shape) and draw(st.integers(0, 5)):
        kind = draw(st.sampled_from(kinds))
        size = shape[dim]
        if kind == "integer":
            entries.append(draw(st.integers(-size - (size == 0), max(size - 1, 0))))
        elif kind == "numpy":
            entries.append(np.int16(draw(st.integers(-size - (size == 0), max(size - 1, 0)))))
        elif kind == "slice":
            entries.append(draw(SLICES))
        elif kind == "array":
            sizes = draw(st.sampled_from([common, common[-1:], (1,)]))
            entries.append(draw(positions(size, sizes)))
        elif kind == "scalar":
            entries.append(draw(positions(size, ())))
        elif kind == "mask":
            taken = draw(st.integers(1, len(shape) - dim))
            entries.append(draw(masks(shape[dim : dim + taken])))
            dim += taken - 1
        elif kind == "none" and sum(e is None for e in entries) < 2:
            entries.append(None)
            continue
        elif kind == "bool" and not draw(st.integers(0, 3)):
            entries.append(draw(st.sampled_from([True, False, np.True_, np.array(False)])))
            continue
        else:
            entries.append(slice(None))
        dim += 1
    if draw(st.booleans()):
        # Of empty arrays NumPy takes masks that do not fit, so there the entries stay in place.
        fixed = 0 in shape and dim < len(shape)
        entries.insert(len(entries) if fixed else draw(st.integers(0, len(entries))), Ellipsis)
    if len(entries) == 1 and draw(st.booleans()):
        return entries[0]
    return tuple(entries)


def as_weft(draw, key):
    """The key with its arrays as tensors, lists or as they are, of any dtype and layout."""
    if isinstance(key, tuple):
        return tuple(as_weft(draw, k) for k in key)
    if not isinstance(key, np.ndarray):
        return key
    kinds = [lambda a: a, weft.tensor, lambda a: weft.from_numpy(np.repeat(a[None], 2, 0))[1]]
    if key.size and key.ndim:
        kinds.append(np.ndarray.tolist)
    if key.dtype != bool:
        small = draw(st.sampled_from([np.int8, np.int16, np.int32]))
        kinds += [lambda a: weft.tensor(a.astype(small)), lambda a: a.astype(small)]
    return draw(st.sampled_from(kinds))(key)


def elements(shape, dtype=np.dtype("float64")):
    return np.arange(np.prod(shape)).astype(dtype).reshape(shape)


@st.composite
def bases(draw):
    """The same array twice: NumPy's, and a tensor that lies in memory as any view may."""
    x = elements(draw(SHAPES), DTYPES[draw(st.sampled_from(NAMES))])
    layout = draw(st.sampled_from(["plain", "plain", "transposed", "reversed", "strided"]))
    if layout == "transposed":
        return x, weft.tensor(x.T.copy()).permute(tuple(range(x.ndim))[::-1])
    if layout == "reversed" and x.ndim:
        return x, weft.tensor(x[::-1].copy())[::-1]
    if layout == "strided" and x.ndim:
        return x, weft.tensor(np.repeat(x, 3, axis=-1))[..., 1::3]
    return x, weft.tensor(x)


def result_of(f, errors):
    try:
        return f(), None
    except errors as e:
        return None, e


def too_lax(part, error):
    """Where nothing is chosen NumPy does not look whether indices are in range."""
    return np.size(part) == 0 and error is not None and "got index" in str(error)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_reading(data):
    x, y = data.draw(bases(), "x")
    key = data.draw(keys(x.shape), "key")
    expected, refused = result_of(lambda: x[key], IndexError)
    assume(refused or np.ndim(expected) <= 8)
    own = as_weft(data.draw, key)
    if refused:
        with pytest.raises(IndexError):
            y[own]
        return
    part, mine = result_of(lambda: y[own], IndexError)
    assume(not too_lax(expected, mine))
    assert not mine and tuple(part.shape) == np.shape(expected) and part.dtype is y.dtype
    np.testing.assert_array_equal(part.numpy(), expected)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_writing(data):
    """Of an element that is named twice the last value stays."""
    x, y = data.draw(bases(), "x")
    key = data.draw(keys(x.shape), "key")
    part, refused = result_of(lambda: x[key], IndexError)
    assume(refused or np.ndim(part) <= 8)
    own = as_weft(data.draw, key)
    before = y.clone()
    if refused:
        with pytest.raises(IndexError):
            y[own] = 1
        assert (y == before).all()
        return
    cut = data.draw(st.integers(0, np.ndim(part)), "dims of the value")
    shape = tuple(data.draw(st.sampled_from([n, n, 1])) for n in np.shape(part)[cut:])
    value = 7 + elements(shape, np.int64) % 100
    kinds = [weft.tensor, lambda v: v, lambda v: v.astype(np.int16), lambda v: v.astype(np.float32)]
    given_as = data.draw(st.sampled_from(kinds))
    _, mine = result_of(lambda: y.__setitem__(own, given_as(value)), IndexError)
    if too_lax(part, mine):
        assert (y == before).all()
        return
    assert not mine
    x[key] = value.astype(x.dtype)
    np.testing.assert_array_equal(y.numpy(), x)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_values_that_do_not_fit(data):
    """They change nothing; leading dims of size 1 are no hindrance, as in NumPy."""
    x, y = data.draw(bases(), "x")
    key = data.draw(keys(x.shape), "key")
    part, refused = result_of(lambda: x[key], IndexError)
    assume(not refused and np.ndim(part) <= 8)
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=3), "shape of the value")
    while len(shape) > np.ndim(part) and shape[0] == 1:
        shape = shape[1:]
    try:
        assume(np.broadcast_shapes(shape, np.shape(part)) != np.shape(part))
    except ValueError:
        pass
    before = y.clone()
    with pytest.raises((ValueError, IndexError)):
        y[as_weft(data.draw, key)] = weft.ones(shape)
    assert (y == before).all()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_adding_in_place(data):
    """x[key] += value, which adds once to an element that is named twice."""
    x, y = data.draw(bases(), "x")
    assume(x.dtype != bool)
    key = data.draw(keys(x.shape), "key")
    part, refused = result_of(lambda: x[key], IndexError)
    assume(not refused and np.ndim(part) <= 8)
    own = as_weft(data.draw, key)
    _, mine = result_of(lambda: y[own], IndexError)
    assume(not mine)
    x[key] += x.dtype.type(2)
    y[own] += 2
    np.testing.assert_array_equal(y.numpy(), x)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_accumulating(data):
    """index_put_(accumulate=True) adds every time, as np.add.at."""
    x, y = data.draw(bases(), "x")
    assume(x.ndim and x.size and x.dtype != bool)
    used = data.draw(st.integers(1, x.ndim))
    sizes = data.draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=6))
    reach = [data.draw(hnp.arrays(np.int64, sizes, elements=st.integers(-n, n - 1))) for n in x.shape]
    key = tuple(reach[:used])
    value = 1 + elements(np.shape(x[key]), np.int64) % 7
    np.add.at(x, key, value.astype(x.dtype))
    y.index_put_(tuple(map(weft.tensor, key)), weft.tensor(value).to(y.dtype), accumulate=True)
    np.testing.assert_array_equal(y.numpy(), x)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_parts_of_itself(data):
    """x[to] = x[from] where both are views of the same memory."""
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5))
    x = elements(shape)
    y = weft.tensor(x)
    to = data.draw(hnp.basic_indices(shape, allow_ellipsis=False))
    source = data.draw(hnp.basic_indices(shape, allow_ellipsis=False))
    _, refused = result_of(lambda: x.__setitem__(to, x[source]), ValueError)
    assume(not refused)
    y[to] = y[source]
    np.testing.assert_array_equal(y.numpy(), x)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_gradients_of_reading(data):
    """Each element has as many ones as it is read times."""
    shape = data.draw(SHAPES, "shape")
    key = data.draw(keys(shape), "key")
    x = weft.zeros(shape, dtype=weft.float64, requires_grad=True)
    part, refused = result_of(lambda: x[as_weft(data.draw, key)], IndexError)
    assume(not refused)
    part.sum().backward()
    expected = np.zeros(shape)
    np.add.at(expected, key, 1.0)
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_many_duplicates():
    """Enough of them that threads share the work: the last value stays, and every one is added."""
    n = 200_000
    key = np.random.default_rng(0).integers(-50, 50, n)
    x, y = np.zeros(50), weft.zeros(50, dtype=weft.float64)
    x[key] = np.arange(n)
    y[key] = np.arange(n)
    np.testing.assert_array_equal(y.numpy(), x)
    z = weft.zeros(50, dtype=weft.int64)
    z.index_put_((weft.tensor(key),), weft.tensor(1), accumulate=True)
    np.testing.assert_array_equal(z.numpy(), np.bincount(key % 50, minlength=50))


@pytest.mark.parametrize("key", [[], [[]], [True, False, True], [[0], [2]], range(2), (0, [1, -1])])
def test_sequences(key):
    x = elements((3, 4))
    np.testing.assert_array_equal(weft.tensor(x)[key].numpy(), x[key])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_views(data):
    """Without arrays the result shares the memory, as NumPy's."""
    x = elements(data.draw(SHAPES, "shape"))
    key = data.draw(hnp.basic_indices(x.shape, allow_newaxis=True, max_dims=8), "key")
    entries = key if isinstance(key, tuple) else (key,)
    assume(x.ndim + sum(k is None for k in entries) <= 8)  # on the way too
    y = weft.tensor(x)
    view = y[key]
    assert tuple(view.shape) == np.shape(x[key])
    view.zero_()
    x[key] = 0
    np.testing.assert_array_equal(y.numpy(), x)


@pytest.mark.parametrize(
    "key", [3, -4, (0, 4), (0, 0, 0), ([0, 5],), (Ellipsis, Ellipsis), ([[True] * 4] * 2), 1.0, "a"]
)
def test_index_errors(key):
    x = elements((3, 4))
    for array in x, weft.tensor(x):
        with pytest.raises(IndexError):
            array[key]
        with pytest.raises(IndexError):
            array[key] = 1


def test_indices_that_do_not_broadcast():
    x = weft.zeros(3, 4)
    with pytest.raises(IndexError):
        x[[0, 1], [0, 1, 2]]
    with pytest.raises(ValueError):
        x[:, 1] = weft.zeros(2)


def test_values_are_converted():
    x = weft.zeros(3, dtype=weft.int64)
    x[0] = 2.9
    x[[1, 2]] = [3.0, 4.5]
    assert x.tolist() == [2, 3, 4]
    y = weft.zeros(2)
    y[:] = weft.tensor([1, 2])
    assert y.tolist() == [1, 2]


def test_gradients_of_both_sides():
    x = weft.ones(3, requires_grad=True)
    v = weft.tensor([5.0], dtype=weft.float64, requires_grad=True)
    y = x * 2
    y[[1]] = v
    (y * weft.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [2, 0, 200] and v.grad.tolist() == [10]


def test_length_iteration_membership():
    x = weft.arange(6).reshape(3, 2)
    assert len(x) == 3 and [r.tolist() for r in x] == [[0, 1], [2, 3], [4, 5]]
    assert list(reversed(x))[0].tolist() == [4, 5]
    assert 5 in x and 6 not in x and weft.tensor(3) in x
    a, b = weft.tensor([1, 2])
    assert (a + b).item() == 3
    assert [10, 20, 30][weft.tensor(1)] == 20 and range(9)[weft.tensor(2)] == 2
    for broken in (len, iter):
        with pytest.raises(TypeError):
            broken(weft.tensor(1))
    with pytest.raises(TypeError):
        [1, 2][weft.tensor(1.0)]
    with pytest.raises(TypeError):
        del x[0]
    with pytest.raises(TypeError):
        "a" in x


def test_indices_of_uint8():
    """A tensor is a mask, as in PyTorch; an array holds positions, as in NumPy."""
    x = weft.tensor([10, 20, 30])
    own = np.array([1, 0, 1], np.uint8)
    assert x[own].tolist() == [20, 10, 20] and x[weft.tensor(own)].tolist() == [10, 30]
