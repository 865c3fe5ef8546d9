"""The layers, losses and initialisers of weft.nn against NumPy."""

import math

import numpy as np
import pytest

import weft
from weft import nn


def array(t):
    return t.detach().numpy()


def rand(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_linear_and_its_names():
    layer = nn.Linear(3, 2)
    x = rand(5, 3)
    y = x @ array(layer.weight).T + array(layer.bias)
    assert np.allclose(array(layer(weft.from_numpy(x))), y, atol=1e-6)
    assert (layer.in_features, layer.out_features) == (3, 2)
    assert nn.Linear(3, 2, bias=False).bias is None
    assert nn.Linear(in_features=3, out_features=2).weight.shape == (2, 3)
    with pytest.raises(ValueError):
        nn.Linear(3, 0)
    with pytest.raises(TypeError, match="in_features"):
        nn.Linear("3", 2)


def test_conv_arguments():
    conv = nn.Conv2d(4, 6, (3, 1), stride=2, padding=(1, 0), dilation=1, groups=2, bias=False)
    assert conv.weight.shape == (6, 2, 3, 1) and conv.bias is None
    assert conv(weft.zeros(2, 4, 8, 8)).shape == (2, 6, 4, 4)
    assert conv.kernel_size == (3, 1) and conv.stride == (2, 2) and conv.groups == 2
    assert nn.Conv2d(1, 1, 3, padding="same")(weft.zeros(1, 1, 5, 5)).shape == (1, 1, 5, 5)
    assert nn.Conv2d(0, 1, 3)(weft.zeros(1, 7, 5, 5)).shape == (1, 1, 3, 3)


def windows(x, size, f):
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // size, size, w // size, size)
    return f(f(blocks, axis=5), axis=3)


def test_pools():
    x = rand(2, 3, 4, 4)
    t = weft.from_numpy(x)
    assert np.array_equal(array(nn.MaxPool2d(2)(t)), windows(x, 2, np.max))
    assert np.allclose(array(nn.AvgPool2d(2)(t)), windows(x, 2, np.mean), atol=1e-6)
    assert np.allclose(array(nn.AdaptiveAvgPool2d(2)(t)), windows(x, 2, np.mean), atol=1e-6)
    assert nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)(t).shape == (2, 3, 2, 2)


def test_batch_norm_statistics():
    x = rand(8, 3, 2, 2) * 2 + 1
    norm = nn.BatchNorm2d(3, momentum=0.5)
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
    y = (x - mean[:, None, None]) / np.sqrt(var + 1e-5)[:, None, None]
    assert np.allclose(array(norm(weft.from_numpy(x))), y, atol=1e-5)
    assert np.allclose(array(norm.running_mean), 0.5 * mean, atol=1e-6)
    assert np.allclose(array(norm.running_var), 0.5 + 0.5 * var * 32 / 31, atol=1e-5)
    assert norm.num_batches_tracked.item() == 1 and norm.num_features == 3
    assert nn.BatchNorm1d(3, affine=False, track_running_stats=False).running_mean is None


def test_layers_take_other_options():
    norm, x = nn.BatchNorm1d(2), weft.tensor([[1.0, 2.0], [3.0, 6.0]])
    norm.momentum = 1.0
    norm(x)
    assert norm.running_mean.tolist() == [2.0, 4.0] and "momentum=1" in repr(norm)
    norm.momentum = None
    norm.eval()
    drop = nn.Dropout(0.0)
    drop.p = 1.0
    assert drop(x).tolist() == [[0.0, 0.0]] * 2 and drop.p == 1.0
    with pytest.raises(ValueError, match="Dropout"):
        drop.p = 1.5
    assert drop.p == 1.0


def test_other_layers():
    x = rand(4, 6)
    t = weft.from_numpy(x)
    normal = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    assert np.allclose(array(nn.LayerNorm(6)(t)), normal, atol=1e-5)
    table = nn.Embedding(5, 3, padding_idx=1)
    assert table(weft.tensor([[1, 4]])).shape == (1, 2, 3) and not table.weight[1].any()
    assert nn.Flatten()(weft.zeros(2, 3, 4)).shape == (2, 12)
    assert nn.LocalResponseNorm(3)(weft.ones(1, 4, 2, 2)).shape == (1, 4, 2, 2)
    weft.manual_seed(0)
    dropped = array(nn.Dropout(0.25)(weft.ones(10000)))
    assert set(np.unique(dropped)) <= {0, np.float32(1 / 0.75)} and 0.2 < (dropped == 0).mean() < 0.3
    assert nn.Dropout(0.9).eval()(t) is not None and nn.Dropout(0.9).p == 0.9


