"""Optimisers that Python writes: groups, state, and how both are saved and copied."""

from __future__ import annotations

from collections import defaultdict

from weft import _weft
from weft._weft import Tensor
from weft._weft.optim import SGD, Adam, AdamW, Optimizer

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from weft._weft import Parameter
    from weft.optim import ParamGroup

_made = Optimizer.__init__
_NUMBERS = ("lr", "momentum", "dampening", "weight_decay", "eps")
_FLAGS = ("nesterov", "maximize", "amsgrad")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_pair(value: object) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(map(_is_number, value))


def _kept_by_cpp(name: str, value: object) -> bool:
    """Whether an option is one that schedules of C++ know."""
    if name == "betas":
        return _is_pair(value)
    return name in _NUMBERS and _is_number(value) or name in _FLAGS and isinstance(value, bool)


def _init(self: Optimizer, params: Any, defaults: dict[str, Any]) -> None:
    if isinstance(params, Tensor):
        raise TypeError("got one tensor for params, expected an iterable of tensors or dicts")
    given: list[Any] = list(params)
    if not given:
        raise ValueError(f"{type(self).__name__}: got no parameters, expected one or more")
    groups = given if isinstance(given[0], dict) else [{"params": given}]
    options = {**defaults, **groups[0]}
    made: Any = _made
    made(self, [name for name, value in options.items() if _kept_by_cpp(name, value)])
    self.__dict__["_own_defaults"] = dict(defaults)
    self.state = defaultdict(dict)
    for group in groups:
        self.add_param_group(group)


def _defaults(self: Optimizer) -> dict[str, Any]:
    compiled: Any = self
    own: dict[str, Any] | None = self.__dict__.get("_own_defaults")
    return dict(compiled._defaults()) if own is None else own


def _add_param_group(self: Optimizer, param_group: dict[str, Any]) -> None:
    """Adds a dict with "params" and options that differ from the constructor's."""
    if "params" not in param_group:
        raise ValueError('got a group without "params"')
    options = {**self.defaults, **param_group}
    params = options.pop("params")
    known = self._option_names()
    self._add_group(params, {k: v for k, v in options.items() if k in known})
    group = self.param_groups[-1]
    group._extra.update((k, v) for k, v in options.items() if k not in known)


# ---- State: groups.0.lr, state.0.momentum_buffer (tensors), numbers.0.step


def _as_tensor(value: object) -> Tensor | None:
    """A number, or some, as a tensor of the dtype that tells which; None for anything else."""
    if isinstance(value, (bool, int)):
        return _weft.tensor(value)
    if isinstance(value, float):
        return _weft.tensor(value, dtype=_weft.float64)
    if isinstance(value, (tuple, list)) and value and all(map(_is_number, value)):
        return _weft.tensor([float(v) for v in value], dtype=_weft.float64)
    return None


def _parameters(self: Optimizer) -> list[Parameter]:
    return [p for group in self.param_groups for p in group["params"]]


def _options(self: Optimizer) -> dict[str, tuple[ParamGroup, str, Tensor]]:
    """What a state has of the groups, by name."""
    found = {}
    for index, group in enumerate(self.param_groups):
        for name, value in group.items():
            if name != "params" and (saved := _as_tensor(value)) is not None:
                found[f"groups.{index}.{name}"] = group, name, saved
    return found


def _gather_state(self: Optimizer) -> dict[str, Tensor]:
    state = {name: saved for name, (_, _, saved) in _options(self).items()}
    for index, p in enumerate(_parameters(self)):
        for name, value in self.state[p].items() if p in self.state else ():
            if isinstance(value, Tensor):
                state[f"state.{index}.{name}"] = value.detach()
            elif isinstance(value, (bool, int, float)):
                state[f"numbers.{index}.{name}"] = _as_tensor(value)  # type: ignore[assignment]
            elif value is not None:
                raise TypeError(
                    f"state_dict: got {type(value).__name__} under {name!r} in the state of "
                    f"{type(self).__name__}, expected tensors and numbers"
                )
    return state


