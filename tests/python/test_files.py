"""Files of tensors, checkpoints and pictures, with their Python peers."""

import pathlib

import numpy as np
import pytest
import safetensors.numpy

import weft
from weft import data, nn, optim

ROOT = pathlib.Path(__file__).resolve().parents[2]
DTYPES = "bool uint8 int8 int16 int32 int64 float16 float32 float64".split()


def arrays():
    rng = np.random.default_rng(0)
    return {f"x.{d}": (rng.standard_normal((2, 3)) * 9).astype(d) for d in DTYPES} | {
        "empty": np.zeros((0, 4), np.float32),
        "number": np.array(7),
    }


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)


def test_safetensors_of_ours_read_by_the_package(tmp_path):
    given = arrays()
    path = tmp_path / "ours.safetensors"
    weft.save({k: weft.from_numpy(v) for k, v in given.items()}, path, {"note": "text"})
    read = safetensors.numpy.load_file(path)
    assert read.keys() == given.keys() and all(same(read[k], given[k]) for k in given)
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == {"note": "text"}
    tensors, text = weft.load(path, with_metadata=True)
    assert text == {"note": "text"} and all(same(tensors[k].numpy(), given[k]) for k in given)


def test_safetensors_of_the_package_read_by_ours(tmp_path):
    given = arrays()
    path = tmp_path / "theirs.safetensors"
    safetensors.numpy.save_file(given, path, {"a": "b"})
    read = weft.load(str(path))
    assert read.keys() == given.keys() and all(same(read[k].numpy(), given[k]) for k in given)
    data_of_theirs = safetensors.numpy.save(given)
    assert weft.safetensors_from_bytes(data_of_theirs).keys() == given.keys()


def test_strides_and_bfloat16_survive(tmp_path):
    x = weft.arange(6, dtype=weft.float32).reshape(2, 3)
    weft.save({"t": x.T, "b": x.to(weft.bfloat16), "slice": x[:, ::2]}, tmp_path / "f")
    read = weft.load(tmp_path / "f")
    assert read["t"].tolist() == x.T.tolist() and read["slice"].tolist() == x[:, ::2].tolist()
    assert read["b"].dtype is weft.bfloat16 and read["b"].tolist() == x.tolist()


def test_what_is_refused(tmp_path):
    path = tmp_path / "f"
    with pytest.raises(TypeError, match="dict of tensors"):
        weft.save(3, path)
    with pytest.raises(TypeError, match="epoch"):
        weft.save({"epoch": 3}, path)
    with pytest.raises(OSError):
        weft.load(path)
    path.write_bytes(b"not a file of tensors")
    with pytest.raises(weft.ParseError, match=str(path)):
        weft.load(path)
    with pytest.raises(OSError):
        weft.save({}, tmp_path / "nowhere" / "f")


def test_npy_both_ways(tmp_path):
    path = tmp_path / "x.npy"
    for x in arrays().values():
        weft.save_npy(path, weft.from_numpy(x))
        assert same(np.load(path), x)
        np.save(path, x)
        assert same(weft.load_npy(path).numpy(), x)
    np.save(path, np.asfortranarray(arrays()["x.float32"]))
    assert same(weft.load_npy(path).numpy(), arrays()["x.float32"])


def test_an_error_shows_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "x.npy"
    weft.save_npy(path, weft.zeros(3))
    path.write_bytes(path.read_bytes().replace(b"<f4", b"<f\xff"))
    with pytest.raises(weft.ParseError, match=r"got dtype '<f\\xff'"):
        weft.load_npy(path)


def make():
    weft.manual_seed(1)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    opt = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    schedule = optim.lr_scheduler.StepLR(opt, 2)
    images = weft.zeros(8, 1, 2, 1, dtype=weft.uint8)
    loader = data.DataLoader(data.ImageDataset(images, weft.arange(8)), 2, shuffle=True)
    generator = weft.Generator(5)
    state = nn.Checkpoint().add("model", net).add("optimizer", opt).add("schedule", schedule)
    state.add("loader", loader).add("generator", generator).add("epoch", 0).add("sum", 0.5)
    return state, net, opt, schedule, loader, generator


