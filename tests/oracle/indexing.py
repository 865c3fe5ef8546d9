"""x[key], x[key] = value and their gradients, of random keys, in both libraries.

Left out is where PyTorch goes other ways than NumPy, which Weft follows (tests/python/
test_indexing.py): an integer beside arrays is one of them, and `...` parts them though it stands for
nothing.
"""

import random
from collections import Counter

import torch
import weft
from compare import difference, to_torch
from errors import raised

TRIES = 4000
DTYPES = "bool uint8 int16 int64 bfloat16 float32 float64".split()


def entry(r, size, arrays):
    """One entry for a dimension, as a recipe that both libraries can read."""
    kinds = ["array", "array", "mask", "list"] if arrays else ["integer", "integer"]
    kind = r.choice([*kinds, "slice", "all"])
    reach = size + (r.random() < 0.03)
    if kind == "integer":
        return kind, r.randint(-reach, max(reach - 1, 0))
    if kind == "slice":
        bounds = [r.choice([None, r.randint(-size - 2, size + 2)]) for _ in range(2)]
        return kind, slice(*bounds, r.choice([None, 1, 2, 3]))
    if kind == "all":
        return "slice", slice(None)
    if kind == "mask":
        return kind, [r.random() < 0.5 for _ in range(reach)]
    shape = r.choice([(1,), (3,), (2, 1), (2, 3)]) if kind == "array" else (r.choice([1, 3]),)
    return kind, random_array(r, shape, -size if size else 0, max(reach - 1, 0))


def random_array(r, shape, low, high):
    if not shape:
        return r.randint(low, high)
    return [random_array(r, shape[1:], low, high) for _ in range(shape[0])]


def recipe(r, sizes):
    entries, arrays = [], r.random() < 0.6
    for size in sizes[: r.randint(0, len(sizes))]:
        if r.random() < 0.15:
            entries.append(("none", None))
        entries.append(entry(r, size, arrays))
    if r.random() < 0.3:
        taken = sum(kind != "none" for kind, _ in entries)
        end = len(entries)
        at = r.randint(0, end) if taken < len(sizes) else r.choice([0, end])
        entries.insert(at, ("ellipsis", ...))
    if r.random() < 0.03:
        entries.append(entry(r, 1, arrays))
    return entries


def key(library, entries):
    made = {"array": lambda v: library.tensor(v, dtype=library.int64), "mask": library.tensor}
    parts = [made[kind](value) if kind in made and value != [] else value for kind, value in entries]
    return parts[0] if len(parts) == 1 else tuple(parts)


def base(library, sizes, dtype):
    count = 1
    for n in sizes:
        count *= n
    return library.arange(count).reshape(sizes).to(getattr(library, dtype))


def read(library, sizes, dtype, entries):
    return base(library, sizes, dtype)[key(library, entries)]


def written(library, sizes, dtype, entries, value):
    x = base(library, sizes, dtype)
    made = library.tensor(value).to(x.dtype) if isinstance(value, list) else value
    x[key(library, entries)] = made
    return x


def slope(library, sizes, entries):
    x = base(library, sizes, "float64").requires_grad_()
    y = x[key(library, entries)]
    (y * y).sum().backward()
    return x.grad


def added(library, sizes, dtype, entries):
    """index_put_(accumulate=True), of keys that are arrays throughout."""
    x = base(library, sizes, dtype)
    arrays = tuple(library.tensor(value) for _, value in entries)
    return x.index_put_(arrays, library.tensor(1).to(x.dtype), accumulate=True)


def has_nothing(sizes, *arguments):
    entries = next(a for a in arguments if isinstance(a, list))
    found = []
    refused = raised(lambda: found.append(read(torch, sizes, "bool", entries)))
    return bool(refused) or found[0].numel() == 0


def both(f, *arguments):
    """What differs between f(weft, ...) and f(torch, ...), or None."""
    ours, theirs = [], []
    our_error = raised(lambda: ours.append(f(weft, *arguments)))
    their_error = raised(lambda: theirs.append(f(torch, *arguments)))
    if our_error or their_error:
        if our_error and their_error and isinstance(our_error, type(their_error)):
            return None
        if not their_error and "got index" in str(our_error) and has_nothing(*arguments):
            return None  # where nothing is chosen PyTorch does not look
        return f"{our_error!r}, PyTorch's {their_error!r}"
    return difference(to_torch(ours[0]), theirs[0], 1, 1e-6)


def compare(verbose):
    r = random.Random(0)
    outcomes, shown = Counter(), 0
    for _ in range(TRIES):
        sizes = tuple(r.choice([0, 1, 2, 3, 4]) for _ in range(r.randint(0, 4)))
        dtype, entries = r.choice(DTYPES), recipe(r, sizes)
        value = r.choice([1, True, [1], [[1]], [1, 0, 1], 0.5, 2])
        tries = {
            "read": both(read, sizes, dtype, entries),
            "write": both(written, sizes, dtype, entries, value),
            "gradient": both(slope, sizes, entries),
        }
        if entries and all(kind == "array" for kind, _ in entries):
            tries["accumulate"] = both(added, sizes, dtype, entries)
        for what, off in tries.items():
            outcomes["differ" if off else "agree"] += 1
            if off and (verbose or shown < 3):
                shown += 1
                print(f"    {what} {dtype} {list(sizes)} {[v for _, v in entries]} {value}: {off}")
    print(f"indexing: {outcomes['agree']} results agree, {outcomes['differ']} differ")
    return not outcomes["differ"]
