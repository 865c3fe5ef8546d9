"""What a run writes: its folder and log, progress, the confusion matrix, the curve."""

import io
import json
import math
import os
import pathlib
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any

import weft
from recipe import CLASSES, for_testing, make_model
from weft import data, nn
from weft.nn import functional as F


class Evaluation:
    """How often class `row` was taken for class `column`."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.confusion = [[0] * len(CLASSES) for _ in CLASSES]

    @property
    def right(self) -> int:
        return sum(row[i] for i, row in enumerate(self.confusion))

    @property
    def total(self) -> int:
        return sum(map(sum, self.confusion))

    @property
    def accuracy(self) -> float:
        return self.right / self.total if self.total else 0.0

    def table(self) -> str:
        text = "is \\ taken for" + "".join(f"{name:>7.6}" for name in CLASSES) + "   right\n"
        for i, row in enumerate(self.confusion):
            part = 100 * row[i] / sum(row) if sum(row) else 0.0
            text += f"{CLASSES[i]:<14}" + "".join(f"{n:>7}" for n in row) + f" {part:>6.1f}%\n"
        return text

    def csv(self) -> str:
        rows = [",".join(map(str, [CLASSES[i], *row])) for i, row in enumerate(self.confusion)]
        return "\n".join([",".join(["class", *CLASSES]), *rows]) + "\n"


def evaluate(model: nn.Module, pictures: data.ImageDataset, precision: str) -> Evaluation:
    """In evaluation mode, off the tape, in that precision."""
    result = Evaluation()
    training = model.training
    model.eval()
    with weft.inference_mode(), weft.autocast(enabled=precision == "bf16"):
        device = next(iter(model.parameters())).device
        for images, labels in data.DataLoader(
            pictures, 500, transforms=for_testing(), device=device
        ):
            scores = model(images).to(weft.float32)
            result.loss += F.cross_entropy(scores, labels).item() * len(labels)
            for label, guess in zip(labels.tolist(), scores.argmax(1).tolist()):
                result.confusion[label][guess] += 1
    result.loss /= len(pictures)
    model.train(training)
    return result


def device_of(name: str) -> weft.device:
    """The device of that name; weft.DeviceError where there is none."""
    device = weft.device(name)
    if device.type == "cuda":
        weft.cuda.get_device_properties(device)
    return device


def load_model(run_or_file: str, device: weft.device) -> tuple[nn.models.AlexNet, str]:
    """A model with the weights of a run's folder or a .safetensors file, and its precision."""
    path = pathlib.Path(run_or_file)
    path = path / "model.safetensors" if path.is_dir() else path
    state, text = weft.load(path, with_metadata=True)
    if text.get("model") != "cifar10_alexnet" or text.get("preset") not in ("fast", "classic"):
        raise weft.ParseError(
            f"[model] {path}: got a file without this program's mark, expected a "
            "model.safetensors that it wrote"
        )
    model = make_model(text["preset"])
    model.load_state_dict(state)
    model.to(device)
    return model.eval(), text.get("precision", "f32")


def save_text(path: str, text: str) -> None:
    part = f"{path}.part"
    with open(part, "w") as file:
        file.write(text)
    os.replace(part, path)


def significant(value: float) -> str:
    """The number as JSON, which has no NaN and no infinity."""
    return f"{value:.6g}" if math.isfinite(value) else "null"


class RunFolder:
    """The folder a run writes to, and its log: one JSON object a line, with null for a number that
    is not finite (nan here).

    The checkpoint comes before the log, so a folder with a log has one that the run can go on from.
    The log is cut back to where the last checkpoint saw it, so that a run that was killed goes on
    without gaps or repeats.
    """

    def __init__(self, path: str) -> None:
        self.path = str(path)
        self.checkpoint = self.file("checkpoint.safetensors")
        self.log: io.FileIO

    @classmethod
    def create(cls, path: str | None) -> "RunFolder":
        if not path:
            number = 1
            while os.path.exists(f"runs/{number}"):
                number += 1
            path = f"runs/{number}"
        run = cls(path)
        if os.path.exists(run.checkpoint):
            raise weft.ValueError(
                f"[run] {path}: holds a run already; go on with --resume {path}, or give another "
                "--out"
            )
        if os.path.exists(run.file("log.jsonl")):
            raise weft.ValueError(
                f"[run] {path}: holds a log.jsonl without a checkpoint; give another --out"
            )
        os.makedirs(path, exist_ok=True)
        return run

    @classmethod
    def open(cls, path: str) -> "RunFolder":
        run = cls(path)
        if not os.path.exists(run.checkpoint):
            raise weft.IOError(
                f"[run] {path}: no checkpoint.safetensors there, expected the folder of a run that "
                "has begun; begin it with --out"
            )
        return run

    def file(self, name: str) -> str:
        return f"{self.path}/{name}"

    def start_log(self, size: int) -> None:
        """Opens the log with its first `size` bytes."""
        path = self.file("log.jsonl")
        self.log = open(path, "r+b" if size else "wb", buffering=0)
        if (got := os.path.getsize(path)) < size:
            raise weft.IOError(
                f"[run] {path}: got {got} bytes, expected the {size} that the checkpoint knows"
            )
        self.log.truncate(size)
        self.log.seek(size)

    def log_step(self, step: int, epoch: int, loss: float, lr: float, speed: float) -> None:
        self.log.write(
            f'{{"step": {step}, "epoch": {epoch}, "loss": {significant(loss)}, '
            f'"lr": {significant(lr)}, '
            f'"images_per_second": {speed:.1f}}}\n'.encode()
        )

    def log_epoch(
        self, epoch: int, train_loss: float, evaluation: Evaluation, seconds: float
    ) -> None:
        self.log.write(
            f'{{"epoch": {epoch}, "train_loss": {significant(train_loss)}, "test_loss": '
            f'{significant(evaluation.loss)}, "test_accuracy": {significant(evaluation.accuracy)}, '
            f'"seconds": {seconds:.2f}}}\n'.encode()
        )

    def sync_log(self) -> int:
        """Makes what was logged safe on the disk and returns the log's length."""
        os.fsync(self.log.fileno())
        return self.log.tell()

    def epochs(self) -> list[dict[str, float]]:
        with open(self.file("log.jsonl")) as log:
            records = [record for record in map(json.loads, log) if "test_accuracy" in record]
        return [{k: math.nan if v is None else v for k, v in r.items()} for r in records]


