"""Sets, grids, triangles, numbers in place of NaN: against NumPy."""

import numpy as np
import pytest
import weft

RANDOM = np.random.default_rng(6)
DTYPES = ["uint8", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("dtype", ["bool", *DTYPES])
@pytest.mark.parametrize("shape", [(), (0,), (11,), (3, 0), (4, 5)])
def test_unique(shape, dtype):
    x = RANDOM.integers(0, 4, shape).astype(dtype)
    expected = np.unique(x, return_inverse=True, return_counts=True)
    values, inverse, counts = weft.unique(weft.tensor(x), return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(values.numpy(), expected[0])
    np.testing.assert_array_equal(inverse.numpy(), expected[1].reshape(shape))
    np.testing.assert_array_equal(counts.numpy(), expected[2])
    assert inverse.dtype is counts.dtype is weft.int64
    assert weft.tensor(x).unique().tolist() == expected[0].tolist()
    assert len(weft.unique(weft.tensor(x), return_counts=True)) == 2


def test_unique_keeps_every_nan():
    x = weft.tensor([float("nan"), 1, float("nan"), 1])
    values, counts = x.unique(return_counts=True)
    assert values.isnan().tolist() == [False, True, True] and counts.tolist() == [2, 1, 1]


@pytest.mark.parametrize("dtype", ["bool", *DTYPES])
@pytest.mark.parametrize("shape, dim", [((6, 2), 0), ((2, 7), 1), ((4, 5, 2), -2), ((0, 3), 0), ((5,), 0)])
def test_unique_slices(shape, dim, dtype):
    x = RANDOM.integers(0, 2, shape).astype(dtype)
    expected = np.unique(x, return_inverse=True, return_counts=True, axis=dim)
    found = weft.unique(weft.tensor(x), return_inverse=True, return_counts=True, dim=dim)
    for got, values in zip(found, expected):
        np.testing.assert_array_equal(got.numpy(), values.reshape(got.shape))
    assert found[0].shape == expected[0].shape and found[1].dtype is found[2].dtype is weft.int64
    assert weft.tensor(x).unique(dim=dim).tolist() == expected[0].tolist()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("invert", [False, True])
def test_isin(dtype, invert):
    x, y = (RANDOM.integers(0, 9, n).astype(dtype) for n in [(3, 7), (4,)])
    for others in (y, y[:0], y.reshape(2, 2)):
        found = weft.isin(weft.tensor(x), weft.tensor(others), invert=invert)
        np.testing.assert_array_equal(found.numpy(), np.isin(x, others, invert=invert))


def test_isin_of_numbers():
    x = weft.tensor([1, 2, 3])
    assert weft.isin(x, 2).tolist() == [False, True, False]
    assert weft.isin(2, x).item() is True and weft.isin(x, 2.5).tolist() == [False] * 3
    with pytest.raises(TypeError):
        weft.isin(1, 2)


def test_bincount():
    x = RANDOM.integers(0, 7, 50)
    w = RANDOM.normal(size=50)
    np.testing.assert_array_equal(weft.bincount(weft.tensor(x)).numpy(), np.bincount(x))
    sums = weft.tensor(x).bincount(weights=weft.tensor(w), minlength=10)
    np.testing.assert_allclose(sums.numpy(), np.bincount(x, w, 10), atol=1e-12)
    one = weft.tensor([1])
    for weights, dtype in ((one, weft.float64), (one.float(), weft.float32)):
        assert weft.bincount(one, weights).dtype is dtype
    for wrong, error in (
        (lambda: weft.bincount(weft.tensor([-1])), ValueError),
        (lambda: weft.bincount(one, minlength=-1), ValueError),
        (lambda: weft.bincount(one, weft.ones(2)), ValueError),
        (lambda: weft.bincount(one.float()), TypeError),
    ):
        with pytest.raises(error):
            wrong()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 7, 8, 100])
@pytest.mark.parametrize("right", [False, True])
def test_searchsorted(n, right):
    side = "right" if right else "left"
    rows = np.sort(RANDOM.integers(0, 20, (3, n)), axis=1)
    values = RANDOM.integers(-2, 23, (3, 30))
    expected = np.stack([np.searchsorted(r, v, side) for r, v in zip(rows, values)])
    found = weft.searchsorted(weft.tensor(rows), weft.tensor(values), right=right)
    np.testing.assert_array_equal(found.numpy(), expected)
    flat = weft.bucketize(weft.tensor(values), weft.tensor(rows[0]), right=right)
    np.testing.assert_array_equal(flat.numpy(), np.searchsorted(rows[0], values, side))


