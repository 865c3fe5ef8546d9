"""Hooks that see the gradients of a module's results and arguments."""

from __future__ import annotations

from weft._weft import Tensor
from weft._weft.nn import Module

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from weft._weft.nn import RemovableHandle

    Gradients = tuple[Tensor | None, ...]
    Hook = Callable[[Any, Gradients, Gradients], Any]


class _Call:
    """One call of a module with such a hook: the gradients come here, those of results first."""

    def __init__(self, hook: Hook, module: Module, arguments: tuple[Any, ...]) -> None:
        self.hook, self.module = hook, module
        self.size = len(arguments)
        self.places = [
            i for i, a in enumerate(arguments) if isinstance(a, Tensor) and a.requires_grad
        ]
        self.result_size = 0
        self.result_places: list[int] = []
        self.of_results: Gradients = ()

    def got_results(self, gradients: Gradients) -> None:
        self.of_results = _spread(gradients, self.result_places, self.result_size)
        if not self.places:
            self.hook(self.module, (None,) * self.size, self.of_results)

    def got_arguments(self, gradients: Gradients) -> Gradients:
        own = _spread(gradients, self.places, self.size)
        changed = self.hook(self.module, own, self.of_results)
        if changed is None:
            return gradients
        changed = tuple(changed) if isinstance(changed, (tuple, list)) else (changed,)
        kind = type(self.module).__name__
        if len(changed) != self.size:
            raise ValueError(
                f"the backward hook of {kind} returned {len(changed)} gradients, "
                f"expected {self.size}"
            )
        for gradient in changed:
            if gradient is not None and not isinstance(gradient, Tensor):
                raise TypeError(
                    f"[register_full_backward_hook] got {type(gradient).__name__} from the hook "
                    f"of {kind}, expected a tensor or None for each argument"
                )
        return tuple(changed[i] for i in self.places)


def _spread(gradients: Gradients, places: list[int], size: int) -> Gradients:
    spread: list[Tensor | None] = [None] * size
    for place, gradient in zip(places, gradients):
        spread[place] = gradient
    return tuple(spread)


def _watch(report: Callable[[Gradients], Gradients | None], tensors: list[Tensor]) -> Any:
    """The tensors, whose gradients are reported together on their way back."""
    from weft.autograd import Function

    class _BackwardHookNode(Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
            ctx.set_materialize_grads(False)
            return tuple(t.detach() for t in tensors)

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor | None) -> Gradients:
            changed = report(gradients)
            return gradients if changed is None else changed

    return _BackwardHookNode.apply(*tensors)


def _replaced(values: tuple[Any, ...], places: list[int], tensors: Any) -> tuple[Any, ...]:
    new = list(values)
    for place, tensor in zip(places, tensors):
        new[place] = tensor
    return tuple(new)


class _BackwardHook:
    """A hook and its calls that have begun."""

    def __init__(self, function: Hook) -> None:
        self.function = function
        self.calls: list[_Call] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return _BackwardHook, (self.function,)

    def before(self, module: Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        call = _Call(self.function, module, arguments)
        self.calls.append(call)
        if not call.places:
            return None
        made = _watch(call.got_arguments, [arguments[i] for i in call.places])
        return _replaced(arguments, call.places, made)

    def after(self, module: Module, arguments: tuple[Any, ...], result: Any) -> Any:
        call = self.calls.pop()
        if not isinstance(result, (Tensor, tuple, list)):
            return None
        values = (result,) if isinstance(result, Tensor) else tuple(result)
        call.result_size = len(values)
        call.result_places = [
            i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad
        ]
        if not call.result_places:
            return None
        made = _watch(call.got_results, [values[i] for i in call.result_places])
        new = _replaced(values, call.result_places, made)
        if isinstance(result, Tensor):
            return new[0]
        return type(result)(*new) if hasattr(result, "_fields") else type(result)(new)


def register_full_backward_hook(
    self: Module, hook: Hook, prepend: bool = False
) -> RemovableHandle:
    """Calls hook(module, grad_input, grad_output) when the gradients of the module's arguments are
    known; what it returns, unless None, takes the place of grad_input.

    grad_input, grad_output: tuples with an entry for each argument by position and each result,
    None where that has no gradient. Arguments and results are not to be changed in place.
    prepend: before the hooks that are there.

    >>> net, norms = nn.Linear(3, 2), []
    >>> with net.register_full_backward_hook(lambda module, gin, gout: norms.append(gout[0].norm())):
    ...     net(weft.ones(1, 3)).sum().backward()
    >>> norms
    [tensor(1.4142)]
    """
    made = _BackwardHook(hook)
    before = self.register_forward_pre_hook(made.before)
    return before._with(self.register_forward_hook(made.after, prepend=prepend))


Module.register_full_backward_hook = register_full_backward_hook  # type: ignore[method-assign]
