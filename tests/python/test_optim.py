"""weft.optim: steps against NumPy, groups, state, schedules."""

import gc
import math

import numpy as np
import pytest

import weft
from weft import nn, optim
from weft.optim import lr_scheduler


def parameter(*values):
    return nn.Parameter(weft.tensor(values))


def run(optimizer, p, steps):
    """Gradients 2 p - 1, and the parameter after the steps."""
    for _ in range(steps):
        optimizer.zero_grad()
        ((p - 0.5) ** 2).sum().backward()
        optimizer.step()
    return p.detach().numpy()


def test_sgd():
    p = parameter(1.0, -2.0)
    got = run(optim.SGD([p], 0.1, momentum=0.9, weight_decay=0.01, nesterov=True), p, 5)
    x, v = np.array([1.0, -2.0]), None
    for _ in range(5):
        g = 2 * x - 1 + 0.01 * x
        v = g if v is None else 0.9 * v + g
        x = x - 0.1 * (g + 0.9 * v)
    assert np.allclose(got, x, atol=1e-6)


@pytest.mark.parametrize("kind, coupled", [(optim.Adam, True), (optim.AdamW, False)])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam(kind, coupled, amsgrad):
    p = parameter(1.0, -2.0)
    opt = kind([p], lr=0.1, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1, amsgrad=amsgrad)
    got = run(opt, p, 6)
    x = np.array([1.0, -2.0])
    m = v = top = np.zeros(2)
    for t in range(1, 7):
        g = 2 * x - 1 + (0.1 * x if coupled else 0)
        if not coupled:
            x = x * (1 - 0.1 * 0.1)
        m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g * g
        top = np.maximum(top, v)
        root = np.sqrt((top if amsgrad else v) / (1 - 0.9**t))
        x = x - 0.1 * m / (1 - 0.8**t) / (root + 1e-6)
    assert np.allclose(got, x, atol=1e-5)


def test_groups_are_live():
    a, b = parameter(1.0), parameter(1.0)
    opt = optim.SGD([{"params": [a], "lr": 0.5}, {"params": b}], lr=0.1, momentum=0.9)
    first, second = opt.param_groups
    assert (first["lr"], second["lr"], second["momentum"]) == (0.5, 0.1, 0.9)
    assert first["params"][0] is a and isinstance(first["params"][0], nn.Parameter)
    for group in opt.param_groups:
        group["lr"] *= 0
    before = a.item()
    (a + b).sum().backward()
    opt.step()
    assert a.item() == before and b.item() == 1
    first["initial_lr"] = 3
    assert opt.param_groups[0]["initial_lr"] == 3 and "initial_lr" in first
    c = parameter(1.0)
    opt.add_param_group({"params": [c], "weight_decay": 0.3})
    assert len(opt.param_groups) == 3 and opt.param_groups[2]["weight_decay"] == 0.3
    assert opt.param_groups[2]["lr"] == 0.1
    adam = optim.Adam([parameter(1.0)])
    adam.param_groups[0]["betas"] = (0.5, 0.6)
    assert adam.param_groups[0]["betas"] == (0.5, 0.6) and adam.param_groups[0]["lr"] == 1e-3
    assert optim.AdamW([parameter(1.0)]).param_groups[0]["weight_decay"] == 1e-2
    with pytest.raises(KeyError):
        adam.param_groups[0]["momentum"]


def test_what_is_refused():
    p = parameter(1.0)
    for wrong in ([], [p * 1], [p, p]):
        with pytest.raises(ValueError):
            optim.SGD(wrong, lr=0.1)
    with pytest.raises(ValueError, match="lr"):
        optim.SGD([p], lr=-1)
    for wrong in (p, [3], [{"params": [p], "speed": 1}]):
        with pytest.raises(TypeError):
            optim.SGD(wrong, lr=0.1)
    with pytest.raises(ValueError, match="params"):
        optim.SGD([{"lr": 1}])


def test_what_is_frozen_stays():
    for kind in optim.SGD, optim.Adam, optim.AdamW:
        p, frozen = parameter(1.0), parameter(2.0).requires_grad_(False)
        made = kind([p, frozen], lr=0.1)
        (p * 1).sum().backward()
        made.step()
        assert p.item() != 1 and frozen.tolist() == [2.0]
        frozen.requires_grad_()
        (frozen * 3).sum().backward()
        made.step()
        assert frozen.item() < 2


def test_closure():
    p = parameter(2.0)
    opt = optim.SGD([p], lr=0.25)

    def closure():
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with weft.no_grad():
        assert opt.step(closure).item() == 4
    assert p.item() == 1
    assert opt.step() is None


