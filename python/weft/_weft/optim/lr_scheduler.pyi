# Made by python/stubs/generate.py; do not edit.

from collections.abc import Callable, Sequence
from typing import Literal
from typing_extensions import Never
from weft._weft.nn import Stateful
from weft._weft.optim import Optimizer


class ChainedScheduler(LRScheduler):
    def __init__(
        self,
        schedulers: Sequence[LRScheduler],
        optimizer: Optimizer | None = None,
    ) -> None: ...

class CosineAnnealingLR(LRScheduler):
    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None: ...

class LRScheduler(Stateful):
    def __init__(self, *args: Never, **kwargs: Never) -> None: ...
    @property
    def base_lrs(self) -> list[float]: ...
    def get_last_lr(self) -> list[float]: ...
    @property
    def last_epoch(self) -> int: ...
    def lr_at(self, step: int, base: float) -> float: ...
    def step(self) -> None: ...

class LambdaLR(LRScheduler):
    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float],
        last_epoch: int = -1,
    ) -> None: ...

class LinearLR(LRScheduler):
    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 0.3333333333333333,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None: ...

class MultiStepLR(LRScheduler):
    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Sequence[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None: ...

class OneCycleLR(LRScheduler):
    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 10000.0,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None: ...

class SequentialLR(LRScheduler):
    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
    ) -> None: ...

class StepLR(LRScheduler):
    def __init__(
        self,
        optimizer: Optimizer,
        step_size: int,
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None: ...
