"""Ctrl-C inside one call that takes seconds."""

import signal
import subprocess
import sys
import time

import pytest

CODE = """
import time
import weft
weft.set_num_threads({threads})
{setup}
print("ready", flush=True)
try:
    {work}
    print("ended by itself")
except KeyboardInterrupt:
    print(time.monotonic())
{after}
"""

# Each takes three seconds or more on two cores of a server of 2024, if it is let run.
LONG = {
    "matmul": ("a, b = weft.ones(8192, 8192), weft.ones(8192, 8192)", "a @ b"),
    "matmul_f64": ("a = weft.ones(5120, 5120, dtype=weft.float64)", "a @ a"),
    "matmul_int": ("a = weft.ones(1500, 1500, dtype=weft.int64)", "a @ a"),
    "matmul_batch": (
        "a = weft.ones(1, 1024, 1024).expand(400, 1024, 1024).contiguous()",
        "weft.bmm(a, a)",
    ),
    "conv": (
        "x, w = weft.ones(32, 256, 96, 96), weft.ones(512, 256, 3, 3)",
        "weft.nn.functional.conv2d(x, w, padding=2, dilation=2)",
    ),
    "conv_picture": (
        "x, w = weft.ones(1, 512, 256, 256), weft.ones(1024, 512, 3, 3)",
        "weft.nn.functional.conv2d(x, w, padding=2, dilation=2)",
    ),
    "conv_winograd": (
        "x, w = weft.ones(64, 256, 96, 96), weft.ones(512, 256, 3, 3)",
        "weft.nn.functional.conv2d(x, w, padding=1)",
    ),
    "elementwise": (
        "x = weft.full((1,), 1.5, dtype=weft.float64).expand(200_000_000)",
        "x.pow(2.7)",
    ),
    "reduce": ("x = weft.ones(1).expand(1 << 34)", "x.sum()"),
    "reduce_rows": ("x = weft.ones(1).expand(1 << 20, 1 << 14)", "x.amax(dim=1)"),
    "softmax": ("x = weft.ones(1).expand(1 << 14, 1 << 15)", "x.exp().softmax(1).softmax(0)"),
    "random": ("", "weft.randn(1 << 30)"),
    "randperm": ("", "weft.randperm(30_000_000)"),
    "sort": ("x = weft.rand(30_000_000)", "x.sort()"),
    "unique": ("x = weft.randint(0, 1000, (60_000_000,))", "x.unique()"),
    "from_list": ("row = [0.5] * 10_000", "weft.tensor([row] * 20_000)"),
    "to_list": ("x = weft.ones(1).expand(1 << 28)", "x.tolist()"),
    "backward": (
        """
class Product(weft.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2
    @staticmethod
    def backward(ctx, g):
        return g * (big @ big).sum()
big = weft.ones(8192, 8192)
y = Product.apply(weft.ones(3, requires_grad=True)).sum()
""",
        "y.backward()",
    ),
}


def seconds_late(work, setup, threads, after=""):
    """From the signal, sent by another process, to the exception."""
    code = CODE.format(work=work, setup=setup, threads=threads, after=after)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        time.sleep(0.3)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "ended" not in out, out + err
    return float(out) - sent


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_one_long_call(name, threads):
    setup, work = LONG[name]
    late = seconds_late(work, setup, threads)
    print(f"{name}, {threads} threads: {late * 1e3:.0f} ms")
    assert late < 1.5  # 0.1 is the aim; a machine under load may take longer


def test_ctrl_c_does_not_leave_a_tensor_half_written():
    setup = "x = weft.ones(100_000_000)"
    after = "assert x[0] != 1 and bool((x == x[0]).all())"
    seconds_late("for _ in range(99): x.erf_()", setup, 1, after)


SIGNALS = """
import signal
import time
import weft
weft.set_num_threads(1)
weft.use_deterministic_algorithms(True)
signal.signal(signal.SIGALRM, lambda number, frame: None)
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
end, rows = time.monotonic() + 2, 64
while time.monotonic() < end:
    rows = rows + 1 if rows < 113 else 64
    weft.randn(rows, 256) @ weft.randn(256, 512)
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_signals_amid_products_leave_the_heap_alone():
    """oneDNN keeps the stack pointer in the heap meanwhile, where handlers may not write."""
    done = subprocess.run([sys.executable, "-c", SIGNALS], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
