"""CUDA devices: memory, streams, events, graphs.

>>> import weft
>>> device = "cuda" if weft.cuda.is_available() else "cpu"
>>> x = weft.ones(2, 3, device=device)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from weft import _weft
from weft._weft import cuda as _cuda
from weft._weft.cuda import *  # noqa: F403

if TYPE_CHECKING:
    from typing_extensions import Self

    from weft._weft.cuda import CUDAGraph, Stream

DeviceLike = Union[_weft.device, str, int, None]


class device:
    """Makes a device (a number, a name or a weft.device) the thread's for a block; None changes nothing.

    >>> if weft.cuda.is_available():
    ...     with weft.cuda.device(0):
    ...         x = weft.ones(3, device="cuda")
    """

    def __init__(self, device: DeviceLike) -> None:
        self.device = device

    def __enter__(self) -> Self:
        if self.device is not None:
            self._before = _cuda.current_device()
            _cuda.set_device(self.device)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.device is not None:
            _cuda.set_device(self._before)


class stream:
    """Makes a stream, and its device, the thread's for a block; None changes nothing.

    >>> if weft.cuda.is_available():
    ...     with weft.cuda.stream(weft.cuda.Stream()) as inside:
    ...         assert weft.cuda.current_stream() == inside.stream
    """

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> Self:
        if self.stream is not None:
            self._device = _cuda.current_device()
            self._before = _cuda.current_stream(self.stream.device)
            _cuda.set_stream(self.stream)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.stream is not None:
            _cuda.set_stream(self._before)
            _cuda.set_device(self._device)


class graph:
    """Captures the work of a block into a CUDAGraph, on a stream of its own unless one is given.

    The block computes nothing; cuda_graph.replay() does. If it raises, the graph stays empty.

    >>> if weft.cuda.is_available():
    ...     x, g = weft.ones(3, device="cuda"), weft.cuda.CUDAGraph()
    ...     with weft.cuda.graph(g):
    ...         y = x + 1
    ...     g.replay()
    """

    def __init__(self, cuda_graph: CUDAGraph, *, stream: Stream | None = None) -> None:
        self.cuda_graph = cuda_graph
        self._stream = stream

    def __enter__(self) -> Self:
        _cuda.synchronize()
        self._own = _cuda._OwnStream()
        self._inside = stream(self._stream or self._own.stream)
        self._inside.__enter__()
        try:
            self.cuda_graph.capture_begin()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        try:
            if kind is None:
                self.cuda_graph.capture_end()
                return
            try:
                self.cuda_graph.capture_end()
            except _weft.Error:
                pass  # what failed cannot be ended
            self.cuda_graph.reset()
        finally:
            self._leave()

    def _leave(self) -> None:
        self._inside.__exit__()
        del self._own  # for the next capture


def get_device_name(device: DeviceLike = None) -> str:
    """The name of a device (of the current one at None).

    >>> if weft.cuda.is_available():
    ...     assert weft.cuda.get_device_name()
    """
    return _cuda.get_device_properties(device).name


def get_device_capability(device: DeviceLike = None) -> tuple[int, int]:
    """Major and minor number of a device's compute capability.

    >>> if weft.cuda.is_available():
    ...     assert weft.cuda.get_device_capability() >= (8, 0)
    """
    found = _cuda.get_device_properties(device)
    return found.major, found.minor


def memory_allocated(device: DeviceLike = None) -> int:
    """Bytes of the device that tensors hold: memory_stats()["in_use"].

    >>> if weft.cuda.is_available():
    ...     assert weft.cuda.memory_allocated() >= 0
    """
    return _cuda.memory_stats(device)["in_use"]


def max_memory_allocated(device: DeviceLike = None) -> int:
    """The most that memory_allocated() has been since reset_peak_memory_stats().

    >>> if weft.cuda.is_available():
    ...     assert weft.cuda.max_memory_allocated() >= weft.cuda.memory_allocated()
    """
    return _cuda.memory_stats(device)["peak_in_use"]


def memory_reserved(device: DeviceLike = None) -> int:
    """Bytes of the device that are in use or cached: memory_stats()["reserved"].

    >>> if weft.cuda.is_available():
    ...     assert weft.cuda.memory_reserved() >= weft.cuda.memory_allocated()
    """
    return _cuda.memory_stats(device)["reserved"]


def manual_seed(seed: int) -> None:
    """weft.manual_seed(seed): one default generator serves every device. Works without a device.

    >>> weft.cuda.manual_seed(3)
    >>> weft.initial_seed()
    3
    """
    _weft.manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """manual_seed(seed), which serves all devices anyway.

    >>> weft.cuda.manual_seed_all(3)
    >>> weft.initial_seed()
    3
    """
    _weft.manual_seed(seed)
