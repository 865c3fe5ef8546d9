"""No call from Python ends the process: every public name is called with what does not fit it.

What is passed must name no file outside the test's own folder: some functions write files.

Each part runs in a process of its own, which says what it is about to call; errors of Python are
what is wanted there, a signal is not.
"""

import faulthandler
import inspect
import itertools
import os
import random
import subprocess
import sys

import pytest

PARTS = ["weft", "Tensor", "functional", "nn", "optim", "data", "autograd", "cuda", "rest"]
CALLS = int(os.environ.get("WEFT_CHAOS_CALLS", "25"))  # of each name
# Those that wait, end the process by their purpose, or change what the others need.
LEFT_OUT = {
    *("set_memory_limit", "fail_allocation_at", "fetch", "set_num_threads", "main", "gradcheck"),
    *("gradgradcheck", "use_deterministic_algorithms"),
}


# ---- What is passed


class Raises:
    """Every conversion raises."""

    def _no(self, *_, **__):
        raise RuntimeError("no")

    __index__ = __float__ = __int__ = __array__ = __len__ = __iter__ = __getitem__ = _no
    __bool__ = __dlpack__ = __dlpack_device__ = __fspath__ = __call__ = __enter__ = _no


class Lies(list):
    """A list that is not as long as it says."""

    def __len__(self):
        return 1 << 40


class Shrinks(list):
    """A list whose first element empties it."""

    def __init__(self):
        super().__init__([self.Element(self)] + [1.0] * 100)

    class Element:
        def __init__(self, owner):
            self.owner = owner

        def __index__(self):
            self.owner.clear()
            return 1

        def __float__(self):
            self.owner.clear()
            return 1.0


class ItsOwnArray:
    def __array__(self, *_, **__):
        return self

    def __dlpack__(self, *_, **__):
        return self

    def __dlpack_device__(self):
        return "cpu", 0


class Text(str):
    pass


def values(weft, on_device):
    nested = []
    nested.append(nested)
    unmade = weft.nn.Module.__new__(type("Unmade", (weft.nn.Module,), {}))
    deep = 1.0
    for _ in range(2000):
        deep = [deep]
    leaf = weft.ones(2, 3, requires_grad=True)
    there = [weft.ones(2, 3, device="cuda"), weft.arange(3, device="cuda")] if on_device else []
    return [
        *there,
        *(None, True, 0, 1, -1, 2, 7, 2**31, 2**63 - 1, -(2**63), 2**64, 10**30, 0.5, -0.0),
        *(float("nan"), float("inf"), 1j, "", "x", "float32", "é\0", "\ud800", b"", b"\0\1", Text("mean")),
        *((), [], (1,), [2, 3], (-1, 2), (2**40, 2**40), [2**63, 1], [0.5], [[1, 2], [3]], {}, {"a": 1}),
        *(set(), range(3), slice(None), slice(0, -1, -1), slice(None, None, 0), ..., NotImplemented),
        *(object(), int, type, len, lambda *a, **k: None, Raises(), ItsOwnArray(), iter([])),
        *(Lies([1, 2]), Shrinks(), nested, deep, unmade, [leaf, None], {"params": [leaf]}, [leaf]),
        *(bytearray(8), memoryview(b"abcd"), memoryview(bytearray(8)).cast("f")),
        *(weft.float32, weft.int64, weft.bool, weft.bfloat16, weft.Size((2, 3)), weft.device("cpu")),
        *(weft.tensor(1.0), weft.tensor(3), weft.ones(0), weft.ones(3), weft.ones(2, 3), leaf),
        *(weft.ones(2, 3, 4), weft.ones(1, 2, 5, 5), weft.tensor([True, False]), weft.arange(3)),
        *(weft.tensor([-9, 10**15]), weft.ones(2, 2, dtype=weft.float64), weft.ones(3, dtype=weft.bfloat16)),
        *(weft.ones(1).expand(4, 4), weft.arange(6).flip(0)[::2], weft.full((3,), float("nan"))),
        *(leaf * 2, weft.nn.Parameter(weft.ones(2)), weft.nn.Linear(3, 2), weft.nn.Linear, weft.Tensor),
        *(weft.nn.Sequential(), weft.optim.SGD([weft.ones(2, requires_grad=True)]), weft.nn, ValueError),
    ]


# ---- What is called


