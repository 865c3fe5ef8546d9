"""Wrong arguments, of every public function and method: an exception, never the end of the process."""

import os
import subprocess
import sys

import pytest

CODE = """
import faulthandler, itertools, sys
import numpy as np
import weft
import weft.nn.functional as F

faulthandler.enable()
owner = {"weft": weft, "F": F, "Tensor": weft.Tensor}[sys.argv[1]]
# These wait, or change what later calls need.
LEFT = {"set_memory_limit", "set_num_threads", "set_default_dtype", "seed"}

def values():
    return [
        None, weft.ones(2, 3), weft.ones(2, 3).t(), weft.tensor([0, 1]), weft.zeros(0),
        weft.tensor(True), np.ones(2), "a", 3, -1, 2**62, 2**70, 0.5, float("nan"), True, [],
        [1, None], (), {}, object(), ..., slice(None), weft.float32, int,
    ]

names = [n for n in dir(owner) if not n.startswith("_") and n not in LEFT]
for name in names:
    f = getattr(owner, name)
    if not callable(f) or isinstance(f, type):
        continue
    every = values()
    pairs = itertools.product(every, repeat=2)
    for args in itertools.chain([()], itertools.product(every), pairs):
        for keywords in {}, {"dim": None}, {"nothing": 1}:
            if keywords and len(args) > 1:
                continue
            try:
                f(*args, **keywords)
            except Exception:
                pass
    for three in itertools.product([None, every[1], every[3], -1, "a"], repeat=3):
        try:
            f(*three)
        except Exception:
            pass
print("done", len(names))
"""


@pytest.mark.parametrize("owner", ["weft", "F", "Tensor"])
def test_no_call_ends_the_process(owner, tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", CODE, owner],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,  # some of them write files
        env=environment,
    )
    assert done.returncode == 0 and "done" in done.stdout, done.stderr[-2000:]
