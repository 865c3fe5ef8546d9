"""on_cuda.py weft|torch GROUP [--tiny]: figures of one library on a CUDA device, as a line of JSON.

The same code measures both, so that they do the same; bench/cuda_rows.py puts them side by side.
Milliseconds by the device's events, nanoseconds by the host's clock; medians. --tiny only tries
whether it runs.
"""

import argparse
import importlib
import json
import statistics
import time

GIB = 1 << 30


class Library:
    """weft or torch, and what it calls otherwise."""

    def __init__(self, name, tiny):
        self.name, self.tiny = name, tiny
        self.lib = importlib.import_module(name)
        self.nn = importlib.import_module(f"{name}.nn")
        self.F = importlib.import_module(f"{name}.nn.functional")
        self.optim = importlib.import_module(f"{name}.optim")
        self.cuda = self.lib.cuda
        if self.is_torch:
            self.lib.backends.cudnn.benchmark = True

    @property
    def is_torch(self):
        return self.name == "torch"

    def tf32(self, allowed):
        self.lib.set_float32_matmul_precision("high" if allowed else "highest")
        if self.is_torch:
            self.lib.backends.cudnn.allow_tf32 = allowed

    def autocast(self, enabled):
        return self.lib.autocast("cuda", dtype=self.lib.bfloat16, enabled=enabled)

    def size(self, large, small):
        return small if self.tiny else large

    def randn(self, *sizes, dtype=None):
        return self.lib.randn(*sizes, dtype=dtype or self.lib.float32, device="cuda")

    def milliseconds(self, f, count=10):
        """Of one call of f, of `count` queued in a row."""
        rounds, count = self.size((7, count), (1, 1))
        for _ in range(self.size(3, 1)):
            f()
        self.cuda.synchronize()
        times = []
        for _ in range(rounds):
            start, end = (self.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            for _ in range(count):
                f()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end) / count)
        return max(statistics.median(times), 1e-6)

    def nanoseconds(self, f, count=200):
        """Of the host for a call of f, in bursts that the device's queue has room for."""
        times = []
        for _ in range(self.size(60, 3)):
            self.cuda.synchronize()
            start = time.perf_counter_ns()
            for _ in range(count):
                f()
            times.append((time.perf_counter_ns() - start) / count)
        self.cuda.synchronize()
        return statistics.median(times[len(times) // 6 :])


def host(on):
    a, b = on.randn(16), on.randn(16)
    w = on.randn(16).requires_grad_()
    relu = on.lib.relu

    def backward():
        (w * b + b).relu().sum().backward()
        w.grad = None

    return {
        "a + b": on.nanoseconds(lambda: a + b),
        "relu(a)": on.nanoseconds(lambda: relu(a)),
        "w + b, recorded": on.nanoseconds(lambda: w + b),
        "mul, add, relu, sum, backward": on.nanoseconds(backward, 30),
    }


def streams(on):
    """Gigabytes a second, of what is read and written."""
    elements = on.size(GIB // 4, 1 << 12)
    x, y = on.randn(elements), on.randn(elements)
    work = {
        "copy": (2, lambda: y.copy_(x)),
        "add": (3, lambda: x + y),
        "relu": (2, lambda: on.lib.relu(x)),
        "exp": (2, lambda: on.lib.exp(x)),
        "sum": (1, lambda: x.sum()),
    }
    return {
        name: passes * elements * 4 / on.milliseconds(f) / 1e6 for name, (passes, f) in work.items()
    }


def matmul(on):
    found = {}
    for size in on.size((4096, 8192), (64, 128)):
        for kind in ("bf16", "f16", "tf32", "f32"):
            on.tf32(kind == "tf32")
            dtype = {"bf16": on.lib.bfloat16, "f16": on.lib.float16}.get(kind)
            a, b = on.randn(size, size, dtype=dtype), on.randn(size, size, dtype=dtype)
            label = on.size(size, size * 64)
            found[f"{label} {kind}"] = on.milliseconds(lambda: a @ b, 4)
    return found


def rows(on):
    """softmax, layer_norm and batch_norm over 256 MB, and with their gradients."""
    n = on.size(1, 256)
    table = on.randn(65536 // n, 1024)
    pictures = on.randn(256 // n, 64, 64, 64)
    last = pictures.contiguous(memory_format=on.lib.channels_last)
    layer, batch = on.nn.LayerNorm(1024).to("cuda"), on.nn.BatchNorm2d(64).to("cuda")
    work = {
        "softmax": (table, lambda x: x.softmax(1)),
        "layer_norm": (table, layer),
        "batch_norm": (pictures, batch),
        "batch_norm, channels-last": (last, batch),
    }
    found = {}
    for name, (x, f) in work.items():
        with on.lib.no_grad():
            found[name] = on.milliseconds(lambda: f(x))
        leaf = x.detach().clone().requires_grad_()
        g = on.lib.ones_like(x)

        def both():
            f(leaf).backward(g)
            leaf.grad = None

        found[f"{name}, with gradient"] = on.milliseconds(both)
    return found


WIDTHS = {
    "classic": ([64, 192, 384, 256, 256], [1024, 512]),
    "fast": ([48, 96, 192, 192, 192], [512]),
}


def network(on, name):
    """The AlexNet of bench/alexnet.cpp."""
    nn = on.nn
    inplace = {"inplace": True} if on.is_torch else {}  # Weft fuses it into the layer before
    layers, before = [], 3
    channels, hidden = on.size(WIDTHS[name], ([2, 4, 4, 4, 4], [8]))
    for i, width in enumerate(channels):
        pool = [nn.MaxPool2d(2)] * (i in (0, 1, 4))
        convolution = nn.Conv2d(before, width, 3, padding=1, bias=name == "classic")
        if name == "fast":
            layers += [convolution, *pool, nn.BatchNorm2d(width), nn.ReLU(**inplace)]
        else:
            layers += [convolution, nn.ReLU(**inplace), *pool]
        before = width
    layers.append(nn.Flatten())
    before *= 16
    for width in hidden:
        layers += [nn.Linear(before, width), nn.ReLU(**inplace)]
        before = width
    return nn.Sequential(*layers, nn.Linear(before, 10))


class Training:
    def __init__(self, on, name, precision, batch, channels_last):
        layout = on.lib.channels_last if channels_last else on.lib.contiguous_format
        on.tf32(precision == "tf32")
        self.on, self.low = on, precision == "bf16"
        self.net = network(on, name).to("cuda")
        if on.is_torch:
            self.net.to(memory_format=layout)
        self.x = on.randn(batch, 3, 32, 32).contiguous(memory_format=layout)
        self.y = on.lib.randint(0, 10, (batch,), device="cuda")
        fused = {"fused": True} if on.is_torch else {}
        self.sgd = on.optim.SGD(self.net.parameters(), lr=0.01, momentum=0.9, **fused)

    def step(self, x=None, y=None):
        with self.on.autocast(self.low):
            loss = self.on.F.cross_entropy(
                self.net(self.x if x is None else x), self.y if y is None else y
            )
        loss.backward()
        self.sgd.step()
        self.sgd.zero_grad()

    def graph(self):
        """The step captured; its replay."""
        cuda = self.on.cuda
        side = cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            for _ in range(3):
                self.step()
        cuda.current_stream().wait_stream(side)
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            self.step()
        return graph


def alexnet(on):
    """Milliseconds of a training step: precision, batch, layout, and how it is run."""
    found = {}
    for precision, batch in (("tf32", 128), ("bf16", 128), ("bf16", 1024)):
        for channels_last in (False, True) if on.is_torch else (True,):
            batch_run = on.size(batch, 2)
            training = Training(on, "classic", precision, batch_run, channels_last)
            head = f"{precision} {batch} {'last' if channels_last else 'first'}"
            found[f"{head} eager"] = on.milliseconds(training.step, 20)
            graph = training.graph()
            found[f"{head} graph"] = on.milliseconds(graph.replay, 20)
    return found


def compiled(on):
    """torch.compile of the largest case, which takes it a minute."""
    if not on.is_torch:
        return {}
    training = Training(on, "classic", "bf16", on.size(1024, 2), True)
    training.net = on.lib.compile(training.net, mode="reduce-overhead")
    return {"bf16 1024 last compiled": on.milliseconds(training.step, 20)}


def loader(on):
    """Pictures a second of the network `fast`, from the device's memory and from the loader."""
    if on.is_torch:
        return {}
    from weft import data

    batch, count = on.size((128, 50000), (4, 16))
    training = Training(on, "fast", "tf32", batch, True)
    pictures = on.lib.randint(0, 256, (count, 3, 32, 32), dtype=on.lib.uint8)
    made = data.DataLoader(
        data.ImageDataset(pictures, on.lib.randint(0, 10, (count,))),
        batch,
        shuffle=True,
        drop_last=True,
        transforms=[
            data.RandomCrop(32, 4, padding_mode="reflect"),
            data.RandomHorizontalFlip(),
            data.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        ],
        num_workers=on.size(12, 2),
        device="cuda",
    )

    def seconds(batches):
        on.cuda.synchronize()
        start = time.perf_counter()
        for x, y in batches:
            training.step(x, y)
        on.cuda.synchronize()
        return time.perf_counter() - start

    steps = count // batch
    resident = [(training.x, training.y)] * steps
    epochs = [(seconds(resident), seconds(made)) for _ in range(on.size(4, 2))][1:]
    here, loaded = (statistics.median(times) for times in zip(*epochs))
    return {"resident": steps * batch / here, "loaded": steps * batch / loaded}


GROUPS = {f.__name__: f for f in (host, streams, matmul, rows, alexnet, compiled, loader)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=("weft", "torch"))
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--tiny", action="store_true")
    chosen = parser.parse_args()
    print(json.dumps(GROUPS[chosen.group](Library(chosen.library, chosen.tiny))))
