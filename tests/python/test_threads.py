"""Many threads of Python that use tensors at once get what one thread gets, and nothing is lost."""

import gc
import sys
import threading
import time
import weakref

import numpy as np
import pytest
import weft
from weft import nn

THREADS = 8
SECONDS = 0.4


@pytest.fixture(autouse=True)
def switch_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def in_threads(work, seconds=SECONDS):
    """Calls work(thread's number, round) again and again in THREADS threads at once."""
    errors, start, rounds = [], threading.Barrier(THREADS), [0] * THREADS

    def run(number):
        try:
            start.wait()
            end = time.monotonic() + seconds
            while time.monotonic() < end and not errors:
                work(number, rounds[number])
                rounds[number] += 1
        except BaseException as error:  # noqa: B902
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    assert all(rounds)


def test_computing_and_indexing():
    shared = weft.arange(60_000.0)  # from 16,384 elements on other threads run meanwhile
    array = np.arange(60_000.0)

    def work(number, turn):
        a = (number * 131 + turn * 17) % 10_000
        doubled = shared[a : a + 40_000] * 2 + number
        assert np.array_equal(doubled.numpy(), array[a : a + 40_000] * 2 + number)
        assert int(shared[:40_000].argmax()) == 39_999
        assert shared[weft.tensor([a, a + 1, -1])].tolist() == [a, a + 1, 59_999]
        mask = shared[a : a + 100] > a + 49
        assert int(mask.sum()) == 50
        own = weft.zeros(50, 4)
        own[turn % 50] = number
        own[:, 1] += 1
        assert own.numpy()[turn % 50].tolist() == [number, number + 1, number, number]
        assert own.t().contiguous().reshape(-1)[49 + 1].item() in (1, number + 1)

    in_threads(work)


def test_graphs_of_their_own_over_shared_weights():
    """Gradients by weft.autograd.grad(), which writes into no shared tensor."""
    w = weft.linspace(-1, 1, 64).reshape(8, 8).requires_grad_()
    x = weft.arange(24.0).reshape(3, 8)
    expected = [weft.autograd.grad((x[:2] @ w * k).tanh().sum(), w)[0] for k in range(THREADS)]

    def work(number, turn):
        (g,) = weft.autograd.grad((x[:2] @ w * number).tanh().sum(), w)
        assert bool((g == expected[number]).all())
        own = (x * number).requires_grad_()
        (own * own).sum().backward()
        assert bool((own.grad == 2 * own.detach()).all())

    in_threads(work)
    assert w.grad is None


def test_gradients_of_one_leaf_add_up():
    w = weft.zeros(64, requires_grad=True)
    done = [0] * THREADS

    def work(number, turn):
        (w * float(number + 1)).sum().backward()
        done[number] += 1

    in_threads(work)
    assert w.grad.tolist() == [float(sum(n * (i + 1) for i, n in enumerate(done)))] * 64


def test_inference_with_one_network():
    weft.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    net.append(nn.Flatten()).append(nn.Linear(8 * 36, 5)).eval()
    inputs = [weft.randn(4, 3, 6, 6) for _ in range(THREADS)]
    with weft.no_grad():
        expected = [net(x) for x in inputs]

    def work(number, turn):
        with weft.no_grad():
            assert not weft.is_grad_enabled()
            assert bool((net(inputs[number]) == expected[number]).all())
        assert weft.is_grad_enabled()

    in_threads(work)


def test_one_object_for_a_tensor():
    """The same tensors are wrapped and let go of by all threads at once."""
    net = nn.Sequential(*(nn.Linear(4, 4) for _ in range(4)))
    leaf = weft.ones(3, requires_grad=True)
    (leaf * 2).sum().backward()

    def work(number, turn):
        assert leaf.grad is leaf.grad
        first, second = list(net.parameters()), list(net.parameters())
        assert all(a is b for a, b in zip(first, second))
        assert net[turn % 4] is net[turn % 4] and net[-1].weight is first[-2]
        ref = weakref.ref(leaf.grad)
        assert ref() is None or ref() is leaf.grad
        y = leaf * float(turn)
        assert y.grad_fn is not None and y.requires_grad and leaf in {leaf, y}

    in_threads(work)


