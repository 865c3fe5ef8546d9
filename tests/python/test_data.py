"""Data sets of C++ and of Python, transforms, the loader."""

import collections
import gc
import gzip
import hashlib
import os
import pathlib
import signal
import shutil
import struct
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

import weft
from picture_set import Numbers
from weft import data, datasets


def pictures(n=7):
    pixels = np.random.default_rng(0).integers(0, 256, (n, 3, 8, 6), dtype=np.uint8)
    labels = np.arange(n)
    return data.ImageDataset(weft.from_numpy(pixels), weft.from_numpy(labels), ["a", "b"]), pixels


def test_image_dataset():
    images, pixels = pictures()
    assert len(images) == 7 and images.classes == ["a", "b"]
    picture, label = images[-1]
    assert label == 6 and np.array_equal(picture.numpy(), pixels[6].astype(np.float32) / 255)
    assert np.array_equal(images.images.numpy(), pixels) and images.labels.tolist() == [*range(7)]
    assert len(images.first(3)) == 3 and images.fingerprint().startswith("7 pictures, ")
    assert images.fingerprint() != images.first(6).fingerprint()
    with pytest.raises(IndexError):
        images[7]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_loader_of_a_python_dataset(workers):
    loader = data.DataLoader(Numbers(), 4, shuffle=True, num_workers=workers, seed=3)
    assert len(loader) == 3 and loader.batch_size == 4
    epochs = []
    for _ in range(2):
        seen = []
        for images, labels in loader:
            assert images.shape[1:] == (3, 4, 5) and labels.dtype is weft.int64
            assert np.array_equal(images.numpy()[:, 0, 0, 0], labels.numpy())
            seen += labels.tolist()
        assert sorted(seen) == list(range(10)) and seen != sorted(seen)
        epochs.append(seen)
    assert epochs[0] != epochs[1]
    assert loader.state() == (3, 2, 0)


def test_python_and_cpp_datasets_give_the_same_batches():
    images, _ = pictures()

    class Same:
        __len__ = images.__len__

        def __getitem__(self, i):
            return images[i]

    transforms = [data.RandomCrop(5, 2), data.RandomHorizontalFlip(), data.Normalize([0.5] * 3, [0.2] * 3)]
    loaders = [
        data.DataLoader(d, 3, shuffle=True, transforms=transforms, seed=1, num_workers=w)
        for d, w in ((images, 1), (Same(), 2))
    ]
    for one, two in zip(*loaders):
        assert np.array_equal(one[0].numpy(), two[0].numpy()) and one[1].tolist() == two[1].tolist()
    assert one[0].shape == (1, 3, 5, 5)


@pytest.mark.parametrize("shape", [(6,), (4, 5), (1, 4, 5)])
def test_samples_of_other_ranks(shape):
    images, _ = next(iter(data.DataLoader(Numbers(4, shape), 2)))
    assert images.shape == (2, *shape) and images[1].numpy().max() == 1


def test_bytes_tensors_and_python_transforms():
    class Bytes(Numbers):
        def __getitem__(self, i):
            return weft.full((1, 2, 2), 51 * i, dtype=weft.uint8), weft.tensor(i)

    loader = data.DataLoader(Bytes(3), 3, transforms=[lambda p: p * 2, lambda p: p[:, :1]])
    images, labels = next(iter(loader))
    assert np.allclose(images.numpy()[:, 0, 0, 0], [0, 0.4, 0.8]) and images.shape == (3, 1, 1, 2)


def test_state_goes_on_in_the_middle_of_an_epoch():
    loader = data.DataLoader(Numbers(), 2, shuffle=True, seed=5)
    begun = iter(loader)
    next(begun), next(begun)
    state = loader.state()
    rest = [labels.tolist() for _, labels in begun]
    other = data.DataLoader(Numbers(), 2, shuffle=True, seed=9)
    other.set_state(state)
    assert [labels.tolist() for _, labels in other] == rest and len(rest) == 3
    with pytest.raises(ValueError):
        other.set_state((0, 0, 99))


