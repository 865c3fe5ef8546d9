"""Functions of one's own, where PyTorch has them."""

from __future__ import annotations

from functools import wraps

from weft._modes import is_grad_enabled, no_grad
from weft._weft import AutogradError, Tensor
from weft.autograd import Function as Function
from weft.autograd import FunctionContext as FunctionContext

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Function", "FunctionContext", "once_differentiable"]


class _Refusal(Function):
    """A value of `gradients` that cannot be differentiated again."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, *gradients: Tensor) -> Tensor:
        return value.detach()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        raise AutogradError(
            "[backward] got the gradient of a gradient of a function whose backward() is marked "
            "once_differentiable"
        )


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a backward() that is not recorded: differentiating what it returns is an AutogradError.

    >>> from weft.autograd.function import Function, once_differentiable
    >>> class Square(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     @once_differentiable
    ...     def backward(ctx, g):
    ...         return 2 * g * ctx.saved_tensors[0]
    >>> x = weft.tensor(3.0, requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor(6.)
    """

    @wraps(fn)
    def once(ctx: Any, *gradients: Tensor) -> Any:
        with no_grad():
            result = fn(ctx, *gradients)
        tracked = [g for g in gradients if isinstance(g, Tensor) and g.requires_grad]
        if not tracked or not is_grad_enabled():
            return result
        results = result if isinstance(result, tuple) else (result,)
        marked = (_Refusal.apply(r, *tracked) if isinstance(r, Tensor) else r for r in results)
        return tuple(marked) if isinstance(result, tuple) else next(marked)

    return once