@pytest.mark.parametrize(
    "layer, f",
    [
        (nn.ReLU(inplace=True), lambda x: np.maximum(x, 0)),
        (nn.LeakyReLU(0.1), lambda x: np.where(x > 0, x, 0.1 * x)),
        (nn.SiLU(), lambda x: x / (1 + np.exp(-x))),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (nn.Tanh(), np.tanh),
        (nn.Softplus(), lambda x: np.log1p(np.exp(x))),
        (nn.GELU(), lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2),
        (nn.Softmax(dim=1), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
        (nn.LogSoftmax(dim=1), lambda x: x - np.log(np.exp(x).sum(1, keepdims=True))),
        (nn.Identity(), lambda x: x),
    ],
)
def test_activations(layer, f):
    x = rand(3, 5)
    assert np.allclose(array(layer(weft.from_numpy(x))), f(x), atol=1e-5), layer


def test_losses():
    x, y = rand(4, 3), np.array([0, 2, 1, 1])
    t, target = weft.from_numpy(x), weft.from_numpy(y)
    logs = x - np.log(np.exp(x).sum(1, keepdims=True))
    expected = -logs[np.arange(4), y]
    assert np.allclose(array(nn.CrossEntropyLoss(reduction="none")(t, target)), expected, atol=1e-6)
    assert nn.CrossEntropyLoss()(t, target).item() == pytest.approx(expected.mean(), abs=1e-6)
    nll = nn.NLLLoss(reduction="sum")(weft.from_numpy(logs), target)
    assert nll.item() == pytest.approx(expected.sum(), abs=1e-5)
    z = rand(4, 3, seed=1)
    other = weft.from_numpy(z)
    assert nn.MSELoss()(t, other).item() == pytest.approx(((x - z) ** 2).mean(), rel=1e-5)
    assert nn.L1Loss()(t, other).item() == pytest.approx(abs(x - z).mean(), rel=1e-5)
    ones = (z > 0).astype(np.float32)
    p = 1 / (1 + np.exp(-x))
    bce = -(ones * np.log(p) + (1 - ones) * np.log(1 - p)).mean()
    assert nn.BCEWithLogitsLoss()(t, weft.from_numpy(ones)).item() == pytest.approx(bce, rel=1e-5)
    with pytest.raises(ValueError, match="reduction"):
        nn.MSELoss(reduction="median")


def test_init():
    weft.manual_seed(0)
    w = weft.empty(200, 100)
    assert nn.init.uniform_(w, -1, 3) is w
    assert array(w).min() >= -1 and array(w).max() < 3 and abs(array(w).mean() - 1) < 0.05
    assert abs(array(nn.init.kaiming_normal_(w, nonlinearity="relu")).std() - math.sqrt(2 / 100)) < 2e-3
    nn.init.kaiming_uniform_(w, mode="fan_out", nonlinearity="linear")
    assert array(w).max() == pytest.approx(math.sqrt(3 / 200), rel=0.01)
    assert array(nn.init.xavier_uniform_(w)).max() == pytest.approx(math.sqrt(6 / 300), rel=0.01)
    assert array(nn.init.xavier_normal_(w)).std() == pytest.approx(math.sqrt(2 / 300), rel=0.05)
    assert abs(array(nn.init.trunc_normal_(w, a=-1, b=1))).max() <= 1
    assert array(nn.init.normal_(w, 2, 0.1)).mean() == pytest.approx(2, abs=0.01)
    assert array(nn.init.constant_(w, 4)).max() == 4
    assert array(nn.init.zeros_(w)).max() == 0 and array(nn.init.ones_(w)).min() == 1
    assert nn.init.calculate_gain("tanh") == pytest.approx(5 / 3)
    assert nn.init.calculate_fans(weft.empty(4, 3, 2, 2)) == (12, 16)
    with pytest.raises(ValueError, match="fan"):
        nn.init.kaiming_normal_(w, mode="in")
    drawn = [array(nn.init.normal_(weft.empty(3), generator=weft.Generator(5))) for _ in range(2)]
    assert np.array_equal(*drawn)


def test_clipping():
    p = nn.Parameter(weft.zeros(3))
    p.grad = weft.tensor([3.0, 0.0, 4.0])
    assert nn.utils.clip_grad_norm_([p], 1.0).item() == pytest.approx(5)
    assert np.allclose(array(p.grad), [0.6, 0, 0.8], atol=1e-5)
    nn.utils.clip_grad_value_(p, 0.5)
    assert np.allclose(array(p.grad), [0.5, 0, 0.5], atol=1e-6)
    p.grad = weft.tensor([math.inf, 0.0, 0.0])
    with pytest.raises(RuntimeError):
        nn.utils.clip_grad_norm_(iter([p]), 1.0, error_if_nonfinite=True)


def test_alexnet_has_torchvisions_names():
    assert weft.models.AlexNet is nn.models.AlexNet
    net = nn.models.AlexNet()
    net.materialize((1, 3, 224, 224))
    names = [n for n in net.state_dict()]
    assert names[:2] == ["features.0.weight", "features.0.bias"]
    assert names[-1] == "classifier.6.bias" and net.parameter_count() == 61100840


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.pop(0),
        lambda net: net.__setitem__(0, nn.Tanh()),
        lambda net: [net.pop(0) for _ in range(len(net))],
    ],
)
def test_a_hook_may_take_its_own_module_out(change):
    for kind in "register_forward_pre_hook", "register_forward_hook":
        net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
        getattr(net[0], kind)(lambda *given, net=net: change(net) and None)
        assert net(weft.ones(1, 4)).shape == (1, 4)
        assert net(weft.ones(1, 4)).shape == (1, 4)


def test_apply_may_change_the_parts():
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Tanh()))

    def add(module):
        if isinstance(module, nn.ReLU):
            for _ in range(50):
                net[1].append(nn.Identity())

    net.apply(add)
    assert len(net[1]) == 52
