"""x[...] and x[...] = value beside NumPy's: the same elements, shapes, IndexErrors and changes."""

import numpy as np
import pytest
import weft
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
SIZES = st.one_of(st.none(), st.integers(-6, 6))
STEPS = st.one_of(st.none(), st.sampled_from([1, 2, 3, -1, -2, -5]))
SLICES = st.builds(slice, SIZES, SIZES, STEPS)


@st.composite
def positions(draw, size, shape):
    """An array of integers, now and then one out of range."""
    reach = max(size, 1) + draw(st.sampled_from([0] * 9 + [1]))
    return draw(hnp.arrays(np.int64, shape, elements=st.integers(-reach, reach - 1)))


@st.composite
def keys(draw, shape):
    """Entries for some of the dimensions, with what takes none strewn in."""
    entries, dim = [], 0
    common = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=3))
    while dim < len(shape) and draw(st.integers(0, 5)):
        kind = draw(st.sampled_from(["integer", "slice", "slice", "array", "mask", "none", "bool"]))
        size = shape[dim]
        if kind == "integer":
            entries.append(draw(st.integers(-size - (size == 0), max(size - 1, 0))))
        elif kind == "slice":
            entries.append(draw(SLICES))
        elif kind == "array":
            sizes = draw(st.sampled_from([common, common[-1:], (1,)]))
            entries.append(draw(positions(size, sizes)))
        elif kind == "mask":
            taken = draw(st.integers(1, len(shape) - dim))
            entries.append(draw(hnp.arrays(bool, shape[dim : dim + taken])))
            dim += taken - 1
        elif kind == "none" and sum(e is None for e in entries) < 2:
            entries.append(None)
            continue
        elif kind == "bool" and not draw(st.integers(0, 3)):
            entries.append(draw(st.booleans()))
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
    """The key with its arrays as tensors, lists or as they are."""
    if isinstance(key, tuple):
        return tuple(as_weft(draw, k) for k in key)
    if not isinstance(key, np.ndarray):
        return key
    kinds = [lambda a: a, weft.tensor]
    if key.size:
        kinds.append(np.ndarray.tolist)
    if key.dtype != bool:
        kinds.append(lambda a: weft.tensor(a.astype(np.int32)))
    return draw(st.sampled_from(kinds))(key)


def elements(shape):
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape)


def result_of(f, errors):
    try:
        return f(), None
    except errors as e:
        return None, e


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_reading(data):
    x = elements(data.draw(SHAPES, "shape"))
    key = data.draw(keys(x.shape), "key")
    expected, refused = result_of(lambda: x[key], IndexError)
    assume(refused or np.ndim(expected) <= 8)
    own = as_weft(data.draw, key)
    if refused:
        with pytest.raises(IndexError):
            weft.tensor(x)[own]
        return
    y, mine = result_of(lambda: weft.tensor(x)[own], IndexError)
    # Where nothing is chosen NumPy does not look whether indices are in range.
    assume(not (np.size(expected) == 0 and mine and "got index" in str(mine)))
    assert not mine and tuple(y.shape) == np.shape(expected)
    np.testing.assert_array_equal(y.numpy(), expected)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_writing(data):
    x = elements(data.draw(SHAPES, "shape"))
    key = data.draw(keys(x.shape), "key")
    part, refused = result_of(lambda: x[key], IndexError)
    assume(refused or np.ndim(part) <= 8)
    if refused:
        value = 7.0
    else:
        cut = data.draw(st.integers(0, np.ndim(part)), "dims of the value")
        shape = tuple(data.draw(st.sampled_from([n, 1])) for n in np.shape(part)[cut:])
        value = 100 + elements(shape)
    own = as_weft(data.draw, key)
    y = weft.tensor(x)
    if refused:
        before = y.clone()
        with pytest.raises(IndexError):
            y[own] = value
        assert (y == before).all()
        return
    given_as = data.draw(st.sampled_from([weft.tensor, lambda v: v, lambda v: v.astype(np.int32)]))
    _, mine = result_of(lambda: y.__setitem__(own, given_as(value)), IndexError)
    assume(not (np.size(part) == 0 and mine and "got index" in str(mine)))
    assert not mine
    x[key] = value
    np.testing.assert_array_equal(y.numpy(), x)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_views(data):
    """Without arrays the result shares the memory, as NumPy's."""
    x = elements(data.draw(SHAPES, "shape"))
    key = data.draw(hnp.basic_indices(x.shape, allow_newaxis=True, max_dims=8), "key")
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