@pytest.mark.parametrize(
    "sample, error",
    [
        (lambda i: 1 / 0, ZeroDivisionError),
        (lambda i: np.zeros((1, 2, 2), np.float32), TypeError),
        (lambda i: ("text", 1), TypeError),
        (lambda i: (np.zeros((1, 1, 2, 2), np.float32), 1), TypeError),
        (lambda i: (np.zeros((1, 2 + i, 2), np.float32), 1), ValueError),
        (lambda i: (np.zeros((1, 2, 2), np.float32), "cat"), TypeError),
    ],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_errors_of_a_dataset_arrive(sample, error, workers):
    class Bad(Numbers):
        def __getitem__(self, i):
            return sample(i)

    with pytest.raises(error):
        next(iter(data.DataLoader(Bad(), 4, num_workers=workers, transforms=[lambda p: p])))


class Given:
    """A data set of a function of the index."""

    def __init__(self, sample, n=4):
        self.sample, self.n = sample, n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return self.sample(i)


Point = collections.namedtuple("Point", "x y")
DTYPES = "bool uint8 int8 int16 int32 int64 float16 float32 float64".split()


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_keep_what_samples_are(workers):
    def sample(i):
        return {
            **{f"array {d}": np.full((2, 3), i, d) for d in DTYPES},
            **{f"number {d}": np.dtype(d).type(i) for d in DTYPES},
            **{f"tensor {d}": weft.full((3,), i, dtype=getattr(weft, d)) for d in DTYPES},
            **{"int": i, "float": i / 2, "bool": i % 2 == 0, "text": str(i), "bytes": b"%d" % i},
            **{"pair": (i, weft.ones(2) * i), "list": [i, [i + 1]], "point": Point(i, -i)},
            "half": weft.tensor(float(i), dtype=weft.bfloat16),
        }

    batch = next(iter(data.DataLoader(Given(sample), 3, num_workers=workers)))
    expected = np.arange(3)
    for d in DTYPES:
        for kind, shape in ("array", (3, 2, 3)), ("number", (3,)), ("tensor", (3, 3)):
            t = batch[f"{kind} {d}"]
            assert t.dtype is getattr(weft, d) and t.shape == shape
            assert np.array_equal(t.reshape(3, -1)[:, 0].numpy(), expected.astype(d))
    assert batch["int"].dtype is weft.int64 and batch["int"].tolist() == [0, 1, 2]
    assert batch["float"].dtype is weft.float64 and batch["float"].tolist() == [0, 0.5, 1]
    assert batch["bool"].dtype is weft.bool and batch["bool"].tolist() == [True, False, True]
    assert batch["half"].dtype is weft.bfloat16 and batch["half"].shape == (3,)
    assert batch["text"] == ["0", "1", "2"] and batch["bytes"] == [b"0", b"1", b"2"]
    assert type(batch["pair"]) is list and batch["pair"][1].shape == (3, 2)
    assert batch["list"][1][0].tolist() == [1, 2, 3]
    assert type(batch["point"]) is Point and batch["point"].y.tolist() == [0, -1, -2]


class Squares(data.Dataset):
    def __init__(self, size):  # without super().__init__(), as PyTorch allows
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, i):
        return i, i * i


def test_data_sets_made_of_others():
    assert isinstance(Squares(1), data.Dataset) and data.Dataset[int] is data.Dataset
    pictures = data.ImageDataset(weft.zeros(2, 1, 2, 2, dtype=weft.uint8), weft.tensor([0, 1]))
    assert isinstance(pictures, data.Dataset) and not isinstance([1], data.Dataset)
    both = Squares(3) + Squares(2)
    assert [both[i] for i in range(-5, 5)] == [both[i % 5] for i in range(10)]
    assert [both[i][0] for i in range(len(both))] == [0, 1, 2, 0, 1]
    for wrong in 5, -6:
        with pytest.raises(IndexError):
            both[wrong]
    part = data.Subset(both, [4, 0])
    assert [part[i] for i in range(len(part))] == [(1, 1), (0, 0)]
    rows = data.TensorDataset(weft.arange(4), weft.arange(8).reshape(4, 2))
    assert len(rows) == 4 and rows[3][1].tolist() == [6, 7]
    assert data.Subset(rows, [3, 1])[[1, 0]][0].tolist() == [1, 3]
    (x, y), *_ = data.DataLoader(rows, batch_size=3)
    assert x.tolist() == [0, 1, 2] and y.shape == (3, 2) and y.dtype is weft.int64
    with pytest.raises(ValueError, match="TensorDataset"):
        data.TensorDataset(weft.zeros(2), weft.zeros(3))
    with pytest.raises(ValueError):
        data.ConcatDataset([])
    with pytest.raises(NotImplementedError):
        data.Dataset()[0]


@pytest.mark.parametrize("lengths, sizes", [([7, 3], [7, 3]), ([0.5, 0.25, 0.25], [6, 2, 2])])
def test_random_split(lengths, sizes):
    split = lambda seed: data.random_split(  # noqa: E731
        Squares(10), lengths, weft.Generator().manual_seed(seed)
    )
    parts = split(1)
    assert [len(p) for p in parts] == sizes
    assert sorted(i for part in parts for i, _ in part) == [*range(10)]
    assert [p.indices for p in parts] == [p.indices for p in split(1)]
    assert [p.indices for p in parts] != [p.indices for p in split(2)]
    for wrong in [7, 2], [0.5, 0.4], [11, -1], [2.5, 7.5]:
        with pytest.raises(ValueError, match="random_split"):
            data.random_split(Squares(10), wrong)


