"""Modules, losses and initialisers, with PyTorch's names: weft.nn.Linear, weft.nn.Module..."""

from __future__ import annotations

from weft._weft import Parameter as Parameter
from weft._weft.nn import *  # noqa: F403
from weft.nn import _hooks as _hooks
from weft.nn.containers import ModuleDict as ModuleDict
from weft.nn.containers import ModuleList as ModuleList
from weft.nn.containers import ParameterList as ParameterList

TYPE_CHECKING = False  # typing's costs an import
if not TYPE_CHECKING:
    del init, models, utils  # noqa: F405  # the compiled parts of these names

from weft.nn import init as init
from weft.nn import models as models
from weft.nn import utils as utils


def _module_html(self: Module) -> str:  # noqa: F405
    from weft._display import module_html

    return module_html(self)


def _summary_html(self: Summary) -> str:  # noqa: F405
    from weft._display import summary_html

    return summary_html(self)


Module._repr_html_ = _module_html  # type: ignore[method-assign]  # noqa: F405
Summary._repr_html_ = _summary_html  # type: ignore[method-assign]  # noqa: F405

if TYPE_CHECKING:
    from weft.nn import functional as functional
else:
    del TYPE_CHECKING

    def __getattr__(name):
        if name == "functional":
            import importlib

            return importlib.import_module("weft.nn.functional")
        raise AttributeError(f"module 'weft.nn' has no attribute '{name}'")
