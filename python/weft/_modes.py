"""Modes of a thread, as context managers that are decorators too."""

import functools

from weft import _weft

_autograd = _weft.autograd

is_grad_enabled = _autograd.is_grad_enabled
is_inference_mode_enabled = _autograd.is_inference_mode_enabled
is_anomaly_enabled = _autograd.is_anomaly_enabled
is_autocast_enabled = _autograd.is_autocast_enabled


class _Mode:
    """Enters a mode for a block or for each call of a function, and leaves it as it was before."""

    def __new__(cls, *args, **options):
        if len(args) == 1 and not options and callable(args[0]):  # @no_grad without parentheses
            return cls()(args[0])
        return super().__new__(cls)

    def __enter__(self):
        self._before.append(self._enter())
        return self

    def __exit__(self, *exception):
        self._leave(self._before.pop())

    def __call__(self, function):
        @functools.wraps(function)
        def wrapper(*args, **options):
            with self:
                return function(*args, **options)

        return wrapper


class set_grad_enabled(_Mode):
    """Records operations of this thread, or not: at once, and as a context manager until its end.

    >>> with weft.set_grad_enabled(False):
    ...     weft.is_grad_enabled()
    False
    """

    def __init__(self, mode):
        self._mode = bool(mode)
        self._before = []
        self._outer = _autograd._set_grad_enabled(self._mode)

    def __enter__(self):
        self._before.append(self._outer)
        _autograd._set_grad_enabled(self._mode)
        return self

    def _leave(self, before):
        _autograd._set_grad_enabled(before)

    def __call__(self, function):
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

    def __init__(self):
        self._before = []

    def _enter(self):
        return _autograd._set_grad_enabled(self._value)

    def _leave(self, before):
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
    """

    def __init__(self, mode=True):
        self._mode = bool(mode)
        self._before = []

    def _enter(self):
        if not self._mode:
            return None
        return _autograd._set_inference(True), _autograd._set_grad_enabled(False)

    def _leave(self, before):
        if before is not None:
            _autograd._set_inference(before[0])
            _autograd._set_grad_enabled(before[1])


class detect_anomaly(_Mode):
    """Checks every gradient for NaN during backward(), and names the operation that made one and
    the line of Python that called it."""

    def __init__(self, check_nan=True):
        self._check = bool(check_nan)
        self._before = []

    def _enter(self):
        return _autograd._set_anomaly_enabled(self._check)

    def _leave(self, before):
        _autograd._set_anomaly_enabled(before)


class autocast(_Mode):
    """Matrix products and convolutions compute in a half dtype, what needs range in float32.

    device_type: "cpu". dtype: weft.bfloat16 (the default) or weft.float16.
    """

    def __init__(self, device_type="cpu", dtype=None, enabled=True):
        _weft.device(device_type)  # its error
        self._guard = _autograd._Autocast(dtype or _weft.bfloat16, bool(enabled))
        self._before = []

    def _enter(self):
        self._guard.enter()

    def _leave(self, before):
        self._guard.leave()