def test_forms_of_searchsorted():
    x = weft.tensor([5, 1, 3])
    assert weft.searchsorted(x, 3, sorter=x.argsort()).item() == 1
    assert weft.searchsorted(x.sort().values, 3, side="right").item() == 2
    assert weft.bucketize(3, x.sort().values, out_int32=True).dtype is weft.int32
    for wrong in ({"side": "left", "right": True}, {"side": "up"}):
        with pytest.raises(ValueError):
            weft.searchsorted(x, x, **wrong)
    with pytest.raises(ValueError):
        weft.searchsorted(weft.tensor(1), x)


@pytest.mark.parametrize("indexing", ["ij", "xy"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_meshgrid(indexing, count):
    x = [RANDOM.normal(size=n) for n in (2, 3, 4)[:count]]
    grids = weft.meshgrid(*map(weft.tensor, x), indexing=indexing)
    again = weft.meshgrid([weft.tensor(v) for v in x], indexing=indexing)
    for grid, same, expected in zip(grids, again, np.meshgrid(*x, indexing=indexing)):
        np.testing.assert_array_equal(grid.numpy(), expected)
        assert weft.equal(grid, same)
    assert len(grids) == count
    with pytest.raises(ValueError):
        weft.meshgrid(weft.ones(2), indexing="ab")


@pytest.mark.parametrize("diagonal", [-9, -2, -1, 0, 1, 3, 9, 2**62, -(2**62)])
def test_triangles(diagonal):
    for shape in [(3, 4), (4, 3), (2, 3, 3), (0, 3)]:
        x = RANDOM.integers(1, 9, shape)
        for name in ("tril", "triu"):
            y = getattr(weft.tensor(x), name)(diagonal)
            np.testing.assert_array_equal(y.numpy(), getattr(np, name)(x, diagonal))
            bits = getattr(weft, name)(weft.tensor(x > 4), diagonal=diagonal)
            np.testing.assert_array_equal(bits.numpy(), getattr(np, name)(x > 4, diagonal))
    for name in ("tril", "triu"):
        found = getattr(weft, name + "_indices")(3, 4, diagonal)
        expected = getattr(np, name + "_indices")(3, diagonal, 4)
        np.testing.assert_array_equal(found.numpy(), np.stack(expected))


def test_gradients_stay_in_the_triangle():
    x = weft.ones(2, 2, requires_grad=True)
    weft.tril(x * 3).sum().backward()
    assert x.grad.tolist() == [[3, 0], [3, 3]]


def test_at_least():
    for n in (1, 2, 3):
        for shape in [(), (4,), (2, 3), (2, 1, 3), (1, 2, 3, 4)]:
            y = getattr(weft, f"atleast_{n}d")(weft.zeros(shape))
            assert y.shape == getattr(np, f"atleast_{n}d")(np.zeros(shape)).shape
    several = weft.atleast_2d(weft.tensor(1), weft.tensor([1, 2]))
    assert [t.shape for t in several] == [(1, 1), (1, 2)] and isinstance(several, tuple)
    with pytest.raises(TypeError):
        weft.atleast_1d(3)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
def test_nan_to_num(dtype):
    x = np.array([1.5, np.nan, np.inf, -np.inf, 0])
    x = x.astype(dtype) if dtype != "int32" else np.arange(5, dtype="int32")
    np.testing.assert_array_equal(weft.nan_to_num(weft.tensor(x)).numpy(), np.nan_to_num(x))
    y = weft.tensor(x).nan_to_num(nan=1, posinf=2, neginf=-3)
    np.testing.assert_array_equal(y.numpy(), np.nan_to_num(x, nan=1, posinf=2, neginf=-3))


def test_gradient_of_nan_to_num():
    x = weft.tensor([float("nan"), 2.0, float("inf")], requires_grad=True)
    weft.nan_to_num(x).sum().backward()
    assert x.grad.tolist() == [0, 1, 0]


def test_a_number_has_no_dimension_to_move():
    assert weft.movedim(weft.tensor(2.0), -1, 0).tolist() == 2
    with pytest.raises(IndexError):
        weft.tensor(2.0).movedim(0, 1)
