"""What a type checker must find out about programs that use weft; test_typing.py runs it on them.

Lines that must be refused carry the error that is expected: mypy fails where it is not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_type

import numpy as np
import weft
import weft.nn.functional as F
from numpy.typing import NDArray
from weft import Tensor, autograd, data, datasets, func, nn, optim
from weft._typing import Params, ValuesAndIndices


def makers() -> None:
    assert_type(weft.tensor([[1, 2], [3, 4]]), Tensor)
    assert_type(weft.tensor(np.zeros(3), dtype=weft.float64), Tensor)
    assert_type(weft.zeros(2, 3, dtype=float, device="cpu"), Tensor)
    assert_type(weft.zeros((2, 3)), Tensor)
    assert_type(weft.arange(0, 1.0, 0.1, requires_grad=True), Tensor)
    assert_type(weft.randn(3, generator=weft.Generator(1)), Tensor)
    assert_type(weft.from_numpy(np.ones(2)), Tensor)
    assert_type(weft.float32, weft.dtype)
    assert_type(weft.int, weft.dtype)
    assert_type(weft.default_generator, weft.Generator)
    weft.zeros("2")  # type: ignore[arg-type]
    weft.zeros(2, dtype="float32")  # type: ignore[call-overload]
    weft.zeroes(2)  # type: ignore[attr-defined]


def operators(a: Tensor, b: Tensor) -> None:
    assert_type(a + 1.0, Tensor)
    assert_type(1 - a, Tensor)
    assert_type(2**a, Tensor)
    assert_type(a @ b, Tensor)
    assert_type(a + np.ones(3), Tensor)
    assert_type(-a, Tensor)
    assert_type(a == b, Tensor)
    assert_type(a < 0.5, Tensor)
    assert_type((a > 0) & (b > 0), Tensor)
    a += b
    assert_type(a, Tensor)
    a + "text"  # type: ignore[operator]
    a @ 2  # type: ignore[operator]


def facts(a: Tensor) -> None:
    assert_type(a.shape, weft.Size)
    assert_type(a.shape[0], int)
    assert_type(a.shape.numel(), int)
    assert_type(a.size(), weft.Size)
    assert_type(a.size(0), int)
    assert_type(a.stride(), tuple[int, ...])
    assert_type(a.dtype, weft.dtype)
    assert_type(a.device, weft.device)
    assert_type(a.grad, Tensor | None)
    assert_type(a.grad_fn, autograd.Node | None)
    assert_type(a.item(), bool | int | float)
    assert_type(float(a), float)
    assert_type(len(a), int)
    assert_type(a.numpy(), NDArray[Any])
    assert_type(a.is_floating_point(), bool)
    a.shape = (2,)  # type: ignore[misc, assignment]
    a.shpe  # type: ignore[attr-defined]


def methods(a: Tensor, b: Tensor) -> None:
    assert_type(a.exp(), Tensor)
    assert_type(a.exp_(), Tensor)
    assert_type(a.maximum(b), Tensor)
    assert_type(a.sum(), Tensor)
    assert_type(a.sum((0, 1), keepdim=True, dtype=weft.float64), Tensor)
    assert_type(a.max(), Tensor)
    assert_type(a.max(1), ValuesAndIndices)
    assert_type(a.max(1).indices, Tensor)
    assert_type(a.max(b), Tensor)
    assert_type(a.sort(descending=True).values, Tensor)
    assert_type(weft.topk(a, 2, axis=0), ValuesAndIndices)
    assert_type(a.round(decimals=2), Tensor)
    assert_type(a.split(split_size=2), tuple[Tensor, ...])
    assert_type(weft.allclose(a, b), bool)
    assert_type(weft.finfo(weft.float16).max, float)
    assert_type(weft.min(a, dim=0, keepdim=True), ValuesAndIndices)
    assert_type(a.view(2, -1), Tensor)
    assert_type(a.view((2, -1)), Tensor)
    assert_type(a.view(size=(2, -1)), Tensor)
    assert_type(a.view(weft.int32), Tensor)
    assert_type(a.sum(axis=0, keepdims=True), Tensor)
    assert_type(weft.max(a, axis=0), ValuesAndIndices)
    assert_type(weft.cat([a, b], axis=1), Tensor)
    assert_type(a.index_select(axis=0, index=b), Tensor)
    assert_type(1 << (a & b), Tensor)
    assert_type(a.clamp(b, max=2), Tensor)
    assert_type(a.float().int().bool(), Tensor)
    assert_type(a.to(weft.bfloat16), Tensor)
    assert_type(a.to("cpu", weft.int8), Tensor)
    assert_type(a.split(2), tuple[Tensor, ...])
    assert_type(weft.cat([a, b], dim=1), Tensor)
    assert_type(weft.where(a > 0, a, 0), Tensor)
    assert_type(weft.where(a > 0), tuple[Tensor, ...])
    assert_type(a.nonzero(), Tensor)
    assert_type(a.nonzero(as_tuple=True), tuple[Tensor, ...])
    assert_type(weft.exp(a), Tensor)
    assert_type(weft.maximum(a, 0), Tensor)
    assert_type(weft.add(a, b, alpha=2), Tensor)
    a.div(b, rounding_mode="up")  # type: ignore[arg-type]
    a.sum(dim="all")  # type: ignore[arg-type]
    weft.exp(2.0)  # type: ignore[arg-type]


def indexing(a: Tensor, mask: Tensor) -> None:
    assert_type(a[0], Tensor)
    assert_type(a[..., 1:, None], Tensor)
    assert_type(a[mask], Tensor)
    assert_type(a[[0, 2], 1], Tensor)
    a[mask] = 0
    a[0] = [1.0, 2.0]
    assert_type(iter(a), Iterator[Tensor])
    a["name"]  # type: ignore[index]


def functional(x: Tensor, w: Tensor, y: Tensor) -> None:
    assert_type(F.conv2d(x, w, stride=2, padding="same"), Tensor)
    assert_type(F.cross_entropy(x, y, reduction="sum"), Tensor)
    assert_type(F.max_pool2d(x, 2), Tensor)
    assert_type(F.max_pool2d(x, 2, return_indices=True), tuple[Tensor, Tensor])
    assert_type(F.max_pool2d_with_indices(x, (2, 2)), tuple[Tensor, Tensor])
    assert_type(F.gelu(x, approximate="tanh"), Tensor)
    F.cross_entropy(x, y, reduction="average")  # type: ignore[arg-type]
    F.gelu(x, approximate="erf")  # type: ignore[arg-type]


def modules(x: Tensor) -> None:
    layer = nn.Linear(3, 4)
    assert_type(layer(x), Tensor)
    assert_type(layer.weight, nn.Parameter)
    assert_type(layer.bias, nn.Parameter | None)
    assert_type(layer.in_features, int)
    assert_type(layer.train(), nn.Linear)
    assert_type(nn.Conv2d(3, 8, 3, padding="same").kernel_size, weft.Size)
    net = nn.Sequential(layer, nn.ReLU())
    assert_type(net(x), Tensor)
    assert_type(net[0], nn.Module)
    assert_type(net[:1], nn.Sequential)
    assert_type(net.eval(), nn.Sequential)
    assert_type(net.state_dict(), dict[str, Tensor])
    assert_type(list(net.parameters()), list[nn.Parameter])
    assert_type(next(net.named_parameters()), tuple[str, nn.Parameter])
    assert_type(nn.CrossEntropyLoss()(x, x), Tensor)
    assert_type(nn.ModuleList([layer])[0], nn.Module)
    assert_type(nn.ModuleList([layer])[:1], nn.ModuleList)
    assert_type(nn.ModuleDict({"a": layer})["a"], nn.Module)
    assert_type(net.summary((1, 3)), nn.Summary)
    assert_type(nn.init.zeros_(x), Tensor)
    assert_type(nn.utils.clip_grad_norm_(net.parameters(), 1.0), Tensor)
    nn.Linear("3", 4)  # type: ignore[arg-type]
    nn.CrossEntropyLoss(reduction="average")  # type: ignore[arg-type]
    layer(x, x)  # type: ignore[call-arg]


class Net(nn.Module):
    """A module of one's own: forward() with arguments of its own."""

    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(3, width)
        self.parts = nn.ModuleList(nn.ReLU() for _ in range(2))
        self.register_buffer("scale", weft.ones(1))

    def forward(self, x: Tensor, double: bool = False) -> Tensor:
        for part in self.parts:
            x = part(x)
        x = self.first(x) * self.scale
        assert_type(x, Tensor)
        return x * 2 if double else x


