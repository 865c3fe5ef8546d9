"""Data sets, transforms, the loader, and pictures in files."""

from collections.abc import Callable as _Callable

from weft._weft import Tensor as _Tensor
from weft._weft.data import *  # noqa: F403
from weft.data._collate import default_collate as default_collate
from weft.data._sets import ConcatDataset as ConcatDataset
from weft.data._sets import Dataset as Dataset
from weft.data._sets import Subset as Subset
from weft.data._sets import TensorDataset as TensorDataset
from weft.data._sets import random_split as random_split

# What a loader does to each picture [channels, height, width].
Transform = _Callable[[_Tensor], _Tensor]
