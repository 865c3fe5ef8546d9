"""Modes of a thread, as context managers that are decorators too."""

from __future__ import annotations

import functools

from weft import _weft
from weft._weft import autograd as _autograd
from weft._weft.autograd import is_anomaly_enabled as is_anomaly_enabled
from weft._weft.autograd import is_autocast_enabled as is_autocast_enabled
from weft._weft.autograd import is_grad_enabled as is_grad_enabled
from weft._weft.autograd import is_inference_mode_enabled as is_inference_mode_enabled

TYPE_CHECKING = False  # typing's costs an import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, ParamSpec, TypeVar, overload

    from typing_extensions import Self

    P = ParamSpec("P")
    R = TypeVar("R")


class _Mode:
    """Enters a mode for a block or for each call of a function, and leaves it as it was before."""

    _before: list[Any]

    def _enter(self) -> Any:
        """Sets the mode; returns what _leave() needs."""
        raise NotImplementedError

    def _leave(self, before: Any) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._before.append(self._enter())
        return self

    def __exit__(self, *exception: object) -> None:
        self._leave(self._before.pop())

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **options: P.kwargs) -> R:
            with self:
                return function(*args, **options)

        return wrapper


class set_grad_enabled(_Mode):
    """Records operations of this thread, or not: at once, and as a context manager until its end.

    >>> with weft.set_grad_enabled(False):
    ...     weft.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        self._mode = bool(mode)
        self._before = []
        self._outer = _autograd._set_grad_enabled(self._mode)

    def __enter__(self) -> Self:
        self._before.append(self._outer)
        _autograd._set_grad_enabled(self._mode)
        return self

    def _leave(self, before: bool) -> None:
        _autograd._set_grad_enabled(before)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        _autograd._set_grad_enabled(self._outer)
        return super().__call__(function)


class no_grad(_Mode):
    """Operations of this thread are not recorded.

    >>> x = weft.ones(2, requires_grad=True)
    >>> with weft.no_grad():
    ...     (x + 1).requires_grad
    False
    """

    _value = False

    if TYPE_CHECKING:

        @overload
        def __new__(cls, function: None = None) -> Self: ...
        @overload
        def __new__(cls, function: Callable[P, R]) -> Callable[P, R]: ...  # type: ignore[misc]

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        mode = super().__new__(cls)
        mode._before = []
        if function is None:
            return mode
        if not callable(function):
            raise TypeError(f"{cls.__name__}() got {function!r}, expected a function or nothing")
        return mode(function)

    def _enter(self) -> bool:
        return _autograd._set_grad_enabled(self._value)

    def _leave(self, before: bool) -> None:
        _autograd._set_grad_enabled(before)


class enable_grad(no_grad):
    """Operations of this thread are recorded, also inside no_grad().

    >>> x = weft.ones(2, requires_grad=True)
    >>> with weft.no_grad(), weft.enable_grad():
    ...     (x + 1).requires_grad
    True
    """

    _value = True


class inference_mode(_Mode):
    """As no_grad(), and what is made inside can never take part in a recorded operation.

    mode: False leaves the thread as it is.

    >>> with weft.inference_mode():
    ...     weft.is_inference_mode_enabled()
    True
    """

    _mode: bool

    if TYPE_CHECKING:

        @overload
        def __new__(cls, mode: bool = True) -> Self: ...
        @overload
        def __new__(cls, mode: Callable[P, R]) -> Callable[P, R]: ...  # type: ignore[misc]

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        made = super().__new__(cls)
        made._before = []
        made._mode = callable(mode) or bool(mode)
        return made(mode) if callable(mode) else made

    def _enter(self) -> tuple[bool, bool] | None:
        if not self._mode:
            return None
        return _autograd._set_inference(True), _autograd._set_grad_enabled(False)

    def _leave(self, before: tuple[bool, bool] | None) -> None:
        if before is not None:
            _autograd._set_inference(before[0])
            _autograd._set_grad_enabled(before[1])


class detect_anomaly(_Mode):
    """Checks every gradient for NaN during backward(), and names the operation that made one and
    the line of Python that called it.

    AutogradError, a RuntimeError, where a gradient is NaN. With check_nan False nothing is checked.

    >>> x = weft.zeros(1, requires_grad=True)
    >>> with weft.autograd.detect_anomaly():
    ...     y = (x / x).sum()
    ...     y.backward()  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    weft.AutogradError: [div] ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check = bool(check_nan)
        self._before = []

    def _enter(self) -> bool:
        return _autograd._set_anomaly_enabled(self._check)

    def _leave(self, before: bool) -> None:
        _autograd._set_anomaly_enabled(before)


class set_detect_anomaly(detect_anomaly):
    """detect_anomaly(check_nan) where mode is True, at once, and as a context manager until its end.

    >>> with weft.autograd.set_detect_anomaly(True):
    ...     weft.is_anomaly_enabled()
    True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(bool(mode) and check_nan)
        self._outer = self._enter()

    def __enter__(self) -> Self:
        self._before.append(self._outer)
        self._enter()
        return self

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        self._leave(self._outer)
        return super().__call__(function)


class autocast(_Mode):
    """Products of matrices, linear and conv2d convert float32 operands to a half dtype and give it.
    Losses, prod() and pad() by reflection or replication convert halves to float32; index_copy()
    takes mixed dtypes and gives the widest, as cat() and stack() always do. All else, softmax and
    norms too, computes in what it gets.

    device_type: "cpu" or "cuda", which chooses the default dtype: weft.bfloat16 or weft.float16. The
    conversions are recorded, so that a parameter's gradient has the parameter's dtype.

    >>> x = weft.ones(2, 2)
    >>> with weft.autocast():
    ...     (x @ x).dtype, (x + x).dtype
    (weft.bfloat16, weft.float32)
    """

    def __init__(
        self,
        device_type: Literal["cpu", "cuda"] = "cpu",
        dtype: _weft.dtype | None = None,
        enabled: bool = True,
    ) -> None:
        on_cpu = _weft.device(device_type).type == "cpu"
        usual = _weft.bfloat16 if on_cpu else _weft.float16
        self._guard = _autograd._Autocast(dtype or usual, bool(enabled))
        self._before = []

    def _enter(self) -> None:
        self._guard.enter()

    def _leave(self, before: None) -> None:
        self._guard.leave()
