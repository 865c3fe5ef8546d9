"""Copies and pickles of modules, optimisers and schedules."""

import copy
import io
import multiprocessing
import pickle

import numpy as np
import pytest
import weft
from weft import nn, optim
from weft.optim import lr_scheduler

PICKLED = {"pickle": lambda o: pickle.loads(pickle.dumps(o)), "deepcopy": copy.deepcopy}


@pytest.fixture(params=PICKLED)
def again(request):
    return PICKLED[request.param]


def small_alexnet():
    options = nn.models.AlexNetOptions.cifar()
    options.channels, options.hidden, options.batch_norm = [4, 4, 4, 4, 4], [8], True
    return nn.models.AlexNet(options)


PICTURES, ROWS = (2, 4, 8, 8), (2, 6)
# A module of each class with arguments that are not the defaults, and the shape of an input.
MODULES = {
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((2, -1)), PICTURES),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, 2, 1, True, False, 5), PICTURES),
    "BCEWithLogitsLoss": (
        lambda: nn.BCEWithLogitsLoss(weft.ones(6) * 2, pos_weight=weft.ones(6) * 3, reduction="sum"),
        (ROWS, ROWS),
    ),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(6, 0.1, None), ROWS),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4, 0.1, 0.5, False), PICTURES),
    "Conv2d": (lambda: nn.Conv2d(4, 6, (3, 1), 2, "valid", 1, 2, False), PICTURES),
    "CrossEntropyLoss": (
        lambda: nn.CrossEntropyLoss(weft.arange(6.0), reduction="none", label_smoothing=0.1),
        (ROWS, ROWS),
    ),
    "Dropout": (lambda: nn.Dropout(0.0), ROWS),
    "Embedding": (lambda: nn.Embedding(10, 3, padding_idx=2), None),
    "Flatten": (lambda: nn.Flatten(2, 3), PICTURES),
    "GELU": (lambda: nn.GELU("tanh"), ROWS),
    "Identity": (nn.Identity, ROWS),
    "L1Loss": (lambda: nn.L1Loss(reduction="sum"), (ROWS, ROWS)),
    "LayerNorm": (lambda: nn.LayerNorm((8, 8), 0.1, True, False), PICTURES),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.3), ROWS),
    "Linear": (lambda: nn.Linear(6, 4, bias=False), ROWS),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(3, 0.1, 0.5, 2.0), PICTURES),
    "LogSoftmax": (lambda: nn.LogSoftmax(0), ROWS),
    "MSELoss": (lambda: nn.MSELoss(reduction="none"), (ROWS, ROWS)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 2, 1, 2, ceil_mode=True), PICTURES),
    "Module": (nn.Module, None),
    "ModuleDict": (lambda: nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.ReLU()}), None),
    "ModuleList": (lambda: nn.ModuleList([nn.Linear(2, 2), nn.ReLU()]), None),
    "NLLLoss": (lambda: nn.NLLLoss(weft.arange(6.0), ignore_index=1, reduction="sum"), None),
    "ParameterList": (lambda: nn.ParameterList([nn.Parameter(weft.ones(2))]), None),
    "ReLU": (nn.ReLU, ROWS),
    "Sequential": (lambda: nn.Sequential(nn.Linear(6, 3), nn.Tanh(), Own(3)), ROWS),
    "SiLU": (nn.SiLU, ROWS),
    "Sigmoid": (nn.Sigmoid, ROWS),
    "Softmax": (lambda: nn.Softmax(0), ROWS),
    "Softplus": (lambda: nn.Softplus(2.0, 0.5), ROWS),
    "Tanh": (nn.Tanh, ROWS),
    "AlexNet": (small_alexnet, (2, 3, 32, 32)),
}
BASES = {"BatchNorm", "Elementwise", "Loss"}


class Own(nn.Module):
    """A class of Python around modules of both kinds."""

    def __init__(self, width):
        super().__init__()
        self.width = width
        self.layer = nn.Linear(width, width)
        self.scale = nn.Parameter(weft.full((width,), 2.0))
        self.register_buffer("count", weft.tensor(3))
        self.register_buffer("cache", weft.ones(2), persistent=False)
        self.nothing = None
        self.notes = {"list": [1, 2]}

    def forward(self, x):
        return self.layer(x) * self.scale + self.count


class Wide(nn.Linear):
    """A class of Python over a compiled one, with arguments of its own."""

    def __init__(self, width):
        super().__init__(width, 2 * width)
        self.extra = nn.Dropout(0.25)

    def forward(self, x):
        return super().forward(x) + 1