def test_checkpoint_brings_everything_back(tmp_path):
    path = tmp_path / "checkpoint"
    state, net, opt, schedule, loader, generator = make()
    batches = iter(loader)
    for _ in range(3):
        net(weft.ones(1, 2)).sum().backward()
        opt.step()
        schedule.step()
        next(batches)
    weft.rand(3, generator=generator)
    state["epoch"], state["sum"], state.metadata = 3, 1.25, {"k": "v"}
    state.save(path)
    other, net2, opt2, schedule2, loader2, generator2 = make()
    other.load(path)
    assert other["epoch"] == 3 and other["sum"] == 1.25 and other.metadata == {"k": "v"}
    assert [p.tolist() for p in net2.parameters()] == [p.tolist() for p in net.parameters()]
    assert opt2.state_dict().keys() == opt.state_dict().keys()
    assert schedule2.get_last_lr() == schedule.get_last_lr() and loader2.state() == loader.state()
    assert loader2.state()[2] == 3 and len([*loader2]) == 1 and len([*loader2]) == 4
    drawn = [weft.rand(3, generator=g).tolist() for g in (generator, generator2)]
    assert drawn[0] == drawn[1]
    assert "model/0.weight" in safetensors.numpy.load_file(path)
    with pytest.raises(TypeError, match="list"):
        state.add("bad", [1])
    with pytest.raises(ValueError, match="twice"):
        state.add("epoch", 1)
    with pytest.raises(KeyError):
        state["model"]


def test_a_checkpoint_that_does_not_fit_changes_nothing(tmp_path):
    state, net, *_ = make()
    state.save(tmp_path / "f")
    wrong = nn.Sequential(nn.Linear(2, 4))
    before = [p.tolist() for p in wrong.parameters()]
    with pytest.raises(ValueError, match="model/0.weight has shape"):
        nn.Checkpoint().add("model", wrong).load(tmp_path / "f")
    assert [p.tolist() for p in wrong.parameters()] == before


def test_weights(tmp_path):
    _, net, *_ = make()
    nn.save_weights(tmp_path / "w", net, {"a": "b"})
    weft.save(net, tmp_path / "s", {"a": "b"})
    assert (tmp_path / "w").read_bytes() == (tmp_path / "s").read_bytes()
    with weft.no_grad():
        net[0].weight.zero_()
    assert nn.load_weights(tmp_path / "w", net) == {"a": "b"} and net[0].weight.any()


def test_pictures(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 4), dtype=np.uint8)
    data.write_png(tmp_path / "p.png", weft.from_numpy(pixels))
    assert same(data.read_image(tmp_path / "p.png").numpy(), pixels)
    assert same(data.decode_image(data.encode_png(weft.from_numpy(pixels[0])), 1).numpy(), pixels[:1])
    flat = weft.full((3, 5, 4), 9, dtype=weft.uint8)
    assert np.unique(data.resize(flat, 7, 2).numpy()).tolist() == [9]
    assert data.resize_to_fit(flat, 2, 2).shape == (3, 2, 2)
    with pytest.raises(weft.ParseError):
        data.decode_image(b"no picture")
    with pytest.raises(TypeError, match="uint8"):
        data.encode_png(weft.zeros(3, 2, 2))
    folder = ROOT / "examples/cifar10_alexnet/pictures"
    sheets = data.read_contact_sheets(folder, ["cat", "dog"], 32, 3, 2)
    assert sheets.labels.tolist() == [0, 0, 1, 1]
    whole = data.read_image(folder / "cat.jpg").numpy()
    assert np.array_equal(sheets.images.numpy()[0], whole[:, :32, 96:128])
