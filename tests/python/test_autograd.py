"""The tape from Python: gradients, functions of one's own, hooks, modes, checkpoints, checks."""

import threading

import pytest
import weft
from weft import autograd, func


def leaf(*values, **options):
    return weft.tensor(values, requires_grad=True, **options)


def test_backward_adds_to_grad_and_identity_holds():
    x = leaf(1.0, 2.0)
    for times in (1, 2):
        (x * x).sum().backward()
        assert x.grad.tolist() == [2.0 * times, 4.0 * times]
    assert x.grad is x.grad
    x.grad = None
    assert x.grad is None


def test_grad_leaves_grads_alone():
    x, y = leaf(3.0), leaf(4.0)
    gx, gy = autograd.grad((x * y).sum(), [x, y])
    assert (gx.item(), gy.item(), x.grad) == (4.0, 3.0, None)
    with pytest.raises(RuntimeError, match="grad"):
        autograd.grad((x * 2).sum(), [y])
    assert autograd.grad((x * 2).sum(), [y], allow_unused=True) == (None,)


def test_double_backward():
    x = leaf(2.0)
    (first,) = autograd.grad((x * x * x).sum(), x, create_graph=True)
    (second,) = autograd.grad(first.sum(), x)
    assert (first.item(), second.item()) == (12.0, 12.0)


def test_grad_fn_walks_to_the_leaves():
    x = leaf(1.0, 2.0)
    y = (x * 3).exp().sum()
    names, node = [], y.grad_fn
    while node is not None:
        names.append(node.name())
        node = node.next_functions[0][0] if node.next_functions else None
    assert names[:3] == ["sum", "exp", "mul"]
    assert x.grad_fn is None and x.is_leaf and not y.is_leaf


class Scale(autograd.Function):
    @staticmethod
    def forward(ctx, x, factor, y):
        ctx.factor = factor
        ctx.save_for_backward(x, y)
        return x * factor, x * y

    @staticmethod
    def backward(ctx, g0, g1):
        x, y = ctx.saved_tensors
        assert ctx.needs_input_grad == (True, False, y.requires_grad)
        return g0 * ctx.factor + g1 * y, None, g1 * x


def test_function_gets_numbers_and_zeros_for_unused_outputs():
    x, y = leaf(1.0, 2.0), weft.tensor([3.0, 4.0])
    a, b = Scale.apply(x, 5, y)
    a.sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
    assert "Scale" in repr(b.grad_fn)


def test_function_passes_gradcheck_twice():
    inputs = [weft.tensor([0.5, -1.5], dtype=weft.float64, requires_grad=True) for _ in range(2)]
    f = lambda x, y: Scale.apply(x, 3.0, y)  # noqa: E731
    assert autograd.gradcheck(f, inputs)
    assert autograd.gradgradcheck(f, inputs)


