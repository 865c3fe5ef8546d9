"""Lines of PyTorch programs give what they give there, and errors of hooks and files say what is wrong."""

import copy
import pickle

import numpy as np
import pytest
from ported import ROWS, result

import weft
from weft import nn


@pytest.mark.parametrize("expression, expected", ROWS, ids=range(len(ROWS)))
def test_as_in_pytorch(expression, expected):
    got = result(expression, weft)
    # Weft's errors have classes of their own, which derive from PyTorch's.
    bases = getattr(getattr(weft, got, None), "__mro__", ()) if expected.endswith("Error") else ()
    assert got == expected or expected in [c.__name__ for c in bases]


def leaf():
    return weft.ones(2, requires_grad=True)


def with_tensor_hook(made):
    x = leaf()
    x.register_hook(lambda g: made)
    (x * 2).sum().backward()


def with_backward_hook(made):
    net = nn.Linear(2, 2)
    net.register_full_backward_hook(lambda m, gin, gout: made)
    net(leaf()).sum().backward()


def with_pre_hook(made, **options):
    net = nn.Linear(2, 2)
    net.register_forward_pre_hook(lambda *given: made, **options)
    net(leaf())


def within_sequential(made, kind="register_forward_hook"):
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    getattr(net[0], kind)(lambda *given: made)
    net(leaf())


class Own(weft.autograd.Function):
    made = 3

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return Own.made


def within_function(made):
    Own.made = made
    Own.apply(leaf()).sum().backward()


def saved(made):
    class Saving(Own):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(made)
            return x

    Saving.apply(leaf())


@pytest.mark.parametrize(
    "call, made, message",
    [
        (with_tensor_hook, 3, r"\[register_hook\] got int, expected a tensor or None"),
        (with_tensor_hook, [weft.ones(2)], r"\[register_hook\] got list"),
        (with_backward_hook, 3, r"\[register_full_backward_hook\] got int .* Linear"),
        (with_backward_hook, ("a",), r"\[register_full_backward_hook\] got str .* Linear"),
        (with_pre_hook, 3, r"\[register_forward_pre_hook\] got int from the hook, expected"),
        (with_pre_hook, (None,), r"\[register_forward_pre_hook\] got NoneType"),
        (within_sequential, 3, r"\[register_forward_hook\] got int from the hook, expected a tensor"),
        (within_function, "a", r"\[backward\] got str, expected a tensor or None .* argument 0"),
        (saved, 3, r"\[save_for_backward\] got int, expected a tensor or None"),
    ],
)
def test_what_is_no_tensor_is_named(call, made, message):
    with pytest.raises(TypeError, match=message):
        call(made)


def test_pre_hooks_with_other_arguments_are_named():
    for made in 3, (weft.ones(2), {}), ((weft.ones(2),), ()):
        with pytest.raises(TypeError, match=r"_pre_hook\] got .* expected a pair \(args, kwargs\)"):
            with_pre_hook(made, with_kwargs=True)
    for made in 3, (weft.ones(2), weft.ones(2)):
        with pytest.raises(TypeError, match=r"\[register_forward_pre_hook\] got"):
            within_sequential(made, "register_forward_pre_hook")


def test_backward_hooks_may_return_a_list():
    x, net = leaf(), nn.Linear(2, 2)
    net.register_full_backward_hook(lambda m, gin, gout: [weft.tensor([5.0, 6.0])])
    net(x).sum().backward()
    assert x.grad.tolist() == [5, 6]


def test_inputs_that_are_no_tensors_are_named():
    x = leaf()
    for wrong in [3], 3, [x, None]:
        with pytest.raises(TypeError, match=r"\[backward\] "):
            (x * 2).sum().backward(inputs=wrong)
    assert x.grad is None


def test_state_is_read():
    p = nn.Parameter(weft.ones(2))
    sgd = weft.optim.SGD([p], momentum=0.9)
    p.sum().backward()
    sgd.step()
    for change in (
        lambda: sgd.state.__setitem__(p, {}),
        lambda: sgd.state[p].__setitem__("momentum_buffer", p),
        lambda: setattr(sgd, "state", {}),
    ):
        with pytest.raises((TypeError, AttributeError)):
            change()
    assert "momentum_buffer" in repr(sgd.state)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_of_a_chain_go_on(copied):
    sgd = weft.optim.SGD([nn.Parameter(weft.ones(1))], lr=1.0)
    kinds = weft.optim.lr_scheduler
    chain = [kinds.StepLR(sgd, 2, 0.5), kinds.LinearLR(sgd, 0.5, total_iters=3)]
    rates = []
    for turn in range(6):
        if turn == 3:
            sgd, chain = copied((sgd, chain))
        assert sgd.param_groups[0]["initial_lr"] == 1
        rates.append(round(sgd.param_groups[0]["lr"], 4))
        for schedule in chain:
            schedule.step()
    assert rates == [0.5, 0.6667, 0.4167, 0.5, 0.25, 0.25]


def test_a_memo_is_of_modules():
    with pytest.raises(TypeError, match="memo"):
        nn.ReLU().named_modules([3])


def test_a_leaf_that_only_the_tape_holds_is_handed_to_its_hook():
    net, seen = nn.Linear(2, 1), []
    for p in net.parameters():
        p.register_post_accumulate_grad_hook(seen.append)
    del p
    net(weft.ones(2)).sum().backward()
    assert sorted(p.grad.sum().item() for p in seen) == [1, 2]
    with weft.no_grad():
        seen[0].fill_(7)
        seen[0].grad = None
    changed = [p for p in net.parameters() if p.grad is None]
    assert len(changed) == 1 and changed[0].flatten()[0].item() == 7


def test_an_error_after_accumulation_leaves_the_gradients():
    x = leaf()
    x.register_post_accumulate_grad_hook(lambda p: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_a_leaf_with_such_a_hook_ends():
    x = leaf()
    x.register_post_accumulate_grad_hook(lambda p: None)
    (x * 2).sum().backward()
    gone = weft.cpu.memory_stats()["in_use"]
    for _ in range(5):
        y = weft.ones(1 << 20, requires_grad=True)
        y.register_post_accumulate_grad_hook(lambda p: None)
        y.sum().backward()
        del y
    assert weft.cpu.memory_stats()["in_use"] - gone < 1 << 22


@pytest.mark.parametrize(
    "given, message",
    [
        ({1: weft.ones(1)}, "got int as a tensor's name, expected a str"),
        ({"a": np.ones(1)}, "got numpy.ndarray under 'a', expected a tensor"),
        ({"a": [1.0]}, "got list under 'a', expected a tensor"),
        ({"a": {"b": weft.ones(1)}}, "got dict under 'a', expected a tensor"),
    ],
)
def test_save_refuses(given, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        weft.save(given, tmp_path / "f")
    assert not (tmp_path / "f").exists()