def same(a, b):
    """Equal in names, bits, dtypes, flags and modes, and apart in memory."""
    assert type(a) is type(b) and str(a) == str(b)
    for first, second in (
        (a.named_parameters(), b.named_parameters()),
        (a.named_buffers(), b.named_buffers()),
    ):
        first, second = dict(first), dict(second)
        assert list(first) == list(second)
        for name, t in first.items():
            u = second[name]
            assert type(t) is type(u) and t.dtype is u.dtype and t.requires_grad == u.requires_grad
            assert t.stride() == u.stride() and u.is_leaf
            assert t.numpy(force=True).tobytes() == u.numpy(force=True).tobytes()
            assert t is not u and (t.numel() == 0 or t.data_ptr() != u.data_ptr())
    assert list(a.state_dict()) == list(b.state_dict())
    names = [(n, m.training, type(m)) for n, m in a.named_modules()]
    assert names == [(n, m.training, type(m)) for n, m in b.named_modules()]


def test_the_table_has_every_module():
    public = {n for n, v in vars(nn).items() if isinstance(v, type) and issubclass(v, nn.Module)}
    assert public | {"AlexNet"} == set(MODULES) | BASES


def inputs_of(shape):
    shapes = () if shape is None else shape if isinstance(shape[0], tuple) else (shape,)
    return [weft.rand(*s) for s in shapes]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("training", [True, False])
def test_each_module(name, training, again):
    make, shape = MODULES[name]
    module, inputs = make(), inputs_of(shape)
    if inputs:
        module(*inputs)  # makes what waits for a shape, and moves running statistics
    module.train(training)
    weft.manual_seed(3)
    other = again(module)
    first = weft.rand(3)
    weft.manual_seed(3)
    assert (weft.rand(3) == first).all()  # a copy draws nothing
    same(module, other)
    if inputs:
        module.eval(), other.eval()
        assert module(*inputs).numpy(force=True).tobytes() == (
            other(*inputs).numpy(force=True).tobytes()
        )