def test_gradcheck_finds_a_wrong_gradient():
    class Wrong(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3

    with pytest.raises(weft.AutogradError, match="Wrong|gradcheck"):
        autograd.gradcheck(Wrong.apply, leaf(1.0, dtype=weft.float64))


def test_a_function_that_returns_too_few_gradients_is_told():
    class Few(autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match="got 1 gradients, expected one for each of the 2"):
        Few.apply(leaf(1.0), leaf(2.0)).backward()


def test_arguments_left_to_their_defaults_may_have_their_none():
    class Shift(autograd.Function):
        @staticmethod
        def forward(ctx, x, by=None, factor=1):
            return x + (0 if by is None else by)

        @staticmethod
        def backward(ctx, g):
            return g, g if len(ctx.needs_input_grad) > 1 else None, surplus

    for surplus in None, 3:
        for args in (leaf(1.0),), (leaf(1.0), leaf(2.0)):
            y = Shift.apply(*args)
            if surplus is None:
                y.backward()
                assert [a.grad.tolist() for a in args] == [[1.0]] * len(args)
            else:
                with pytest.raises(RuntimeError, match="got 3 gradients"):
                    y.backward()


def test_backward_gets_a_gradient_for_each_output():
    class Largest(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            place = x.argmax()
            ctx.save_for_backward(place)
            small = x < 0
            rest = x * 0
            ctx.mark_non_differentiable(rest)
            return place, x[place], rest, small

        @staticmethod
        def backward(ctx, *gradients):
            assert [(g.shape, g.dtype) for g in gradients] == shapes
            assert [g.any().item() for g in gradients] == [False, True, False, False]
            (place,) = ctx.saved_tensors
            return weft.zeros(3).index_add(0, place.reshape(1), gradients[1].reshape(1))

    x = leaf(1.0, 5.0, -3.0)
    outputs = Largest.apply(x)
    assert [y.requires_grad for y in outputs] == [False, True, False, False]
    shapes = [(y.shape, y.dtype) for y in outputs]
    (outputs[1] * 3).backward()
    assert x.grad.tolist() == [0.0, 3.0, 0.0]


def test_setup_context_and_gradients_that_are_not_there():
    class Both(autograd.Function):
        @staticmethod
        def forward(x, y, factor):
            return x * y, x * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, y, ctx.factor = inputs
            ctx.save_for_backward(x, y)
            ctx.set_materialize_grads(wanted)
            ctx.shapes = [t.shape for t in output]

        @staticmethod
        def backward(ctx, g0, g1):
            seen.append((g0 is None, g1 is None))
            x, y = ctx.saved_tensors
            assert ctx.shapes == [x.shape] * 2
            g1 = ctx.factor * (0 if g1 is None else g1)
            return (g1 if g0 is None else g1 + g0 * y), (None if g0 is None else g0 * x), None

    for wanted in True, False:
        seen = []
        x, y = leaf(2.0), leaf(5.0)
        product, scaled = Both.apply(x, y, 3)
        scaled.backward()
        assert x.grad.tolist() == [3.0] and seen == [(not wanted, False)]
        product, scaled = Both.apply(x, y, 3)
        (product + scaled).backward()
        assert x.grad.tolist() == [11.0] and y.grad.tolist() == [2.0] and not any(seen[1])


def test_mark_dirty():
    class Double(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            x *= 2
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(1.0, 2.0)
    y = Double.apply(x * 1)
    assert y.tolist() == [2.0, 4.0]
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_hooks_replace_gradients_and_can_be_removed():
    x = leaf(1.0)
    handle = x.register_hook(lambda g: g * 10)
    seen = []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 3).sum().backward()
    assert (x.grad.item(), seen) == (30.0, [30.0])
    handle.remove()
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.item() == 3.0


def test_an_error_in_a_hook_reaches_the_caller_and_changes_nothing():
    x = leaf(1.0)
    y = x * 2

    def fail(g):
        raise KeyError("from the hook")

    y.register_hook(fail)
    with pytest.raises(KeyError, match="from the hook"):
        y.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("mode", [weft.no_grad, weft.inference_mode])
def test_modes_as_manager_and_decorator(mode):
    x = leaf(1.0)
    with mode():
        assert not (x + 1).requires_grad
        with weft.enable_grad():
            assert weft.is_grad_enabled()
    for decorator in (mode, mode()):

        @decorator
        def f(a):
            return a + 1

        assert not f(x).requires_grad
        assert weft.is_grad_enabled()


def test_enable_grad_without_parentheses():
    @weft.enable_grad
    def f(a):
        "Doc."
        return a + 1

    with weft.no_grad():
        assert f(leaf(1.0)).requires_grad
    assert f.__name__ == "f" and f.__doc__ == "Doc."
    for wrong in (lambda: weft.no_grad(3), lambda: weft.enable_grad(True)):
        with pytest.raises(TypeError):
            wrong()


def test_set_grad_enabled_works_at_once():
    before = weft.set_grad_enabled(False)
    assert not weft.is_grad_enabled()
    weft.set_grad_enabled(True)
    assert weft.is_grad_enabled()
    del before
    with weft.set_grad_enabled(False):
        assert not weft.is_grad_enabled()
    assert weft.is_grad_enabled()


def test_inference_tensors_are_refused_by_the_tape():
    with weft.inference_mode():
        made = weft.ones(2)
    with pytest.raises(RuntimeError, match="inference"):
        made * leaf(1.0, 2.0)


def test_changed_saved_tensor_names_both_operations():
    x = leaf(1.0, 2.0)
    y = x.exp()
    y += 1
    with pytest.raises(RuntimeError, match=r"\[exp\].*add changed in place"):
        y.sum().backward()


def test_anomaly_names_the_operation():
    with autograd.detect_anomaly():
        with pytest.raises(RuntimeError, match="sqrt.*NaN"):
            leaf(-1.0).sqrt().sum().backward()
    assert not weft.is_anomaly_enabled()


def test_anomaly_tells_the_line_that_made_the_tensor():
    def forward(x):
        y = x * 1
        return y.sqrt()  # the culprit

    with autograd.detect_anomaly():
        y = forward(leaf(-1.0))
        with pytest.raises(RuntimeError) as caught:
            y.sum().backward()
    lines = str(caught.value).splitlines()
    assert "return y.sqrt()  # the culprit" in lines[-1] and __file__ in lines[-2]
    y = forward(leaf(-1.0))
    with autograd.detect_anomaly(), pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    assert "culprit" not in str(caught.value)  # made outside


def test_checkpoint_gives_the_same_gradients_with_the_same_random_numbers():
    x = leaf(*[0.5] * 64)

    def f(t, p):
        return weft.nn.functional.dropout(t.exp(), p).sin()

    weft.manual_seed(7)
    f(x, 0.5).sum().backward()
    expected, x.grad = x.grad, None
    weft.manual_seed(7)
    autograd.checkpoint(f, x, 0.5).sum().backward()
    assert x.grad.tolist() == expected.tolist()


def test_functional_gradients():
    f = lambda x, y: (x * x * y).sum()  # noqa: E731
    x, y = weft.tensor([1.0, 2.0]), weft.tensor([3.0, 4.0])
    value, (gx, gy) = func.value_and_grad(f, argnums=(0, 1))(x, y)
    assert value.item() == 19.0 and gx.tolist() == [6.0, 16.0] and gy.tolist() == [1.0, 4.0]
    assert not value.requires_grad and not x.requires_grad
    assert func.grad(func.grad(lambda a: a * a * a))(weft.tensor(2.0)).item() == 12.0
    out, pull = func.vjp(lambda a: a * a, x)
    assert out.tolist() == [1.0, 4.0]
    assert pull(weft.tensor([1.0, 10.0]))[0].tolist() == [2.0, 40.0]


def test_threads_run_backward_at_once():
    weights = leaf(*range(1, 101), dtype=weft.float64)
    failures = []

    def work(seed):
        x = weights.detach().requires_grad_()
        for _ in range(50):
            x.grad = None
            (x * x * seed).sum().backward()
            if x.grad.tolist() != [2.0 * i * seed for i in range(1, 101)]:
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failures


def test_a_long_chain_dies_without_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1
    y.backward()
    del y
    assert x.grad.item() == 1.0


def test_once_differentiable():
    from weft.autograd.function import Function, once_differentiable

    class Cube(Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            assert not weft.is_grad_enabled()
            return 3 * g * ctx.saved_tensors[0] ** 2, None

    assert Function is autograd.Function and Cube.backward.__name__ == "backward"
    x = leaf(2.0)
    Cube.apply(x, 1).backward()
    assert x.grad.tolist() == [12.0]
    (g,) = autograd.grad((Cube.apply(x, 1) ** 2).sum(), x, create_graph=True)
    assert g.tolist() == [192.0]
    with pytest.raises(weft.AutogradError, match="once_differentiable"):
        g.sum().backward()
