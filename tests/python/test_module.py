"""weft.nn.Module: classes of Python and of C++ in each other, attributes, hooks, state."""

import copy
import gc
import weakref

import numpy as np
import pytest

import weft
import weft.nn.functional as F
from weft import nn


class Scale(nn.Module):
    """x * weight + shift, then a layer of C++."""

    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(weft.full((size,), 2.0))
        self.register_buffer("shift", weft.ones(size))
        self.inner = nn.Linear(size, size)

    def forward(self, x):
        return self.inner(x * self.weight + self.shift)

    def extra_repr(self):
        return "doubles"


def chain():
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), Scale(3), nn.Linear(3, 2))


NAMES = ["0.weight", "0.bias", "2.weight", "2.inner.weight", "2.inner.bias", "3.weight", "3.bias"]


def test_python_module_in_sequential_of_cpp_trains_saves_and_prints(tmp_path):
    weft.manual_seed(1)
    net = chain()
    gc.collect()  # C++ alone holds the part of Python
    assert [n for n, _ in net.named_parameters()] == NAMES
    x, y = weft.randn(64, 4), weft.randn(64, 2)
    optimizer = weft.optim.Adam(net.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        loss = nn.MSELoss()(net(x), y)
        loss.backward()
        assert all(p.grad is not None for p in net.parameters())
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    weft.save(net.state_dict(), tmp_path / "net.safetensors")
    other = chain()
    assert not np.array_equal(other(x).detach().numpy(), net(x).detach().numpy())
    other.load_state_dict(weft.load(tmp_path / "net.safetensors"))
    assert np.array_equal(other(x).detach().numpy(), net(x).detach().numpy())
    text = repr(net)
    assert "(2): Scale(\n    doubles\n    (inner)" in text and "(inner): Linear(in_features=3" in text


def test_python_part_lives_as_long_as_cpp_holds_it():
    part = Scale(3)
    part.note = "kept"
    seen = weakref.ref(part)
    net = nn.Sequential(part)
    del part
    gc.collect()
    assert net[0].note == "kept" and net[0] is seen()
    del net
    gc.collect()
    assert seen() is None


def test_attributes_become_parameters_buffers_and_parts():
    m = nn.Module()
    m.a = nn.Parameter(weft.zeros(2))
    m.register_buffer("b", weft.ones(1), persistent=False)
    m.c = nn.Linear(1, 1)
    m.register_parameter("none", None)
    m.plain = weft.ones(3)
    assert isinstance(m.a, nn.Parameter) and m.a.requires_grad and m.a is next(m.parameters())
    assert [n for n, _ in m.named_parameters()] == ["a", "c.weight", "c.bias"]
    assert [n for n, _ in m.named_buffers()] == ["b"]
    assert list(m.state_dict()) == ["a", "c.weight", "c.bias"]
    m.a = nn.Parameter(weft.ones(5))
    assert m.a.shape == (5,) and m.state_dict()["a"].shape == (5,)
    m.b = weft.zeros(4)
    assert dict(m.named_buffers())["b"].shape == (4,)
    with pytest.raises(TypeError, match="as 'a'"):
        m.a = weft.zeros(5)
    with pytest.raises(TypeError, match="as 'c'"):
        m.c = 3
    m.none = nn.Parameter(weft.zeros(1))
    assert "none" in m.state_dict()
    del m.a, m.c
    assert list(m.state_dict()) == ["none"]
    with pytest.raises(AttributeError, match="no attribute 'a'"):
        m.a
    with pytest.raises(AttributeError):
        del m.a
    with pytest.raises(KeyError, match="already exists"):
        m.register_buffer("plain", weft.zeros(1))


def test_attributes_before_init_are_refused():
    class Early(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"super\(\).__init__"):
        Early()


def test_parameters_of_cpp_layers_can_be_replaced():
    layer = nn.Linear(3, 2)
    assert layer.weight is layer.weight and isinstance(layer.weight, nn.Parameter)
    layer.weight = nn.Parameter(weft.ones(2, 3))
    layer.bias = None
    assert layer(weft.ones(1, 3)).tolist() == [[3.0, 3.0]]
    with pytest.raises(AttributeError):
        layer.no_such
    layer.note = 1
    assert layer.note == 1


def test_lists_follow_torch():
    net = chain()
    assert [n for n, _ in net.named_children()] == ["0", "1", "2", "3"]
    assert [n for n, _ in net.named_modules()] == ["", "0", "1", "2", "2.inner", "3"]
    assert next(net.modules()) is net and len(list(net.children())) == 4
    shared = nn.Linear(2, 2)
    twice = nn.Sequential(shared, shared)
    assert len(list(twice.parameters())) == 2 and len(list(twice.modules())) == 2
    assert [n for n, _ in net.named_parameters(prefix="net")] == ["net." + n for n in NAMES]
    assert [n for n, _ in net[2].named_parameters(recurse=False)] == ["weight"]
    assert net.get_submodule("2.inner") is net[2].inner
    assert net.get_parameter("2.inner.bias") is net[2].inner.bias
    assert net.get_buffer("2.shift") is net[2].shift
    with pytest.raises(AttributeError, match="nowhere"):
        net.get_submodule("2.nowhere")
    seen = []
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Linear", "Scale", "Linear", "Sequential"]


def test_modes_reach_all_and_python_may_override_them():
    class Frozen(Scale):
        def train(self, mode=True):
            super().train(mode)
            self.inner.eval()
            return self

    net = nn.Sequential(nn.Dropout(), Frozen(2))
    assert net.eval() is net and not any(m.training for m in net.modules())
    net.train()
    assert net[0].training and net[1].training and not net[1].inner.training
    net.training = False
    assert not net.training and net[0].training


def test_hooks_in_cpp_and_python_modules():
    net = chain()
    log = []
    for i in (0, 2):
        net[i].register_forward_hook(lambda m, args, out: log.append((m, args[0].shape, out.shape)))
    handle = net[1].register_forward_pre_hook(lambda m, args: args[0] * 0)
    y = net(weft.randn(5, 4))
    assert log == [(net[0], (5, 4), (5, 3)), (net[2], (5, 3), (5, 3))]
    expected = net[3](net[2](weft.zeros(5, 3)))
    assert y.tolist() == expected.tolist()
    handle.remove()
    assert net(weft.randn(5, 4)).tolist() != expected.tolist()
    with net[2].register_forward_hook(lambda m, args, out: out + 1):
        changed = net[2](weft.zeros(1, 3))
    assert (changed - net[2](weft.zeros(1, 3))).detach().numpy() == pytest.approx(np.ones((1, 3)))
    net[0].register_forward_hook(lambda m, args, out: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        net(weft.zeros(1, 4))


def test_hooks_in_order_and_with_keyword_arguments():
    class Scaled(nn.Module):
        def forward(self, x, *, by=1):
            return x * by

    net, log = Scaled(), []
    net.register_forward_hook(lambda m, args, out: log.append("second"))
    net.register_forward_hook(lambda m, args, out: log.append("first"), prepend=True)
    net.register_forward_hook(lambda m, a, kw, out: log.append(kw) or out + 1, with_kwargs=True)
    net.register_forward_pre_hook(lambda m, a, kw: (a, {"by": kw["by"] + 1}), with_kwargs=True)
    assert net(weft.ones(1), by=2).tolist() == [4.0]
    assert log == ["first", "second", {"by": 3}]
    inner = nn.Sequential(nn.Identity())
    inner[0].register_forward_hook(lambda m, args, kw, out: log.append((args, kw)), with_kwargs=True)
    x = weft.ones(2)
    inner(x)
    assert log[-1][0][0] is x and log[-1][1] == {}
    inner[0].register_forward_pre_hook(lambda m, args: args * 2)
    with pytest.raises(TypeError, match="other arguments"):
        inner(x)


def as_it_is(module, grad_input, grad_output):
    return None


@pytest.mark.parametrize("inside", [False, True])
def test_backward_hooks(inside):
    weft.manual_seed(2)
    first, last = nn.Linear(3, 4), nn.Linear(4, 2)
    plain = nn.Sequential(first, nn.ReLU(), last)
    net = plain if inside else lambda x: last(first(x).relu())
    x, seen = weft.rand(5, 3).requires_grad_(), []
    net(x).sum().backward()
    expected = [x.grad, first.weight.grad]
    x.grad = first.weight.grad = None
    save = lambda m, gin, gout: seen.append((m, gin, gout))  # noqa: E731
    handle = last.register_full_backward_hook(save)
    net(x).sum().backward()
    assert [x.grad.tolist(), first.weight.grad.tolist()] == [e.tolist() for e in expected]
    ((module, (gin,), (gout,)),) = seen
    assert module is last and gout.tolist() == weft.ones(5, 2).tolist()
    assert gin.tolist() == (weft.ones(5, 2) @ last.weight).tolist()
    handle.remove()
    x.grad = None
    with last.register_full_backward_hook(lambda m, gin, gout: (gin[0] * 2,)):
        net(x).sum().backward()
    assert x.grad.tolist() == (expected[0] * 2).tolist()
    with first.register_full_backward_hook(save):
        net(weft.rand(1, 3)).sum().backward()
        with weft.no_grad():
            net(x)
    assert seen[1][1] == (None,) and seen[1][2][0].shape == (1, 4) and len(seen) == 2
    with last.register_full_backward_hook(lambda m, gin, gout: (None, None)):
        with pytest.raises(ValueError, match="returned 2"):
            net(x).sum().backward()
    last.register_full_backward_hook(as_it_is)
    copy.deepcopy(plain)(x).sum().backward()


def test_a_handle_of_a_module_that_is_gone():
    handle = nn.Linear(1, 1).register_forward_hook(lambda *_: None)
    gc.collect()
    handle.remove()


def test_calls_with_several_arguments():
    class Pair(nn.Module):
        def forward(self, a, b=1, *, scale=1):
            return {"sum": (a + b) * scale}

    pair = Pair()
    assert pair(weft.ones(1), weft.ones(1), scale=3)["sum"].item() == 6
    assert pair(weft.ones(1))["sum"].item() == 2
    assert pair(2, b=3)["sum"] == 5
    with pytest.raises(TypeError):
        nn.Linear(1, 1)(3)
    with pytest.raises(NotImplementedError, match="forward"):
        nn.Module()(weft.ones(1))
    with pytest.raises(TypeError, match="Pair.forward"):
        nn.Sequential(pair)(weft.ones(1))


def test_errors_of_python_come_through_cpp_and_undo_statistics():
    class Bad(nn.Module):
        def forward(self, x):
            raise LookupError("mine")

    norm = nn.BatchNorm1d(2)
    with pytest.raises(LookupError, match="mine"):
        nn.Sequential(norm, Bad())(weft.randn(4, 2))
    assert norm.num_batches_tracked.item() == 0 and norm.running_mean.tolist() == [0, 0]


def test_layers_may_be_derived_from():
    class Doubled(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2

    layer = Doubled(3, 2)
    x = weft.randn(4, 3)
    assert np.allclose((layer(x) / 2).detach(), x.numpy() @ layer.weight.detach().numpy().T
                       + layer.bias.detach().numpy(), atol=1e-6)
    net = nn.Sequential(layer, nn.ReLU())
    assert net(x).tolist() == weft.relu(layer(x)).tolist()
    with weft.no_grad():
        assert nn.Sequential(layer, nn.GELU())(x).tolist() == F.gelu(layer(x)).tolist()
    assert repr(layer) == "Doubled(in_features=3, out_features=2, bias=True)"


def test_state_dict_loading_is_torchs():
    net, other = chain(), chain()
    state = net.state_dict()
    assert not any(t.requires_grad for t in state.values())
    state["0.weight"][0, 0] = 7.0
    assert net[0].weight[0, 0].item() == 7  # shares memory
    result = other.load_state_dict(state)
    assert result.missing_keys == [] and result.unexpected_keys == []
    gone = {k: v for k, v in state.items() if k != "3.bias"} | {"extra": weft.zeros(1)}
    before = [p.tolist() for p in net.parameters()]
    with pytest.raises(RuntimeError, match=r"3.bias is missing; extra is unknown"):
        net.load_state_dict(gone)
    assert [p.tolist() for p in net.parameters()] == before
    result = other.load_state_dict(gone, strict=False)
    assert result == (["3.bias"], ["extra"])
    with pytest.raises(RuntimeError, match="shape"):
        net.load_state_dict(state | {"3.bias": weft.zeros(9)}, strict=False)
    net.load_state_dict({k: v.numpy() for k, v in state.items()})
    with pytest.raises(TypeError, match="0.weight"):
        net.load_state_dict({"0.weight": "text"})
    assert list(net.state_dict(prefix="p."))[0] == "p.0.weight"


def test_to_keeps_the_parameters():
    net = chain()
    weight = net[2].weight
    assert net.double() is net
    assert weight.dtype is weft.float64 and net[2].weight is weight
    assert net(weft.zeros(1, 4, dtype=weft.float64)).dtype is weft.float64
    assert net.to(weft.float32)[2].shift.dtype is weft.float32
    assert net.to("cpu", weft.float64)[0].weight.dtype is weft.float64
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())


def test_summary_and_materialize_look_into_python():
    net = nn.Sequential(nn.Linear(0, 3), Scale(3))
    with pytest.raises(weft.Error, match="waits for an input's shape"):
        list(net.parameters())
    assert net.materialize((1, 4)) == (1, 3) and net[0].in_features == 4
    summary = net.summary((8, 4))
    assert [row.kind for row in summary.rows] == ["Sequential", "Linear", "Scale", "Linear"]
    assert summary.parameters == 15 + 3 + 12 and summary.output == (8, 3)
    assert "Scale" in str(summary)


def test_sequential_is_a_list():
    a, b, c = nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)
    net = nn.Sequential(a, b)
    assert net.append(c) is net and len(net) == 3 and list(net) == [a, b, c]
    assert net[-1] is c and list(net[1:]) == [b, c] and isinstance(net[:2], nn.Sequential)
    net[1] = nn.Tanh()
    assert net(weft.ones(1, 2)).tolist() == c(weft.tanh(a(weft.ones(1, 2)))).tolist()
    del net[1]
    assert [n for n, _ in net.named_children()] == ["0", "1"] and net[1] is c
    assert net.insert(0, b)[0] is b and net.pop() is c and len(net) == 2
    with pytest.raises(IndexError):
        net[2]
    named = nn.Sequential({"first": a, "act": b})
    assert named.first is a and list(named.state_dict()) == ["first.weight", "first.bias"]


def test_lists_and_dicts_of_modules():
    layers = nn.ModuleList(nn.Linear(i + 1, 1) for i in range(3))
    del layers[0]
    assert [m.in_features for m in layers] == [2, 3] and layers[-1].in_features == 3
    layers.insert(0, nn.ReLU())
    layers[0] = nn.Identity()
    assert [type(m).__name__ for m in layers] == ["Identity", "Linear", "Linear"]
    assert list(layers[1:].state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    parts = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.ReLU()})
    assert list(parts) == ["a", "b"] and "b" in parts and len(parts) == 2
    assert type(parts.pop("b")).__name__ == "ReLU" and list(parts.keys()) == ["a"]
    with pytest.raises(KeyError):
        parts["b"]
    weights = nn.ParameterList([nn.Parameter(weft.ones(i)) for i in (1, 2)])
    assert len(list(weights.parameters())) == 2 and weights[1].shape == (2,)