class Wider(nn.Linear):
    """A layer of the library with another forward()."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) + 1


def own_modules(x: Tensor) -> None:
    net = Net(4).to(weft.float64)
    assert_type(net, Net)
    assert_type(net.forward(x, double=True), Tensor)
    assert_type(net.first.weight, nn.Parameter)
    assert_type(Wider(2, 2)(x), Tensor)
    assert_type(net.register_forward_hook(lambda m, args, y: y * 2), nn.RemovableHandle)


def optimisers(net: nn.Module) -> None:
    sgd = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    assert_type(sgd.step(), None)
    assert_type(sgd.step(lambda: 1.5), float)
    assert_type(sgd.param_groups[0], optim.ParamGroup)
    optim.AdamW([{"params": list(net.parameters()), "lr": 1e-3}], betas=(0.9, 0.95))
    optim.Adam(net.named_parameters())
    schedule = optim.lr_scheduler.OneCycleLR(sgd, 0.1, total_steps=10, anneal_strategy="linear")
    assert_type(schedule.get_last_lr(), list[float])
    optim.lr_scheduler.LambdaLR(sgd, lambda step: 1 / (step + 1))
    optim.lr_scheduler.SequentialLR(sgd, [schedule], [])
    optim.lr_scheduler.ReduceLROnPlateau(sgd, mode="max").step(weft.ones(1))
    optim.SGD(net.parameters(), rate=0.1)  # type: ignore[call-arg]
    optim.lr_scheduler.OneCycleLR(sgd, 0.1, anneal_strategy="cubic")  # type: ignore[arg-type]


class Squares:
    """A data set of Python."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return weft.full((1, 2, 2), index), index % 2


