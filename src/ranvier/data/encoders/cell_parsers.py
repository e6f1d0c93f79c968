"""The cells of one row, read without making columns: what they say is what the encoders of their columns read.

A cell that is anything but plain text, a number, true or false, a date or missing is left to them.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

from ranvier.data import parsing

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
EXACT = 2**53
NAN = float("nan")
MICROSECOND = timedelta(microseconds=1)
START = datetime(1970, 1, 1)


class NotPlain(Exception):  # noqa: N818 - it is a message between two functions and never reaches a user
    """A cell is left to the encoder of its column."""


def number(cell: Any) -> float:
    """A cell as a number, NaN where missing.

    Raises:
        NotPlain: only the encoder of its column can read it.

    >>> number(" 2.5"), number(True)
    (2.5, 1.0)
    """
    kind = type(cell)
    if kind is int and -EXACT < cell < EXACT:
        return float(cell)
    if cell is None:
        return NAN
    if kind is bool:
        return float(cell)
    if kind is float:
        return float(cell)
    if kind is str:
        said = parsing.stripped(cell)
        if said is None:
            return NAN
        if NUMBER.fullmatch(said):
            return float(said)
    raise NotPlain


def word(cell: Any) -> str | None:
    """A cell as stripped text, None where missing.

    Raises:
        NotPlain: only the encoder of its column can read it.

    >>> word(" Private "), word(2.0), word("?")
    ('Private', '2', None)
    """
    kind = type(cell)
    if kind is str:
        return parsing.stripped(cell)
    if cell is None:
        return None
    if kind is bool:
        return "true" if cell else "false"
    if kind is int and -EXACT < cell < EXACT:
        return str(cell)
    if kind is float:
        if cell != cell:
            return None
        if abs(cell) < EXACT and cell == int(cell):
            return str(int(cell))
    raise NotPlain


def truth(cell: Any) -> float:
    """A cell as 1 for true and 0 for false, NaN where missing.

    Raises:
        NotPlain: only the encoder of its column can read it, or refuse it.

    >>> truth("Yes"), truth(False)
    (1.0, 0.0)
    """
    said = word(cell)
    if said is None:
        return NAN
    known = parsing.TRUTH.get(said.lower())
    if known is None:
        raise NotPlain
    return known


def parts(cell: Any) -> dict[str, float] | None:
    """The parts of a date, None where it is missing.

    Raises:
        NotPlain: only the encoder of its column can read it.

    >>> parts(date(2024, 2, 29))["weekday"]
    4.0
    """
    kind = type(cell)
    if cell is None or (kind is float and cell != cell):
        return None
    if kind is date:
        moment = datetime(cell.year, cell.month, cell.day)
    elif kind is datetime and cell.tzinfo is None:
        moment = cell
    else:
        raise NotPlain
    return {
        "year": float(moment.year),
        "month": float(moment.month),
        "day": float(moment.day),
        "weekday": float(moment.isoweekday()),
        "hour": moment.hour + moment.minute / 60.0,
        "elapsed days": ((moment - START) // MICROSECOND) / (1e6 * parsing.SECONDS_PER_DAY),
    }
