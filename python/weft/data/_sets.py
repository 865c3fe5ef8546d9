"""Data sets of Python, and those that are made of others."""

from __future__ import annotations

from abc import ABCMeta
from bisect import bisect_right
from itertools import accumulate

from weft import _weft
from weft._weft import data as _compiled

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from weft._weft import Generator, Tensor


class Dataset(metaclass=ABCMeta):
    """What a data set of Python may derive from: it writes __len__ and __getitem__, whose samples
    default_collate() can put together. Any object that has the two will do.

    >>> class Squares(weft.data.Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, i):
    ...         return weft.full((1, 2, 2), i / 4), i % 2
    >>> images, labels = next(iter(weft.data.DataLoader(Squares(), batch_size=4)))
    >>> labels
    tensor([0, 1, 0, 1])
    """

    def __class_getitem__(cls, item: object) -> type[Dataset]:
        return cls

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__() of its own")

    def __add__(self, other: Any) -> ConcatDataset:
        return ConcatDataset([self, other])


Dataset.register(_compiled._Dataset)


class TensorDataset(Dataset):
    """Tensors of the same first size; a sample is a tuple of one row of each.

    >>> pairs = weft.data.TensorDataset(weft.arange(3), weft.ones(3, 2))
    >>> pairs[2]
    (tensor(2), tensor([1., 1.]))
    """

    def __init__(self, *tensors: Tensor) -> None:
        sizes = [len(t) for t in tensors]
        if len(set(sizes)) != 1:
            raise ValueError(f"[TensorDataset] got first sizes {sizes}, expected one and the same")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset):
    """The samples of a data set that have certain indices, in their order.

    >>> weft.data.Subset("weft", [3, 0])[0]
    't'
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset):
    """Data sets one after the other; `a + b` makes one of two.

    >>> both = weft.data.ConcatDataset(["we", "ft"])
    >>> len(both), both[2], both[-1]
    (4, 'f', 't')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        self.cumulative_sizes = list(accumulate(map(len, self.datasets)))
        if not self.datasets:
            raise ValueError("[ConcatDataset] got no data sets, expected one or more")

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"got index {index}, expected one of {len(self)} samples")
        index %= len(self)
        which = bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


def _counts(lengths: Sequence[float], size: int) -> list[int]:
    """Fractions as numbers of samples; what rounding leaves goes to the first ones, one each."""
    counts = [int(size * part) for part in lengths]
    for i in range(size - sum(counts)):
        counts[i % len(counts)] += 1
    return counts


def random_split(
    dataset: Any, lengths: Sequence[float], generator: Generator | None = None
) -> list[Subset]:
    """The samples in random order, cut in parts: a Subset for each length.

    lengths: numbers of samples, which add up to all, or fractions, which add up to one; ValueError
    otherwise. generator: the default one if None.

    >>> train, rest = weft.data.random_split(range(10), [0.8, 0.2])
    >>> len(train), len(rest), sorted([*train, *rest]) == [*range(10)]
    (8, 2, True)
    """
    size = len(dataset)
    counts: Sequence[float] = list(lengths)
    if abs(sum(counts) - 1) < 1e-6 and all(0 <= part <= 1 for part in counts):
        counts = _counts(counts, size)
    if any(n < 0 or n != int(n) for n in counts) or sum(counts) != size:
        raise ValueError(f"[random_split] got lengths {list(lengths)} for {size} samples")
    order = _weft.randperm(size, generator=generator).tolist()
    ends = [int(end) for end in accumulate(counts)]
    return [Subset(dataset, order[end - int(n) : end]) for n, end in zip(counts, ends)]
