"""training.py step|loader: AlexNet's step, or the loader's pictures, from Python, as a line of JSON.

The step is that of bench/alexnet.cpp; the loader crops and flips as many pictures as CIFAR-10 has,
of its size, with one worker.
"""

import argparse
import json
import time

import weft
import weft.nn.functional as F
from weft import data, nn, optim


def step(count):
    options = nn.models.AlexNetOptions.cifar()
    options.dropout = 0
    model = nn.models.AlexNet(options)
    model.materialize((128, 3, 32, 32))
    sgd = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x = weft.randn(128, 3, 32, 32).contiguous(memory_format=weft.channels_last)
    y = weft.randint(0, 10, (128,))
    times = []
    for _ in range(count + 2):
        start = time.perf_counter()
        F.cross_entropy(model(x), y).backward()
        sgd.step()
        sgd.zero_grad()
        times.append((time.perf_counter() - start) * 1000)
    return {"setting": "Weft f32 from Python", "step_ms": times[2:]}


def loader(count):
    pictures = weft.randint(0, 256, (50000, 3, 32, 32), dtype=weft.uint8)
    labels = weft.randint(0, 10, (50000,))
    transforms = [
        data.RandomCrop(32, 4, padding_mode="reflect"),
        data.RandomHorizontalFlip(),
        data.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
    ]
    batches = data.DataLoader(
        data.ImageDataset(pictures, labels), 128, shuffle=True, transforms=transforms
    )
    rates = []
    for _ in range(count):
        start = time.perf_counter()
        seen = sum(len(x) for x, _ in batches)
        rates.append(seen / (time.perf_counter() - start))
    return {"pictures_per_second": rates}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("step", "loader"))
    parser.add_argument("--count", type=int, default=9)
    arguments = parser.parse_args()
    print(json.dumps(globals()[arguments.what](arguments.count)))