def test_a_module_that_waits_for_a_shape(again):
    net = nn.Sequential(nn.Conv2d(0, 4, 3), nn.Flatten(), nn.Linear(0, 3))
    other = again(net.double())
    assert other(weft.ones(1, 2, 5, 5, dtype=weft.float64)).dtype is weft.float64
    assert [*other.state_dict()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    alex = again(small_alexnet())
    assert alex(weft.ones(1, 3, 32, 32)).shape == (1, 10)


def test_what_a_class_of_python_holds(again):
    net = Own(4)
    net.layer.weight.requires_grad_(False)
    net.late = nn.Conv2d(1, 2, 3).eval()
    net.layer.bias = None
    other = again(net)
    same(net, other)
    assert other.width == 4 and other.notes == net.notes and other.notes is not net.notes
    assert other.nothing is None and other.layer.bias is None
    assert "cache" not in other.state_dict() and other.cache.tolist() == [1, 1]
    assert not other.layer.weight.requires_grad and other.scale.requires_grad
    assert not other.late.training and other.training
    assert isinstance(other.scale, nn.Parameter) and other.layer is other.get_submodule("layer")
    x = weft.ones(1, 4)
    assert (net(x) == other(x)).all()
    other(x).sum().backward()
    assert other.scale.grad is not None and net.scale.grad is None


def test_a_class_over_a_compiled_one(again):
    net = Wide(3)
    net.note = "kept"
    other = again(nn.Sequential(net, nn.ReLU()))[0]
    same(net, other)
    assert other.note == "kept" and other.in_features == 3 and other.extra.p == 0.25
    assert (other(weft.ones(1, 3)) == net(weft.ones(1, 3))).all()


class Chain(nn.Sequential):
    def __init__(self, *widths):
        super().__init__(*(nn.Linear(a, b) for a, b in zip(widths, widths[1:])))
        self.widths = widths


class Stack(nn.ModuleList):
    def __init__(self, count):
        super().__init__(Chain(2, 3) for _ in range(count))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_classes_over_containers(protocol):
    net = nn.ModuleDict({"stack": Stack(2), "chain": Chain(3, 4, 5)})
    for other in pickle.loads(pickle.dumps(net, protocol)), copy.deepcopy(net):
        same(net, other)
        assert len(other["stack"]) == 2 and other["stack"][-1].widths == (2, 3)
        assert other["chain"](weft.ones(1, 3)).shape == (1, 5) and other.keys() == net.keys()
        other["stack"].append(nn.ReLU())
        assert len(net["stack"]) == 2


def test_what_is_shared_stays_shared(again):
    class_of = nn.Module()
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    class_of.a, class_of.b, class_of.c = first, second, first
    class_of.list = [first, second.bias]
    other, layer, weight = again((class_of, first, first.weight))
    assert other.a is other.c and other.a is layer and other.a is other.list[0]
    assert other.a.weight is other.b.weight and weight is layer.weight
    assert other.b.bias is other.list[1]
    assert [n for n, _ in other.named_parameters()] == ["a.weight", "a.bias", "b.bias"]


def test_a_part_of_alexnet(again):
    net = small_alexnet()
    net(weft.ones(1, 3, 32, 32))
    features = again(net.features)
    same(net.features, features)
    same(net.classifier[-1], again(net.classifier[-1]))
    net.features.append(nn.Identity())
    net.features.note = 1
    del net.classifier[0]
    other = again(net)
    same(net, other)
    assert other.features.note == 1 and len(other.features) == len(net.features)


def test_dtypes_and_memory_order(again):
    net = nn.Conv2d(4, 4, 3).bfloat16()
    net.weight = nn.Parameter(net.weight.detach().contiguous(memory_format=weft.channels_last))
    other = again(net)
    same(net, other)
    assert other.weight.is_contiguous(memory_format=weft.channels_last)


def doubled(module, args, output):
    return output * 2


def halved(module, args):
    return (args[0] / 2,)


def test_hooks_go_along(again):
    net = nn.Linear(2, 2)
    net.register_forward_pre_hook(halved)
    net.register_forward_hook(doubled)
    other = again(net)
    x = weft.ones(1, 2)
    assert (other(x) == net(x)).all() and not (other(x) == other.forward(x)).all()
    net.register_forward_hook(lambda module, args, y: y)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(net)


def test_gradients_are_copied_and_not_pickled():
    net = nn.Linear(2, 2)
    net(weft.ones(1, 2)).sum().backward()
    assert copy.deepcopy(net).weight.grad.tolist() == net.weight.grad.tolist()
    assert PICKLED["pickle"](net).weight.grad is None
    net.register_buffer("made", net.weight * 2)
    with pytest.raises(RuntimeError, match="leaf"):
        copy.deepcopy(net)


def test_a_shallow_copy_shares():
    for net in (Own(3), nn.Sequential(nn.Linear(2, 2), nn.ReLU())):
        other = copy.copy(net)
        assert other is not net and type(other) is type(net)
        assert all(a is b for a, b in zip(net.parameters(), other.parameters()))
        assert all(a is b for a, b in zip(net.children(), other.children()))
        other.added = nn.Linear(1, 1)
        assert len(list(net.children())) + 1 == len(list(other.children()))


class Cached(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.cache = nn.Linear(2, 2), [1, 2, 3]

    def __getstate__(self):
        state = super().__getstate__()
        state["cache"] = []
        return state


class Forgetful(nn.Module):
    def __getstate__(self):
        return {}


def test_a_state_of_its_own(again):
    net = Cached()
    other = again(net)
    assert other.cache == [] and net.cache == [1, 2, 3]
    assert other.layer.weight.tolist() == net.layer.weight.tolist()
    with pytest.raises(TypeError, match="Forgetful.__getstate__"):
        again(Forgetful())


class OfWeft(pickle.Unpickler):
    def find_class(self, module, name):
        assert module.split(".")[0] == "weft", (module, name)
        return super().find_class(module, name)


def test_a_pickle_names_weft_alone():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), small_alexnet())
    net[3](weft.ones(1, 3, 32, 32))
    made = optim.Adam(net[0].parameters())
    schedule = lr_scheduler.StepLR(made, 3)
    text = pickle.dumps([net, made, schedule])
    other, _, _ = OfWeft(io.BytesIO(text)).load()
    same(net, other)


def test_damaged_pickles_are_errors():
    text = pickle.dumps(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    rng = np.random.default_rng(0)
    for _ in range(400):
        broken = bytearray(text)
        for _ in range(rng.integers(1, 4)):
            broken[rng.integers(len(broken))] = rng.integers(256)
        try:
            net = OfWeft(io.BytesIO(bytes(broken))).load()
            if isinstance(net, nn.Module):
                repr(net), net(weft.ones(4, 3))
        except Exception:  # noqa: B902
            pass  # any error, but the process lives
    rebuild = weft._weft._rebuild_module
    for wrong in ((int, {}), (nn.Linear, {}), (nn.Linear, []), (nn.Linear,), (nn.Loss, {})):
        with pytest.raises(TypeError):
            rebuild(*wrong)
    for wrong in ({}, {"_weft": {}}, 3, {"_weft": {"slots": [("weight", 3, True, True)]}}):
        with pytest.raises((TypeError, KeyError)):
            nn.Linear(1, 1).__setstate__(wrong)


# ---- Optimisers and schedules

OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: optim.Adam(p, lr=0.01, betas=(0.8, 0.9), amsgrad=True),
    "AdamW": lambda p: optim.AdamW(p, weight_decay=0.1),
    "Own": lambda p: Momentum(p, lr=0.1, decay=0.5),
}


