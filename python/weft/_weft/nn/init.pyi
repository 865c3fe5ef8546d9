# Made by python/stubs/generate.py; do not edit.

from typing import Literal
from weft._weft import Generator, Tensor

_Gain = Literal["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
def calculate_fans(tensor: Tensor) -> tuple[int, int]: ...
def calculate_gain(nonlinearity: _Gain, param: float = 0.01) -> float: ...
def constant_(tensor: Tensor, val: float) -> Tensor: ...
def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: _Gain = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor: ...
def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: _Gain = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor: ...
def normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    generator: Generator | None = None,
) -> Tensor: ...
def ones_(tensor: Tensor) -> Tensor: ...
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor: ...
def uniform_(
    tensor: Tensor,
    a: float = 0.0,
    b: float = 1.0,
    generator: Generator | None = None,
) -> Tensor: ...
def xavier_normal_(
    tensor: Tensor,
    gain: float = 1.0,
    generator: Generator | None = None,
) -> Tensor: ...
def xavier_uniform_(
    tensor: Tensor,
    gain: float = 1.0,
    generator: Generator | None = None,
) -> Tensor: ...
def zeros_(tensor: Tensor) -> Tensor: ...
