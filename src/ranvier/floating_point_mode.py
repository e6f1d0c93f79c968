"""The floating-point mode that everything is computed in: IEEE 754, rounded to nearest even, subnormal numbers kept.

Other code in the process may have set another mode in the calling thread, such as flush-to-zero by libraries that were
linked with -ffast-math, or another way to round by `fesetround`. Each public function that computes sets the usual mode
and restores the caller's at its end, so that the results have the same bits in any of them. Threads begin with the mode
of the thread that starts them: those started by such a function have the usual one, those of other libraries that
someone started before, such as the pool of polars, keep theirs.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial, wraps
from typing import Any, ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_Owner = TypeVar("_Owner")

_ONE = 1.0
_LITTLE = float.fromhex("0x1p-60")
"""Far below half of the distance from 1 to the next number on either side."""
_LARGER, _SMALLEST_NORMAL = float.fromhex("0x1.8p-1022"), float.fromhex("0x1p-1022")
"""Their difference is subnormal."""
_ENVIRONMENT_BYTES = 256
"""More than `fenv_t` has anywhere."""
_WINDOWS_MASK = 0x0300_0300
"""_MCW_RC and _MCW_DN: how to round, and whether subnormal numbers are kept. 0 is the usual mode of both."""


def is_usual_mode() -> bool:
    """Whether this thread rounds to nearest even and keeps subnormal operands and results.

    >>> is_usual_mode()
    True
    """
    # Rounding upwards changes the first sum, downwards and towards zero the second.
    return bool(_ONE + _LITTLE == _ONE == _ONE - _LITTLE and _LARGER - _SMALLEST_NORMAL)


@contextmanager
def usual_mode() -> Iterator[None]:
    """Run the body in the usual mode, and restore that of the caller.

    >>> with usual_mode():
    ...     is_usual_mode()
    True
    """
    enter, leave = _functions()
    before = enter()
    try:
        yield
    finally:
        leave(before)


def in_usual_mode(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """A function that runs in the usual mode, whatever that of its caller; it costs 0.1 us where that is the usual one.

    >>> in_usual_mode(abs)(-1)
    1
    """

    @wraps(function)
    def in_mode(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        # As in `is_usual_mode`, without a call.
        if _ONE + _LITTLE == _ONE == _ONE - _LITTLE and _LARGER - _SMALLEST_NORMAL:
            return function(*args, **kwargs)
        with usual_mode():
            return function(*args, **kwargs)

    return in_mode


def with_fast_path(
    fast: Callable[[_Owner, Any], _Result | None],
) -> Callable[[Callable[[_Owner, Any], _Result]], Callable[[_Owner, Any], _Result]]:
    """A method of one argument that runs in the usual mode, unless a fast one, whose result is not None, answers.

    Parameters:
        fast: gives the same bits in any mode, as compiled code does, which sets its own.

    >>> class Doubled:
    ...     def small(self, number: int) -> int | None:
    ...         return {0: 0, 1: 2}.get(number)
    ...     @with_fast_path(small)
    ...     def of(self, number: int) -> int:
    ...         return 2 * number
    >>> Doubled().of(1), Doubled().of(21)
    (2, 42)
    """

    def make(method: Callable[[_Owner, Any], _Result]) -> Callable[[_Owner, Any], _Result]:
        computed = in_usual_mode(method)

        @wraps(method)
        def either(self: _Owner, X: Any) -> _Result:
            result = fast(self, X)
            return computed(self, X) if result is None else result

        return either

    return make


@cache
def _functions() -> tuple[Callable[[], object], Callable[[object], object]]:
    """A function that sets the usual mode and gives the one before, and a function that restores that.

    On x86 they write the register MXCSR, on ARM the register FPCR; both have bits for subnormal numbers, too.
    """
    import ctypes

    if sys.platform == "win32":
        control = ctypes.CDLL("ucrtbase")._controlfp

        def change(mode: int) -> int:
            before = control(0, 0)
            control(mode, _WINDOWS_MASK)
            return int(before)

        return partial(change, 0), change
    # A Python with math as a part of it has the functions itself.
    library = ctypes.CDLL(getattr(math, "__file__", None))
    # What C calls FE_DFL_ENV.
    usual = ctypes.c_void_p(-1)
    if sys.platform == "darwin":
        usual = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.in_dll(library, "_FE_DFL_ENV")))

    def enter() -> object:
        before = ctypes.create_string_buffer(_ENVIRONMENT_BYTES)
        library.fegetenv(before)
        library.fesetenv(usual)
        return before

    return enter, library.fesetenv
