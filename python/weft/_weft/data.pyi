# Made by python/stubs/generate.py; do not edit.

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, Literal, Protocol, overload
from typing_extensions import Never, Self, TypeVar
from numpy.typing import NDArray
from weft._typing import BoundType, DeviceLike, StrPath
from weft._weft import Generator, Tensor

_Batch = TypeVar("_Batch", default=tuple[Tensor, Tensor])
_Made = TypeVar("_Made")

class _Samples(Protocol):
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...

class CIFAR10(ImageDataset):
    def __init__(self, root: str, train: bool = True) -> None: ...

class CIFAR100(ImageDataset):
    def __init__(self, root: str, train: bool = True, coarse: bool = False) -> None: ...

class Cutout(metaclass=BoundType):
    def __call__(self, picture: Tensor, seed: int = 0) -> Tensor: ...
    def __init__(self, size: int, fill: float = 0.0) -> None: ...

class DataLoader(Generic[_Batch], metaclass=BoundType):
    @overload
    def __init__(
        self: DataLoader[tuple[Tensor, Tensor]],
        dataset: _Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        transforms: Iterable[Callable[[Tensor], Tensor | NDArray[Any]]] = (),
        collate_fn: None = None,
        drop_last: bool = False,
        num_workers: int = 1,
        prefetch_factor: int | None = 2,
        seed: int | None = None,
        pin_memory: bool = False,
        device: DeviceLike | None = None,
        persistent_workers: bool = True,
        generator: Generator | None = None,
        sampler: None = None,
        batch_sampler: None = None,
        timeout: float = 0,
        worker_init_fn: None = None,
        multiprocessing_context: None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: DataLoader[_Made],
        dataset: _Samples,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        transforms: Iterable[Callable[[Tensor], Tensor | NDArray[Any]]] = (),
        collate_fn: Callable[[list[Any]], _Made],
        drop_last: bool = False,
        num_workers: int = 1,
        prefetch_factor: int | None = 2,
        seed: int | None = None,
        pin_memory: bool = False,
        device: DeviceLike | None = None,
        persistent_workers: bool = True,
        generator: Generator | None = None,
        sampler: None = None,
        batch_sampler: None = None,
        timeout: float = 0,
        worker_init_fn: None = None,
        multiprocessing_context: None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: DataLoader[Any],
        dataset: _Samples,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        transforms: Iterable[Callable[[Tensor], Tensor | NDArray[Any]]] = (),
        collate_fn: None = None,
        drop_last: bool = False,
        num_workers: int = 1,
        prefetch_factor: int | None = 2,
        seed: int | None = None,
        pin_memory: bool = False,
        device: DeviceLike | None = None,
        persistent_workers: bool = True,
        generator: Generator | None = None,
        sampler: None = None,
        batch_sampler: None = None,
        timeout: float = 0,
        worker_init_fn: None = None,
        multiprocessing_context: None = None,
    ) -> None: ...
    def __iter__(self) -> Iterator[_Batch]: ...
    def __len__(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    def close(self) -> None: ...
    @property
    def dataset(self) -> _Samples: ...
    def set_state(self, state: tuple[int, int, int]) -> None: ...
    def state(self) -> tuple[int, int, int]: ...

class ImageDataset(_Dataset):
    def __init__(self, images: Tensor, labels: Tensor, classes: Sequence[str] = ...) -> None: ...
    @property
    def classes(self) -> list[str]: ...
    def fingerprint(self) -> str: ...
    def first(self, count: int) -> ImageDataset: ...
    @property
    def images(self) -> Tensor: ...
    @property
    def labels(self) -> Tensor: ...

class MNIST(ImageDataset):
    def __init__(self, root: str, train: bool = True) -> None: ...

class Normalize(metaclass=BoundType):
    def __call__(self, picture: Tensor, seed: int = 0) -> Tensor: ...
    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None: ...

class RandomCrop(metaclass=BoundType):
    def __call__(self, picture: Tensor, seed: int = 0) -> Tensor: ...
    def __init__(
        self,
        size: int,
        padding: int = 0,
        padding_mode: Literal["constant", "reflect"] = "constant",
        fill: float = 0.0,
    ) -> None: ...

class RandomHorizontalFlip(metaclass=BoundType):
    def __call__(self, picture: Tensor, seed: int = 0) -> Tensor: ...
    def __init__(self, p: float = 0.5) -> None: ...

class _Dataset(metaclass=BoundType):
    def __getitem__(self, index: int, /) -> tuple[Tensor, int]: ...
    def __init__(self, *args: Never, **kwargs: Never) -> None: ...
    def __len__(self) -> int: ...

class _LoaderIterator(metaclass=BoundType):
    def __init__(self, *args: Never, **kwargs: Never) -> None: ...
    def __iter__(self) -> Self: ...
    def __len__(self) -> int: ...
    def __next__(self) -> Any: ...

def decode_image(bytes: bytes, channels: int = 3) -> Tensor: ...
def encode_png(image: Tensor) -> bytes: ...
def read_contact_sheets(
    folder: StrPath,
    classes: Sequence[str],
    side: int,
    first: int,
    count: int,
) -> ImageDataset: ...
def read_image(path: StrPath, channels: int = 3) -> Tensor: ...
def resize(image: Tensor, height: int, width: int) -> Tensor: ...
def resize_to_fit(image: Tensor, height: int, width: int) -> Tensor: ...
def write_png(path: StrPath, image: Tensor) -> None: ...
