"""Weft: an eager tensor library with a tape. Names and habits are PyTorch's.

>>> import weft
>>> x = weft.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4., 6.])
"""

import importlib

from weft import _weft
from weft._weft import *  # noqa: F403
from weft._modes import (
    autocast,
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    is_autocast_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

__version__ = _weft.version
cpu = _weft.cpu

# Parts that load when they are first used, so that `import weft` stays quick.
_LAZY = {"autograd", "data", "datasets", "func", "models", "nn", "optim", "utils"}
for _name in _LAZY:
    globals().pop(_name, None)  # the compiled part of the same name


def _repr_html_(self):
    from weft._display import tensor_html

    return tensor_html(self)


Tensor._repr_html_ = _repr_html_  # noqa: F405


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"weft.{name}")
    raise AttributeError(f"module 'weft' has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | _LAZY)