class Momentum(optim.Optimizer):
    def __init__(self, params, lr, decay):
        super().__init__(params, {"lr": lr, "decay": decay})

    @weft.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["steps"] = state.get("steps", 0) + 1
                state["v"] = group["decay"] * state.get("v", 0) + p.grad
                p -= group["lr"] * state["v"]


def train(net, optimizer, steps):
    for step in range(steps):
        optimizer.zero_grad()
        (net(weft.arange(6.0).reshape(2, 3) - step) ** 2).mean().backward()
        optimizer.step()


def bits(net):
    return [p.detach().numpy().tobytes() for p in net.parameters()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_with_its_network(name, again):
    weft.manual_seed(0)
    net = nn.Linear(3, 2)
    made = OPTIMIZERS[name]([{"params": [net.weight], "lr": 0.02}, {"params": [net.bias]}])
    train(net, made, 3)
    made.param_groups[1]["lr"] = 0.03
    made.param_groups[1]["note"] = "mine"
    net2, made2 = again((net, made))
    assert type(made2) is type(made)
    assert made2.param_groups[0]["params"][0] is net2.weight
    assert repr(made2) == repr(made) and made2.param_groups[1]["note"] == "mine"
    assert made2.defaults == made.defaults
    train(net, made, 3), train(net2, made2, 3)
    assert bits(net) == bits(net2)
    extra = nn.Parameter(weft.ones(2))
    made.add_param_group({"params": [extra]})
    assert len(made2.param_groups) == 2


def test_an_optimizer_alone_has_parameters_of_its_own(again):
    net = nn.Linear(3, 2)
    made = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    train(net, made, 2)
    other = again(made)
    mine, theirs = made.param_groups[0]["params"], other.param_groups[0]["params"]
    assert all((a == b).all() and a is not b for a, b in zip(mine, theirs))
    assert other.state_dict().keys() == made.state_dict().keys()


def test_a_frozen_parameter_stays_frozen(again):
    net = nn.Linear(3, 2)
    made = optim.Adam(net.parameters())
    net.bias.requires_grad_(False)
    net2, made2 = again([net, made])
    assert not net2.bias.requires_grad and made2.param_groups[0]["params"][1] is net2.bias


def warm_up(step):
    return 1 / (step + 2)


SCHEDULES = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [1, 3]),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 10, eta_min=0.01),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.5, total_iters=4),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, warm_up),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=20, three_phase=True),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.5, total_iters=2), lr_scheduler.StepLR(o, 1)], [2]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.LinearLR(o, 0.5, total_iters=2), lr_scheduler.StepLR(o, 1)]
    ),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1, factor=0.5),
}


def test_the_table_has_every_schedule():
    public = {n for n, v in vars(lr_scheduler).items() if isinstance(v, type) and n[0] != "_"}
    assert public == set(SCHEDULES) | {"LRScheduler"}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("kind", ["SGD", "Adam", "Own"])
def test_each_schedule(name, kind, again):
    net = nn.Linear(3, 2)
    made = OPTIMIZERS[kind]([{"params": [net.weight], "lr": 0.2}, {"params": [net.bias]}])
    schedule = SCHEDULES[name](made)
    schedule.note = "mine"
    step = (lambda s: s.step(1.0)) if name == "ReduceLROnPlateau" else (lambda s: s.step())
    for _ in range(3):
        step(schedule)
    made.param_groups[1]["lr"] = 0.77  # by hand: a copy leaves it
    made2, schedule2 = again((made, schedule))
    assert repr(made2) == repr(made) and schedule2.note == "mine"
    for _ in range(4):
        step(schedule), step(schedule2)
        assert schedule.get_last_lr() == schedule2.get_last_lr()
        assert repr(made2) == repr(made)
    assert [g["lr"] for g in made2.param_groups] == schedule2.get_last_lr()


# ---- Other processes


def answer(net, x, queue):
    queue.put((net(x).detach(), copy.deepcopy(net).eval()))


def test_a_spawned_process_gets_a_module():
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    net, x = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), Own(4)), weft.rand(2, 3)
    process = context.Process(target=answer, args=(net, x, queue))
    process.start()
    y, other = queue.get(timeout=60)
    process.join(60)
    assert process.exitcode == 0 and (y == net(x)).all()
    same(net.eval(), other)
