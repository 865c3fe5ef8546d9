"""Optimisers that Python writes: groups, state, and how both are saved and copied."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping as _AnyMapping
from types import MappingProxyType

from weft import _weft
from weft._weft import Tensor
from weft._weft.optim import SGD, Adam, AdamW, Optimizer

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    _Gathered = Mapping["Parameter", Mapping[str, Any]]
else:
    _Gathered = _AnyMapping
if TYPE_CHECKING:

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


class _State(_Gathered):
    """What an optimiser of C++ has gathered, by parameter. It is read; the tensors are its own."""

    def __init__(self, optimizer: Optimizer) -> None:
        parameters = _parameters(optimizer)
        self._all: dict[Parameter, dict[str, Any]] = {p: {} for p in parameters}
        for key, value in optimizer.state_dict().items():
            kind, index, name = key.split(".", 2)
            if kind == "state" and (name != "step" or not isinstance(optimizer, SGD)):
                entry = value.float() if name == "step" else value
                self._all[parameters[int(index)]][name] = entry

    def __getitem__(self, parameter: Parameter) -> Mapping[str, Any]:
        return MappingProxyType(self._all[parameter])

    def __setitem__(self, parameter: Parameter, entries: object) -> None:
        raise TypeError("an optimiser of C++ keeps its state: change its tensors in place")

    def __iter__(self) -> Iterator[Parameter]:
        return (p for p, entries in self._all.items() if entries)

    def __contains__(self, parameter: object) -> bool:
        return any(p is parameter for p in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr({p: self._all[p] for p in self})


def _get_state(self: Optimizer) -> Any:
    if "state" in self.__dict__:
        return self.__dict__["state"]
    if _base(type(self)) is Optimizer:
        raise AttributeError(f"{type(self).__name__} has no state: call super().__init__() first")
    return _State(self)


def _put_state(self: Optimizer, state: Any) -> None:
    if type(self) in (SGD, Adam, AdamW):
        raise TypeError(
            f"the state of {type(self).__name__} is C++'s: change its tensors in place, or use "
            "load_state_dict()"
        )
    self.__dict__["state"] = state


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
    for name, value in options.items():
        if name not in known:
            group[name] = value


# ---- State: groups.0.lr, state.0.momentum_buffer (tensors), numbers.0.step, plain.0.name


def _marked(value: object) -> object:
    """Plain data as what JSON tells apart: tuples and dicts come in a dict that says so."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (list, tuple):
        items = [_marked(v) for v in value]  # type: ignore[attr-defined]
        return items if type(value) is list else {"tuple": items}
    if type(value) is dict and all(type(k) is str for k in value):
        return {"dict": {k: _marked(v) for k, v in value.items()}}
    raise TypeError(f"got {type(value).__name__}, expected plain data")


def _unmarked(value: Any) -> object:
    if isinstance(value, list):
        return [_unmarked(v) for v in value]
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind == "tuple":
        return tuple(_unmarked(v) for v in inside)
    if kind != "dict":
        raise ValueError(kind)
    return {k: _unmarked(v) for k, v in inside.items()}


def _as_text(value: object) -> Tensor | None:
    """Plain data as the bytes of a JSON text; None for anything else."""
    import json

    try:
        text = json.dumps(_marked(value))
    except (TypeError, RecursionError):
        return None
    return _weft.tensor([*text.encode()], dtype=_weft.uint8)


def _is_text(value: Tensor) -> bool:
    return value.dtype is _weft.uint8 and value.dim() == 1


def _from_text(value: Tensor) -> object:
    """What _as_text() had; ValueError if it is not from there."""
    import json

    try:
        return _unmarked(json.loads(bytes(value.tolist())))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise ValueError("not a text of plain data") from None


def _is_readable(value: Tensor) -> bool:
    try:
        _from_text(value)
    except ValueError:
        return False
    return True


def _as_tensor(value: object) -> Tensor | None:
    """A number, or floats, as a tensor of the dtype that tells which; None for anything else."""
    if isinstance(value, (bool, int)) and -(2**63) <= value < 2**63:
        return _weft.tensor(value)
    if isinstance(value, float):
        return _weft.tensor(value, dtype=_weft.float64)
    if isinstance(value, (tuple, list)) and value and all(isinstance(v, float) for v in value):
        return _weft.tensor([*value], dtype=_weft.float64)
    return None


def _saved(value: object) -> Tensor | None:
    tensor = _as_tensor(value)
    return _as_text(value) if tensor is None else tensor


def _parameters(self: Optimizer) -> list[Parameter]:
    return [p for group in self.param_groups for p in group["params"]]


def _options(self: Optimizer) -> dict[str, tuple[ParamGroup, str, Tensor]]:
    """What a state has of the groups, by name."""
    found = {}
    for index, group in enumerate(self.param_groups):
        for name, value in group.items():
            if name != "params" and (saved := _saved(value)) is not None:
                found[f"groups.{index}.{name}"] = group, name, saved
    return found


