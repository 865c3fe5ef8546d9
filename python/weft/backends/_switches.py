"""Modules whose attributes are switches: what a module has no switch for cannot be set in vain."""

from __future__ import annotations

import types

from weft import _weft


class Switches(types.ModuleType):
    """A module that takes no attribute which its class does not have; all have TF32's."""

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("__") and not hasattr(type(self), name):
            raise AttributeError(f"module {self.__name__!r} has no switch {name!r}")
        super().__setattr__(name, value)

    @property
    def allow_tf32(self) -> bool:
        return _weft.get_float32_matmul_precision() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, on: bool) -> None:
        if on != self.allow_tf32:
            _weft.set_float32_matmul_precision("high" if on else "highest")
