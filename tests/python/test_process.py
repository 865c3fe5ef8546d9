"""Signals, forks, threads, and PyTorch in the same process."""

import importlib.util
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest
import weft


def in_new_process(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **options
    )


INTERRUPTED = """
import os, signal, threading, time
import weft
weft.set_num_threads(1)
{setup}
sent = []
def send():
    time.sleep(0.1)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=send).start()
try:
    {work}
    print("ended by itself")
except KeyboardInterrupt:
    print("late by", time.monotonic() - sent[0])
{after}
"""


def seconds_late(setup, work, after=""):
    done = in_new_process(INTERRUPTED.format(setup=setup, work=work, after=after))
    assert "late by" in done.stdout, done.stdout + done.stderr
    return float(done.stdout.split()[2])


def test_ctrl_c_ends_backward_and_leaves_gradients():
    setup = """
x = weft.ones(100_000, requires_grad=True)
y = x
for _ in range(2000):
    y = y.sin()
loss = y.sum()
"""
    late = seconds_late(setup, "loss.backward()", "assert x.grad is None")
    assert late < 0.5  # 0.1 is the aim; a machine under load may take longer


def test_ctrl_c_ends_a_loop_of_checkpoints():
    setup = """
from weft import autograd
def f(x):
    for _ in range(20000):
        x = x.sin()
    return x
x = weft.ones(100_000, requires_grad=True)
"""
    assert seconds_late(setup, "autograd.checkpoint(f, x)") < 0.5


def test_other_threads_run_during_long_operations():
    x = weft.ones(600, 600)
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.wait(0.001):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        x @ x
    stop.set()
    thread.join()
    assert len(ticks) > 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_computes():
    code = """
import os, sys
import weft
x = weft.ones(1 << 20)
before = ((x * 2).sum().item(), (weft.ones(256, 256) @ weft.ones(256, 256)).sum().item())
child = os.fork()
if child == 0:
    try:
        assert ((x * 2).sum().item(), (weft.ones(256, 256) @ weft.ones(256, 256)).sum().item()) == before
        assert weft.get_num_threads() == 1
        try:
            weft.set_num_threads(2)
        except weft.Error as e:
            assert "forked" in str(e)
        else:
            os._exit(2)
    except BaseException as e:
        print(e, file=sys.stderr)
        os._exit(1)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = in_new_process(code, env={**os.environ, "WEFT_NUM_THREADS": "2"})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("order", [("torch", "weft"), ("weft", "torch")])
def test_torch_in_the_same_process(order):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed here")
    script = pathlib.Path(__file__).with_name("with_torch.py")
    done = subprocess.run(
        [sys.executable, "-B", script, *order], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_signals_of_others_are_handled_too():
    code = """
import os, signal, threading, time
import weft
class Stop(Exception): pass
def handler(*_): raise Stop
signal.signal(signal.SIGTERM, handler)
x = weft.ones(100_000, requires_grad=True)
y = x
for _ in range(1000):
    y = y.sin()
threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
try:
    while True:
        y.sum().backward(retain_graph=True)
except Stop:
    print("stopped")
"""
    assert in_new_process(code).stdout == "stopped\n"


