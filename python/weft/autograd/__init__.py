"""Differentiation: backward(), grad(), functions of one's own, checks, checkpoints, hooks."""

from weft import _weft
from weft._modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)

from weft.autograd.drawing import Drawing, draw

Node = _weft.autograd.Node
FunctionContext = _weft.autograd.FunctionContext

__all__ = [
    "Drawing",
    "Function",
    "FunctionContext",
    "Node",
    "backward",
    "checkpoint",
    "detect_anomaly",
    "draw",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]


def _tensors(value):
    return None if value is None else [value] if isinstance(value, _weft.Tensor) else list(value)


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None):
    """Adds the gradients of the tensors (times grad_tensors) to the grad of every leaf that they
    depend on, or only of `inputs`.

    tensors: one tensor or several; those of more than one element need their grad_tensors.
    Raises AutogradError; every grad is as before then.
    """
    _weft.autograd._backward(
        _tensors(tensors), _tensors(grad_tensors), retain_graph, create_graph, _tensors(inputs)
    )


def grad(
    outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=False
):
    """The gradients of the outputs (times grad_outputs) with respect to each input, a tuple. Nobody's
    grad changes.

    create_graph: the gradients can be differentiated again. allow_unused: an input that the outputs
    do not depend on gets None, in place of an AutogradError.

    >>> x = weft.tensor(3.0, requires_grad=True)
    >>> weft.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    return tuple(
        _weft.autograd._grad(
            _tensors(outputs),
            _tensors(inputs),
            _tensors(grad_outputs),
            retain_graph,
            create_graph,
            allow_unused,
        )
    )


def gradcheck(func, inputs, eps=1e-6, atol=1e-5, rtol=1e-3):
    """Compares the gradients of func(*inputs) with central differences (f(x + eps) - f(x - eps)) / (2
    eps); True, or AutogradError that names the first element that differs.

    inputs: tensors; those that require a gradient must be float64, else ValueError.

    >>> x = weft.randn(3, dtype=weft.float64, requires_grad=True)
    >>> weft.autograd.gradcheck(weft.exp, x)
    True
    """
    return _weft.autograd._gradcheck(func, _tensors(inputs), eps, atol, rtol, False)


def gradgradcheck(func, inputs, eps=1e-6, atol=1e-5, rtol=1e-3):
    """gradcheck() of func's gradients."""
    return _weft.autograd._gradcheck(func, _tensors(inputs), eps, atol, rtol, True)


def checkpoint(function, *args):
    """function(*args), whose inner results are not kept but computed again during backward(), with
    the same random numbers: memory for time (Chen et al. 2016, arXiv:1604.06174).

    args: tensors take part in differentiation; anything else is handed on. The function returns a
    tensor or a tuple of tensors, the same both times.
    """
    where = [i for i, a in enumerate(args) if isinstance(a, _weft.Tensor)]
    single = []

    def run(*tensors):
        full = list(args)
        for i, t in zip(where, tensors):
            full[i] = t
        result = function(*full)
        single[:] = [isinstance(result, _weft.Tensor)]
        return result

    outputs = _weft.autograd._checkpoint(run, [args[i] for i in where])
    return outputs[0] if single[0] else tuple(outputs)


class Function:
    """An operation of one's own: static methods forward(ctx, *args) and backward(ctx, *gradients).

    forward() returns a tensor or a tuple of tensors and is not recorded; ctx.save_for_backward()
    keeps tensors for backward(), which returns a gradient (or None) for each of forward()'s
    arguments, and is itself recorded under create_graph.

    >>> class Cube(weft.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * g * x * x
    >>> x = weft.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    @staticmethod
    def forward(ctx, *args):
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError("a Function needs a static method backward(ctx, *grad_outputs)")

    @classmethod
    def apply(cls, *args):
        """The operation on these arguments, recorded."""
        return _weft.autograd._apply(cls, *args)
