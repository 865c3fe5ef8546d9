"""Modules, losses and initialisers, with PyTorch's names: weft.nn.Linear, weft.nn.Module..."""

from weft._adopt import adopt
from weft._weft import Parameter
from weft._weft import nn as _compiled
from weft._weft.nn import *  # noqa: F403
from weft.nn.containers import ModuleDict, ModuleList, ParameterList

# These take over the names of the compiled modules, imported above.
import weft.nn.init
import weft.nn.models
import weft.nn.utils

adopt(_compiled, __name__)


def _module_html(self):
    from weft._display import module_html

    return module_html(self)


def _summary_html(self):
    from weft._display import summary_html

    return summary_html(self)


Module._repr_html_ = _module_html  # noqa: F405
Summary._repr_html_ = _summary_html  # noqa: F405


def __getattr__(name):
    if name == "functional":
        import importlib

        return importlib.import_module("weft.nn.functional")
    raise AttributeError(f"module 'weft.nn' has no attribute '{name}'")
