"""weft.cuda and tensors on devices: simulated ones, unless WEFT_CUDA_LIBRARY names the real back end."""

import copy
import multiprocessing
import os
import pickle

import numpy as np
import pytest

import weft

if not weft.cuda.is_available():
    pytest.skip(f"no device: {weft.cuda.why_unavailable()}", allow_module_level=True)

SIMULATED = weft.cuda.get_device_name() == "simulated"
cuda = weft.device("cuda")


def test_devices_are_counted_chosen_and_described():
    assert weft.cuda.device_count() >= 1
    assert weft.cuda.current_device() == 0
    properties = weft.cuda.get_device_properties("cuda:0")
    assert properties.name in repr(properties)
    assert weft.cuda.get_device_capability() == (properties.major, properties.minor)
    with pytest.raises(weft.DeviceError, match="got cuda:99"):
        weft.cuda.set_device(99)
    with pytest.raises(weft.ValueError, match="expected a CUDA device"):
        weft.cuda.synchronize("cpu")
    with weft.cuda.device(None), weft.cuda.device("cuda:0"):
        assert weft.cuda.current_device() == 0


@pytest.mark.skipif(weft.cuda.device_count() < 2, reason="one device")
def test_several_devices():
    with weft.cuda.device(1):
        x = weft.ones(3).cuda()
        assert weft.zeros(2, device="cuda:1").device == weft.device("cuda", 1)
    assert x.device == weft.device("cuda:1") and weft.cuda.current_device() == 0
    assert x.to("cuda:0").sum().item() == 3
    with pytest.raises(weft.DeviceError, match="cuda:0 and cuda:1"):
        x.to("cuda:0") + x


def test_tensors_and_modules_travel():
    x = weft.arange(6.0).view(2, 3)
    y = x.cuda()
    assert y.is_cuda and not x.is_cuda and y.device == cuda
    assert repr(y) == "tensor([[0., 1., 2.],\n        [3., 4., 5.]], device='cuda:0')"
    assert (y @ y.mT).cpu().tolist() == (x @ x.mT).tolist()
    for reads in (np.asarray, memoryview, lambda t: t.numpy()):
        with pytest.raises((TypeError, BufferError), match="cpu"):
            reads(y)
    assert y.tolist() == x.tolist() and pickle.loads(pickle.dumps(y)).tolist() == x.tolist()
    assert copy.deepcopy(y).device == cuda and weft.tensor(y).tolist() == x.tolist()
    layer = weft.nn.Linear(3, 2).cuda()
    optimizer = weft.optim.Adam(layer.parameters())
    layer(y).sum().backward()
    optimizer.step()
    for copied in copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o)):
        assert copied(y.mT).device == cuda and copied(y.mT).stride() == (1, 3)
        other, theirs = copied((layer, optimizer))
        assert other.weight.device == cuda and (other(y) == layer(y)).all()
        assert theirs.state_dict()["state.0.exp_avg"].device == cuda
    assert layer.weight.device == cuda and layer(y).device == cuda
    assert layer.cpu().weight.device == weft.device("cpu")


def test_a_step_of_training_is_the_cpu_s():
    def losses(device):
        weft.manual_seed(2)
        net = weft.nn.Sequential(weft.nn.Linear(8, 16), weft.nn.ReLU(), weft.nn.Linear(16, 3))
        x, t = weft.randn(32, 8).to(device), weft.randint(0, 3, (32,)).to(device)
        net.to(device)
        optimizer = weft.optim.AdamW(net.parameters(), lr=0.01)
        found = []
        for _ in range(5):
            optimizer.zero_grad()
            loss = weft.nn.functional.cross_entropy(net(x), t)
            loss.backward()
            weft.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            found.append(loss.item())
        return found

    assert losses("cuda") == pytest.approx(losses("cpu"), rel=1e-5)


def test_streams_and_events():
    side = weft.cuda.Stream()
    assert side.cuda_stream != 0 and weft.cuda.default_stream().cuda_stream == 0
    assert side != weft.cuda.current_stream() and side == side and side != 3
    start, end = weft.cuda.Event(enable_timing=True), weft.cuda.Event(enable_timing=True)
    with weft.cuda.stream(side):
        assert weft.cuda.current_stream() == side
        start.record()
        x = weft.ones(1000, device="cuda") * 2
        end.record()
        if SIMULATED:
            assert not side.query() and not end.query()
    weft.cuda.current_stream().wait_stream(side)
    x.record_stream(weft.cuda.current_stream())
    assert x.sum().item() == 2000
    end.synchronize()
    assert start.elapsed_time(end) >= 0
    event = side.record_event()
    event.wait()
    assert side.record_event(event) is event
    side.synchronize()
    assert side.query() and event.query()


