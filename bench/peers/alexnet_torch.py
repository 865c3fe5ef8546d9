"""AlexNet for CIFAR in PyTorch: the network of bench/alexnet.cpp and of the example's presets.

    alexnet_torch.py step     times training steps
    alexnet_torch.py train    trains with the recipe of the example's preset "classic" and tests

Each prints one line of JSON.
"""

import argparse
import json
import pathlib
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

WIDTHS = {"classic": ([64, 192, 384, 256, 256], [1024, 512]), "fast": ([48, 96, 192, 192, 192], [512])}
POOLED = {0, 1, 4}
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
PICTURES, PIXELS = 10000, 3 * 32 * 32


def convolution(before, after, pooled, norm):
    pool = [nn.MaxPool2d(2)] if pooled else []
    if norm:  # the norm behind the pool sees a quarter of the elements
        return [nn.Conv2d(before, after, 3, padding=1, bias=False), *pool, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True), *pool]


def network(name, dropout=0.0):
    channels, hidden = WIDTHS[name]
    layers, before = [], 3
    for i, width in enumerate(channels):
        layers += convolution(before, width, i in POOLED, norm=name == "fast")
        before = width
    layers.append(nn.Flatten())
    before *= 16
    for width in hidden:
        layers += [nn.Dropout(dropout)] * (dropout > 0) + [nn.Linear(before, width), nn.ReLU(inplace=True)]
        before = width
    return nn.Sequential(*layers, nn.Linear(before, 10))


def step_times(options):
    """Stops early, after two steps at least, when the time is up: bf16 takes many seconds a step
    where a CPU has no code for it."""
    memory_format = torch.channels_last if options.channels_last else torch.contiguous_format
    model = network(options.network).to(memory_format=memory_format)
    x = torch.randn(options.batch, 3, 32, 32).contiguous(memory_format=memory_format)
    y = torch.randint(0, 10, (options.batch,))
    sgd = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, foreach=False)

    def step():
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "bf16"):
            output = model(x)
        F.cross_entropy(output.float(), y).backward()
        sgd.step()
        sgd.zero_grad(set_to_none=True)
        return (time.perf_counter() - start) * 1e3

    start = time.perf_counter()
    for _ in range(2):
        step()
    times = []
    while len(times) < options.steps:
        times.append(step())
        if len(times) > 1 and time.perf_counter() - start > options.seconds:
            break
    layout = "channels_last" if options.channels_last else "contiguous"
    return {"setting": f"PyTorch {torch.__version__} {options.precision} {layout}", "step_ms": times}


def pictures(folder, names):
    records = torch.cat([
        torch.frombuffer(bytearray((folder / name).read_bytes()), dtype=torch.uint8).view(PICTURES, 1 + PIXELS)
        for name in names
    ])
    values = records[:, 1:].reshape(-1, 3, 32, 32).float() / 255
    values = (values - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    return values.contiguous(memory_format=torch.channels_last), records[:, 0].long()


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        right = sum((model(a).argmax(1) == b).sum().item() for a, b in zip(x.split(500), y.split(500)))
    model.train()
    return right / len(y)


def training(options):
    torch.manual_seed(options.seed)
    x, y = pictures(options.data, [f"data_batch_{i}.bin" for i in range(1, 6)])
    test = pictures(options.data, ["test_batch.bin"])
    model = network("classic", dropout=0.5).to(memory_format=torch.channels_last)
    sgd = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    steps = len(y) // options.batch
    total = steps * options.epochs
    schedule = torch.optim.lr_scheduler.MultiStepLR(sgd, [total // 2, total * 3 // 4], 0.1)
    start, reached = time.perf_counter(), []
    for epoch in range(options.epochs):
        order = torch.randperm(len(y))[: steps * options.batch]
        for chosen in order.split(options.batch):
            loss = F.cross_entropy(model(x[chosen]), y[chosen])
            sgd.zero_grad(set_to_none=True)
            loss.backward()
            sgd.step()
            schedule.step()
        reached.append(accuracy(model, *test))
        print(f"epoch {epoch + 1}/{options.epochs}: test accuracy {reached[-1]:.4f}", file=sys.stderr, flush=True)
    return {"setting": f"PyTorch {torch.__version__} f32 channels_last", "test_accuracy": reached,
            "seconds": time.perf_counter() - start}


parser = argparse.ArgumentParser()
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--threads", type=int)
commands = parser.add_subparsers(dest="command", required=True)
step_options = commands.add_parser("step")
step_options.add_argument("--network", choices=WIDTHS, default="classic")
step_options.add_argument("--precision", choices=("f32", "bf16"), default="f32")
step_options.add_argument("--channels-last", action="store_true")
step_options.add_argument("--steps", type=int, default=5)
step_options.add_argument("--seconds", type=float, default=60, help="stop after so long")
train_options = commands.add_parser("train")
train_options.add_argument("--data", type=pathlib.Path, required=True, help="CIFAR-10's binary folder")
train_options.add_argument("--epochs", type=int, default=30)
train_options.add_argument("--seed", type=int, default=0)
chosen = parser.parse_args()
if chosen.threads:
    torch.set_num_threads(chosen.threads)
result = step_times(chosen) if chosen.command == "step" else training(chosen)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(result | {"peak_bytes": peak}))