def _is_index(text: str, count: int) -> bool:
    return text.isascii() and text.isdecimal() and int(text) < count


def _find_mismatches(self: Optimizer, state: Mapping[str, Tensor]) -> list[str]:
    options, count = _options(self), len(_parameters(self))
    found = [f"{name} is missing" for name in options if name not in state]
    for name, value in state.items():
        kind, index, *rest = name.split(".", 2) if "." in name else ("", "")
        if name in options:
            if value.shape != options[name][2].shape:
                found.append(
                    f"{name} has shape {[*value.shape]}, expected {[*options[name][2].shape]}"
                )
        elif kind not in ("state", "numbers") or not (rest and _is_index(index, count)):
            found.append(f"{name} is unknown here")
        elif kind == "numbers" and value.numel() != 1:
            found.append(f"{name} is not one number")
    return found


def _option_like(value: Tensor, now: object) -> object:
    """What a saved option was, by the type of the one it replaces."""
    kind: Any = type(now)
    return kind(value.tolist() if isinstance(now, (tuple, list)) else value.item())


def _prepare_state(self: Optimizer, state: Mapping[str, Tensor]) -> Callable[[], None]:
    """Copies a state that fits; what is returned takes it over."""
    options = [
        (group, name, _option_like(state[key], group[name]))
        for key, (group, name, _) in _options(self).items()
    ]
    parameters = _parameters(self)
    taken: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
    for key, value in state.items():
        kind, index, name = key.split(".", 2)
        if kind != "groups":
            p = parameters[int(index)]
            own = value.detach().clone().to(p.device) if kind == "state" else value.item()
            taken[p][name] = own

    def take() -> None:
        for group, name, value in options:
            group[name] = value
        self.state = taken

    return take


# ---- Copies and pickles


def _base(cls: type) -> type:
    """The compiled class of an optimiser."""
    return next(c for c in cls.__mro__ if c in (SGD, Adam, AdamW, Optimizer))


def _rebuild_optimizer(cls: Any, groups: list[dict[str, Any]], defaults: dict[str, Any]) -> Any:
    """An optimiser of a class over parameters, which may have been frozen since it was made."""
    made: Any = cls.__new__(cls)
    frozen = [p for group in groups for p in group["params"] if not p.requires_grad]
    for p in frozen:
        p.requires_grad_(True)
    try:
        base: Any = _base(cls)
        given: Any = {"defaults": defaults} if base is Optimizer else defaults
        base.__init__(made, groups, **given)
    finally:
        for p in frozen:
            p.requires_grad_(False)
    return made


def _reduce(self: Optimizer) -> tuple[Any, ...]:
    known, groups = self._option_names(), self.param_groups
    extra = [dict(group._extra) for group in groups]
    given = [{name: group[name] for name in ("params", *known)} for group in groups]
    state = {k: v for k, v in self.__dict__.items() if k not in ("_groups", "_own_defaults")}
    own: dict[str, Any] = {"extra": extra}
    if _base(type(self)) is not Optimizer:
        own["state"] = self.state_dict()
    return _rebuild_optimizer, (type(self), given, self.defaults), {**state, "_weft": own}


def _set_state(self: Optimizer, state: dict[str, Any]) -> None:
    state = dict(state)
    own = state.pop("_weft")
    self.__dict__.update(state)
    for group, extra in zip(self.param_groups, own["extra"]):
        group._extra.update(extra)
    if "state" in own:
        self.load_state_dict(own["state"])


for _name, _function in {
    "__init__": _init,
    "add_param_group": _add_param_group,
    "_gather_state": _gather_state,
    "_find_mismatches": _find_mismatches,
    "_prepare_state": _prepare_state,
    "defaults": property(_defaults, doc="The options of groups to come."),
    "__reduce__": _reduce,
    "__setstate__": _set_state,
}.items():
    setattr(Optimizer, _name, _function)
