"""Warnings that name the line of the user's code that called this package, however deep within it they are given."""

from __future__ import annotations

import sys
import warnings


def warn(message: str | Warning, category: type[Warning] | None = None) -> None:
    """As `warnings.warn`, with the line of the innermost caller outside of this package.

    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("The rows are few.")
    >>> str(caught[0].message)
    'The rows are few.'
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "ranvier":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
