"""Switches of convolutions on CUDA devices: attributes of this module, to be read and set.

`benchmark` (at first False): the first convolution of each kind (direction, sizes, strides, dtype)
tries the plans that cuDNN has for it on the tensors at hand and keeps the fastest, instead of the
one that cuDNN proposes. The choice is a clock's, so bits may differ from one run of the program to
the next; use_deterministic_algorithms(True) rules it out, and while a graph is captured nothing is
tried.

`allow_tf32`: whether float32 products may round their factors to TF32. One switch with
`weft.backends.cuda.matmul.allow_tf32`: that of set_float32_matmul_precision(), "highest" or not.

`deterministic`: always True. Only engines that give the same bits each time are ever taken.

>>> weft.backends.cudnn.benchmark = True
>>> weft.backends.cudnn.benchmark
True
>>> weft.backends.cudnn.benchmark = False
"""

from __future__ import annotations

import sys

from weft import _weft
from weft.backends import _switches

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    benchmark: bool
    allow_tf32: bool
    deterministic: bool


class _Module(_switches.Switches):
    @property
    def benchmark(self) -> bool:
        return _weft._cudnn_benchmark()

    @benchmark.setter
    def benchmark(self, on: bool) -> None:
        _weft._set_cudnn_benchmark(on)

    @property
    def deterministic(self) -> bool:
        return True

    @deterministic.setter
    def deterministic(self, on: bool) -> None:
        pass


sys.modules[__name__].__class__ = _Module