def test_pinned_memory():
    x = weft.arange(10.0).pin_memory()
    assert x.is_pinned() and not weft.ones(2).is_pinned()
    side = weft.cuda.Stream()
    with weft.cuda.stream(side):
        y = x.to("cuda", non_blocking=True)
        back = weft.empty(10).pin_memory()
        back.copy_(y, non_blocking=True)
    side.synchronize()
    assert back.tolist() == x.tolist()


def test_memory_is_counted():
    before = weft.cuda.memory_allocated()
    x = weft.zeros(1 << 20, device="cuda")
    assert weft.cuda.memory_allocated() >= before + (4 << 20)
    assert weft.cuda.max_memory_allocated() >= weft.cuda.memory_allocated()
    assert weft.cuda.memory_reserved() >= weft.cuda.memory_allocated()
    assert any(b["address"] == x.data_ptr() for b in weft.cuda.memory_snapshot())
    weft.cuda.set_memory_limit(64 << 20)
    with pytest.raises(weft.OutOfMemoryError, match="cuda:0"):
        weft.zeros(1 << 26, device="cuda")
    weft.cuda.set_memory_limit(0)
    del x
    weft.cuda.empty_cache()
    weft.cuda.reset_peak_memory_stats()
    assert weft.cuda.memory_allocated() == before


def test_a_graph_replays_what_it_captured():
    x = weft.ones(4, 4, device="cuda")
    graph = weft.cuda.CUDAGraph()
    with weft.cuda.graph(graph):
        assert weft.cuda.is_current_stream_capturing()
        y = weft.nn.functional.dropout(x * 3, 0.5)
    weft.manual_seed(7)
    expected = [weft.nn.functional.dropout(weft.full((4, 4), k), 0.5).tolist() for k in (3.0, 6.0)]
    weft.manual_seed(7)
    found = []
    for value in (1.0, 2.0):
        x.fill_(value)
        graph.replay()
        found.append(y.tolist())
    assert found == expected
    with pytest.raises(weft.Error, match="was captured"):
        with weft.cuda.graph(graph):
            pass
    graph.reset()


def test_a_capture_that_raises_leaves_an_empty_graph():
    graph = weft.cuda.CUDAGraph()
    x = weft.ones(2, device="cuda")
    with pytest.raises(weft.Error, match="while a graph is captured"):
        with weft.cuda.graph(graph):
            x.sum().item()
    assert not weft.cuda.is_current_stream_capturing()
    assert weft.cuda.current_stream() == weft.cuda.default_stream()
    with pytest.raises(weft.Error, match="not captured"):
        graph.replay()
    assert (x + 1).sum().item() == 4


def test_a_loader_brings_batches_to_the_device():
    class Numbers:
        def __len__(self):
            return 10

        def __getitem__(self, i):
            return np.full((1, 2, 2), i, np.float32), i

    loader = weft.data.DataLoader(Numbers(), batch_size=4, device="cuda")
    seen = [(images.device, labels.tolist()) for images, labels in loader]
    assert seen == [(cuda, [0, 1, 2, 3]), (cuda, [4, 5, 6, 7]), (cuda, [8, 9])]
    pinned = weft.data.DataLoader(Numbers(), batch_size=4, pin_memory=True)
    assert all(images.is_pinned() for images, _ in pinned)
    pictures = weft.data.ImageDataset(
        weft.arange(8 * 3 * 4 * 4).view(8, 3, 4, 4).to(weft.uint8), weft.arange(8), list("abcdefgh")
    )
    here, there = (weft.data.DataLoader(pictures, 4, device=d) for d in ("cpu", "cuda"))
    for (images, labels), (a, b) in zip(there, here):
        assert images.is_cuda and labels.is_cuda
        assert images.tolist() == a.tolist() and labels.tolist() == b.tolist()


def test_dlpack_stays_on_the_device():
    x = weft.arange(6.0, device="cuda").view(2, 3)
    assert x.__dlpack_device__() == (2, 0)
    y = weft.from_dlpack(x.mT)
    assert y.device == cuda and y.shape == (3, 2) and y.data_ptr() == x.data_ptr()
    y += 1
    assert x.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert weft.from_dlpack(x, device="cpu").tolist() == x.tolist()
    with pytest.raises(BufferError, match="copy=False"):
        weft.from_dlpack(x, device="cpu", copy=False)
    with pytest.raises(BufferError, match="stream"):
        weft.ones(2).__dlpack__(stream=1)
    side = weft.cuda.Stream()
    with weft.cuda.stream(side):
        z = x * 2
        capsule = z.__dlpack__(stream=1)  # the default stream waits for ours
    assert weft.from_dlpack(capsule).sum().item() == 42


