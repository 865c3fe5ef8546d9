"""Optimisers, with the formulas, names and defaults of torch.optim."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from weft._weft.optim import *  # noqa: F403
from weft._weft.optim import Optimizer as Optimizer

TYPE_CHECKING = False  # typing's costs an import
if not TYPE_CHECKING:
    del lr_scheduler  # noqa: F405  # the compiled part of this name

from weft.optim import _own as _own
from weft.optim import lr_scheduler as lr_scheduler

if TYPE_CHECKING:
    from typing import Any

    _Mapping = MutableMapping[str, Any]
else:
    _Mapping = MutableMapping


_INITIAL = "initial_lr"  # of the group when its first schedule was made


class ParamGroup(_Mapping):
    """Parameters that share options, as a mapping: "params", "lr" and the optimiser's others.

    What is written counts for the next step. Keys that the optimiser does not know are kept.

    >>> sgd = weft.optim.SGD([weft.nn.Parameter(weft.zeros(1))], lr=0.1)
    >>> sgd.param_groups[0]["lr"] = 0.01
    >>> sgd.param_groups[0]["lr"], sgd.param_groups[0]["momentum"]
    (0.01, 0.0)
    """

    def __init__(self, optimizer: Optimizer, index: int) -> None:
        self._optimizer = optimizer
        self._index = index
        self._extra: dict[str, Any] = {}

    def _known(self) -> list[str]:
        return self._optimizer._option_names()

    def __getitem__(self, key: str) -> Any:
        if key == "params":
            return self._optimizer._params(self._index)
        if key in self._known():
            return self._optimizer._option(self._index, key)
        if key == _INITIAL and (rate := self._optimizer._initial_lr(self._index)) is not None:
            return rate
        return self._extra[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if key == "params":
            raise TypeError("the parameters of a group are fixed; use add_param_group()")
        if key in self._known():
            self._optimizer._set_option(self._index, key, value)
        elif key == _INITIAL:
            self._optimizer._set_initial_lr(self._index, value)
        else:
            self._extra[key] = value

    def __delitem__(self, key: str) -> None:
        if key == _INITIAL and key in self:
            return self._optimizer._set_initial_lr(self._index, None)
        del self._extra[key]

    def __iter__(self) -> Iterator[str]:
        initial = self._optimizer._initial_lr(self._index) is not None
        return iter(["params", *self._known(), *([_INITIAL] * initial), *self._extra])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        options = ", ".join(f"{k!r}: {v!r}" for k, v in self.items() if k != "params")
        return f"ParamGroup({len(self['params'])} parameters, {options})"


def _param_groups(self: Optimizer) -> list[ParamGroup]:
    groups: list[ParamGroup] = self.__dict__.setdefault("_groups", [])
    for index in range(len(groups), self._group_count()):
        groups.append(ParamGroup(self, index))
    return groups


def _repr(self: Optimizer) -> str:
    groups = "\n".join(f"  {group!r}" for group in self.param_groups)
    return f"{type(self).__name__}(\n{groups}\n)"


Optimizer.param_groups = property(  # type: ignore[method-assign, assignment]
    _param_groups, doc="The groups of parameters; their options may be read and written."
)
Optimizer.__repr__ = _repr  # type: ignore[method-assign]
