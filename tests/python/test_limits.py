"""What dtypes can hold, how tensors are printed, and other settings and forms of PyTorch's."""

import math
import sys

import numpy as np
import pytest
import weft


@pytest.fixture(autouse=True)
def default_printing():
    yield
    weft.set_printoptions(profile="default")


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_finfo(name):
    mine, other = weft.finfo(getattr(weft, name)), np.finfo(name)
    for field in ("bits", "max", "min", "eps", "tiny", "smallest_normal"):
        assert getattr(mine, field) == getattr(other, field), field
    assert mine.dtype == name and mine == weft.finfo(getattr(weft, name))
    assert math.isclose(mine.resolution, float(other.resolution), rel_tol=1e-3)


def test_finfo_of_the_rest():
    assert weft.finfo() == weft.finfo(weft.float32) != weft.finfo(weft.float64)
    assert repr(weft.finfo(weft.bfloat16)) == (
        "finfo(resolution=0.01, min=-3.38953e+38, max=3.38953e+38, eps=0.0078125, "
        "smallest_normal=1.17549e-38, tiny=1.17549e-38, dtype=bfloat16)"
    )
    for wrong in (weft.int32, weft.bool):
        with pytest.raises(TypeError):
            weft.finfo(wrong)


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64"])
def test_iinfo(name):
    mine, other = weft.iinfo(getattr(weft, name)), np.iinfo(name)
    assert (mine.bits, mine.min, mine.max, mine.dtype) == (other.bits, other.min, other.max, name)
    assert repr(mine) == f"iinfo(min={other.min}, max={other.max}, dtype={name})"
    for wrong in (weft.float32, weft.bool):
        with pytest.raises(TypeError):
            weft.iinfo(wrong)


def test_default_dtype():
    weft.set_default_dtype(weft.get_default_dtype())
    assert weft.get_default_dtype() is weft.tensor([0.5]).dtype is weft.float32
    with pytest.raises(NotImplementedError, match="float64"):
        weft.set_default_dtype(weft.float64)
    with pytest.raises(TypeError):
        weft.set_default_dtype(weft.int64)


def test_print_options():
    x = weft.tensor([1.0, 1 / 3])
    weft.set_printoptions(precision=2)
    assert repr(x) == "tensor([1.00, 0.33])"
    weft.set_printoptions(linewidth=16)
    assert repr(x) == "tensor([1.00,\n        0.33])"
    weft.set_printoptions(profile="default", sci_mode=True)
    assert repr(x) == "tensor([1.0000e+00, 3.3333e-01])"
    weft.set_printoptions(threshold=3, edgeitems=1)
    assert repr(x) == "tensor([1.0000, 0.3333])"
    assert repr(weft.arange(4)) == "tensor([0,  ..., 3])"
    weft.set_printoptions(threshold=math.inf)
    assert "..." not in repr(weft.arange(3000))
    weft.set_printoptions(threshold=sys.maxsize, profile="short")
    assert repr(x) == "tensor([1.00, 0.33])"
    for wrong in ({"precision": -1}, {"edgeitems": -2}, {"profile": "long"}):
        with pytest.raises(ValueError):
            weft.set_printoptions(**wrong)


# ---- Forms of calls that PyTorch's have


def test_coordinates_of_a_number():
    assert [t.tolist() for t in weft.nonzero(weft.tensor(2), as_tuple=True)] == [[0]]
    assert [t.tolist() for t in weft.tensor(0).nonzero(as_tuple=True)] == [[]]
    assert [t.tolist() for t in weft.where(weft.tensor(True))] == [[0]]
    assert weft.nonzero(weft.tensor(2)).shape == (1, 0)


def test_orders_of_a_norm():
    x = weft.tensor([[3.0, -4.0], [0.0, 12.0]])
    assert x.norm("fro") == x.norm(p=None) == x.norm() == weft.norm(x, p="fro") == 13
    assert x.norm(p="fro", dim=1, keepdim=True).tolist() == [[5], [12]]
    assert x.norm(p=float("-inf")) == 0 and x.norm(p=float("inf")) == 12 and x.norm(p=0) == 3
    assert x.norm(dtype=weft.float64).dtype is weft.float64
    with pytest.raises(NotImplementedError, match="nuc"):
        x.norm(p="nuc")
    with pytest.raises(ValueError, match="'inf'"):
        x.norm("inf")
    with pytest.raises(TypeError):
        x.norm(p=[2])


def test_bernoulli_of_a_number():
    x = weft.zeros(2, 3, dtype=weft.int64)
    assert weft.bernoulli(x, 1.0).tolist() == x.bernoulli(p=1).tolist() == [[1] * 3] * 2
    assert x.dtype is weft.bernoulli(x, 0.5).dtype
    assert x.bernoulli_(weft.tensor([1.0, 0.0, 1.0])) is x
    assert x.tolist() == [[1, 0, 1]] * 2
    assert weft.ones(2).bernoulli_(p=weft.zeros(2)).tolist() == [0, 0]
    with pytest.raises(ValueError):
        weft.bernoulli(x, 2.0)
    with pytest.raises(weft.ShapeError):
        x.bernoulli_(weft.ones(2))


def test_round_to_decimals():
    x = np.array([1.2345, -1.2355, 0.5, 2.5, 1234.5], "float32")
    for decimals in (-2, -1, 0, 1, 3):
        y = weft.round(weft.tensor(x), decimals=decimals)
        np.testing.assert_allclose(y.numpy(), np.round(x, decimals), rtol=1e-6)
    t = weft.tensor(x)
    assert t.round(decimals=1).tolist() == weft.round(input=t, decimals=1).tolist()
    assert t.round_(decimals=1) is t and t[0] == weft.tensor(1.2)
    assert t.round_() is t and t[0] == 1
    for wrong in (
        lambda: weft.round(t, 1),
        lambda: t.round(1),
        lambda: t.round(digits=1),
        lambda: weft.round(),
        lambda: weft.round(1.5),
        lambda: t.round(decimals="1"),
        lambda: weft.round(weft.tensor([1]), decimals=1),
    ):
        with pytest.raises(TypeError):
            wrong()


def test_parts_by_their_names():
    x = weft.arange(5)
    assert [len(t) for t in x.split(split_size=2)] == [2, 2, 1]
    assert [len(t) for t in x.split(split_size=[1, 4], dim=0)] == [1, 4]
    assert [len(t) for t in weft.split(x, split_size_or_sections=3)] == [3, 2]
    assert [t.shape for t in weft.chunk(weft.zeros(2, 0), 3, dim=1)] == [(2, 0)] * 3
    assert len(weft.arange(0).chunk(2)) == 2


def test_square_of_bool():
    y = weft.tensor([True, False]).square()
    assert y.dtype is weft.int64 and y.tolist() == [1, 0]
    with pytest.raises(TypeError):
        weft.tensor([True]).square_()
