"""Copies side by side, what goes round, the middle, Einstein's sums, in-place forms: against NumPy."""

import numpy as np
import pytest
import weft

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(3, 4, 2))


@pytest.mark.parametrize("shifts, dims", [(1, 0), (-7, 1), ((1, 2), (0, -1)), (5, None), (0, 1)])
def test_roll(shifts, dims):
    options = {} if dims is None else {"dims": dims}
    y = weft.roll(weft.tensor(X), shifts, **options)
    np.testing.assert_array_equal(y.numpy(), np.roll(X, shifts, dims))
    np.testing.assert_array_equal(weft.tensor(X).roll(shifts, **options).numpy(), y.numpy())


@pytest.mark.parametrize("times", [(2,), (2, 1, 3), (0, 1), (2, 1, 1, 2), (1,) * 8])
def test_tile_and_repeat(times):
    x = weft.tensor(X)
    expected = np.tile(X, times)
    np.testing.assert_array_equal(weft.tile(x, times).numpy(), expected)
    np.testing.assert_array_equal(x.tile(*times).numpy(), expected)
    if len(times) >= 3:
        np.testing.assert_array_equal(x.repeat(*times).numpy(), expected)
        y = x[:, :1].repeat(times)
        y.zero_()  # its own memory
        assert (x != 0).all()
    with pytest.raises(weft.ShapeError):
        x.repeat(2, 2)
    with pytest.raises(weft.ShapeError):
        weft.ones(2).repeat(2**62, 4)
    with pytest.raises(TypeError):
        x.repeat(sizes=times)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "float64"])
def test_median(dtype):
    x = RANDOM.integers(0, 6, (3, 5, 7)).astype(dtype)
    t = weft.tensor(x)
    assert weft.median(t) == np.median(x) and t.median().dtype is t.dtype
    for dim in range(-3, 3):
        for keep in False, True:
            values, indices = t.median(dim, keepdim=keep)
            np.testing.assert_array_equal(values.numpy(), np.median(x, dim, keepdims=keep))
            at = indices.numpy() if keep else np.expand_dims(indices.numpy(), dim)
            found = np.take_along_axis(x, at, dim)
            np.testing.assert_array_equal(found if keep else found.squeeze(dim), values.numpy())
    found = weft.median(t, axis=1)
    assert type(found).__name__ == "median" and found.values.equal(t.median(1).values)


def test_log2():
    powers = 2.0 ** np.arange(-1022, 1024)
    np.testing.assert_array_equal(weft.tensor(powers).log2().numpy(), np.log2(powers))
    small = powers[896:1150].astype(np.float32)
    np.testing.assert_array_equal(weft.tensor(small).log2().numpy(), np.log2(small))
    x = weft.tensor([0.0, -1.0, float("inf"), float("nan"), 3.0], dtype=weft.float64)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(x.log2().numpy(), np.log2(x.numpy()))


@pytest.mark.parametrize(
    "equation, shapes",
    [
        ("ij,jk->ik", [(3, 4), (4, 5)]),
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
        ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
        ("...ij,...jk->...ik", [(7, 1, 3, 4), (6, 4, 5)]),
        ("i...,i...->...", [(3, 4), (3, 5, 4)]),
        ("ij,jk,kl,lm->im", [(2, 3), (3, 4), (4, 5), (5, 2)]),
        ("abc,abd,ae->cde", [(2, 3, 4), (2, 3, 5), (2, 6)]),
        ("iij,jkk->ik", [(3, 3, 4), (4, 5, 5)]),
        ("ijij->ji", [(3, 4, 3, 4)]),
        ("ab,cd", [(2, 3), (4, 5)]),
        ("bA,Ba", [(2, 3), (4, 5)]),
        ("ij,ij,ij->", [(2, 3), (2, 3), (2, 3)]),
        ("i,->i", [(3,), ()]),
    ],
)
def test_einsum(equation, shapes):
    arrays = [RANDOM.normal(size=s) for s in shapes]
    tensors = [weft.tensor(a) for a in arrays]
    y = weft.einsum(equation, *tensors)
    np.testing.assert_allclose(y.numpy(), np.einsum(equation, *arrays), atol=1e-12)
    inputs = [t.requires_grad_() for t in tensors]
    assert weft.autograd.gradcheck(lambda *x: weft.einsum(equation, *x), inputs)


def test_einsum_refuses():
    x = weft.ones(2, 3)
    for call in (
        lambda: weft.einsum("ij", "x"),
        lambda: weft.einsum(x, x),
        lambda: weft.einsum(x, [0, 1], [0], x),
    ):
        with pytest.raises((TypeError, ValueError)):
            call()
    with pytest.raises(weft.ValueError, match="got 52 for a dimension"):
        weft.einsum(x, [0, 52])
    with pytest.raises(weft.ShapeError):
        weft.einsum("abcde,fghij", weft.ones(1, 1, 1, 1, 1), weft.ones(1, 1, 1, 1, 1))


@pytest.mark.parametrize(
    "change, same",
    [
        (lambda x: x.cumsum_(1), lambda x: x.cumsum(1)),
        (lambda x: x.cumprod_(-2), lambda x: x.cumprod(-2)),
        (lambda x: x.tril_(1), lambda x: x.tril(1)),
        (lambda x: x.triu_(), lambda x: x.triu()),
        (lambda x: x.clip_(-0.5, 0.5), lambda x: x.clip(-0.5, 0.5)),
        (lambda x: x.nan_to_num_(1.0), lambda x: x.nan_to_num(1.0)),
        (lambda x: x.log2_(), lambda x: x.log2()),
    ],
    ids="cumsum_ cumprod_ tril_ triu_ clip_ nan_to_num_ log2_".split(),
)
def test_in_place(change, same):
    start = weft.tensor(np.abs(X) + 0.25)
    x = start.clone()
    assert change(x) is x and x.equal(same(start))
    grads = []
    for f in change, same:
        leaf = start.clone().requires_grad_()
        (f(leaf * 1) * weft.tensor(X)).sum().backward()
        grads.append(leaf.grad)
    np.testing.assert_allclose(grads[0].numpy(), grads[1].numpy())
    with pytest.raises(RuntimeError):
        change(start.clone().requires_grad_())