def test_state_goes_on_as_if_never_stopped():
    a, b = parameter(1.0, 2.0), parameter(1.0, 2.0)
    one, two = optim.Adam([a], lr=0.1), optim.Adam([b], lr=0.3)
    run(one, a, 3)
    with weft.no_grad():
        b.copy_(a)
    two.load_state_dict(weft.safetensors_from_bytes(weft.safetensors_to_bytes(one.state_dict())))
    assert two.param_groups[0]["lr"] == 0.1
    assert np.array_equal(run(one, a, 3), run(two, b, 3))
    with pytest.raises(ValueError, match="missing"):
        two.load_state_dict({})
    assert two.mismatches({"groups.9.lr": weft.zeros(1)})


def rates(make, steps, lr=1.0):
    opt = optim.SGD([parameter(1.0)], lr=lr)
    schedule = make(opt)
    seen = []
    for _ in range(steps):
        seen.append(schedule.get_last_lr()[0])
        assert opt.param_groups[0]["lr"] == seen[-1]
        schedule.step()
    return seen


def test_schedules():
    assert rates(lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5), 5) == [1, 1, 0.5, 0.5, 0.25]
    assert rates(lambda o: lr_scheduler.MultiStepLR(o, [1, 3], 0.5), 4) == [1, 0.5, 0.5, 0.25]
    cosine = [(1 + math.cos(math.pi * i / 4)) / 2 for i in range(5)]
    assert rates(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=4), 5) == pytest.approx(cosine)
    linear = rates(lambda o: lr_scheduler.LinearLR(o, 0.5, total_iters=2), 4)
    assert linear == pytest.approx([0.5, 0.75, 1, 1])
    assert rates(lambda o: lr_scheduler.LambdaLR(o, lambda i: 1 / (i + 1)), 3) == [1, 1 / 2, 1 / 3]
    cycle = rates(
        lambda o: lr_scheduler.OneCycleLR(
            o, 2.0, total_steps=5, pct_start=0.6, anneal_strategy="linear", div_factor=4
        ),
        5,
    )
    assert cycle == pytest.approx([0.5, 1.25, 2.0, 1.000025, 0.00005])

    def warm_up(o):
        parts = [lr_scheduler.LinearLR(o, 0.5, total_iters=2), lr_scheduler.StepLR(o, 1, 0.5)]
        return lr_scheduler.SequentialLR(o, parts, milestones=[2])

    assert rates(warm_up, 5) == pytest.approx([0.5, 0.75, 1, 0.5, 0.25])
    with pytest.raises(ValueError, match="total_steps"):
        rates(lambda o: lr_scheduler.OneCycleLR(o, 1.0), 1)


def test_a_schedule_keeps_its_optimizer_and_its_place():
    p = parameter(1.0)
    schedule = lr_scheduler.StepLR(optim.SGD([p], lr=1.0), 1, 0.5)
    gc.collect()
    schedule.step()
    assert schedule.get_last_lr() == [0.5] and schedule.last_epoch == 1
    other = lr_scheduler.StepLR(optim.SGD([p], lr=9.0), 1, 0.5)
    other.load_state_dict(schedule.state_dict())
    assert other.get_last_lr() == [0.5]
    with pytest.raises(ZeroDivisionError):
        lr_scheduler.LambdaLR(optim.SGD([p], lr=1.0), lambda i: 1 / 0)


# Measures and the rates after each, as PyTorch 2.15 gives them.
PLATEAUS = [
    (
        dict(factor=0.5, patience=1),
        [3, 2, 2, 2, 2, 1, 1, 1, 1],
        [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25],
    ),
    (
        dict(mode="max", factor=0.1, patience=0, cooldown=2, min_lr=0.05),
        [1, 1, 1, 1, 1, 1, 1, 1],
        [1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05],
    ),
    (
        dict(factor=0.5, patience=0, threshold=0.5, threshold_mode="abs"),
        [3, 2.6, 2.4, 2.0],
        [1, 0.5, 0.5, 0.25],
    ),
    (dict(factor=0.5, patience=0, eps=0.6), [1, float("nan")], [1, 1]),
]


@pytest.mark.parametrize("options, measures, rates", PLATEAUS)
def test_plateau(options, measures, rates):
    schedule = lr_scheduler.ReduceLROnPlateau(optim.SGD([parameter(1.0)], 1.0), **options)
    got = []
    for at, measure in enumerate(measures):
        if at == 2:  # a schedule that goes on from the state of another is the same
            state = schedule.state_dict()
            schedule = lr_scheduler.ReduceLROnPlateau(schedule.optimizer, **options)
            schedule.load_state_dict(state)
        schedule.step(measure)
        got += schedule.get_last_lr()
    assert got == pytest.approx(rates)


@pytest.mark.parametrize(
    "options", [dict(factor=1.0), dict(mode="low"), dict(threshold_mode="x"), dict(min_lr=[0, 0])]
)
def test_plateau_refuses(options):
    with pytest.raises(ValueError, match="ReduceLROnPlateau"):
        lr_scheduler.ReduceLROnPlateau(optim.SGD([parameter(1.0)], 1.0), **options)
