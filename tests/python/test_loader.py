"""Loops over a loader, its seed, and the arguments that PyTorch's has."""

import os
import time

import pytest
import weft
from picture_set import Numbers
from weft import data


def labels_of(loop):
    return [labels.tolist() for _, labels in loop]


@pytest.mark.parametrize("workers", [0, 2])
def test_each_loop_is_an_epoch(workers):
    loader = data.DataLoader(Numbers(), 4, num_workers=workers)
    epoch = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    next(iter(loader))
    for _ in loader:
        break
    assert labels_of(loader) == epoch and labels_of(loader) == epoch
    one, two = iter(loader), iter(loader)
    next(one)
    assert labels_of(two) == epoch and labels_of(one) == epoch[1:]
    assert next(one, None) is None and next(two, None) is None
    assert [(a[1].tolist(), b[1].tolist()) for a, b in zip(loader, loader)] == [(b, b) for b in epoch]
    for _, labels in loader:
        assert labels_of(loader) == epoch
    assert labels.tolist() == [8, 9] and len(iter(loader)) == 3
    assert [labels.tolist() for _, (_, labels) in zip(range(3), loader)] == labels_of(loader)


def test_loops_at_once_have_orders_of_their_own():
    loader = data.DataLoader(Numbers(64), 64, shuffle=True, seed=1)
    orders = [labels.tolist() for loop in [iter(loader) for _ in range(3)] for _, labels in loop]
    orders += [labels.tolist() for _ in range(2) for _, labels in loader]
    assert len({*map(tuple, orders)}) == 5 and all(sorted(o) == [*range(64)] for o in orders)
    assert loader.state() == (1, 3, 0)


def test_threads_of_a_loop_end_with_it():
    loader = data.DataLoader(Numbers(), 2, num_workers=3)
    threads = lambda: len(os.listdir("/proc/self/task"))  # noqa: E731
    begun, before = iter(loader), threads()
    other = iter(loader)
    next(other)
    assert threads() == before + 3
    del other
    assert threads() == before
    ended = iter(loader)
    assert len([*ended]) == 5 and threads() == before
    other = iter(loader)
    loader.close()
    for loop in begun, other:
        with pytest.raises(RuntimeError, match="closed"):
            next(loop)


def test_the_seed_of_a_loader():
    def order(**arguments):
        return sum(labels_of(data.DataLoader(Numbers(32), 8, shuffle=True, **arguments)), [])

    weft.manual_seed(1)
    first, second = order(), order()
    weft.manual_seed(1)
    assert order(generator=None, seed=None) == first and order() == second != first
    drawn = order(generator=weft.Generator(3))
    assert drawn == order(generator=weft.Generator(3)) != order(generator=weft.Generator(4))
    assert order(seed=0) == order(seed=0, generator=weft.Generator(4))
    weft.manual_seed(1)
    labels_of(data.DataLoader(Numbers()))
    data.DataLoader(Numbers(), shuffle=True, seed=2)
    assert order() == first


def test_arguments_of_pytorch():
    none = "sampler batch_sampler worker_init_fn multiprocessing_context prefetch_factor generator"
    defaults = dict.fromkeys(none.split())
    loader = data.DataLoader(
        Numbers(), 5, None, timeout=0, persistent_workers=False, num_workers=0, **defaults
    )
    assert len(labels_of(loader)) == 2
    for name, value in {**dict.fromkeys(none.split()[:4], "x"), "timeout": 5}.items():
        with pytest.raises(ValueError, match=f"{name}=.*not supported"):
            data.DataLoader(Numbers(), **{name: value})


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_set_without_a_batch(workers):
    for loader in (
        data.DataLoader([], 4, num_workers=workers),
        data.DataLoader(Numbers(3), 4, drop_last=True, num_workers=workers),
    ):
        assert len(loader) == 0 and [*loader] == [] and [*loader] == []


def test_texts_in_samples():
    (pair,) = data.DataLoader([("x", 1.5), ("y", 2.5)], 2)
    assert pair[0] == ("x", "y") and pair[1].tolist() == [1.5, 2.5]
    assert [*data.DataLoader(["x", "y"], 2)] == [["x", "y"]]


def test_an_end_does_not_wait_for_all_of_a_batch():
    class Slow:
        def __len__(self):
            return 10**6

        def __getitem__(self, i):
            time.sleep(0.01)
            return i

    loader = data.DataLoader(Slow(), 1000, num_workers=2)
    loop = iter(loader)
    time.sleep(0.1)
    start = time.monotonic()
    del loop, loader
    assert time.monotonic() - start < 3  # of the 10 s that a batch takes
