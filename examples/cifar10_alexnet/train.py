#!/usr/bin/env python3
"""Trains an AlexNet on CIFAR-10 and uses it: the C++ program of this folder, in Python.

    train.py train --data cifar-10-binary.tar.gz --out run
    train.py evaluate --model run
    train.py predict --model run cat.png

Options, files and numbers are the program's; see README.md.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import weft
from recipe import (
    CLASSES,
    Recipe,
    for_testing,
    load_split,
    make_loader,
    make_model,
    make_optimizer,
    make_schedule,
    recipe_of,
)
from reports import (
    Evaluation,
    Progress,
    RunFolder,
    curve_svg,
    device_of,
    evaluate,
    load_model,
    save_text,
)
from weft import data, nn
from weft.nn import functional as F

NUMBERS: tuple[str, ...] = ("preset", "epochs", "batch_size", "lr", "seed", "precision", "deterministic")
NUMBERS += ("limit_train", "limit_test")
noted: list[int] = []  # the signal that came


def note_signals() -> None:
    """From now on the first SIGINT or SIGTERM is only noted; a second one ends the program."""

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGINT, note)
    signal.signal(signal.SIGTERM, note)


class Run:
    """A run: everything that a checkpoint brings back."""

    def __init__(
        self,
        recipe: Recipe,
        folder: RunFolder,
        train: data.ImageDataset,
        test: data.ImageDataset,
        device: weft.device,
    ) -> None:
        self.recipe, self.folder, self.test = recipe, folder, test
        self.model = make_model(recipe.preset)
        self.optimizer = make_optimizer(self.model, recipe)
        self.loader = make_loader(train, recipe, device)
        self.schedule = make_schedule(self.optimizer, recipe, len(self.loader))
        self.evaluation: Evaluation | None = None
        self.model.to(device)
        state = self.state = nn.Checkpoint()
        state.add("model", self.model).add("optimizer", self.optimizer)
        state.add("scheduler", self.schedule).add("generator", weft.default_generator)
        state.add("loader", self.loader)
        state.add("epoch", 0).add("step", 0).add("log_bytes", 0)  # epochs and steps done
        state.add("loss_sum", 0.0).add("seconds", 0.0)  # of the epoch begun
        state.metadata = {**recipe.text(), "data": train.fingerprint()}

    def begin(self) -> None:
        """A run that is killed in its first epoch goes on from here."""
        self.state.save(self.folder.checkpoint)
        self.folder.start_log(0)

    def resume(self) -> None:
        expected = self.state.metadata["data"]
        self.state.load(self.folder.checkpoint)
        if (got := self.state.metadata["data"]) != expected:
            raise weft.ValueError(
                f"[resume] got other training pictures ({expected}), expected those that the run "
                f"began with ({got}); give them with --data"
            )
        self.folder.start_log(self.state["log_bytes"])

    def go(self, bar: bool) -> int:
        """The program's status."""
        state, recipe = self.state, self.recipe
        progress = Progress(bar, recipe.epochs, len(self.loader), state["step"])
        try:
            while state["epoch"] < recipe.epochs:
                if not self.run_epoch(progress):
                    self.save()
                    progress.line(
                        f"stopped after step {state['step']}; go on with --resume "
                        f"{self.folder.path}"
                    )
                    return 128 + noted[0]
                self.finish_epoch(progress)
            self.report(progress)
        finally:
            progress.close()
        return 0

    def run_epoch(self, progress: Progress) -> bool:
        """False if a signal ended it early."""
        self.start = time.monotonic()
        for images, labels in self.loader:
            begin = time.monotonic()
            lr = self.schedule.get_last_lr()[0]
            loss = self.train_step(images, labels)
            speed = len(labels) / (time.monotonic() - begin)
            step, epoch = self.state["step"], self.state["epoch"] + 1
            progress.step(step, epoch, loss, speed)
            self.folder.log_step(step, epoch, loss, lr, speed)
            if noted:
                self.state["seconds"] += time.monotonic() - self.start
                return False
        return True

    def train_step(self, images: weft.Tensor, labels: weft.Tensor) -> float:
        recipe, state = self.recipe, self.state
        with weft.autocast(enabled=recipe.precision == "bf16"):
            scores = self.model(images)
            loss = F.cross_entropy(scores, labels, label_smoothing=recipe.label_smoothing)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        state["step"] += 1
        if state["step"] < recipe.epochs * len(self.loader):
            self.schedule.step()
        value = loss.item()
        state["loss_sum"] += value
        return value

    def finish_epoch(self, progress: Progress) -> None:
        state = self.state
        self.evaluation = evaluate(self.model, self.test, self.recipe.precision)
        state["epoch"] += 1
        train_loss = state["loss_sum"] / len(self.loader)
        seconds = state["seconds"] + time.monotonic() - self.start
        self.folder.log_epoch(state["epoch"], train_loss, self.evaluation, seconds)
        state["loss_sum"] = state["seconds"] = 0.0
        self.save()
        self.save_model()
        progress.line(
            f"epoch {state['epoch']}/{self.recipe.epochs}: training loss {train_loss:.3f}, test "
            f"loss {self.evaluation.loss:.3f}, test accuracy {100 * self.evaluation.accuracy:.2f} "
            f"%, {seconds:.0f} s"
        )

    def save(self) -> None:
        self.state["log_bytes"] = self.folder.sync_log()
        self.state.save(self.folder.checkpoint)

    def save_model(self) -> None:
        recipe = self.recipe
        text = {
            "model": "cifar10_alexnet",
            "preset": recipe.preset,
            "precision": recipe.precision,
        }
        nn.save_weights(self.folder.file("model.safetensors"), self.model, text)

    def report(self, progress: Progress) -> None:
        # A run that is resumed after its end has no evaluation yet, and may lack its last files.
        if self.evaluation is None:
            self.evaluation = evaluate(self.model, self.test, self.recipe.precision)
        e = self.evaluation
        self.save_model()
        save_text(self.folder.file("confusion.csv"), e.csv())
        save_text(self.folder.file("curve.svg"), curve_svg(self.folder.epochs()))
        progress.line(e.table())
        progress.line(
            f"test accuracy {100 * e.accuracy:.2f} % ({e.right} of {e.total}); all of it in "
            f"{self.folder.path}"
        )