def test_cuda_array_interface():
    x = weft.arange(6.0, device="cuda").view(2, 3)
    told = x.mT.__cuda_array_interface__
    assert told["shape"] == (3, 2) and told["strides"] == (4, 12) and told["typestr"] == "<f4"
    assert told["data"] == (x.data_ptr(), False) and told["version"] == 3 and told["stream"] == 1

    class Lender:
        __cuda_array_interface__ = told
        keeps = x

    y = weft.as_tensor(Lender())
    assert y.device == cuda and y.tolist() == x.mT.tolist() and y.data_ptr() == x.data_ptr()
    for change, said in (
        ({"data": (x.data_ptr() + 2, False)}, "not aligned to its elements"),
        ({"mask": Lender()}, "got a mask, expected an array without one"),
    ):
        lender = type("Other", (), {"__cuda_array_interface__": told | change})()
        with pytest.raises(ValueError, match=said):
            weft.as_tensor(lender)
    for other in (weft.ones(2), x.bfloat16()):
        assert not hasattr(other, "__cuda_array_interface__")
    with pytest.raises(weft.Error, match="detach"):
        x.clone().requires_grad_().__cuda_array_interface__


def test_an_index_out_of_range_is_reported_when_the_host_waits():
    x = weft.arange(4.0, device="cuda")
    y = x[weft.tensor([1, 9], device="cuda")]
    with pytest.raises(IndexError, match="got index 9, expected -4 to 3|got index 9, expected 0 to 3"):
        weft.cuda.synchronize()
    assert y[0].item() == 1


def _work_after_fork(kept, answers):
    try:
        kept.pop("x").add(1)
    except weft.DeviceError as e:
        answers.put(str(e))
    kept.clear()
    kept = weft.ones(300, 300) @ weft.ones(300, 300)
    answers.put((weft.cuda.is_available(), weft.cuda.device_count(), kept.sum().item()))


def test_a_forked_child_leaves_the_device_alone():
    x = weft.ones(3, device="cuda")
    kept = {"x": x, "pinned": weft.ones(3).pin_memory(), "event": weft.cuda.Event()}
    kept["event"].record()
    kept["graph"] = weft.cuda.CUDAGraph()
    with weft.cuda.graph(kept["graph"]):
        kept["y"] = x * 2
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_work_after_fork, args=(kept, answers))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    said = answers.get()
    assert said.startswith("[cuda] no device") and "forked" in said and '"spawn"' in said
    assert answers.get() == (False, 0, 300.0**3)
    kept["graph"].replay()
    assert kept["y"].tolist() == [2, 2, 2]


@pytest.mark.skipif(SIMULATED, reason="no CuPy on simulated devices")
def test_cupy_shares_the_device():
    cupy = pytest.importorskip("cupy")
    x = weft.arange(6.0, device="cuda")
    for theirs in (cupy.asarray(x), cupy.from_dlpack(x)):
        assert theirs.data.ptr == x.data_ptr() and theirs.tolist() == x.tolist()
    a = cupy.arange(6, dtype="float32")[::2]
    for ours in (weft.as_tensor(a), weft.from_dlpack(a)):
        assert ours.data_ptr() == a.data.ptr and ours.tolist() == [0, 2, 4]
    with weft.cuda.stream(weft.cuda.Stream()):
        ours = weft.as_tensor(a * 2) + 1  # after CuPy's work on its own stream
    assert cupy.asarray(ours).tolist() == [1, 5, 9]


@pytest.mark.skipif("WEFT_CUDA_LIBRARY" in os.environ and SIMULATED, reason="no torch on simulated devices")
def test_torch_shares_the_device():
    torch = pytest.importorskip("torch")
    x = weft.arange(6.0, device="cuda")
    t = torch.from_dlpack(x)
    t += 1
    torch.cuda.synchronize()
    assert x.tolist() == [1, 2, 3, 4, 5, 6]
    back = weft.from_dlpack(t)
    assert back.data_ptr() == x.data_ptr()
    assert torch.as_tensor(x, device="cuda").data_ptr() == x.data_ptr()
