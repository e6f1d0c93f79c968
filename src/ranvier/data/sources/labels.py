"""Cells that are labels: members of declared categories, and Python values that print as a label."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import PurePath
from typing import Any

import polars as pl

from ranvier.data.cells.parsing import no_single_value

LABEL_TYPES = (enum.Enum, uuid.UUID, PurePath, IPv4Address, IPv6Address, IPv4Network, IPv6Network)
PANDAS_LABELS = ("Interval", "Period")
VALUE_TYPES = (str, int, float, Decimal, Fraction, date, time, timedelta, type(None))
"""Types of cells that are no labels; dates with times are dates."""


def is_label(cell_type: type) -> bool:
    """Whether cells of this type print as a label, such as an interval, a path or a member of an enumeration.

    >>> is_label(uuid.UUID), is_label(float)
    (True, False)
    """
    from_pandas = cell_type.__name__ in PANDAS_LABELS and cell_type.__module__.split(".")[0] == "pandas"
    return issubclass(cell_type, LABEL_TYPES) or from_pandas


def check_types(name: str, types: Iterable[type]) -> None:
    """Raise a `DataError` where cells of a column are of a type that is no single value, such as a list.

    >>> check_types("x", {int, str})
    """
    for cell_type in types:
        if not issubclass(cell_type, VALUE_TYPES) and not is_label(cell_type):
            raise no_single_value(name, cell_type.__name__)


def labels(name: str, cells: Sequence[Any]) -> pl.Series:
    """A column of categories from Python values, None where missing; numbers are written as in a text file.

    >>> labels("shop", [3, 17.0, None, True]).to_list()
    ['3', '17', None, 'true']
    """
    return pl.Series(name, [None if cell is None else _label(cell) for cell in cells], dtype=pl.Categorical)


def _label(cell: Any) -> str:
    """How a cell is written."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if type(cell) is float and cell.is_integer():
        return str(int(cell))
    return str(cell)


def with_categories(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The frame with columns as categories that were declared as such and read as their values.

    >>> with_categories(pl.DataFrame({"shop": [3, 17]}), ["shop"])["shop"].to_list()
    ['3', '17']
    """
    categories = (pl.Categorical, pl.Enum)
    read = [name for name in names if name in frame.columns and frame.schema[name] not in categories]
    return frame.with_columns(labels(name, frame[name].to_list()) for name in read)
