"""Numbers that users give as options: of Python, of NumPy or another library, or arrays without axes."""

from __future__ import annotations

import operator
from typing import Any

TIMES = ("m", "M")
"""NumPy's kinds of time spans and dates, which are no numbers although they convert to integers."""


def plain_scalar(value: Any) -> Any:
    """A scalar of NumPy or another library, or an array without axes, as Python's own value; others as they are.

    >>> import numpy as np
    >>> plain_scalar(np.int64(3)), plain_scalar(np.array("relu")), plain_scalar((1, 2))
    (3, 'relu', (1, 2))
    """
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return value
    if _is_time(value):
        return value
    plain = value.item()
    return float(plain) if getattr(getattr(plain, "dtype", None), "kind", None) == "f" else plain  # longdouble


def as_number(value: Any) -> float | None:
    """A number as a float; None for everything else, of which booleans, texts and arrays with axes are a part.

    >>> import numpy as np
    >>> as_number(np.float32(0.5)), as_number(np.array(2)), as_number("0.5"), as_number(True), as_number([0.5])
    (0.5, 2.0, None, None, None)
    """
    if type(value) is float:
        return value
    value = plain_scalar(value)
    if isinstance(value, (bool, str, bytes, bytearray)) or hasattr(value, "__len__") or _is_time(value):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def as_integer(value: Any) -> int | None:
    """An integer as an int; None for everything else, such as 3.0.

    >>> import numpy as np
    >>> as_integer(np.uint8(3)), as_integer(np.array(3)), as_integer(3.0), as_integer(False), as_integer(None)
    (3, 3, None, None, None)
    """
    if type(value) is int:
        return value
    value = plain_scalar(value)
    if isinstance(value, bool) or hasattr(value, "__len__") or _is_time(value):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _is_time(value: Any) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", None) in TIMES
