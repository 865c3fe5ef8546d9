"""Functions of functions: gradients as functions of the arguments (torch.func's names)."""

from __future__ import annotations

from weft._modes import enable_grad
from weft._weft import Tensor, zeros_like
from weft.autograd import grad as _grad

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Literal, TypeVar, overload

    A = TypeVar("A")
    Gradients = tuple[Tensor, ...]

__all__ = ["grad", "value_and_grad", "vjp"]


def _variable(x: Tensor) -> Tensor:
    """x as something to differentiate by, on the tape of an outer differentiation if there is one."""
    return x.view(x.shape) if x.requires_grad else x.detach().requires_grad_()


def _differentiate(
    func: Callable[..., Any],
    argnums: int | Sequence[int],
    has_aux: bool,
    args: tuple[Any, ...],
    options: dict[str, Any],
) -> tuple[Tensor | Gradients, Tensor, Any]:
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    nested = any(isinstance(a, Tensor) and a.requires_grad for a in args)
    with enable_grad():
        variables = {i: _variable(args[i]) for i in positions}
        result = func(*(variables.get(i, a) for i, a in enumerate(args)), **options)
        value, aux = result if has_aux else (result, None)
        gradients = _grad(value, list(variables.values()), create_graph=nested, allow_unused=True)
    full = tuple(zeros_like(args[i]) if g is None else g for i, g in zip(positions, gradients))
    value = value if nested else value.detach()
    return full[0] if isinstance(argnums, int) else full, value, aux


if TYPE_CHECKING:

    @overload
    def grad(
        func: Callable[..., Tensor], argnums: int = 0, has_aux: Literal[False] = False
    ) -> Callable[..., Tensor]: ...
    @overload
    def grad(
        func: Callable[..., Tensor], argnums: Sequence[int], has_aux: Literal[False] = False
    ) -> Callable[..., Gradients]: ...
    @overload
    def grad(
        func: Callable[..., tuple[Tensor, A]], argnums: int = 0, *, has_aux: Literal[True]
    ) -> Callable[..., tuple[Tensor, A]]: ...
    @overload
    def grad(
        func: Callable[..., tuple[Tensor, A]], argnums: Sequence[int], *, has_aux: Literal[True]
    ) -> Callable[..., tuple[Gradients, A]]: ...


def grad(
    func: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the gradient of func, which returns a tensor of one element, with
    respect to its argument argnums (an int, or a tuple of them for a tuple of gradients).

    has_aux: func returns (value, aux), and the new function (gradient, aux).

    >>> weft.func.grad(lambda x: (x * x).sum())(weft.tensor([1.0, 2.0]))
    tensor([2., 4.])
    >>> weft.func.grad(weft.func.grad(lambda x: x * x * x))(weft.tensor(2.0))
    tensor(12.)
    """

    def gradient(*args: Any, **options: Any) -> Any:
        g, _, aux = _differentiate(func, argnums, has_aux, args, options)
        return (g, aux) if has_aux else g

    return gradient


if TYPE_CHECKING:

    @overload
    def value_and_grad(
        func: Callable[..., Tensor], argnums: int = 0, has_aux: Literal[False] = False
    ) -> Callable[..., tuple[Tensor, Tensor]]: ...
    @overload
    def value_and_grad(
        func: Callable[..., Tensor], argnums: Sequence[int], has_aux: Literal[False] = False
    ) -> Callable[..., tuple[Tensor, Gradients]]: ...
    @overload
    def value_and_grad(
        func: Callable[..., tuple[Tensor, A]], argnums: int = 0, *, has_aux: Literal[True]
    ) -> Callable[..., tuple[tuple[Tensor, A], Tensor]]: ...
    @overload
    def value_and_grad(
        func: Callable[..., tuple[Tensor, A]], argnums: Sequence[int], *, has_aux: Literal[True]
    ) -> Callable[..., tuple[tuple[Tensor, A], Gradients]]: ...


def value_and_grad(
    func: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """As grad(), but the new function returns (value, gradient), or ((value, aux), gradient).

    >>> weft.func.value_and_grad(lambda x: x * x)(weft.tensor(3.0))
    (tensor(9.), tensor(6.))
    """

    def both(*args: Any, **options: Any) -> Any:
        g, value, aux = _differentiate(func, argnums, has_aux, args, options)
        return ((value, aux) if has_aux else value), g

    return both


def vjp(
    func: Callable[..., Tensor], *primals: Tensor
) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, ...]]]:
    """func(*primals), and a function from a cotangent of its result to those of the primals, a
    tuple.

    >>> value, pull = weft.func.vjp(lambda x: x * x, weft.tensor([1.0, 2.0]))
    >>> pull(weft.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    nested = any(p.requires_grad for p in primals)
    with enable_grad():
        variables = [_variable(p) for p in primals]
        value = func(*variables)

    def pull(cotangent: Tensor) -> tuple[Tensor, ...]:
        gradients = _grad(
            value, variables, cotangent, retain_graph=True, create_graph=nested, allow_unused=True
        )
        return tuple(
            zeros_like(p) if g is None else g for p, g in zip(primals, gradients)
        )

    return value if nested else value.detach(), pull
