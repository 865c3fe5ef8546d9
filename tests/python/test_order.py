"""Sorting, sums up to each element, comparisons within a tolerance, lerp: against NumPy."""

import numpy as np
import pytest
import weft

# Here and in test_sets.py; test_operations.py asks where each operation is tried.
TRIED = """
argsort sort topk cumsum cumprod diff count_nonzero equal isclose allclose lerp lerp_ unique isin
bincount searchsorted bucketize meshgrid tril triu nan_to_num tril_indices triu_indices atleast_1d
atleast_2d atleast_3d einsum log2 log2_ median cumsum_ cumprod_ tril_ triu_ nan_to_num_ clip clip_
repeat tile roll
""".split()
RANDOM = np.random.default_rng(5)
SHAPES = [(), (0,), (7,), (3, 0), (4, 5), (2, 3, 4)]
DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


def numbers(shape, dtype):
    """With ties; with NaN and infinities where they can be."""
    x = RANDOM.integers(0, 5, shape).astype(dtype)
    if np.dtype(dtype).kind == "f" and x.size > 3:
        x.flat[:4] = [np.nan, np.inf, -np.inf, np.nan]
    return x


def order(x, dim, descending):
    """NumPy's stable order; descending with equal ones as they stand."""
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    flipped = np.flip(x, dim)
    last = x.shape[dim] - 1
    return np.flip(last - np.argsort(flipped, axis=dim, kind="stable"), dim)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES[1:])
@pytest.mark.parametrize("descending", [False, True])
def test_sort(shape, dtype, descending):
    x = numbers(shape, dtype)
    for dim in range(-len(shape), len(shape)):
        values, indices = weft.sort(weft.tensor(x), dim, descending)
        expected = order(x, dim, descending)
        assert indices.dtype is weft.int64 and values.dtype is weft.tensor(x).dtype
        np.testing.assert_array_equal(indices.numpy(), expected)
        np.testing.assert_array_equal(values.numpy(), np.take_along_axis(x, expected, dim))
        found = weft.tensor(x).argsort(dim=dim, descending=descending, stable=True)
        np.testing.assert_array_equal(found.numpy(), expected)
        if dtype != "bool":
            k = x.shape[dim] // 2
            best = weft.topk(weft.tensor(x), k, dim=dim, largest=descending)
            np.testing.assert_array_equal(
                best.indices.numpy(), np.take(expected, range(k), axis=dim)
            )


def test_few_of_many():
    x = RANDOM.permutation(5000).reshape(2, 2500)
    values, indices = weft.tensor(x).topk(3)
    np.testing.assert_array_equal(indices.numpy(), np.argsort(-x, axis=1)[:, :3])
    np.testing.assert_array_equal(values.numpy(), -np.sort(-x, axis=1)[:, :3])


def test_numbers_are_their_own_order():
    x = weft.tensor(3.5)
    assert [t.tolist() for t in weft.sort(x)] == [3.5, 0]
    assert [t.tolist() for t in weft.topk(x, 1)] == [3.5, 0]
    assert x.argsort().tolist() == 0
    assert weft.cumsum(x, 0).tolist() == weft.cumprod(x, -1).tolist() == 3.5


def test_gradients_go_to_what_was_chosen():
    x = weft.tensor([3.0, 1.0, 2.0], requires_grad=True)
    (weft.sort(x).values * weft.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [100, 1, 10]
    x.grad = None
    x.topk(1).values.sum().backward()
    assert x.grad.tolist() == [1, 0, 0]
    assert not weft.argsort(x).requires_grad and not weft.sort(x).indices.requires_grad


def test_refusals():
    x = weft.ones(2, 3)
    for call in (
        lambda: weft.sort(x, 2),
        lambda: weft.topk(x, 4),
        lambda: weft.topk(x, -1),
        lambda: weft.cumsum(x, -3),
    ):
        with pytest.raises(IndexError):
            call()
    with pytest.raises(weft.DTypeError):
        weft.topk(weft.tensor([True]), 1)
    with pytest.raises(TypeError):
        weft.sort(x, 0, False, True)


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "float16"])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_scans(name, shape, dtype):
    x = RANDOM.integers(0, 3, shape).astype(dtype)
    for dim in range(-len(shape), len(shape)):
        y = getattr(weft, name)(weft.tensor(x), dim)
        wide = x.dtype if x.dtype.kind == "f" else np.int64
        assert y.numpy().dtype == wide
        np.testing.assert_array_equal(y.numpy(), getattr(np, name)(x, axis=dim, dtype=wide))