def test_parts_that_cpp_refers_to_stay():
    net = nn.models.AlexNet(nn.models.AlexNetOptions.cifar())
    with pytest.raises(ValueError, match="features"):
        net.features = nn.ReLU()
    net.materialize((1, 3, 32, 32))
    net.classifier[-1] = nn.Linear(512, 3)
    assert net(weft.zeros(2, 3, 32, 32)).shape == (2, 3)


def test_submodules_are_the_package_s():
    for module in (nn.init, nn.models, nn.utils, weft.optim.lr_scheduler):
        assert "_weft" not in module.__name__


def circles():
    class OfPython(nn.Module):
        pass

    class OverLinear(nn.Linear):
        pass

    class OwnOptimizer(weft.optim.Optimizer):
        pass

    class OverSgd(weft.optim.SGD):
        pass

    parameters = [nn.Parameter(weft.ones(2))]
    sgd = weft.optim.SGD(parameters, lr=0.1)
    class Watcher(OfPython):
        def __init__(self, part):
            super().__init__()
            self.net = nn.Sequential(part, nn.ReLU())
            self.handle = part.register_forward_hook(self.seen)
            self.net.register_forward_pre_hook(self.seen)

        def seen(self, *_):
            pass

    hooked = OfPython()
    hooked.method = hooked.forward
    compiled = nn.models.AlexNet(nn.models.AlexNetOptions.cifar())
    for part in compiled.modules():
        part.register_forward_hook(lambda *_: compiled)
    twice = Watcher(nn.Linear(1, 1))
    twice.other = nn.Sequential(twice.net[0], twice.net)
    parent = OfPython()
    parent.child = OfPython()
    parent.child.parent = [parent]
    return {
        "hook of a compiled part": Watcher(nn.Linear(1, 1)),
        "hook of a part of Python": Watcher(OfPython()),
        "hooks of parts of C++": compiled,
        "part in two places": twice,
        "part that knows its parent": parent,
        "Module": OfPython(),
        "Linear": nn.Linear(1, 1),
        "over Linear": OverLinear(1, 1),
        "Sequential": nn.Sequential(OfPython()),
        "ModuleList": nn.ModuleList([nn.ReLU()]),
        "its own method": hooked,
        "SGD": sgd,
        "over SGD": OverSgd(parameters, lr=0.1),
        "Optimizer": OwnOptimizer(parameters, {"lr": 0.1}),
        "schedule": weft.optim.lr_scheduler.StepLR(sgd, 1),
        "CrossEntropyLoss": nn.CrossEntropyLoss(),
    }


