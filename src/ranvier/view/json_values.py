"""Numbers as JSON has them: it knows neither NaN nor infinities."""

from __future__ import annotations

import math
from typing import Any


def finite_or_none(value: Any) -> Any:
    """The value, and None for a float that is NaN or infinite.

    >>> finite_or_none(0.5), finite_or_none(float("nan")), finite_or_none("a")
    (0.5, None, 'a')
    """
    return None if isinstance(value, float) and not math.isfinite(value) else value
