"""Names for the types of arguments and results; for annotations, and imported for nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from types import EllipsisType
from typing import Any, Literal, NamedTuple, TypeAlias, Union

from numpy.typing import ArrayLike as ArrayLike
from numpy.typing import NDArray

from weft._weft import Tensor, device, dtype

# A Python number, and what an operation takes beside a tensor.
Scalar: TypeAlias = Union[bool, int, float]
Operand: TypeAlias = Union[Tensor, Scalar]
# What operators take: NumPy's arrays and numbers too.
Other: TypeAlias = Union[Tensor, Scalar, NDArray[Any]]

# One size (or dim) or several.
ShapeLike: TypeAlias = Union[int, Sequence[int]]
DTypeLike: TypeAlias = Union[dtype, type[bool], type[int], type[float]]
DeviceLike: TypeAlias = Union[device, str, int]
StrPath: TypeAlias = Union[str, "os.PathLike[str]"]

Reduction: TypeAlias = Literal["none", "mean", "sum"]
Padding: TypeAlias = Union[ShapeLike, Literal["valid", "same"]]

Part: TypeAlias = Union[int, slice, None, EllipsisType, Tensor, NDArray[Any], list[Any]]
# What stands between the brackets of x[...].
Index: TypeAlias = Union[Part, tuple[Part, ...]]

# Parameters as optimisers take them: tensors, named ones, or groups with options of their own.
Params: TypeAlias = Union[
    Iterable[Tensor], Iterable[tuple[str, Tensor]], Iterable[Mapping[str, Any]]
]


class BoundType(type):
    """The metaclass of what pybind11 binds: such classes do not mix with those of another."""


class ValuesAndIndices(NamedTuple):
    """What max() and min() along a dim give."""

    values: Tensor
    indices: Tensor
