"""Weft: an eager tensor library with a tape. Names and habits are PyTorch's.

>>> import weft
>>> x = weft.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4., 6.])
"""

from __future__ import annotations

import importlib as _importlib
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

from weft import _weft
from weft._weft import *  # noqa: F403
from weft._modes import autocast as autocast
from weft._modes import enable_grad as enable_grad
from weft._modes import inference_mode as inference_mode
from weft._modes import is_anomaly_enabled as is_anomaly_enabled
from weft._modes import is_autocast_enabled as is_autocast_enabled
from weft._modes import is_grad_enabled as is_grad_enabled
from weft._modes import is_inference_mode_enabled as is_inference_mode_enabled
from weft._modes import no_grad as no_grad
from weft._modes import set_grad_enabled as set_grad_enabled

__version__ = _weft.version

# Parts that load when they are first used, so that `import weft` stays quick.
_LAZY = {
    "amp",
    "autograd",
    "backends",
    "cpu",
    "cuda",
    "data",
    "datasets",
    "func",
    "models",
    "nn",
    "optim",
    "utils",
}


def _repr_html_(self: Tensor) -> str | None:  # noqa: F405
    from weft._display import tensor_html

    return tensor_html(self)


Tensor._repr_html_ = _repr_html_  # type: ignore[method-assign]  # noqa: F405

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from weft import amp as amp
    from weft import autograd as autograd
    from weft import backends as backends
    from weft import cpu as cpu
    from weft import cuda as cuda
    from weft import data as data
    from weft import datasets as datasets
    from weft import func as func
    from weft import models as models
    from weft import nn as nn
    from weft import optim as optim
    from weft import utils as utils
else:
    del TYPE_CHECKING
    for _name in _LAZY | {"version"}:
        globals().pop(_name, None)  # the compiled part of the same name

    def __getattr__(name):
        if name in _LAZY:
            return _importlib.import_module(f"weft.{name}")
        raise AttributeError(f"module 'weft' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | _LAZY)