@pytest.mark.parametrize("name", circles())
def test_circles_of_references_are_collected(name):
    all_ = circles()
    o = all_.pop(name)
    o.circle = [o]
    if hasattr(o, "param_groups"):
        assert o.param_groups[0]["lr"] == 0.1
    ref = weakref.ref(o)
    del o, all_
    for _ in range(2):
        gc.collect()
    assert ref() is None


def test_hooks_stay_while_anybody_holds_their_module():
    class Watcher(nn.Module):
        def __init__(self):
            super().__init__()
            self.part, self.calls = nn.Linear(2, 2), 0
            self.part.register_forward_hook(self.seen)

        def seen(self, *_):
            self.calls += 1

    watcher = Watcher()
    ref, part = weakref.ref(watcher), watcher.part
    net = nn.Sequential(part)
    del watcher
    gc.collect()
    part(weft.ones(2)), net(weft.ones(2))
    assert ref().calls == 2
    del part
    gc.collect()
    net(weft.ones(2))
    assert ref().calls == 3
    del net
    gc.collect()
    assert ref() is None
    alex, calls = nn.models.AlexNet(nn.models.AlexNetOptions.cifar()), []
    next(alex.features.children()).register_forward_hook(lambda m, *_: calls.append(m))
    for m in alex.modules():
        m.note = "kept"
    del m
    gc.collect()
    alex(weft.zeros(1, 3, 32, 32))
    assert calls == [alex.features[0]] and all(m.note == "kept" for m in alex.modules())
