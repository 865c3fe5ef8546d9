# Made by python/stubs/generate.py; do not edit.

from weft._typing import DeviceLike
from weft._weft import Tensor
from weft._weft.nn import Stateful
from weft._weft.optim import Optimizer


class GradScaler(Stateful):
    def __init__(
        self,
        device: DeviceLike = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None: ...
    def get_scale(self) -> float: ...
    def is_enabled(self) -> bool: ...
    def scale(self, outputs: Tensor) -> Tensor: ...
    def step(self, optimizer: Optimizer) -> bool: ...
    def unscale_(self, optimizer: Optimizer) -> None: ...
    def update(self) -> None: ...
