"""Optimisers that Python writes, beside the compiled ones."""

import numpy as np
import pytest
import weft
from weft import nn, optim
from weft.optim import lr_scheduler


class OwnAdam(optim.Optimizer):
    """Written as one would for torch."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, name="adam"):
        defaults = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, name=name)
        super().__init__(params, defaults)

    @weft.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with weft.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                g = p.grad + group["weight_decay"] * p
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["exp_avg"] = weft.zeros_like(p)
                    state["exp_avg_sq"] = weft.zeros_like(p)
                state["step"] += 1
                state["exp_avg"].mul_(beta1).add_(g * (1 - beta1))
                state["exp_avg_sq"].mul_(beta2).add_(g * g * (1 - beta2))
                mean = state["exp_avg"] / (1 - beta1 ** state["step"])
                square = state["exp_avg_sq"] / (1 - beta2 ** state["step"])
                p.sub_(group["lr"] * mean / (square.sqrt() + group["eps"]))
        return loss


def network():
    weft.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()


def groups(net):
    return [{"params": net[0].parameters()}, {"params": net[2].parameters(), "lr": 0.02}]


def train(net, optimizer, steps, schedule=None):
    x = weft.arange(12, dtype=weft.float64).reshape(4, 3) / 10
    for _ in range(steps):
        optimizer.zero_grad()
        (net(x) - 1).square().mean().backward()
        optimizer.step()
        if schedule:
            schedule.step()


def flat(net):
    return np.concatenate([p.detach().numpy().ravel() for p in net.parameters()])


def test_it_does_what_the_compiled_one_does():
    nets = network(), network()
    made = (
        OwnAdam(groups(nets[0]), lr=0.1, betas=(0.8, 0.9), weight_decay=0.01),
        optim.Adam(groups(nets[1]), lr=0.1, betas=(0.8, 0.9), weight_decay=0.01),
    )
    for net, optimizer in zip(nets, made):
        train(net, optimizer, 10, lr_scheduler.CosineAnnealingLR(optimizer, 10))
    assert np.allclose(flat(nets[0]), flat(nets[1]), rtol=1e-12, atol=1e-12)
    assert made[0].param_groups[1]["lr"] == made[1].param_groups[1]["lr"] != 0.02
    assert isinstance(made[0], optim.Optimizer) and "lr: " not in made[0].param_groups[0]
    assert repr(made[0]).startswith("OwnAdam(\n  ParamGroup(2 parameters, ")


def test_groups_and_defaults():
    net = network()
    made = OwnAdam(groups(net), name="mine")
    assert made.defaults["lr"] == 1e-3 and made.defaults["name"] == "mine"
    assert [g["lr"] for g in made.param_groups] == [1e-3, 0.02]
    assert [g["name"] for g in made.param_groups] == ["mine", "mine"]
    assert made.param_groups[0]["params"][0] is net[0].weight
    made.add_param_group({"params": nn.Parameter(weft.ones(1)), "betas": (0.5, 0.5), "extra": [1]})
    group = made.param_groups[2]
    assert group["betas"] == (0.5, 0.5) and group["extra"] == [1] and group["eps"] == 1e-8
    group["lr"], group["name"] = 5, "other"
    assert made.param_groups[2]["lr"] == 5 and made.param_groups[2]["name"] == "other"
    named = OwnAdam(net.named_parameters())
    assert named.param_groups[0]["params"][1] is net[0].bias


@pytest.mark.parametrize(
    "params, options, error",
    [
        (lambda p: [], {}, ValueError),
        (lambda p: p, {}, TypeError),
        (lambda p: [p, p], {}, ValueError),
        (lambda p: [p * 1], {}, ValueError),
        (lambda p: [p], {"lr": -1.0}, ValueError),
        (lambda p: [p], {"betas": (0.9, 1.5)}, ValueError),
        (lambda p: ["text"], {}, TypeError),
        (lambda p: [{"lr": 1.0}], {}, ValueError),
        (lambda p: 3, {}, TypeError),
    ],
)
def test_wrong_arguments(params, options, error):
    with pytest.raises(error):
        OwnAdam(params(nn.Parameter(weft.ones(2))), **options)


def test_a_closure_and_no_step():
    p = nn.Parameter(weft.ones(1))
    made = OwnAdam([p], lr=0.5)

    def closure():
        made.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert made.step(closure).item() == 1 and abs(p.item() - 0.5) < 1e-6

    class Nothing(optim.Optimizer):
        pass

    with pytest.raises(NotImplementedError):
        Nothing([p], {}).step()


def test_a_class_over_a_compiled_one():
    class Clipped(optim.SGD):
        def __init__(self, params, limit):
            super().__init__(params, lr=1.0, momentum=0.5)
            self.limit = limit

        def step(self, closure=None):
            for group in self.param_groups:
                nn.utils.clip_grad_value_(group["params"], self.limit)
            return super().step(closure)

    p = nn.Parameter(weft.zeros(2))
    made = Clipped([p], 0.25)
    p.grad = weft.tensor([4.0, -0.125])
    made.step()
    assert p.tolist() == [-0.25, 0.125]


def test_the_scaler_takes_the_step_that_python_wrote():
    class Half(optim.SGD):
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad *= 0.5
            return super().step(closure)

    class Nothing(optim.Optimizer):
        pass

    def stepped(make):
        p = nn.Parameter(weft.ones(2))
        made, scaler = make([p]), weft.amp.GradScaler(init_scale=8.0)
        scaler.scale((p * 3).sum()).backward()
        assert scaler.step(made) is True
        return p.tolist()

    assert stepped(lambda p: optim.SGD(p, lr=0.25)) == [0.25, 0.25]
    assert stepped(lambda p: Half(p, lr=0.25)) == [0.625, 0.625]
    assert np.allclose(stepped(lambda p: OwnAdam(p, lr=0.25)), 0.75)
    with pytest.raises(NotImplementedError):
        stepped(lambda p: Nothing(p, {"lr": 0.1}))


def test_one_cycle_moves_the_momentum_too():
    for make, name in (OwnAdam, "betas"), (lambda p: optim.Adam(p), "betas"):
        made = make([nn.Parameter(weft.ones(1))])
        lr_scheduler.OneCycleLR(made, 0.1, total_steps=10)
        assert made.param_groups[0][name][0] == 0.95

    class Own(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1, "momentum": 0.5})

    made = Own([nn.Parameter(weft.ones(1))])
    lr_scheduler.OneCycleLR(made, 0.1, total_steps=10)
    assert made.param_groups[0]["momentum"] == 0.95 and list(made.param_groups[0]) == [
        *("params", "lr", "momentum", "initial_lr")
    ]


def state_bits(state):
    return {k: (v.dtype, v.shape, v.numpy().tobytes()) for k, v in state.items()}


@pytest.mark.parametrize("way", ["state_dict", "checkpoint", "save"])
def test_a_run_goes_on_bit_for_bit(way, tmp_path):
    def parts(seed):
        net = network()
        made = OwnAdam(groups(net), lr=0.1)
        return net, made, lr_scheduler.StepLR(made, 3, gamma=0.5)

    net, made, schedule = parts(1)
    train(net, made, 5, schedule)
    net2, made2, schedule2 = parts(2)
    made2.param_groups[0]["name"] = "goes"
    pairs = (net, net2), (made, made2), (schedule, schedule2)
    if way == "checkpoint":
        for run, action in ((0, "save"), (1, "load")):
            state = nn.Checkpoint()
            for name, pair in zip("abc", pairs):
                state.add(name, pair[run])
            getattr(state, action)(tmp_path / "run.safetensors")
    else:
        for i, (one, two) in enumerate(pairs):
            state = one.state_dict()
            if way == "save":
                weft.save(one, tmp_path / f"{i}.safetensors")
                state = weft.load(tmp_path / f"{i}.safetensors")
            two.load_state_dict(state)
    assert state_bits(made.state_dict()) == state_bits(made2.state_dict())
    own = made2.state[net2[0].weight]
    assert own["step"] == 5 and type(own["step"]) is int and made2.param_groups[0]["name"] == "adam"
    assert own["exp_avg"].data_ptr() != made.state[net[0].weight]["exp_avg"].data_ptr()
    train(net, made, 4, schedule), train(net2, made2, 4, schedule2)
    assert flat(net).tobytes() == flat(net2).tobytes()


@pytest.mark.parametrize("kind", [OwnAdam, weft.optim.Adam])
def test_a_state_holds_the_rates_before_a_schedule(kind):
    def made(lr):
        return kind([nn.Parameter(weft.ones(2))], lr=lr)

    one, two, fresh = made(0.5), made(0.25), made(0.125).state_dict()
    lr_scheduler.StepLR(one, 1)
    state = one.state_dict()
    assert state["groups.0.initial_lr"].item() == 0.5 and "groups.0.initial_lr" not in fresh
    two.load_state_dict(state)
    assert two.param_groups[0]["initial_lr"] == 0.5
    one.load_state_dict(fresh)  # of before
    assert one.param_groups[0]["initial_lr"] == 0.5 and one.param_groups[0]["lr"] == 0.125
    with pytest.raises(ValueError, match="initial_lr is not one number"):
        two.load_state_dict({**state, "groups.0.initial_lr": weft.ones(2)})


def test_what_a_state_holds():
    p, q = nn.Parameter(weft.ones(2)), nn.Parameter(weft.ones(3))
    made = OwnAdam([p, q])
    values = {"a": 3, "b": 0.1, "c": True, "d": weft.tensor([1, 2]), "e": None, "f": -(2**60)}
    values |= {"g": "text", "h": ("a", [1, (2.5, None)], {"k": ()}), "i": (0.5, 0.25), "j": 2**70}
    made.state[q].update(values)
    state = made.state_dict()
    assert {k for k in state if k[0] != "g"} == {
        *("numbers.1.a", "numbers.1.b", "numbers.1.c", "state.1.d", "plain.1.e", "numbers.1.f"),
        *("plain.1.g", "plain.1.h", "numbers.1.i", "plain.1.j"),
    }
    assert state["groups.0.betas"].tolist() == [0.9, 0.999]
    other = OwnAdam([p, q])
    other.state[p]["gone"] = 1
    other.load_state_dict(state)
    assert dict(other.state[p]) == {}
    back = other.state[q]
    assert back.pop("d").tolist() == values.pop("d").tolist()
    assert back == values and {k: type(back[k]) for k in back} == {k: type(values[k]) for k in back}
    made.state[p]["wrong"] = object()
    with pytest.raises(TypeError, match="wrong"):
        made.state_dict()


PLAIN = ["text", "", "\ud800 \u00e9", None, True, (), (1, 2), [1, "a"], {"a": (None,)}, 2**70, -1]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
@pytest.mark.parametrize("now", [None, 0.5, "other", (1.0, 2.0)], ids=repr)
def test_options_of_plain_data_are_saved(value, now, tmp_path):
    def make(note):
        return OwnAdam([{"params": [nn.Parameter(weft.ones(2))], "note": note}])

    made, other = make(value), make(now)
    nn.Checkpoint().add("optimizer", made).save(tmp_path / "run.safetensors")
    nn.Checkpoint().add("optimizer", other).load(tmp_path / "run.safetensors")
    back = other.param_groups[0]["note"]
    assert back == value and type(back) is type(value)
    state = made.state_dict()
    del state["groups.0.name"]  # a file from before texts were saved
    other.param_groups[0]["name"] = "mine"
    other.load_state_dict(state)
    assert other.param_groups[0]["name"] == "mine"


def test_a_state_that_does_not_fit_changes_nothing():
    net = network()
    made = OwnAdam(groups(net))
    train(net, made, 2)
    before = made.state_dict()
    kept = state_bits({k: v.clone() for k, v in before.items()})
    for name, value in {
        "groups.0.lr": None,
        "groups.0.betas": weft.ones(3),
        "groups.7.lr": weft.tensor(1.0),
        "state.9.exp_avg": weft.ones(1),
        "state.x.exp_avg": weft.ones(1),
        "state.0": weft.ones(1),
        "numbers.0.step": weft.ones(2, 2),
        "plain.0.note": weft.ones(2),
        "groups.0.name": weft.tensor([34], dtype=weft.uint8),
        "groups.1.name": weft.tensor([*b'{"tuple": 3}'], dtype=weft.uint8),
        "groups.1.eps": weft.tensor([*b"null"], dtype=weft.uint8),
        "else": weft.ones(1),
    }.items():
        wrong = {**before, name: value}
        if value is None:
            del wrong[name]
        assert any(name in line for line in made.mismatches(wrong))
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            made.load_state_dict(wrong)
        assert state_bits(made.state_dict()) == kept
    assert made.mismatches(before) == []
