"""How samples of a data set of Python become a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft import _weft
from weft._weft import Tensor

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from typing import Any


def default_collate(batch: Sequence[Any]) -> Any:
    """A list of samples as one batch, as torch.utils.data.default_collate() makes it.

    Tensors and NumPy's arrays and scalars are stacked and keep their dtype; int becomes int64,
    float float64, bool bool; texts stay as they are, in a tuple
    where they were entries of tuples or lists. Mappings, tuples, lists and named tuples are put
    together entry by entry (of tuples comes a list). TypeError for other samples, ValueError for
    shapes or lengths that differ.

    >>> weft.data.default_collate([(weft.ones(2), 3), (weft.zeros(2), 4)])
    [tensor([[1., 1.],
            [0., 0.]]), tensor([3, 4])]
    >>> weft.data.default_collate([{"name": "a", "x": 0.5}, {"name": "b", "x": 1.5}])
    {'name': ['a', 'b'], 'x': tensor([0.5000, 1.5000], dtype=weft.float64)}
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _weft.stack(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if hasattr(first, "__array__"):
        return _arrays(batch)
    if isinstance(first, float):
        return _weft.tensor(list(batch), dtype=_weft.float64)
    if isinstance(first, int):
        return _weft.tensor(list(batch))
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([s[key] for s in batch]) for key in first})
    if isinstance(first, Sequence):
        return _sequences(batch)
    raise TypeError(
        f"default_collate: got a sample of type {type(first).__name__}, expected tensors, arrays, "
        "numbers, texts, or mappings and sequences of them; DataLoader(collate_fn=...) takes others"
    )


def _arrays(batch: Sequence[Any]) -> Tensor:
    import numpy

    return _weft.from_numpy(numpy.stack(batch))


def _sequences(batch: Sequence[Any]) -> Any:
    first = batch[0]
    if any(len(sample) != len(first) for sample in batch):
        raise ValueError(
            f"default_collate: got samples of {len(first)} and of other numbers of entries"
        )
    entries = [default_collate(entry) for entry in zip(*batch)]
    if hasattr(first, "_fields"):
        return type(first)(*entries)
    return entries if isinstance(first, tuple) else _like(first, entries)


def moved(batch: Any, device: _weft.device) -> Any:
    """The batch with its tensors in pinned memory, or sent from there to a CUDA device."""
    if isinstance(batch, Tensor):
        pinned = batch if batch.is_cuda else batch.pin_memory()
        return pinned if device.type == "cpu" else pinned.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        return _like(batch, {key: moved(value, device) for key, value in batch.items()})
    if isinstance(batch, Sequence) and not isinstance(batch, (str, bytes)):
        entries = [moved(value, device) for value in batch]
        return type(batch)(*entries) if hasattr(batch, "_fields") else _like(batch, entries)
    return batch


def _like(first: Any, entries: Any) -> Any:
    """Entries in a container of a type, where that can be made of them."""
    try:
        return type(first)(entries)
    except TypeError:
        return entries
