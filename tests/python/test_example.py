"""examples/cifar10_alexnet/train.py does what the C++ program does, bit for bit."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from weft import load

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples/cifar10_alexnet/train.py"
PROGRAM = pathlib.Path(os.environ.get("WEFT_BIN", ROOT / "build/release/bin")) / "cifar10_alexnet"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "WEFT_DATA"}
# 20 steps, and an epoch's end.
TINY = "--limit-train 80 --limit-test 20 --batch-size 4 --epochs 1 --threads 1 --seed 5".split()


def start(program, *arguments):
    command = [*program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)


def python(*arguments):
    return start([sys.executable, "-B", str(SCRIPT)], *arguments)


def records(folder):
    """The log without what depends on the clock."""
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [{k: v for k, v in r.items() if k not in ("images_per_second", "seconds")} for r in lines]


def test_same_losses_and_files_as_the_program(tmp_path):
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not built")
    runs = [tmp_path / "python", tmp_path / "cpp"]
    outputs = []
    for run, program in zip(runs, (python, lambda *a: start([str(PROGRAM)], *a))):
        result = program("train", *TINY, "--out", run)
        assert result.returncode == 0, result.stderr
        outputs.append(result.stdout.replace(str(run), "RUN"))
    logs = [records(run) for run in runs]
    assert [r["step"] for r in logs[0] if "step" in r] == list(range(1, 21))
    assert logs[0] == logs[1]
    assert outputs[0].splitlines()[-12:] == outputs[1].splitlines()[-12:]
    for name in ("model.safetensors", "confusion.csv", "curve.svg"):
        assert (runs[0] / name).read_bytes() == (runs[1] / name).read_bytes(), name
    states = [load(run / "checkpoint.safetensors", with_metadata=True) for run in runs]
    assert states[0][1] == states[1][1]
    assert states[0][0].keys() == states[1][0].keys()
    for name, tensor in states[0][0].items():
        if name.partition("/")[0] not in ("seconds", "log_bytes"):
            assert tensor.tolist() == states[1][0][name].tolist(), name


def test_resume_evaluate_predict(tmp_path):
    run = tmp_path / "run"
    assert python("train", *TINY, "--preset", "classic", "--out", run).returncode == 0
    weights = (run / "model.safetensors").read_bytes()
    assert python("train", "--resume", run, "--threads", 1).returncode == 0
    assert (run / "model.safetensors").read_bytes() == weights
    result = python("evaluate", "--model", run, "--limit-test", 20, "--threads", 1)
    assert "20 test pictures" in result.stdout
    picture = ROOT / "examples/cifar10_alexnet/pictures/cat.jpg"
    result = python("predict", "--model", run, picture, "--top", 2)
    assert result.stdout.startswith(f"{picture}: ") and result.stdout.count("%") == 2


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
