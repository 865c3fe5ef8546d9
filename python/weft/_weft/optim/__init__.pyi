# Made by python/stubs/generate.py; do not edit.

from collections import defaultdict
from collections.abc import Callable
from typing import Any, overload
from typing_extensions import TypeVar
from weft._typing import Params
from weft._weft import Parameter, Tensor
from weft._weft.nn import Stateful
from weft.optim import ParamGroup

_Loss = TypeVar("_Loss")

class Adam(Optimizer):
    def __init__(
        self,
        params: Params,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None: ...
    def add_param_group(self, param_group: dict[str, Any]) -> None: ...

class AdamW(Optimizer):
    def __init__(
        self,
        params: Params,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None: ...
    def add_param_group(self, param_group: dict[str, Any]) -> None: ...

class Optimizer(Stateful):
    def __init__(self, params: Params, defaults: dict[str, Any]) -> None: ...
    def __repr__(self) -> str: ...
    def _add_group(self, params: Params, options: dict[str, Any], /) -> None: ...
    def _group_count(self) -> int: ...
    def _initial_lr(self, arg0: int, /) -> float | None: ...
    def _option(self, group: int, name: str, /) -> Any: ...
    def _option_names(self) -> list[str]: ...
    def _params(self, group: int, /) -> list[Parameter]: ...
    def _set_initial_lr(self, arg0: int, arg1: float | None, /) -> None: ...
    def _set_option(self, group: int, name: str, value: Any, /) -> None: ...
    def add_param_group(self, param_group: dict[str, Any]) -> None: ...
    @property
    def defaults(self) -> dict[str, Any]: ...
    @property
    def param_groups(self) -> list[ParamGroup]: ...
    state: defaultdict[Tensor, dict[str, Any]]
    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], _Loss]) -> _Loss: ...
    def zero_grad(self, set_to_none: bool = True) -> None: ...

class SGD(Optimizer):
    def __init__(
        self,
        params: Params,
        lr: float = 0.001,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None: ...
    def add_param_group(self, param_group: dict[str, Any]) -> None: ...