def resumed_recipe(given: dict[str, Any], folder: RunFolder) -> Recipe:
    """The recipe of the run to go on with; weft.ValueError if the command line says otherwise."""
    _, text = weft.load(folder.checkpoint, with_metadata=True)
    recipe = recipe_of(text, folder.checkpoint)
    now = Recipe(**given).text()
    for key in sorted(given):
        if now[key] != text[key]:
            raise weft.ValueError(
                f"[resume] got --{key.replace('_', '-')} {now[key]}, expected the run's own: "
                f"{text[key]}"
            )
    return recipe


def train(options: argparse.Namespace) -> int:
    given = {key: getattr(options, key) for key in NUMBERS if getattr(options, key) is not None}
    folder = RunFolder.open(options.resume) if options.resume else None
    recipe = resumed_recipe(given, folder) if folder else Recipe(**given)
    recipe.complete()
    device = device_of(options.device)
    weft.use_deterministic_algorithms(recipe.deterministic)
    weft.manual_seed(recipe.seed)
    training, source = load_split(options.data, True, recipe.limit_train)
    test, _ = load_split(options.data, False, recipe.limit_test)
    print(f"{len(training)} training and {len(test)} test pictures from {source}", flush=True)
    folder = folder or RunFolder.create(options.out)
    run = Run(recipe, folder, training, test, device)
    run.resume() if options.resume else run.begin()
    note_signals()
    return run.go(options.progress)


def evaluate_model(options: argparse.Namespace) -> int:
    model, precision = load_model(options.model, device_of(options.device))
    test, source = load_split(options.data, False, options.limit_test or 0)
    e = evaluate(model, test, precision)
    print(f"{len(test)} test pictures from {source}\n{e.table()}", end="")
    print(
        f"test accuracy {100 * e.accuracy:.2f} % ({e.right} of {e.total}), loss {e.loss:.4f}"
    )
    return 0


def predict(options: argparse.Namespace) -> int:
    device = device_of(options.device)
    model, _ = load_model(options.model, device)
    with weft.inference_mode():
        for path in options.files:
            picture = data.resize_to_fit(data.read_image(path), 32, 32)
            for transform in for_testing():
                picture = transform(picture)
            p = model(picture.unsqueeze(0).to(device)).softmax(1)[0].tolist()
            best = sorted(range(len(p)), key=lambda i: -p[i])[: options.top]
            print(f"{path}: " + ", ".join(f"{CLASSES[i]} {100 * p[i]:.1f} %" for i in best))
    return 0


