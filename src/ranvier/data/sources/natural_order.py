"""The order in which people count: "2" before "10"."""

from __future__ import annotations

import re
from typing import Any
from unicodedata import decimal

DIGITS = re.compile(r"(\d+)")


def natural_key(text: str) -> tuple[Any, ...]:
    """A key that sorts texts by their words and by the values of the numbers in them; equal for equal texts only.

    >>> sorted(["class10", "class2", "Class1", "10", "9"], key=natural_key)
    ['9', '10', 'Class1', 'class2', 'class10']
    >>> natural_key("2" * 5000) < natural_key("10" * 5000)
    True
    """
    parts = DIGITS.split(text.casefold())
    return tuple(_number(part) if part.isdecimal() else (1, 0, part) for part in parts if part), text


def _number(digits: str) -> tuple[int, int, str]:
    """What sorts numbers, also those of more digits than `int` takes: of two the one with more digits is larger."""
    plain = "".join(str(decimal(digit)) for digit in digits).lstrip("0")
    return 0, len(plain), plain
