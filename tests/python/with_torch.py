"""with_torch.py FIRST SECOND: imports torch and weft in that order; both compute in one process."""

import importlib
import os
import sys
import threading

for _name in sys.argv[1:3]:
    importlib.import_module(_name)

import torch  # noqa: E402
import weft  # noqa: E402


def numbers(library, *sizes):
    count = 1
    for n in sizes:
        count *= n
    return (library.arange(count, dtype=library.float32).reshape(sizes) % 13 - 6) / 8


def network(library):
    """A convolution, batch norm, a pool and a product, with gradients, large enough for threads."""
    F = library.nn.functional
    x, w, v = (numbers(library, *s) for s in ((8, 16, 24, 24), (32, 16, 3, 3), (32, 10)))
    for t in (x, w, v):
        t.requires_grad_()
    y = F.max_pool2d(F.relu(F.conv2d(x, w, padding=1)), 2)
    y = F.batch_norm(y, None, None, training=True)
    loss = F.cross_entropy(y.mean((2, 3)) @ v, library.arange(8) % 10)
    loss.backward()
    return [loss.detach(), x.grad, w.grad, v.grad]


def close(ours, theirs):
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(torch.from_dlpack(a.contiguous()), b, rtol=1e-4, atol=1e-5)


def computing():
    close(network(weft), network(torch))
    ours, theirs = weft.ones(300, 300) @ weft.ones(300, 300), torch.ones(300, 300).mm(torch.ones(300, 300))
    assert ours.sum().item() == theirs.sum().item() == 300.0**3
    half = numbers(weft, 64, 64).to(weft.bfloat16) @ numbers(weft, 64, 64).to(weft.bfloat16)
    assert half.dtype is weft.bfloat16


def exchange():
    """One memory, both ways: a change on one side is seen on the other, whoever goes first."""
    x = weft.zeros(4, 6)
    t = torch.from_dlpack(x[:, ::2])
    t += 1
    assert x.sum().item() == 12 and t.data_ptr() == x.data_ptr()
    del x
    assert t.sum().item() == 12
    t = torch.arange(12, dtype=torch.bfloat16).reshape(3, 4).t()
    x = weft.from_dlpack(t)
    x.mul_(2)
    assert t[3, 2].item() == 22 and x.stride() == t.stride()
    del t
    assert x.sum().item() == 132
    for name in "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split():
        t = torch.from_dlpack(weft.ones(2, dtype=getattr(weft, name)))
        assert t.dtype is getattr(torch, name) and t.tolist() == [1, 1]
        assert weft.from_dlpack(t).dtype is getattr(weft, name)
    assert weft.tensor(torch.tensor([1.5, 2])).tolist() == [1.5, 2]


def threads():
    """Both at once, in threads of Python's."""
    expected = [network(weft), network(torch)]
    failures = []

    def work(library, results):
        try:
            for _ in range(3):
                found = network(library)
                assert all(bool((a == b).all()) for a, b in zip(found, results)) or library is torch
                close(found if library is weft else expected[0], expected[1])
        except BaseException as error:
            failures.append(error)

    running = [
        threading.Thread(target=work, args=pair)
        for pair in zip((weft, torch, weft, torch), expected * 2)
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not failures, failures


def numbers_of_threads():
    """Each has its own."""
    before = weft.get_num_threads()
    torch.set_num_threads(1)
    assert weft.get_num_threads() == before
    weft.set_num_threads(1)
    close(network(weft), network(torch))
    torch.set_num_threads(2)
    weft.set_num_threads(before)
    close(network(weft), network(torch))


def fork():
    """A child computes with Weft, on its one thread, after both have used theirs."""
    threads = weft.get_num_threads()
    weft.set_num_threads(1)
    expected = network(weft)
    weft.set_num_threads(threads)
    network(weft)
    child = os.fork()
    if child == 0:
        fine = all(torch.equal(*map(torch.from_dlpack, pair)) for pair in zip(network(weft), expected))
        os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


if __name__ == "__main__":
    for check in (computing, exchange, threads, numbers_of_threads, fork, computing):
        check()
    print("torch and weft in one process: fine")