def public(module):
    names = getattr(module, "__all__", None) or dir(module)
    for name in sorted(n for n in names if not n.startswith("_") and n not in LEFT_OUT):
        value = getattr(module, name)
        if callable(value) and not (inspect.isclass(value) and issubclass(value, BaseException)):
            yield f"{module.__name__}.{name}", value


def methods(kind, make):
    """(name, function of a fresh object) of every method and operator."""
    skip = {"__class__", "__subclasshook__", "__init_subclass__", "__new__", "__getattribute__"}
    skip |= {"__reduce__", "__dir__", "__sizeof__", "__del__"} | LEFT_OUT
    for name in sorted(set(dir(kind)) - skip):
        if callable(getattr(kind, name, None)):
            yield f"{kind.__name__}.{name}", lambda *a, _n=name, **k: getattr(make(), _n)(*a, **k)


def instances(module, weft, tries):
    """A maker of objects for each class that can be made with few arguments."""
    for name, kind in public(module):
        if not inspect.isclass(kind):
            continue
        for args in tries:
            try:
                kind(*args)
            except Exception:
                continue
            yield kind, lambda kind=kind, args=args: kind(*args)
            break


def of_part(weft, part):
    leaf = weft.ones(2, requires_grad=True)
    picture = weft.ones(4, 3, 8, 8)
    tries = [(), ([leaf],), (3,), (3, 2), (3, 2, 1), (picture,), (picture, weft.arange(4)), ("x",)]
    tries += [(weft.optim.SGD([leaf]),), (weft.optim.SGD([leaf]), 3)]
    objects = {"nn": weft.nn, "optim": weft.optim, "data": weft.data}
    if part == "weft":
        return public(weft)
    if part == "Tensor":
        makers = [lambda: weft.ones(2, 3), lambda: weft.arange(4), lambda: weft.Tensor()]
        return itertools.chain(*(methods(weft.Tensor, m) for m in makers))
    if part == "functional":
        return itertools.chain(public(weft.nn.functional), public(weft.nn.init), public(weft.nn.utils))
    if part == "cuda":
        device = "cuda" if weft.cuda.is_available() else "cpu"
        made = instances(weft.cuda, weft, tries)
        objects_there = [lambda: weft.ones(2, 3, device=device), lambda: weft.arange(4, device=device)]
        return itertools.chain(
            public(weft.cuda),
            *(methods(k, m) for k, m in made),
            *(methods(weft.Tensor, m) for m in objects_there),
        )
    if part in objects:
        module = objects[part]
        made = instances(module, weft, tries)
        return itertools.chain(public(module), *(methods(k, m) for k, m in made))
    if part == "autograd":
        return itertools.chain(public(weft.autograd), public(weft.func))
    schedules = instances(weft.optim.lr_scheduler, weft, tries)
    return itertools.chain(
        public(weft.cpu), public(weft.optim.lr_scheduler), *(methods(k, m) for k, m in schedules)
    )


def run(part, seed):
    faulthandler.enable()
    sys.setrecursionlimit(500)
    import weft

    weft.set_num_threads(1)
    weft.cpu.set_memory_limit(1 << 28)
    rng = random.Random(seed)
    on_device = part == "cuda" and weft.cuda.is_available()
    for i in range(weft.cuda.device_count() if on_device else 0):
        weft.cuda.set_memory_limit(1 << 28, i)
    given = values(weft, on_device)
    words = ["dim", "keepdim", "dtype", "shape", "size", "out", "input", "weight", "p", "lr", "other"]
    sink = open(os.devnull, "w")
    for name, function in of_part(weft, part):
        for _ in range(CALLS):
            args = [rng.choice(given) for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3, 4, 6]))]
            options = {rng.choice(words): rng.choice(given) for _ in range(rng.choice([0, 0, 0, 1, 2]))}
            print(f"{name} {[type(a).__name__ for a in args]} {options.keys()}", file=sys.stderr)
            try:
                result = function(*args, **options)
                str(result)[:100].encode("utf-8", "replace")
                if isinstance(result, weft.Tensor) and result.requires_grad and result.numel() == 1:
                    result.backward()
            except (Exception, SystemExit):
                pass
        given = values(weft, on_device)  # what was broken in place is made anew
    sink.close()
    print("survived")


@pytest.mark.parametrize("part", PARTS)
def test_no_call_ends_the_process(part, tmp_path):
    done = subprocess.run(
        [sys.executable, __file__, part, "1"],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=tmp_path,
        timeout=300,
    )
    assert done.stdout.endswith("survived\n"), f"{done.returncode}:\n{done.stderr[-3000:]}"


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