class Once(argparse.Action):
    """Keeps a value; an option that comes twice is an error, as in the program."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        given = vars(namespace).setdefault("given", [])
        if self.dest in given:
            raise argparse.ArgumentError(self, "given twice")
        given.append(self.dest)
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.register("action", None, Once)

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        print(f"cifar10_alexnet: {line} (--help lists the options)", file=sys.stderr)
        sys.exit(2)


def within(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    """A number of that kind from low to high."""

    def number(text: str) -> float:
        try:
            value: float | None = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is no number from {low} to {high}")
        return value

    return number


def path(text: str) -> str:
    """A script's empty variable: no path, nor the same as to leave the option out."""
    if not text:
        raise argparse.ArgumentTypeError("got nothing, expected a path")
    return text


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", metavar="DEVICE", default="cpu", help="cpu, cuda or cuda:N (default: cpu)"
    )
    parser.add_argument(
        "--threads",
        type=within(int, 1, 1024),
        help="threads to compute with (default: all cores)",
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    many = within(int, 1, 2**31)
    parser.add_argument(
        "--data",
        type=path,
        metavar="PATH",
        default=os.environ.get("WEFT_DATA") or None,
        help="CIFAR-10, binary version: a folder or the .tar.gz (else the pictures that ship with "
        "the example)",
    )
    parser.add_argument(
        "--limit-test", type=many, metavar="N", help="use the first N test pictures"
    )


def add_train(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--preset", choices=["fast", "classic"], help="default: fast")
    add("--epochs", type=within(int, 1, 100000), help="times through the data")
    add("--batch-size", type=within(int, 1, 50000), help="pictures in a step")
    add("--lr", type=within(float, 1e-300, 1e300), help="learning rate (fast: the highest)")
    add("--seed", type=within(int, 0, 2**64 - 1), help="of weights, order and changes to pictures")
    add("--precision", choices=["f32", "bf16"], help="default: f32")
    add(
        "--deterministic",
        action="store_true",
        default=None,
        help="the same bits for any number of threads",
    )
    add("--limit-train", type=within(int, 1, 2**31), metavar="N", help="first N training pictures")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--out", type=path, help="folder for log, checkpoint, model and reports (runs/N)"
    )
    place.add_argument(
        "--resume", type=path, metavar="DIR", help="go on with the run in this folder"
    )
    add("--no-progress", dest="progress", action="store_false", help="plain lines, no bar")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="cifar10_alexnet", description="Trains an AlexNet on CIFAR-10 and uses it.")
    commands = parser.add_subparsers(required=True, dest="command", parser_class=Parser)
    training = commands.add_parser("train", help="train a network")
    add_data(training)
    add_train(training)
    training.set_defaults(run=train)
    evaluating = commands.add_parser("evaluate", help="accuracy and confusion matrix of a model")
    add_data(evaluating)
    evaluating.set_defaults(run=evaluate_model)
    predicting = commands.add_parser("predict", help="the most likely classes of pictures")
    predicting.add_argument("files", nargs="+", help="PNG or JPEG pictures of any size")
    predicting.add_argument("--top", type=within(int, 1, 10), default=3, help="classes to print")
    predicting.set_defaults(run=predict)
    for sub in (training, evaluating, predicting):
        add_device(sub)
    for sub in (evaluating, predicting):
        sub.add_argument(
            "--model", required=True, metavar="RUN_OR_FILE", help="a run's folder or a .safetensors"
        )
    return parser.parse_args(arguments)


def flush() -> None:
    """What was printed and does not arrive (a full disk) is an error, and not tried again at exit."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise weft.IOError(f"cannot write to the standard output: {error.strerror}") from error


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.threads:
        weft.set_num_threads(options.threads)
    try:
        status: int = options.run(options)
        flush()
        return status
    except Exception as error:
        print(f"cifar10_alexnet: {error}", file=sys.stderr)
        with contextlib.suppress(weft.IOError):
            flush()
        return 1


if __name__ == "__main__":
    sys.exit(main())