def test_scans_of_other_dtypes():
    x = weft.tensor([0.5, 1.5, 2.5])
    assert weft.cumsum(x, 0, dtype=weft.int32).tolist() == [0, 1, 3]
    assert weft.cumsum(x, axis=0, dtype=weft.float64).dtype is weft.float64
    assert x.cumprod(dim=0).tolist() == [0.5, 0.75, 1.875]
    assert weft.cumsum(weft.full((3,), 40000.0).half(), 0).tolist()[0] == 40000
    assert weft.cumsum(weft.tensor([float("inf"), 1, -float("inf")]), 0).isnan().tolist() == [
        False,
        False,
        True,
    ]


def test_gradients_of_scans():
    x = weft.tensor([2.0, 0.0, 3.0, 5.0], requires_grad=True)
    weft.cumprod(x, 0).sum().backward()
    assert x.grad.tolist() == [1, 2 * (1 + 3 + 15), 0, 0]
    x = weft.rand(3, 9, dtype=weft.float64, requires_grad=True)
    assert weft.autograd.gradcheck(lambda x: weft.cumprod(x, 1), [x])
    assert weft.autograd.gradgradcheck(lambda x: weft.cumprod(x, 0), [x])


@pytest.mark.parametrize("n", range(4))
def test_diff(n):
    x = RANDOM.integers(0, 9, (3, 4))
    for dim in (0, 1, -1):
        y = weft.diff(weft.tensor(x), n, dim)
        np.testing.assert_array_equal(y.numpy(), np.diff(x, n, dim))
    one = weft.tensor([7])
    assert weft.tensor([1, 4]).diff(prepend=one, append=one).tolist() == [-6, 3, 3]
    bits = np.array([True, False, False])
    assert weft.tensor(bits).diff().tolist() == np.diff(bits).tolist()


def test_count_nonzero():
    x = np.array([[0.0, np.nan, 2.0], [0.0, -0.0, 1.0]])
    for axis in (None, 0, 1, (0, 1)):
        y = weft.count_nonzero(weft.tensor(x), axis)
        assert y.dtype is weft.int64
        np.testing.assert_array_equal(y.numpy(), np.count_nonzero(x, axis))


@pytest.mark.parametrize("equal_nan", [False, True])
def test_isclose(equal_nan):
    special = [0.0, 1.0, 1.00001, 1e-9, -1.0, np.inf, -np.inf, np.nan, 1e30]
    a, b = np.meshgrid(special, special)
    y = weft.isclose(weft.tensor(a), weft.tensor(b), equal_nan=equal_nan)
    np.testing.assert_array_equal(y.numpy(), np.isclose(a, b, equal_nan=equal_nan))
    assert weft.allclose(weft.tensor(a), weft.tensor(a), equal_nan=equal_nan) == equal_nan


def test_equal():
    x = weft.arange(4)
    assert x.equal(x.double()) is True and weft.equal(x, x.view(2, 2)) is False
    assert not weft.equal(x, x + 1) and not weft.equal(x, x[:3])
    with pytest.raises(TypeError):
        weft.equal(x, 3)


def test_lerp():
    a, b = RANDOM.normal(size=(2, 3, 4))
    w = RANDOM.uniform(size=4)
    x, y = weft.tensor(a), weft.tensor(b)
    np.testing.assert_allclose(weft.lerp(x, y, weft.tensor(w)).numpy(), a + w * (b - a))
    np.testing.assert_array_equal(x.lerp(y, 1).numpy(), b)
    np.testing.assert_array_equal(x.lerp(y, 0.0).numpy(), a)
    assert x.lerp_(y, 0.5) is x
    np.testing.assert_allclose(x.numpy(), (a + b) / 2)
    with pytest.raises(weft.ShapeError):
        weft.ones(2).lerp_(weft.ones(3, 2), 0.5)
    with pytest.raises(weft.DTypeError):
        weft.lerp(weft.ones(2), weft.ones(2), weft.ones(2, dtype=weft.float64))
    # A number of another dtype is one that converts, as in PyTorch.
    assert weft.lerp(weft.zeros(1), weft.ones(1), weft.tensor(0.5, dtype=weft.float64)) == 0.5


def test_gradients_of_lerp():
    x, y = weft.rand(2, 3, dtype=weft.float64), weft.rand(3, dtype=weft.float64)
    w = weft.rand(2, 1, dtype=weft.float64)
    inputs = [t.requires_grad_() for t in (x, y, w)]
    assert weft.autograd.gradcheck(weft.lerp, inputs)
    assert weft.autograd.gradgradcheck(weft.lerp, inputs)
    assert weft.autograd.gradcheck(lambda x, y: weft.lerp(x, y, 0.3), inputs[:2])
