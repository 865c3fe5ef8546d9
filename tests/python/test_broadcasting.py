"""Operands of different shapes: the result of NumPy, or a ValueError where NumPy has one."""

import numpy as np
import pytest
import weft
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

PAIRS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "lt": np.less,
    "eq": np.equal,
}


def operand(draw, shape):
    """An array of this shape, as it is or as a view with other strides."""
    x = draw(hnp.arrays(np.float64, shape, elements=st.integers(1, 9)))
    layout = draw(st.sampled_from(["plain", "strided", "reversed", "transposed", "offset"]))
    if shape and layout == "strided":
        wide = np.repeat(x, 2, axis=-1)
        return wide[..., ::2], weft.tensor(wide)[..., ::2]
    if shape and layout == "reversed":
        return x, weft.tensor(x[::-1].copy())[::-1]
    if shape and layout == "offset":
        return x, weft.tensor(np.concatenate([x, x]))[len(x) :]
    if layout == "transposed":
        return x, weft.tensor(x.T.copy()).permute(tuple(range(x.ndim))[::-1])
    return x, weft.tensor(x)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_expanded_operands(data):
    """Of stride 0; as the left side of an operator in place they are refused."""
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3))
    (a, x), (b, y) = (operand(data.draw, shape) for shape in shapes.input_shapes)
    full = x.expand(shapes.result_shape)
    np.testing.assert_array_equal((full * y).numpy(), a * b)
    np.testing.assert_array_equal((y - full).numpy(), b - a)
    if x.numel() and full.numel() > x.numel():
        with pytest.raises(ValueError):
            full += 1
        np.testing.assert_array_equal(x.numpy(), a)


@pytest.mark.parametrize("n", [5, 300, 100_000])
def test_operands_that_share_memory(n):
    """In place, both sides parts of one tensor, as if the right one had been copied."""
    parts = [slice(1, None), slice(None, -1), slice(None, None, -1), slice(None)]
    for left in parts:
        for right in parts:
            a = np.arange(n, dtype=np.float64) % 7
            x = weft.tensor(a)
            if len(a[left]) != len(a[right]):
                continue
            x[left] += x[right]
            x[left] *= x[right]
            a[left] += a[right]
            a[left] *= a[right]
            np.testing.assert_array_equal(x.numpy(), a)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_pairs(data):
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=5, max_side=4))
    (a, x), (b, y) = (operand(data.draw, shape) for shape in shapes.input_shapes)
    name = data.draw(st.sampled_from(sorted(PAIRS)))
    result = getattr(weft, name)(x, y)
    assert tuple(result.shape) == shapes.result_shape
    np.testing.assert_array_equal(result.numpy(), PAIRS[name](a, b))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_two_shapes(data):
    a, b = (np.ones(data.draw(hnp.array_shapes(min_dims=0, max_side=4))) for _ in range(2))
    try:
        expected = (a + b).shape
    except ValueError:
        with pytest.raises(ValueError):
            weft.tensor(a) + weft.tensor(b)
        return
    assert tuple((weft.tensor(a) + weft.tensor(b)).shape) == expected


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_in_place(data):
    """The left operand's shape stays; where it would not, nothing changes."""
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3))
    (a, x), (b, y) = (operand(data.draw, shape) for shape in shapes.input_shapes)
    before = x.clone()
    if shapes.result_shape != a.shape:
        with pytest.raises(ValueError):
            x += y
        assert (x == before).all()
        return
    x += y
    np.testing.assert_array_equal(x.numpy(), a + b)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_gradients_have_the_operands_shapes(data):
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3))
    (a, x), (b, y) = (operand(data.draw, shape) for shape in shapes.input_shapes)
    x, y = x.detach().requires_grad_(), y.detach().requires_grad_()
    (x * y).sum().backward()
    for leaf, other, own in (x, b, a), (y, a, b):
        full = np.broadcast_to(other, shapes.result_shape)
        extra = tuple(range(full.ndim - own.ndim))
        kept = full.sum(extra)
        ones = tuple(i for i, n in enumerate(own.shape) if n == 1)
        np.testing.assert_allclose(leaf.grad.numpy(), kept.sum(ones, keepdims=True))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_expand(data):
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=1, base_shape=(2, 1, 3)))
    a, x = operand(data.draw, shapes.input_shapes[0])
    target = shapes.result_shape
    y = x.expand(target)
    np.testing.assert_array_equal(y.numpy(), np.broadcast_to(a, target))
    assert y.numel() == 0 or y.data_ptr() == x.data_ptr()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_where(data):
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=3))
    c = data.draw(hnp.arrays(bool, shapes.input_shapes[0]))
    (a, x), (b, y) = (operand(data.draw, shape) for shape in shapes.input_shapes[1:])
    result = weft.where(weft.tensor(c), x, y)
    np.testing.assert_array_equal(result.numpy(), np.where(c, a, b))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_matmul(data):
    signature = hnp.mutually_broadcastable_shapes(
        signature="(n?,k),(k,m?)->(n?,m?)", max_dims=2, max_side=3
    )
    shapes = data.draw(signature)
    (a, x), (b, y) = (operand(data.draw, shape) for shape in shapes.input_shapes)
    np.testing.assert_allclose((x @ y).numpy(), a @ b)
