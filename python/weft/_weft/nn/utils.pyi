# Made by python/stubs/generate.py; do not edit.

from collections.abc import Iterable
from weft._weft import Tensor

def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor: ...
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None: ...
