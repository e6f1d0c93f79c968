"""What kind of values each column of a table holds, and why.

The kind is a property of the whole table (a whole number is a whole number in every row), so it is read from all rows;
what is learned from values (means, scales, lists of categories) is read from training rows only, by the encoders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from ranvier.data import parsing
from ranvier.errors import DataError, InputError, nearest
from ranvier.records import record

USED = ("number", "boolean", "category", "date")
SET_ASIDE = ("identifier", "constant", "empty", "text")
KINDS = USED + SET_ASIDE
FEW_VALUES = 10
FEWEST_ROWS = 10
ID_WORDS = {"id", "ids", "uuid", "guid", "pid", "identifier", "rownames", "index"}


@record
class ColumnPlan:
    """What a column holds.

    Fields:
        name: the column's name.
        kind: "number", "boolean", "category" or "date"; or one that is set aside: "identifier", "constant", "empty"
            or "text".
        reason: why, in words.
        missing: the number of missing cells.
        distinct: the number of different values, missing ones left out.
        commas: whether the cells of a number have commas between thousands.

    >>> ColumnPlan("age", "number", "numbers", 0, 73).used
    True
    """

    name: str
    kind: str
    reason: str
    missing: int
    distinct: int
    commas: bool = False

    @property
    def used(self) -> bool:
        """Whether the column goes into the network."""
        return self.kind in USED

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        return {name: getattr(self, name) for name in ("name", "kind", "reason", "missing", "distinct", "commas")}

    def plain(self, cells: pl.Series) -> pl.Series:
        """The cells of this column as its encoder reads them.

        >>> ColumnPlan("price", "number", "numbers", 0, 9, commas=True).plain(pl.Series(["1,250"])).to_list()
        ['1250']
        """
        return parsing.without_commas(cells) if self.commas else cells


def infer_columns(
    frame: pl.DataFrame, ignore: Iterable[str] = (), overrides: Mapping[str, str] | None = None
) -> tuple[ColumnPlan, ...]:
    """Say what each column holds.

    Parameters:
        frame: the table.
        ignore: columns to leave out, for example the target.
        overrides: column name -> kind, where the person knows better.

    Raises:
        DataError: an infinite value; a cell that an override does not allow; cells that are not single values.
        InputError: an unknown column or kind, or no column that can be used.

    >>> frame = pl.DataFrame({"age": ["39", "?", "50"], "sex": ["Male", "Female", "Male"]})
    >>> [(plan.name, plan.kind, plan.missing) for plan in infer_columns(frame)]
    [('age', 'number', 1), ('sex', 'category', 0)]
    """
    wanted = dict(overrides or {})
    left_out = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    for name in (*left_out, *wanted):
        if name not in frame.columns:
            raise DataError(f'There is no column "{name}". {nearest(name, frame.columns)}')
    for name, kind in wanted.items():
        if kind not in KINDS:
            raise InputError(f'Column "{name}" cannot be of kind {kind!r}. {nearest(str(kind), KINDS)}')
    plans = []
    for series in frame.iter_columns():
        if series.name in left_out:
            continue
        plans.append(_asked(series, wanted[series.name]) if series.name in wanted else _inferred(series))
    if not plans:
        raise InputError("No input column is left: each is the target or ignored. Give more columns, or ignore fewer.")
    if not any(plan.used for plan in plans):
        plans = [_kept(plan, frame[plan.name]) if plan.name not in wanted else plan for plan in plans]
    if not any(plan.used for plan in plans):
        listed = "; ".join(f"{plan.name}: {plan.reason}" for plan in plans[:5])
        raise InputError(f"No column is left to learn from besides the target ({listed}).")
    return tuple(plans)


def _kept(plan: ColumnPlan, series: pl.Series) -> ColumnPlan:
    """An identifier of whole numbers stays a number when nothing else is there to learn from."""
    if plan.kind != "identifier" or parsing.numbers(series)[1] is not None:
        return plan
    reason = "whole numbers that are all different, kept because no other column can be used"
    return ColumnPlan(plan.name, "number", reason, plan.missing, plan.distinct)


def _asked(series: pl.Series, kind: str) -> ColumnPlan:
    """The plan that an override asks for, if the cells allow it."""
    readers = {
        "number": (parsing.numbers, "a number"),
        "boolean": (parsing.booleans, "true or false"),
        "date": (parsing.moments_in_time, "a date like 2024-02-29"),
    }
    if kind in readers:
        reader, expected = readers[kind]
        values, wrong = reader(series)
        if wrong is not None:
            raise parsing.refuse(series, wrong, expected)
        if isinstance(values, np.ndarray):
            _refuse_infinite(series, values)
            present = values[~np.isnan(values)]
            return ColumnPlan(series.name, kind, "as asked", len(values) - present.size, int(np.unique(present).size))
    words = parsing.text(series)
    return ColumnPlan(series.name, kind, "as asked", words.null_count(), words.drop_nulls().n_unique())


def _inferred(series: pl.Series) -> ColumnPlan:
    """The plan that the cells speak for."""
    parsing.check_dtype(series)
    name, dtype = series.name, series.dtype
    if dtype == pl.Boolean:
        missing, distinct = series.null_count(), series.drop_nulls().n_unique()
        return _settled(name, "boolean", "true and false", len(series), missing, distinct)
    if dtype in (pl.Date, pl.Datetime):
        missing, distinct = series.null_count(), series.drop_nulls().n_unique()
        return _settled(name, "date", "dates", len(series), missing, distinct)
    if not parsing.is_text(series):
        return _number(series, parsing.numbers(series)[0])
    words = parsing.text(series)
    if words.null_count() == len(words):
        return ColumnPlan(name, "empty", "every cell is missing", len(words), 0)
    different = words.unique(maintain_order=True)
    if parsing.numbers(different)[1] is None and not different.str.contains(r"^[+-]?0\d").any():
        return _number(series, parsing.numbers(words)[0])
    if parsing.parts_thousands(different):
        plan = _number(series, parsing.numbers(parsing.without_commas(words))[0])
        return replace(plan, reason=f"{plan.reason}, with commas between thousands", commas=plan.used)
    return _words(name, words, different.drop_nulls())


def _settled(name: str, kind: str, reason: str, rows: int, missing: int, distinct: int) -> ColumnPlan:
    """The plan, unless the column is empty or says the same in every row."""
    if missing == rows:
        return ColumnPlan(name, "empty", "every cell is missing", missing, 0)
    if distinct == 1 and missing == 0 and rows > 1:
        return ColumnPlan(name, "constant", "the same value in every row", missing, distinct)
    return ColumnPlan(name, kind, reason, missing, distinct)


def _number(series: pl.Series, values: np.ndarray) -> ColumnPlan:
    """The plan of a column of numbers: a number, or an identifier that counts."""
    _refuse_infinite(series, values)
    present = values[~np.isnan(values)]
    missing = len(values) - present.size
    different = np.unique(present)
    distinct = int(different.size)
    whole = bool((present == np.round(present)).all())
    reason = "whole numbers" if whole else "numbers"
    if whole and distinct <= FEW_VALUES:
        reason = f"whole numbers; only {distinct} different ones, still a number because their order may matter"
    if whole and distinct == present.size and present.size >= FEWEST_ROWS:
        counts = different[0] in (0.0, 1.0) and different[-1] - different[0] == distinct - 1
        called = bool(ID_WORDS & set(_name_words(series.name)))
        if counts or called:
            reason = "whole numbers that count the rows" if counts else "whole numbers, all different, named like an id"
            return ColumnPlan(series.name, "identifier", reason, missing, distinct)
    return _settled(series.name, "number", reason, len(values), missing, distinct)


def _name_words(name: str) -> list[str]:
    """The words in a name like "PassengerId" or "customer_id", in small letters."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def _refuse_infinite(series: pl.Series, values: np.ndarray) -> None:
    place = parsing.first_infinite(values)
    if place is not None:
        raise parsing.refuse(series, place, "a finite number")


def _words(name: str, words: pl.Series, different: pl.Series) -> ColumnPlan:
    """The plan of a column of text that is not all numbers, from all of its words and from the different ones."""
    rows, missing, distinct = len(words), words.null_count(), len(different)
    if parsing.moments_in_time(different)[1] is None:
        return _settled(name, "date", "dates written as in ISO 8601", rows, missing, distinct)
    if distinct == 2 and {word.lower() for word in different.to_list()} in parsing.WORD_PAIRS:
        return _settled(name, "boolean", "two words for true and false", rows, missing, distinct)
    present = words.drop_nulls() if missing else words
    if len(present) >= FEWEST_ROWS and 2 * distinct > len(present):
        length = float(present.str.len_chars().mean())  # type: ignore[arg-type]
        gaps = float(present.str.count_matches(" ").mean())  # type: ignore[arg-type]
        if length >= 20 and gaps >= 2:
            reason = f"free text, which is not read yet; {distinct:,} different texts"
            return ColumnPlan(name, "text", reason, missing, distinct)
        if distinct == len(present):
            return ColumnPlan(name, "identifier", "every value is different", missing, distinct)
    return _settled(name, "category", f"{distinct:,} different words", rows, missing, distinct)
