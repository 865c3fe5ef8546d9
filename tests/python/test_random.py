"""Generators, keys and what is drawn from them."""

import pickle

import numpy as np
import pytest

import weft

MAKERS = {
    "rand": lambda g: weft.rand(3, 5, generator=g),
    "randn": lambda g: weft.randn((3, 5), generator=g),
    "randint": lambda g: weft.randint(2, 9, (15,), generator=g),
    "randint from 0": lambda g: weft.randint(9, (15,), generator=g),
    "randperm": lambda g: weft.randperm(20, generator=g),
    "rand_like": lambda g: weft.rand_like(weft.ones(3, 4), generator=g),
    "randn_like": lambda g: weft.randn_like(weft.ones(3, 4), generator=g, dtype=weft.float64),
    "bernoulli": lambda g: weft.bernoulli(weft.full((40,), 0.5), generator=g),
    "multinomial": lambda g: weft.multinomial(weft.ones(2, 30), 15, generator=g),
    "multinomial, replaced": lambda g: weft.ones(9).multinomial(25, True, generator=g),
    "uniform_": lambda g: weft.empty(9).uniform_(-1, 2, generator=g),
    "normal_": lambda g: weft.empty(9).normal_(3, 0.5, generator=g),
    "bernoulli_": lambda g: weft.empty(40).bernoulli_(0.25, generator=g),
    "dropout": lambda g: weft.nn.functional.dropout(weft.ones(40), 0.5, generator=g),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_state_is_all_there_is(name):
    make = MAKERS[name]
    g = weft.Generator(7)
    first, state = make(g), g.get_state()
    second = make(g)
    assert not (first == second).all()
    assert (make(weft.Generator(7)) == first).all()
    g.set_state(state)
    assert (make(g) == second).all()
    weft.manual_seed(7)
    assert (make(None) == first).all()
    assert (make(pickle.loads(pickle.dumps(weft.Generator(7)))) == first).all()


def test_ranges():
    g = weft.Generator(1)
    x = weft.rand(10000, generator=g).numpy()
    assert x.min() >= 0 and x.max() < 1 and abs(x.mean() - 0.5) < 0.02
    n = weft.randn(10000, generator=g).numpy()
    assert abs(n.mean()) < 0.05 and abs(n.std() - 1) < 0.05
    assert set(weft.randint(2, 5, (1000,), generator=g).tolist()) == {2, 3, 4}
    assert sorted(weft.randperm(50, generator=g).tolist()) == list(range(50))
    u = weft.empty(1000).uniform_(-1, 2, generator=g)
    assert -1 <= u.min().item() < -0.8 and 1.8 < u.max().item() < 2
    assert abs(weft.empty(10000).bernoulli_(0.25, generator=g).mean().item() - 0.25) < 0.02


def test_default_generator():
    assert weft.manual_seed(3) is weft.default_generator
    assert weft.initial_seed() == weft.default_generator.initial_seed() == 3
    state = weft.get_rng_state()
    x = weft.rand(4)
    weft.set_rng_state(state)
    assert (weft.rand(4) == x).all()
    assert weft.seed() == weft.initial_seed()
    assert weft.manual_seed(-1).initial_seed() == 2**64 - 1
    weft.manual_seed(0)


def test_wrong_states():
    for state in (weft.zeros(2), weft.zeros(3, dtype=weft.int64)):
        with pytest.raises(ValueError, match="seed and offset"):
            weft.Generator().set_state(state)


def test_keys():
    key = weft.Key(5)
    a, b = key.split()
    assert a != b and a == weft.Key(5).fold(0) and b == key.fold(1)
    assert len({k.value for k in key.split(100)}) == 100
    assert hash(a) == hash(key.fold(0)) and pickle.loads(pickle.dumps(a)) == a
    assert repr(weft.Key(5)) == "weft.Key(5)" and weft.Key(-1).value == 2**64 - 1
    assert a != 5
    drawn = weft.rand(3, generator=weft.Generator(a.value))
    assert (drawn == weft.rand(3, generator=weft.Generator(a.value))).all()


def test_the_numbers_of_philox():
    """Philox 4x32-10 of seed 0 and block 0, the known answer of the paper's authors."""
    x = weft.rand(4, dtype=weft.float32, generator=weft.Generator(0))
    words = np.array([0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8], dtype=np.uint32)
    np.testing.assert_array_equal(x.numpy(), (words >> 8).astype(np.float32) * np.float32(2**-24))


@pytest.mark.parametrize("replacement", [False, True])
def test_multinomial_draws_by_weight(replacement):
    weights = weft.tensor([[0.0, 1.0, 3.0, 0.0, 4.0]], dtype=weft.float64)
    drawn = weft.multinomial(weights.expand(40_000, 5), 2, replacement)
    assert drawn.dtype is weft.int64 and drawn.shape == (40_000, 2)
    first, second = drawn.numpy().T
    p = weights[0].numpy() / 8
    assert np.abs(np.bincount(first, minlength=5) / 40_000 - p).max() < 0.015
    if replacement:
        expected = p
    else:
        assert (first != second).all()
        with np.errstate(invalid="ignore"):
            expected = sum(p[i] * np.where(np.arange(5) == i, 0, p / (1 - p[i])) for i in (1, 2, 4))
    assert np.abs(np.bincount(second, minlength=5) / 40_000 - expected).max() < 0.015


@pytest.mark.parametrize(
    "weights, rest",
    [
        ([1.0, -1.0], (1,)),
        ([0.0, 0.0], (1, True)),
        ([float("nan"), 1.0], (1,)),
        ([float("inf"), 1.0], (1,)),
        ([0.0, 1.0], (2,)),
        ([1.0, 1.0], (3,)),
        ([1.0, 1.0], (0,)),
        ([[[1.0]]], (1,)),
        (1.0, (1,)),
        ([], (1, True)),
    ],
)
def test_multinomial_refuses(weights, rest):
    with pytest.raises(RuntimeError, match=r"\[multinomial\] got"):
        weft.multinomial(weft.tensor(weights), *rest)


def test_multinomial_of_halves_and_integers():
    drawn = weft.tensor([0.0, 2.0], requires_grad=True).half().multinomial(3, True)
    assert drawn.tolist() == [1, 1, 1] and not drawn.requires_grad
    with pytest.raises(TypeError, match="floating"):
        weft.multinomial(weft.tensor([1, 2]), 1)
