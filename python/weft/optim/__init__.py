"""Optimisers, with the formulas, names and defaults of torch.optim."""

from collections.abc import MutableMapping

from weft._adopt import adopt
from weft._weft import optim as _compiled
from weft._weft.optim import *  # noqa: F403
from weft._weft.optim import Optimizer

import weft.optim.lr_scheduler  # takes over the name of the compiled module's, imported above

adopt(_compiled, __name__)


class ParamGroup(MutableMapping):
    """Parameters that share options, as a mapping: "params", "lr" and the optimiser's others.

    What is written counts for the next step. Keys that the optimiser does not know are kept.
    """

    def __init__(self, optimizer, index):
        self._optimizer = optimizer
        self._index = index
        self._extra = {}

    def _known(self):
        return self._optimizer._option_names()

    def __getitem__(self, key):
        if key == "params":
            return self._optimizer._params(self._index)
        if key in self._known():
            return self._optimizer._option(self._index, key)
        return self._extra[key]

    def __setitem__(self, key, value):
        if key == "params":
            raise TypeError("the parameters of a group are fixed; use add_param_group()")
        if key in self._known():
            self._optimizer._set_option(self._index, key, value)
        else:
            self._extra[key] = value

    def __delitem__(self, key):
        del self._extra[key]

    def __iter__(self):
        return iter(["params", *self._known(), *self._extra])

    def __len__(self):
        return 1 + len(self._known()) + len(self._extra)

    def __repr__(self):
        options = ", ".join(f"{k!r}: {v!r}" for k, v in self.items() if k != "params")
        return f"ParamGroup({len(self['params'])} parameters, {options})"


def _param_groups(self):
    groups = self.__dict__.setdefault("_groups", [])
    for index in range(len(groups), self._group_count()):
        groups.append(ParamGroup(self, index))
    return groups


def _repr(self):
    groups = "\n".join(f"  {group!r}" for group in self.param_groups)
    return f"{type(self).__name__}(\n{groups}\n)"


Optimizer.param_groups = property(
    _param_groups, doc="The groups of parameters; their options may be read and written."
)
Optimizer.__repr__ = _repr