def test_a_function_of_ones_own_puts_samples_together():
    loader = data.DataLoader(Given(lambda i: "x" * i, 5), 2, collate_fn="-".join, num_workers=2)
    assert list(loader) == ["-x", "xx-xxx", "xxxx"] and list(loader) == ["-x", "xx-xxx", "xxxx"]
    images, _ = pictures()
    labels = data.DataLoader(images, 2, collate_fn=lambda s: [label for _, label in s])
    assert next(iter(labels)) == [0, 1]
    with pytest.raises(ValueError, match="collate_fn"):
        data.DataLoader(images, collate_fn=len, transforms=[data.RandomHorizontalFlip()])
    assert next(iter(data.DataLoader(Given(lambda i: i), collate_fn=lambda s: None))) is None


@pytest.mark.parametrize(
    "sample, error",
    [
        (lambda i: 1 / 0, ZeroDivisionError),
        (lambda i: None, TypeError),
        (lambda i: (1, object()), TypeError),
        (lambda i: [1] * (i + 1), ValueError),
        (lambda i: weft.ones(i + 1), weft.ShapeError),
        (lambda i: np.ones(i + 1), ValueError),
        (lambda i: {i: 1}, KeyError),
        (lambda i: np.array(["text"]), TypeError),
        (lambda i: sys.exit(3), SystemExit),
    ],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_errors_of_samples_arrive(sample, error, workers):
    loader = data.DataLoader(Given(sample), 2, num_workers=workers)
    with pytest.raises(error):
        next(iter(loader))
    assert loader.state() == (0, 0, 1)


def test_batches_of_python_that_nobody_takes():
    """Made ahead, then dropped by workers, by set_state() and at the end, while state() is asked."""
    kept = weakref.WeakSet()

    class Batch:
        def __init__(self, samples):
            kept.add(self)

    loader = data.DataLoader(Given(lambda i: i, 400), 2, collate_fn=Batch, num_workers=4)
    for turn in range(100):
        assert isinstance(next(iter(loader)), Batch)
        loader.set_state((turn, 0, turn))
        assert loader.state() == (turn, 0, turn)
    loader.close()
    gc.collect()
    assert not kept


def test_arguments():
    for wrong in ({"batch_size": 0}, {"num_workers": -1}, {"prefetch_factor": 0}):
        with pytest.raises(ValueError):
            data.DataLoader(Numbers(), **wrong)
    with pytest.raises(TypeError, match="transform"):
        data.DataLoader(Numbers(), transforms=[3])
    with pytest.raises(TypeError):
        data.DataLoader(3)
    with pytest.raises(ValueError, match="padding_mode"):
        data.RandomCrop(3, padding_mode="wrap")


def test_transforms_by_hand():
    picture = weft.arange(12, dtype=weft.float32).reshape(1, 3, 4)
    assert data.Normalize([1.0], [2.0])(picture).tolist() == ((picture - 1) / 2).tolist()
    assert data.RandomHorizontalFlip(1.0)(picture).tolist() == picture.flip(2).tolist()
    assert data.RandomCrop(2)(picture, seed=3).shape == (1, 2, 2)
    assert data.Cutout(9, 7.0)(picture).numpy().min() == 7


class Slow(Numbers):
    def __getitem__(self, i):
        time.sleep(1)
        return super().__getitem__(i)


def test_ctrl_c_while_waiting():
    loader = data.DataLoader(Slow(), 2)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        next(iter(loader))
    assert time.monotonic() - start < 1


def run_program(text):
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)


PROGRAM = """
import os, weft, numpy as np
class D:
    def __len__(self): return 1000
    def __getitem__(self, i): return np.zeros((1, 2, 2), np.float32), i
loader = weft.data.DataLoader(D(), 2, num_workers=3)
begun, other = iter(loader), iter(loader)
next(begun), next(other)
"""


def test_the_interpreter_ends_with_loaders_at_work():
    result = run_program(PROGRAM)
    assert result.returncode == 0 and not result.stderr


