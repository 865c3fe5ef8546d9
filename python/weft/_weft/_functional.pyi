# Made by python/stubs/generate.py; do not edit.

from collections.abc import Sequence
from typing import Literal, overload
from weft._typing import DTypeLike, Padding, Scalar, ShapeLike
from weft._weft import Generator, Tensor

def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor: ...
def avg_pool2d(
    input: Tensor,
    kernel_size: ShapeLike,
    stride: ShapeLike | None = None,
    padding: ShapeLike = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor: ...
def batch_norm(
    input: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor: ...
def batch_norm_relu(
    input: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor: ...
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: Literal["none", "mean", "sum"] = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor: ...
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: ShapeLike = 1,
    padding: Padding = 0,
    dilation: ShapeLike = 1,
    groups: int = 1,
) -> Tensor: ...
def conv2d_relu(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: ShapeLike = 1,
    padding: Padding = 0,
    dilation: ShapeLike = 1,
    groups: int = 1,
) -> Tensor: ...
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: Literal["none", "mean", "sum"] = "mean",
    label_smoothing: float = 0.0,
) -> Tensor: ...
def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor: ...
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor: ...
def gelu(input: Tensor, approximate: Literal["none", "tanh"] = "none") -> Tensor: ...
def l1_loss(
    input: Tensor,
    target: Tensor,
    *,
    reduction: Literal["none", "mean", "sum"] = "mean",
) -> Tensor: ...
def layer_norm(
    input: Tensor,
    normalized_shape: ShapeLike,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor: ...
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor: ...
def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor: ...
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor: ...
def linear_gelu(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    approximate: Literal["none", "tanh"] = "none",
) -> Tensor: ...
def linear_relu(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor: ...
def local_response_norm(
    input: Tensor,
    size: int,
    alpha: float = 0.0001,
    beta: float = 0.75,
    k: float = 1.0,
) -> Tensor: ...
def log_softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor: ...
@overload
def max_pool2d(
    input: Tensor,
    kernel_size: ShapeLike,
    stride: ShapeLike | None = None,
    padding: ShapeLike = 0,
    dilation: ShapeLike = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> Tensor: ...
@overload
def max_pool2d(
    input: Tensor,
    kernel_size: ShapeLike,
    stride: ShapeLike | None = None,
    padding: ShapeLike = 0,
    dilation: ShapeLike = 1,
    ceil_mode: bool = False,
    *,
    return_indices: Literal[True],
) -> tuple[Tensor, Tensor]: ...
def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: ShapeLike,
    stride: ShapeLike | None = None,
    padding: ShapeLike = 0,
    dilation: ShapeLike = 1,
    ceil_mode: bool = False,
) -> tuple[Tensor, Tensor]: ...
def mse_loss(
    input: Tensor,
    target: Tensor,
    *,
    reduction: Literal["none", "mean", "sum"] = "mean",
) -> Tensor: ...
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: Literal["none", "mean", "sum"] = "mean",
) -> Tensor: ...
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor: ...
def pad(
    input: Tensor,
    pad: ShapeLike,
    mode: str = "constant",
    value: Scalar | None = None,
) -> Tensor: ...
def relu(input: Tensor, inplace: bool = False) -> Tensor: ...
def relu_(input: Tensor) -> Tensor: ...
def sigmoid(input: Tensor, inplace: bool = False) -> Tensor: ...
def silu(input: Tensor, inplace: bool = False) -> Tensor: ...
def softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor: ...
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor: ...
def softplus_(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor: ...
def tanh(input: Tensor, inplace: bool = False) -> Tensor: ...