def _gather_state(self: Optimizer) -> dict[str, Tensor]:
    state = {name: saved for name, (_, _, saved) in _options(self).items()}
    for index, p in enumerate(_parameters(self)):
        for name, value in self.state[p].items() if p in self.state else ():
            saved = value.detach() if isinstance(value, Tensor) else _saved(value)
            if saved is None:
                raise TypeError(
                    f"state_dict: got {type(value).__name__} under {name!r} in the state of "
                    f"{type(self).__name__}, expected tensors and plain data"
                )
            kind = "plain" if _is_text(saved) else "numbers"
            state[f"{'state' if isinstance(value, Tensor) else kind}.{index}.{name}"] = saved
    return state


def _is_index(text: str, count: int) -> bool:
    return text.isascii() and text.isdecimal() and int(text) < count


def _misfit(value: Tensor, now: Tensor, by_cpp: bool) -> str | None:
    """What keeps an option from being loaded."""
    if by_cpp and (_is_text(value) or value.shape != now.shape) or value.dim() > 1:
        return f"has shape {[*value.shape]}, expected {[*now.shape]}"
    if _is_text(value) and not _is_readable(value):
        return "is no text of plain data"
    return None


def _initial_rates(self: Optimizer) -> dict[str, ParamGroup]:
    """The groups by the names of their rates before a schedule, which a state may have or not."""
    return {f"groups.{i}.initial_lr": group for i, group in enumerate(self.param_groups)}


def _find_mismatches(self: Optimizer, state: Mapping[str, Tensor]) -> list[str]:
    options, count, known = _options(self), len(_parameters(self)), self._option_names()
    initial = _initial_rates(self)
    for name in initial:
        options.pop(name, None)
    # Files from before texts were saved lack them.
    found = [f"{n} is missing" for n, o in options.items() if n not in state and not _is_text(o[2])]
    for name, value in state.items():
        kind, index, *rest = name.split(".", 2) if "." in name else ("", "")
        if name in initial:
            if value.numel() != 1:
                found.append(f"{name} is not one number")
        elif name in options:
            _, key, now = options[name]
            if misfit := _misfit(value, now, key in known):
                found.append(f"{name} {misfit}")
        elif kind not in ("state", "numbers", "plain") or not (rest and _is_index(index, count)):
            found.append(f"{name} is unknown here")
        elif kind == "numbers" and value.dim() > 1:
            found.append(f"{name} is not one number, or some")
        elif kind == "plain" and not (_is_text(value) and _is_readable(value)):
            found.append(f"{name} is no text of plain data")
    return found


def _from_saved(value: Tensor, now: object) -> object:
    """What was saved; several numbers are a list if that is what they replace."""
    if _is_text(value):
        return _from_text(value)
    several = value.dim() > 0 and not isinstance(now, list)
    return tuple(value.tolist()) if several else value.tolist()


def _prepare_state(self: Optimizer, state: Mapping[str, Tensor]) -> Callable[[], None]:
    """Copies a state that fits; what is returned takes it over."""
    options = [
        (group, name, _from_saved(state[key], group[name]))
        for key, (group, name, _) in _options(self).items()
        if key in state and name != "initial_lr"
    ]
    for key, group in _initial_rates(self).items():
        if key in state:
            options.append((group, "initial_lr", state[key].item()))
    parameters = _parameters(self)
    taken: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
    for key, value in state.items():
        kind, index, name = key.split(".", 2)
        if kind != "groups":
            p = parameters[int(index)]
            own = value.detach().clone().to(p.device) if kind == "state" else None
            taken[p][name] = _from_saved(value, None) if own is None else own

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
    """An optimiser of a class, without the call of its own __init__()."""
    made: Any = cls.__new__(cls)
    base: Any = _base(cls)
    given: Any = {"defaults": defaults} if base is Optimizer else defaults
    base.__init__(made, groups, **given)
    return made


def _reduce(self: Optimizer) -> tuple[Any, ...]:
    known, groups = self._option_names(), self.param_groups
    extra = [dict(group._extra) for group in groups]
    given = [{name: group[name] for name in ("params", *known)} for group in groups]
    state = {k: v for k, v in self.__dict__.items() if k not in ("_groups", "_own_defaults")}
    initial = [group.get("initial_lr") for group in groups]
    own: dict[str, Any] = {"extra": extra, "initial": initial}
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
    for index, rate in enumerate(own.get("initial", ())):
        self._set_initial_lr(index, rate)


for _name, _function in {
    "__init__": _init,
    "add_param_group": _add_param_group,
    "_gather_state": _gather_state,
    "_find_mismatches": _find_mismatches,
    "_prepare_state": _prepare_state,
    "state": property(_get_state, _put_state, doc="What has been gathered for each parameter."),
    "defaults": property(_defaults, doc="The options of groups to come."),
    "__reduce__": _reduce,
    "__setstate__": _set_state,
}.items():
    setattr(Optimizer, _name, _function)
