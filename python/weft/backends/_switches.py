"""Modules whose attributes are switches: what a module has no switch for cannot be set in vain."""

from __future__ import annotations

import types

from weft import _weft


class Switches(types.ModuleType):
    """A module that takes no attribute which its class does not have."""

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("__") and not hasattr(type(self), name):
            raise AttributeError(f"module {self.__name__!r} has no switch {name!r}")
        super().__setattr__(name, value)


def tf32_allowed() -> bool:
    return _weft.get_float32_matmul_precision() != "highest"


def allow_tf32(on: bool) -> None:
    if on != tf32_allowed():
        _weft.set_float32_matmul_precision("high" if on else "highest")
