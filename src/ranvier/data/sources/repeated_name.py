"""Names that must differ, such as those of columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def repeated_name(names: Iterable[str]) -> str | None:
    """The first name that stands there more than once; None where all differ.

    >>> repeated_name(["age", "sex", "age"]), repeated_name(["age", "sex"])
    ('age', None)
    """
    return next((name for name, count in Counter(names).items() if count > 1), None)
