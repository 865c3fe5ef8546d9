"""Arguments by name as PyTorch takes them: sizes, and NumPy's axis and keepdims."""

import numpy as np
import pytest

import weft
import weft.nn.functional as F

X = weft.tensor(np.random.default_rng(6).normal(size=(3, 4)))


def same(a, b):
    a, b = (list(t) if isinstance(t, (tuple, list)) else [t] for t in (a, b))
    return len(a) == len(b) and all(x.shape == y.shape and (x == y).all() for x, y in zip(a, b))


@pytest.mark.parametrize("size", [(4, 3), [2, 6], (2, -1), (12,)])
def test_sizes(size):
    assert same(X.view(size=size), X.view(*size)) and same(X.view(size), X.view(*size))
    assert same(X.reshape(shape=size), X.reshape(*size))
    assert same(weft.reshape(X, shape=size), X.reshape(*size))
    assert same(X[:1].expand(size=(5, -1)), X[:1].expand(5, -1))


def test_dims():
    assert same(X.permute(dims=(1, 0)), X.T) and same(weft.permute(X, dims=(1, 0)), X.T)
    assert same(X.flip(dims=(0, 1)), X.flip(0, 1)) and same(weft.flip(X, dims=[1]), X.flip(1))
    assert X.size(dim=0) == X.size(axis=0) == 3 and X.stride(axis=1) == 1


@pytest.mark.parametrize("name", "view reshape permute expand flip".split())
def test_unknown_sizes(name):
    given = {"view": "size", "reshape": "shape", "expand": "size"}.get(name, "dims")
    method = getattr(X, name)
    for args, keywords in [((), {"sizes": (3, 4)}), ((0,), {given: (1,)}), ((), {given: "a"})]:
        with pytest.raises(TypeError):
            method(*args, **keywords)
    with pytest.raises(TypeError):
        method(**{given: (3, 4), "dtype": weft.int32})


AXIS = {
    **dict.fromkeys("sum mean prod amax amin all any logsumexp softmax log_softmax".split(), ()),
    **dict.fromkeys("argmax argmin max min var std unsqueeze unbind".split(), ()),
    "norm": (2,),
    "chunk": (2,),
    "split": (2,),
    "index_select": {"index": weft.tensor([0, 2])},
    "gather": {"index": weft.tensor([[0, 1]])},
    "narrow": {"start": 0, "length": 2},
    "select": {"index": 1},
    "index_fill": {"index": weft.tensor([0]), "value": 2},
}


@pytest.mark.parametrize("name", AXIS)
@pytest.mark.parametrize("axis", [0, -1])
def test_axis(name, axis):
    rest = AXIS[name]
    args, more = (rest, {}) if isinstance(rest, tuple) else ((), rest)
    for f in (getattr(weft, name), lambda x, *a, **k: getattr(x, name)(*a, **k)):
        expected = f(X, *args, dim=axis, **more)
        assert same(f(X, *args, axis=axis, **more), expected)
        for keywords in [{"axis": axis, "dim": axis}, {"axes": axis}]:
            with pytest.raises(TypeError):
                f(X, *args, **keywords, **more)


@pytest.mark.parametrize("name", "sum mean prod amax amin all any argmax max var norm".split())
def test_keepdims(name):
    for f in (getattr(weft, name), lambda x, **k: getattr(x, name)(**k)):
        expected = f(X, dim=1, keepdim=True)
        for keywords in [
            {"axis": 1, "keepdims": True},
            {"dim": 1, "keepdims": True},
            {"axis": 1, "keepdim": True},
        ]:
            assert same(f(X, **keywords), expected)
        with pytest.raises(TypeError):
            f(X, dim=1, keepdim=True, keepdims=True)
    with pytest.raises(TypeError):
        weft.max(X, 1, axis=1)


