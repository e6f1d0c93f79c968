"""The order in which people count: "2" before "10"."""

from __future__ import annotations

import re
from typing import Any

DIGITS = re.compile(r"(\d+)")


def natural_key(text: str) -> tuple[Any, ...]:
    """A key that sorts texts by their words and by the values of the numbers in them; equal for equal texts only.

    >>> sorted(["class10", "class2", "Class1", "10", "9"], key=natural_key)
    ['9', '10', 'Class1', 'class2', 'class10']
    """
    parts = DIGITS.split(text.casefold())
    words = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)
    return words, text
