"""Data sets, transforms, the loader, and pictures in files."""

from collections.abc import Callable as _Callable

from weft._weft import Tensor as _Tensor
from weft._weft.data import *  # noqa: F403
from weft.data._collate import default_collate as default_collate

# What a loader does to each picture [channels, height, width].
Transform = _Callable[[_Tensor], _Tensor]
