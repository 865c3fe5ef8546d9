"""Modules, losses and initialisers, with PyTorch's names: weft.nn.Linear, weft.nn.Module..."""

from weft._adopt import adopt
from weft._weft import Parameter
from weft._weft import nn as _compiled
from weft._weft.nn import *  # noqa: F403
from weft.nn import init, models, utils
from weft.nn.containers import ModuleDict, ModuleList, ParameterList

adopt(_compiled, __name__)


def __getattr__(name):
    if name == "functional":
        import importlib

        return importlib.import_module("weft.nn.functional")
    raise AttributeError(f"module 'weft.nn' has no attribute '{name}'")
