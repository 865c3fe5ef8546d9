"""examples/cifar10_alexnet/train.py does what the C++ program does, bit for bit."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from weft import load

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURE = ROOT / "examples/cifar10_alexnet/pictures/cat.jpg"
SCRIPT = ROOT / "examples/cifar10_alexnet/train.py"
PROGRAM = pathlib.Path(os.environ.get("WEFT_BIN", ROOT / "build/release/bin")) / "cifar10_alexnet"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "WEFT_DATA"}
COMMANDS = {"python": [sys.executable, "-B", str(SCRIPT)], "cpp": [str(PROGRAM)]}
# What depends on the clock.
CLOCK = re.compile(r'("images_per_second"|"seconds"): [-+.0-9e]+|\d+ images/s +[\d:]+ left|, \d+ s$', re.M)
# 20 steps, and an epoch's end.
TINY = "--limit-train 80 --limit-test 20 --batch-size 4 --epochs 1 --threads 1 --seed 5".split()
SHORT = "--limit-train 26 --limit-test 10 --batch-size 7 --epochs 2 --seed 6".split()

both_programs = pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built")


def start(which, *arguments):
    command = [*COMMANDS[which], *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)


def python(*arguments):
    return start("python", *arguments)


def timeless(text, folder):
    return CLOCK.sub("TIME", text.replace(str(folder), "RUN"))


def assert_same_files(a, b):
    """Byte for byte, but for the clock's numbers in the log and the checkpoint."""
    names = {p.name for p in a.iterdir()}
    assert names == {p.name for p in b.iterdir()}
    assert {"log.jsonl", "checkpoint.safetensors", "model.safetensors", "curve.svg"} <= names
    for name in names - {"log.jsonl", "checkpoint.safetensors"}:
        assert (a / name).read_bytes() == (b / name).read_bytes(), name
    logs = [timeless((run / "log.jsonl").read_text(), run) for run in (a, b)]
    assert logs[0] == logs[1]
    states = [load(run / "checkpoint.safetensors", with_metadata=True) for run in (a, b)]
    assert states[0][1] == states[1][1] and states[0][0].keys() == states[1][0].keys()
    for name, tensor in states[0][0].items():
        other = states[1][0][name]
        if name.partition("/")[0] not in ("seconds", "log_bytes"):
            same = tensor.numpy().tobytes() == other.numpy().tobytes()
            assert same and tensor.dtype is other.dtype, name


@both_programs
@pytest.mark.parametrize(
    "options",
    [
        [*TINY],
        [*TINY, "--preset", "classic", "--precision", "bf16", "--no-progress"],
        [*SHORT, "--precision", "bf16", "--threads", "2", "--lr", "0.003"],
        [*SHORT, "--preset", "fast", "--threads", "2", "--deterministic"],
        [*SHORT, "--lr", "1e30"],
        pytest.param(
            ["--limit-train", "12", "--limit-test", "10", "--batch-size", "4", "--epochs", "1", "--device", "cuda"],
            marks=pytest.mark.skipif("WEFT_CUDA_LIBRARY" not in os.environ, reason="no device"),
        ),
    ],
    ids=["fast", "classic bf16", "fast bf16", "deterministic", "not finite", "cuda"],
)
def test_same_losses_and_files_as_the_program(tmp_path, options):
    outputs = []
    for which in COMMANDS:
        run = tmp_path / which
        result = start(which, "train", *options, "--out", run)
        assert result.returncode == 0 and result.stderr == "", result.stderr
        outputs.append(timeless(result.stdout, run))
    assert_same_files(tmp_path / "python", tmp_path / "cpp")
    lines = [output.splitlines() for output in outputs]
    log = (tmp_path / "python/log.jsonl").read_text()
    steps = [json.loads(line, parse_constant=pytest.fail) for line in log.splitlines()]
    if options[:10] == TINY:
        assert [r["step"] for r in steps if "step" in r] == list(range(1, 21))
    # Lines of progress come when the clock says so.
    told = [[line for line in text if "TIME" not in line or "loss" in line] for text in lines]
    assert [x for x in told[0] if " step " not in x] == [x for x in told[1] if " step " not in x]