@pytest.mark.parametrize("name", ["zeros", "ones", "empty", "rand", "randn"])
@pytest.mark.parametrize("size", [(2, 3), [], weft.Size([4])])
def test_sizes_of_new_tensors(name, size):
    t = getattr(weft, name)(dtype=weft.float64, size=size)
    assert t.shape == tuple(size) and t.dtype is weft.float64
    for args in [(2,), ((2,),)]:
        with pytest.raises(TypeError):
            getattr(weft, name)(*args, size=size)
    with pytest.raises(TypeError):
        getattr(weft, name)(sizes=size)
    if hasattr(X, "new_" + name):
        t = getattr(X, "new_" + name)(size=size, requires_grad=True)
        assert t.shape == tuple(size) and t.dtype is X.dtype and t.requires_grad
        with pytest.raises(TypeError):
            getattr(X, "new_" + name)(3, size=size)


def test_unbiased():
    for name, ours in [("var", weft.var), ("std", weft.std)]:
        reference = getattr(np, name)
        for unbiased in False, True:
            expected = reference(X.numpy(), 1, ddof=unbiased)
            for y in [
                ours(X, 1, unbiased),
                ours(X, dim=1, unbiased=unbiased),
                getattr(X, name)(axis=1, unbiased=unbiased, keepdims=True)[:, 0],
            ]:
                np.testing.assert_allclose(y.numpy(), expected)
        with pytest.raises(TypeError):
            ours(X, 1, correction=0, unbiased=False)


def test_joins():
    assert same(weft.cat([X, X], axis=1), weft.cat([X, X], 1))
    assert same(weft.stack(tensors=[X, X], axis=-1), weft.stack([X, X], -1))


def test_names_of_the_second():
    v = X[0]
    assert same(v.dot(tensor=v), weft.dot(v, v)) and same(weft.dot(input=v, tensor=v), v.dot(v))
    assert weft.result_type(tensor=X, other=weft.ones(2)) is weft.float64
    assert weft.can_cast(from_=weft.bool, to=weft.int8) and not weft.can_cast(weft.int8, weft.bool)
    assert same(X.maximum(other=X * 2), weft.maximum(X, X * 2)) and same(X.pow(exponent=2), X**2)
    assert same(X.add(other=1), X + 1) and same(X.clone().pow_(exponent=2), X**2)
    for wrong in [{}, {"others": X}]:
        with pytest.raises(TypeError, match="maximum"):
            X.maximum(**wrong)
    with pytest.raises(TypeError):
        X.maximum(X, other=X)


ONE = "exp abs relu isfinite sigmoid".split()
TWO = "maximum pow eq lt logical_and bitwise_or".split()


@pytest.mark.parametrize("name", ONE + TWO + ["sum", "argmax", "softmax", "unsqueeze"])
@pytest.mark.parametrize("first", ["x", "a", "x1"])
def test_numpys_names_of_operands(name, first):
    f, x, y = getattr(weft, name), weft.arange(3), weft.tensor([0, 2, 2])
    if name in ONE:
        assert same(f(**{first: x}), f(x))
    elif name == "pow":
        assert same(f(**{first: x}, exponent=y), f(x, y))
    elif name in TWO:
        assert same(f(**{first: x}, x2=y), f(x, y)) and same(f(x, x2=y), f(x, y))
        with pytest.raises(TypeError):
            f(x, y, x2=y)
    else:
        x = x.double()
        assert same(f(**{first: x}, axis=0), f(x, 0))
    with pytest.raises(TypeError):
        f(**{first: x, "input": x})


def test_those_of_networks_have_their_own_names_only():
    with pytest.raises(TypeError):
        F.softmax(X, axis=1)


def test_functions_look_as_before():
    assert weft.cat.__name__ == "cat" and weft.cat.__doc__.startswith("cat(tensors")
    assert weft.cat.__module__ == weft.matmul.__module__
    assert X.amax.__self__ is X and weft.Tensor.amax.__name__ == "amax"