class Progress:
    """Where a run stands: tqdm's bar on a terminal and in a notebook, else a line now and then."""

    def __init__(self, bar: bool, epochs: int, steps_per_epoch: int, done: int) -> None:
        self.epochs, self.per_epoch, self.first = epochs, steps_per_epoch, done
        self.start = self.last = time.monotonic()
        self.bar: Any = None
        if bar and (sys.stdout.isatty() or "ipykernel" in sys.modules):
            try:
                with warnings.catch_warnings():  # without ipywidgets the bar is one of text
                    warnings.simplefilter("ignore")
                    from tqdm.auto import tqdm
            except ImportError:
                return
            self.bar = tqdm(total=epochs * steps_per_epoch, initial=done, unit="step")

    def step(self, step: int, epoch: int, loss: float, speed: float) -> None:
        if self.bar is not None:
            self.bar.set_description(f"epoch {epoch}/{self.epochs}", refresh=False)
            self.bar.set_postfix_str(f"loss {loss:.3f}, {speed:.0f} images/s", refresh=False)
            self.bar.update()
            return
        now = time.monotonic()
        in_epoch = step - (epoch - 1) * self.per_epoch
        if now - self.last < 10 and in_epoch != self.per_epoch:
            return
        self.last = now
        each = (now - self.start) / max(step - self.first, 1)
        left = int(each * (self.epochs * self.per_epoch - step))
        self.line(
            f"epoch {epoch}/{self.epochs}  step {in_epoch}/{self.per_epoch}  loss {loss:.3f}  "
            f"{speed:.0f} images/s  {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left"
        )

    def line(self, text: str) -> None:
        if self.bar is not None:
            self.bar.write(text)
        else:
            print(text, flush=True)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


WIDTH, HEIGHT, LEFT, TOP, GAP = 640, 260, 50, 30, 60


def _frame(title: str, top: float, low: float, high: float) -> str:
    svg = (
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" '
        f'stroke="#999"/><text x="{LEFT}" y="{top - 8}">{title}</text>\n'
    )
    for i in range(5):
        value = low + (high - low) * i / 4
        y = top + HEIGHT * (high - value) / (high - low)
        svg += (
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>'
            f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eee"/>\n'
        )
    return svg


def _line(
    values: Sequence[float],
    top: float,
    low: float,
    high: float,
    colour: str,
    name: str,
    label: float,
) -> str:
    points = dots = ""
    for i, value in enumerate(values):
        if math.isnan(value):
            continue
        x = LEFT + (WIDTH * i / (len(values) - 1) if len(values) > 1 else WIDTH / 2)
        y = top + HEIGHT * (high - value) / (high - low)
        points += f"{x:.1f},{y:.1f} "
        dots += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>'
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'
        f'<text x="{label}" y="{top - 8}" fill="{colour}">{name}</text>\n'
    )


def curve_svg(epochs: Sequence[dict[str, float]]) -> str:
    """An SVG picture of losses and accuracy over the epochs."""
    train = [e["train_loss"] for e in epochs]
    test = [e["test_loss"] for e in epochs]
    accuracy = [100 * e["test_accuracy"] for e in epochs]
    losses = (TOP, 0, max([1e-3, *(v for v in train + test if not math.isnan(v))]) * 1.05)
    right = (TOP + HEIGHT + GAP, 0, 100)
    bottom, width = right[0] + HEIGHT, LEFT + WIDTH + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 40}" '
        f'font-family="sans-serif" font-size="12"><rect width="{width}" height="{bottom + 40}" '
        'fill="white"/>\n'
        + _frame("loss", *losses)
        + _line(train, *losses, "#1f77b4", "training", LEFT + 100)
        + _line(test, *losses, "#d62728", "test", LEFT + 170)
        + _frame("test accuracy, %", *right)
        + _line(accuracy, *right, "#2ca02c", "", 0)
        + f'<text x="{LEFT + WIDTH // 2}" y="{bottom + 24}" text-anchor="middle">epoch 1 to '
        f"{len(epochs)}</text>\n</svg>\n"
    )