def loading() -> None:
    flip = data.RandomHorizontalFlip(0.5)
    pictures = datasets.CIFAR10(train=False, download=True)
    for images, labels in data.DataLoader(pictures, batch_size=2, transforms=[flip]):
        assert_type(images, Tensor)
        assert_type(labels, Tensor)
    for batch in data.DataLoader(Squares(), num_workers=0):
        assert_type(batch, Any)
    for number in data.DataLoader(Squares(), 2, collate_fn=len):
        assert_type(number, int)
    loader: data.DataLoader = data.DataLoader(pictures, 16)
    assert_type(next(iter(loader)), tuple[Tensor, Tensor])
    assert_type(pictures[0], tuple[Tensor, int])
    assert_type(pictures.first(10), data.ImageDataset)
    assert_type(len(data.DataLoader(pictures, 16, shuffle=True)), int)
    assert_type(weft.load("model.safetensors"), dict[str, Tensor])
    state, texts = weft.load("model.safetensors", with_metadata=True)
    assert_type(texts, dict[str, str])
    data.DataLoader(3)  # type: ignore[call-overload]


class Signs(optim.Optimizer):
    """An optimiser of one's own."""

    def __init__(self, params: Params, lr: float = 0.1) -> None:
        super().__init__(params, {"lr": lr})

    @weft.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["steps"] = self.state[p].get("steps", 0) + 1
                p -= group["lr"] * p.grad.sign()


def optimising(net: nn.Linear) -> None:
    signs = Signs(net.parameters())
    signs.add_param_group({"params": [weft.ones(1)], "lr": 1.0})
    optim.lr_scheduler.StepLR(signs, 3).step()
    assert_type(signs.defaults, dict[str, Any])
    assert_type(signs.state_dict(), dict[str, Tensor])
    assert_type(net.in_features, int)
    assert_type(nn.MaxPool2d(2).kernel_size, int | tuple[int, int])
    assert_type(nn.CrossEntropyLoss().weight, Tensor | None)
    assert_type(data.default_collate([1, 2]), Any)


class Cube(autograd.Function):
    """An operation of one's own."""

    @staticmethod
    def forward(ctx: autograd.FunctionContext, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: autograd.FunctionContext, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        assert_type(x, Tensor)
        return 3 * g * x * x


@weft.no_grad()
def without(x: Tensor, n: int) -> Tensor:
    return x * n


@weft.inference_mode(True)
def inferred(x: Tensor) -> tuple[Tensor, int]:
    return x, 1


@weft.no_grad
def bare(x: Tensor, n: int) -> Tensor:
    return x * n


@weft.enable_grad
def recorded(x: Tensor) -> float:
    return x.item()


@weft.inference_mode
def bare_inferred(x: Tensor) -> tuple[Tensor, int]:
    return x, 1


@weft.set_grad_enabled(False)
def set_off(x: Tensor) -> str:
    return str(x)


def decorated(x: Tensor) -> None:
    assert_type(bare(x, 2), Tensor)
    assert_type(recorded(x), float)
    assert_type(bare_inferred(x), tuple[Tensor, int])
    assert_type(set_off(x), str)
    assert_type(without(x, n=1), Tensor)
    with weft.no_grad() as mode:
        assert_type(mode, weft.no_grad)
    with weft.inference_mode(False) as inference:
        assert_type(inference, weft.inference_mode)


def gradients(x: Tensor) -> None:
    y: Tensor = Cube.apply(x)
    y.backward()
    assert_type(autograd.grad(y, x), tuple[Tensor, ...])
    assert_type(autograd.grad(y, [x], allow_unused=True), tuple[Tensor | None, ...])
    assert_type(autograd.gradcheck(weft.exp, x), bool)
    assert_type(autograd.checkpoint(weft.exp, x), Tensor)
    assert_type(func.grad(weft.sum)(x), Tensor)
    assert_type(func.value_and_grad(weft.sum)(x), tuple[Tensor, Tensor])
    assert_type(func.value_and_grad(weft.sum, argnums=(0, 1))(x), tuple[Tensor, tuple[Tensor, ...]])
    value, pull = func.vjp(weft.exp, x)
    assert_type(pull(value), tuple[Tensor, ...])
    x.register_hook(lambda g: g * 2).remove()
    with weft.no_grad(), weft.autocast(dtype=weft.bfloat16):
        assert_type(x + 1, Tensor)
    with weft.set_grad_enabled(False) as mode:
        assert_type(mode, weft.set_grad_enabled)
    assert_type(without(x, 2), Tensor)
    assert_type(inferred(x), tuple[Tensor, int])
    without(x, "2")  # type: ignore[arg-type]


def errors() -> None:
    try:
        weft.zeros(2).view(3)
    except weft.ShapeError as e:
        assert isinstance(e, ValueError)
    except weft.OutOfMemoryError as e:
        assert_type(e.requested, int)
    assert_type(weft.cpu.memory_stats(), dict[str, int])
