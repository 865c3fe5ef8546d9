"""Learning rates over time, with the names and numbers of torch.optim.lr_scheduler."""

from __future__ import annotations

from weft._weft.optim.lr_scheduler import *  # noqa: F403
from weft._weft.optim.lr_scheduler import LRScheduler as LRScheduler

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    from weft._weft import Tensor
    from weft._weft.optim import Optimizer
    from weft.optim import ParamGroup


def _optimizer(arguments: dict[str, Any]) -> Any:
    """The optimiser of a schedule, which may have it from the first of its schedules."""
    given = arguments["optimizer"]
    if given is None:
        return _optimizer(arguments["schedulers"][0].__dict__["_arguments"])
    return given


def _options(optimizer: Optimizer) -> list[tuple[ParamGroup, str, Any]]:
    groups = optimizer.param_groups
    return [(g, name, g[name]) for g in groups for name in optimizer._option_names()]


def _put_back(options: list[tuple[ParamGroup, str, Any]]) -> None:
    for group, name, value in options:
        group[name] = value


def _rebuild_schedule(cls: Any, arguments: dict[str, Any]) -> Any:
    """A schedule of a class. Its optimiser keeps the rates that it has."""
    made = cls.__new__(cls)
    base: Any = next(c for c in cls.__mro__ if c in _COMPILED)
    before = _options(_optimizer(arguments))
    base.__init__(made, **arguments)
    _put_back(before)
    return made


def _reduce(self: LRScheduler) -> tuple[Any, ...]:
    own = dict(self.__dict__)
    state = {"attributes": own, "state": self.state_dict()}
    return _rebuild_schedule, (type(self), own.pop("_arguments")), state


def _set_state(self: LRScheduler, state: dict[str, Any]) -> None:
    self.__dict__.update(state["attributes"])
    before = _options(_optimizer(self.__dict__["_arguments"]))
    self.load_state_dict(state["state"])
    _put_back(before)


_COMPILED = [c for c in vars().values() if isinstance(c, type) and issubclass(c, LRScheduler)]
setattr(LRScheduler, "__reduce__", _reduce)
setattr(LRScheduler, "__setstate__", _set_state)


class ReduceLROnPlateau:
    """Lowers the rates when a measure has not become better for a while.

    step(metrics) compares the number with the best so far. It counts as better when it is below
    best * (1 - threshold) (threshold_mode "rel") or best - threshold ("abs"); with mode "max",
    above best * (1 + threshold) or best + threshold. After more than `patience` calls in a row
    without one, each group's rate becomes max(rate * factor, min_lr), unless that changes it by no
    more than eps, and the next `cooldown` calls are not counted.

    min_lr is a number or a sequence of one number a group. ValueError for factor >= 1, an unknown
    mode, or a sequence of another length.

    >>> import weft
    >>> p = weft.nn.Parameter(weft.zeros(1))
    >>> sgd = weft.optim.SGD([p], lr=1.0)
    >>> plateau = weft.optim.lr_scheduler.ReduceLROnPlateau(sgd, factor=0.5, patience=1)
    >>> for loss in [3.0, 2.0, 2.0, 2.0, 2.0]:
    ...     plateau.step(loss)
    >>> plateau.get_last_lr()
    [0.5]
    """

    _STATE = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        groups = len(optimizer.param_groups)
        if not factor < 1:
            raise ValueError(f"ReduceLROnPlateau: got factor={factor}, expected less than 1")
        if mode not in ("min", "max"):
            raise ValueError(f'ReduceLROnPlateau: got mode={mode!r}, expected "min" or "max"')
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"ReduceLROnPlateau: got threshold_mode={threshold_mode!r}, "
                'expected "rel" or "abs"'
            )
        given: Any = min_lr
        self.min_lrs: list[float] = list(given) if hasattr(given, "__len__") else [given] * groups
        if len(self.min_lrs) != groups:
            raise ValueError(
                f"ReduceLROnPlateau: got {len(self.min_lrs)} values of min_lr, expected {groups}, "
                "one a group"
            )
        self.optimizer = optimizer
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.eps = cooldown, eps
        self.best = float("inf") if mode == "min" else float("-inf")
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def step(self, metrics: float | Tensor) -> None:
        """Takes one measure: a number, or a tensor of one element."""
        metrics = float(metrics)
        self.last_epoch += 1
        if self._better(metrics):
            self.best, self.num_bad_epochs = metrics, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def get_last_lr(self) -> list[float]:
        """The rates now, one a group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What changes from step to step; the options are the constructor's."""
        return {name: getattr(self, name) for name in self._STATE}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from state_dict(). KeyError for a missing entry; nothing has changed then."""
        values = [state[name] for name in self._STATE]
        for name, value in zip(self._STATE, values):
            setattr(self, name, value)

    def _better(self, metrics: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            bound = self.best * (1 + sign * self.threshold)
        else:
            bound = self.best + sign * self.threshold
        return sign * metrics > sign * bound

    def _reduce(self) -> None:
        for group, least in zip(self.optimizer.param_groups, self.min_lrs):
            lower = max(group["lr"] * self.factor, least)
            if group["lr"] - lower > self.eps:
                group["lr"] = lower