def test_after_a_fork_the_loader_says_so():
    child = """
if os.fork() == 0:
    try:
        next(begun)
    except RuntimeError as e:
        os._exit(7 if "fork" in str(e) else 8)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    result = run_program(PROGRAM + child)
    assert result.stdout == "7\n", result.stderr


def cifar(folder, names, label_bytes):
    rng = np.random.default_rng(0)
    folder.mkdir()
    records = []
    for i, name in enumerate(names):
        record = np.concatenate([np.full(label_bytes, i), rng.integers(0, 256, 3072)])
        records.append(record.astype(np.uint8))
        (folder / name).write_bytes(records[-1].tobytes())
    return records


def test_cifar_and_mnist_files(tmp_path):
    names = [f"data_batch_{i}.bin" for i in range(1, 6)]
    records = cifar(tmp_path / "cifar-10-batches-bin", names, 1)
    train = datasets.CIFAR10(tmp_path)
    assert len(train) == 5 and train.labels.tolist() == [*range(5)] and train.classes[3] == "cat"
    assert isinstance(train, data.CIFAR10)
    assert np.array_equal(train.images.numpy()[2].ravel(), records[2][1:])
    with pytest.raises(OSError):
        datasets.CIFAR10(tmp_path, train=False)
    cifar(tmp_path / "cifar-100-binary", ["train.bin"], 2)
    assert len(datasets.CIFAR100(str(tmp_path)).classes) == 100
    raw = tmp_path / "raw"
    raw.mkdir()
    pixels = np.arange(2 * 6, dtype=np.uint8)
    images = struct.pack(">IIII", 0x803, 2, 3, 2) + pixels.tobytes()
    (raw / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    (raw / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 2) + bytes([4, 9]))
    digits = datasets.MNIST(str(tmp_path), train=False)
    assert digits.labels.tolist() == [4, 9] and digits.images.shape == (2, 1, 3, 2)


def test_fetch_checks_what_arrives(tmp_path):
    source = tmp_path / "set.bin"
    source.write_bytes(b"pictures")
    md5 = hashlib.md5(b"pictures").hexdigest()
    cache = tmp_path / "cache"
    path = datasets.fetch(source.as_uri(), md5, cache)
    assert path.read_bytes() == b"pictures"
    source.unlink()
    assert datasets.fetch(source.as_uri(), md5, cache) == path  # no need to go again
    path.write_bytes(b"broken")
    source.write_bytes(b"something else")
    with pytest.raises(OSError, match="checksum"):
        datasets.fetch(source.as_uri(), md5, cache)
    assert [p.name for p in cache.iterdir()] == ["set.bin"] and path.read_bytes() == b"broken"


def test_the_script_and_python_know_one_source():
    script = pathlib.Path(__file__).resolve().parents[2] / "scripts/fetch_cifar10.sh"
    assert "archives.txt" in script.read_text()
    assert datasets._archives("cifar10")[0][0].endswith("cifar-10-binary.tar.gz")


def idx_files(folder, seed):
    """The four files of a small MNIST, and the pictures and labels of its parts."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    sets = {}
    for part, n in ("train", 7), ("t10k", 3):
        pixels, labels = rng.integers(0, 256, (n, 28, 28)), rng.integers(0, 10, n)
        heads = struct.pack(">IIII", 0x803, n, 28, 28), struct.pack(">II", 0x801, n)
        for name, head, values in zip(("images-idx3", "labels-idx1"), heads, (pixels, labels)):
            text = gzip.compress(head + values.astype(np.uint8).tobytes())
            (folder / f"{part}-{name}-ubyte.gz").write_bytes(text)
        sets[part] = pixels, labels
    return sets


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_mnist_is_fetched_once_and_checked(tmp_path, monkeypatch, name):
    source, root = tmp_path / "source", tmp_path / "root"
    sets = idx_files(source, 1)
    known = [pathlib.PurePosixPath(url).name for url, _ in datasets._archives(name)]
    assert sorted(known) == sorted(p.name for p in source.iterdir())
    archives = [
        (p.as_uri(), hashlib.md5(p.read_bytes()).hexdigest()) for p in sorted(source.iterdir())
    ]
    monkeypatch.setattr(datasets, "_archives", lambda asked: archives if asked == name else [])
    kind = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST}[name]
    for part, train in ("train", True), ("t10k", False):
        pictures = kind(root, train=train, download=True)
        pixels, labels = sets[part]
        assert np.array_equal(pictures.images.numpy()[:, 0], pixels)
        assert pictures.labels.tolist() == labels.tolist() and len(pictures.classes) == 10
    shutil.rmtree(source)
    assert len(kind(root, download=True)) == len(kind(root)) == 7  # no need to go again
    next((root / kind.__name__ / "raw").iterdir()).write_bytes(b"broken")
    with pytest.raises(OSError):
        kind(root, download=True)


def test_both_mnists_may_share_a_root(tmp_path, monkeypatch):
    for name, seed in ("mnist", 1), ("fashion_mnist", 2):
        idx_files(tmp_path / name, seed)
    monkeypatch.setattr(
        datasets,
        "_archives",
        lambda name: [
            (p.as_uri(), hashlib.md5(p.read_bytes()).hexdigest())
            for p in (tmp_path / name).iterdir()
        ],
    )
    digits = datasets.MNIST(tmp_path / "root", download=True)
    clothes = datasets.FashionMNIST(tmp_path / "root", download=True)
    assert digits.fingerprint() != clothes.fingerprint()
    assert datasets.MNIST(tmp_path / "root").fingerprint() == digits.fingerprint()
    assert digits.classes[0] == "0" and clothes.classes[0] == "T-shirt/top"
