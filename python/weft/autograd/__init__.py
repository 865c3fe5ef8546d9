"""Differentiation: backward(), grad(), functions of one's own, checks, checkpoints, hooks."""

from __future__ import annotations

from weft._modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
from weft._weft import Tensor
from weft._weft import autograd as _compiled
from weft._weft.autograd import FunctionContext, HookHandle, Node
from weft.autograd.drawing import Drawing, draw

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Literal, TypeVar, overload

    R = TypeVar("R")
    Tensors = Tensor | Iterable[Tensor]
    Seeds = Tensor | Iterable[Tensor | None]  # None stands for a one

__all__ = [
    "Drawing",
    "Function",
    "FunctionContext",
    "HookHandle",
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
    "set_detect_anomaly",
    "set_grad_enabled",
]


def _tensors(value: Iterable[Any]) -> list[Any]:
    return [value] if isinstance(value, Tensor) else list(value)


def _maybe_tensors(value: Iterable[Any] | None) -> list[Any] | None:
    return None if value is None else _tensors(value)


def backward(
    tensors: Tensors,
    grad_tensors: Seeds | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Adds the gradients of the tensors (times grad_tensors) to the grad of every leaf that they
    depend on, or only of `inputs`; those that are no leaf keep theirs in grad, too.

    tensors: one tensor or several; those of more than one element need their grad_tensors.
    retain_graph keeps what the tape saved, so that it can be run again; create_graph records the
    gradients too. AutogradError where the tape lacks something; every grad is as before then.

    >>> x = weft.tensor([1.0, 2.0], requires_grad=True)
    >>> weft.autograd.backward([x * x, 3 * x], [weft.ones(2), weft.ones(2)])
    >>> x.grad
    tensor([5., 7.])
    """
    if inputs is not None and not (inputs := _tensors(inputs)):
        raise RuntimeError("[backward] got no inputs, expected one or more, or None for all leaves")
    _compiled._backward(
        _tensors(tensors),
        _maybe_tensors(grad_tensors),
        retain_graph,
        create_graph,
        _maybe_tensors(inputs),
    )


if TYPE_CHECKING:

    @overload
    def grad(
        outputs: Tensors,
        inputs: Tensors,
        grad_outputs: Seeds | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        only_inputs: Literal[True] = True,
        allow_unused: Literal[False] | None = None,
        materialize_grads: Literal[False] = False,
    ) -> tuple[Tensor, ...]: ...
    @overload
    def grad(
        outputs: Tensors,
        inputs: Tensors,
        grad_outputs: Seeds | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        only_inputs: Literal[True] = True,
        allow_unused: bool | None = None,
        *,
        materialize_grads: Literal[True],
    ) -> tuple[Tensor, ...]: ...
    @overload
    def grad(
        outputs: Tensors,
        inputs: Tensors,
        grad_outputs: Seeds | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        only_inputs: Literal[True] = True,
        allow_unused: bool | None = None,
        materialize_grads: bool = False,
    ) -> tuple[Tensor | None, ...]: ...


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Seeds | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the outputs (times grad_outputs) with respect to each input, a tuple. Nobody's
    grad changes.

    create_graph: the gradients can be differentiated again. allow_unused: an input that the outputs
    do not depend on gets None, in place of an AutogradError. materialize_grads: it gets zeros;
    ValueError with allow_unused=False. only_inputs: nothing else than True; backward() does the rest.

    >>> x = weft.tensor(3.0, requires_grad=True)
    >>> weft.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    if not only_inputs:
        raise ValueError("[grad] got only_inputs=False, expected True: backward() gathers for all")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "[grad] got allow_unused=False with materialize_grads=True, expected True or nothing"
        )
    return tuple(
        _compiled._grad(
            _tensors(outputs),
            _tensors(inputs),
            _maybe_tensors(grad_outputs),
            retain_graph,
            create_graph,
            bool(allow_unused) or materialize_grads,
            materialize_grads,
        )
    )


def gradcheck(
    func: Callable[..., Tensors],
    inputs: Tensors,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
) -> bool:
    """Compares the gradients of func(*inputs) with central differences (f(x + eps) - f(x - eps)) / (2
    eps); True, or AutogradError that names the first element that differs.

    inputs: tensors; those that require a gradient must be float64, else ValueError.

    >>> x = weft.randn(3, dtype=weft.float64, requires_grad=True)
    >>> weft.autograd.gradcheck(weft.exp, x)
    True
    """
    return _compiled._gradcheck(func, _tensors(inputs), eps, atol, rtol, False)


def gradgradcheck(
    func: Callable[..., Tensors],
    inputs: Tensors,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
) -> bool:
    """gradcheck() of func's gradients: whether they can be differentiated again, and rightly.

    True, or AutogradError that names the first element that differs.

    >>> x = weft.randn(3, dtype=weft.float64, requires_grad=True)
    >>> weft.autograd.gradgradcheck(weft.exp, x)
    True
    """
    return _compiled._gradcheck(func, _tensors(inputs), eps, atol, rtol, True)


def checkpoint(function: Callable[..., R], *args: Any) -> R:
    """function(*args), whose inner results are not kept but computed again during backward(), with
    the same random numbers: memory for time (Chen et al. 2016, arXiv:1604.06174).

    args: tensors take part in differentiation; anything else is handed on. The function returns a
    tensor or a tuple of tensors, the same both times.

    >>> x = weft.tensor(2.0, requires_grad=True)
    >>> weft.autograd.checkpoint(lambda x: x * x * x, x).backward()
    >>> x.grad
    tensor(12.)
    """
    where = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
    single = [False]

    def run(*tensors: Tensor) -> Any:
        full = list(args)
        for i, t in zip(where, tensors):
            full[i] = t
        result = function(*full)
        single[:] = [isinstance(result, Tensor)]
        return result

    outputs = _compiled._checkpoint(run, [args[i] for i in where])
    both: Any = outputs[0] if single[0] else tuple(outputs)
    return both  # type: ignore[no-any-return]  # of the type that function returned


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
    def forward(ctx: Any, *args: Any) -> Any:
        """What the operation gives for these arguments; a class of its own writes it."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of forward()'s arguments from those of its results."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *grad_outputs)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """The operation on these arguments, recorded."""
        return _compiled._apply(cls, *args)


from weft.autograd import function as function  # noqa: E402  # it imports the names above