def interrupted(which, folder, options):
    """The run after a SIGINT in its midst."""
    command = [*COMMANDS[which], "train", *options, "--out", str(folder)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    log, deadline = folder / "log.jsonl", time.monotonic() + 120
    while not log.exists() or log.read_text().count("\n") < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    text, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT and errors == "", text + errors
    assert "stopped after step" in text


@both_programs
@pytest.mark.parametrize("first, second", [("python", "cpp"), ("cpp", "python")])
def test_a_run_goes_on_in_the_other_language(tmp_path, first, second):
    """Its files are those of a run that nobody stopped."""
    options = [*TINY, "--deterministic"]
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert start(second, "train", *options, "--out", whole).returncode == 0
    interrupted(first, run, options)
    result = start(second, "train", "--resume", run, "--threads", 2)
    assert result.returncode == 0, result.stderr
    assert_same_files(whole, run)


@both_programs
def test_both_evaluate_and_predict_alike(tmp_path):
    run = tmp_path / "run"
    assert start("cpp", "train", *TINY, "--out", run).returncode == 0
    for arguments in (
        ["evaluate", "--model", run, "--limit-test", 30, "--threads", 1],
        ["evaluate", "--model", run / "model.safetensors", "--limit-test", 7, "--threads", 2],
        ["predict", "--model", run, PICTURE, PICTURE, "--top", 10],
        ["predict", "--model", run, PICTURE],
    ):
        results = [start(which, *arguments) for which in COMMANDS]
        assert results[0].returncode == results[1].returncode == 0
        assert results[0].stdout == results[1].stdout and results[0].stdout


@both_programs
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["train", "--preset", "slow"],
        ["train", "--precision", "f8"],
        ["train", "--epochs", "0"],
        ["train", "--epochs", "1", "--epochs", "2"],
        ["train", "--lr", "much"],
        ["train", "--out", "a", "--resume", "b"],
        ["train", "--resume", ""],
        ["train", "--data", ""],
        ["train", "--resume", "nowhere"],
        ["train", "--data", "nowhere", "--out", "OUT"],
        ["evaluate"],
        ["evaluate", "--model", "nowhere"],
        ["predict", "--model", "nowhere", "cat.png"],
    ],
    ids=" ".join,
)
def test_both_refuse_alike(tmp_path, arguments):
    """The same status, and a line that begins alike."""
    arguments = [str(tmp_path / "out") if a == "OUT" else a for a in arguments]
    results = [start(which, *arguments) for which in COMMANDS]
    assert results[0].returncode == results[1].returncode != 0
    for result in results:
        (line,) = result.stderr.splitlines()
        assert line.startswith("cifar10_alexnet: ") and result.stdout == ""
    if results[0].returncode == 1:
        assert results[0].stderr == results[1].stderr


def test_resume_evaluate_predict(tmp_path):
    run = tmp_path / "run"
    assert python("train", *TINY, "--preset", "classic", "--out", run).returncode == 0
    weights = (run / "model.safetensors").read_bytes()
    assert python("train", "--resume", run, "--threads", 1).returncode == 0
    assert (run / "model.safetensors").read_bytes() == weights
    result = python("evaluate", "--model", run, "--limit-test", 20, "--threads", 1)
    assert "20 test pictures" in result.stdout
    result = python("predict", "--model", run, PICTURE, "--top", 2)
    assert result.stdout.startswith(f"{PICTURE}: ") and result.stdout.count("%") == 2


@both_programs
@pytest.mark.parametrize("first, second", [("python", "cpp"), ("cpp", "python")])
def test_a_run_killed_in_its_first_epoch_goes_on(tmp_path, first, second):
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert start(second, "train", *TINY, "--out", whole).returncode == 0
    command = [*COMMANDS[first], "train", *TINY, "--out", str(run)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    log, deadline = run / "log.jsonl", time.monotonic() + 120
    while not log.exists() or not log.read_text():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.wait()
    results = [start(which, "train", *TINY, "--out", run) for which in COMMANDS]
    assert results[0].returncode == results[1].returncode == 1
    assert results[0].stderr == results[1].stderr and "--resume" in results[0].stderr
    result = start(second, "train", "--resume", run, "--threads", 1)
    assert result.returncode == 0, result.stderr
    assert_same_files(whole, run)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_what_is_printed_and_does_not_arrive_is_an_error(tmp_path):
    run = tmp_path / "run"
    assert python("train", *TINY, "--preset", "classic", "--out", run).returncode == 0
    buffered = {k: v for k, v in ENVIRONMENT.items() if k != "PYTHONUNBUFFERED"}
    for arguments in (["evaluate", "--limit-test", "10"], ["predict", str(PICTURE)]):
        command = [*COMMANDS["python"], *arguments, "--model", str(run)]
        with open("/dev/full", "w") as full:
            result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=buffered)
        (line,) = result.stderr.splitlines()
        assert result.returncode == 1 and "No space left" in line


@pytest.mark.parametrize(
    "status, message, arguments",
    [
        (2, "--epochs", ["train", "--epochs", "0"]),
        (2, "--preset", ["train", "--preset", "slow"]),
        (1, "no checkpoint.safetensors", ["train", "--resume", "nowhere"]),
        (1, "nowhere", ["evaluate", "--model", "nowhere"]),
    ],
)
def test_errors_are_one_line(status, message, arguments):
    result = python(*arguments)
    assert result.returncode == status
    (line,) = result.stderr.splitlines()
    assert line.startswith("cifar10_alexnet: ") and message in line