def test_making_and_dropping_tensors_and_views():
    gc.collect()
    before = weft.cpu.memory_stats()["in_use"]
    held = [None] * THREADS  # let go of by another thread than made it

    def work(number, turn):
        x = weft.full((1000 + number * 4000 + turn % 3000,), float(number))
        view = x[10:90:3]
        held[(number + turn) % THREADS] = (x, view, x.numpy(), memoryview(view))
        other = held[(number * 3 + turn) % THREADS]
        if other is not None:
            whole, part, array, memory = other
            value = float(array[0])
            assert value == part[-1].item() == whole[50].item() == memory[0]

    in_threads(work)
    del held[:]
    gc.collect()
    assert weft.cpu.memory_stats()["in_use"] <= before


def test_threads_change_their_own_parts_of_one_tensor():
    x = weft.zeros(THREADS, 20_000)
    done = [0] * THREADS

    def work(number, turn):
        x[number] += 1
        x[number].add_(number)
        done[number] += 1

    in_threads(work)
    for number, n in enumerate(done):
        assert bool((x[number] == n * (number + 1)).all())


def loads_of(kind):
    if kind == "module":
        return nn.Linear(4000, 4000), nn.Linear(4000, 4000).state_dict()
    made = []
    for _ in range(2):
        p = nn.Parameter(weft.ones(8_000_000))
        p.grad = weft.ones(8_000_000)
        made.append(weft.optim.Adam([p]))
        made[-1].step()
    return made[0], made[1].state_dict()


@pytest.mark.parametrize("kind", ["module", "optimizer"])
def test_other_threads_run_while_a_state_is_loaded(kind):
    target, state = loads_of(kind)
    sys.setswitchinterval(1000)  # only who lets go of the lock loses it
    go, ran = threading.Lock(), []
    go.acquire()
    thread = threading.Thread(target=lambda: (go.acquire(), ran.append(1)))
    thread.start()
    time.sleep(0.05)
    go.release()
    assert not ran
    target.load_state_dict(state)
    assert ran
    thread.join()


def test_modes_numbers_and_errors_belong_to_a_thread():
    def work(number, turn):
        with weft.set_grad_enabled(number % 2 == 0):
            assert (weft.ones(2, requires_grad=True) * 2).requires_grad == (number % 2 == 0)
        generator = weft.Generator().manual_seed(number)
        first = weft.rand(5, generator=generator)
        generator.manual_seed(number)
        assert bool((weft.rand(5, generator=generator) == first).all())
        with pytest.raises(weft.ShapeError, match=rf"\b{number + 2}\b"):
            weft.ones(number + 2) + weft.ones(number + 20)
        assert weft.randn(3).numel() == 3

    in_threads(work)


def test_hooks_come_and_go_while_others_call():
    net, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)), weft.ones(1, 4)
    expected = net(x).tolist()

    def work(number, turn):
        hook = None if number % 2 else net[turn % 3].register_forward_hook(lambda m, a, y: None)
        assert net(x).tolist() == expected
        if hook:
            hook.remove()

    in_threads(work, 2)


def test_parts_are_replaced_while_others_call():
    net, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)), weft.ones(1, 4)
    first = net[0]

    def work(number, turn):
        if number == 0:
            net.append(nn.Tanh()) if turn % 2 == 0 else net.pop()
            net[2] = nn.Sequential(nn.Linear(4, 4), nn.Identity())
        elif number == 1:
            first.weight = nn.Parameter(weft.ones(4, 4))
        else:
            assert net(x).shape == (1, 4)

    in_threads(work, 1)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_loop_over_a_loader_may_be_shared(workers):
    loader = weft.data.DataLoader(weft.data.TensorDataset(weft.arange(400)), 4, num_workers=workers)
    for _ in range(10):
        got, loop = [], iter(loader)

        def run(got=got, loop=loop):
            for (batch,) in loop:
                got.extend(batch.tolist())

        threads = [threading.Thread(target=run, daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert sorted(got) == list(range(400))
