"""Dates in a target column: a network predicts labels or numbers, so they are labels, or refused with what to do."""

from __future__ import annotations

from collections.abc import Iterable

ADVICE = (
    "To predict when, give a number in their place, such as days since the first of them; or a label, such as the month"
)
SAMPLE = 1000


def are_dates(labels: Iterable[object]) -> bool:
    """Whether nearly all of different labels are strings that read as dates.

    >>> are_dates(["2021-01-31", "2021-02-28"]), are_dates(["low", "high"]), are_dates([1, 2])
    (True, False, False)
    """
    import polars as pl

    from ranvier.data.cells.date_inference import infer_date_format
    from ranvier.data.cells.different_strings import different_strings

    strings = [label for _, label in zip(range(SAMPLE), labels, strict=False) if isinstance(label, str)]
    if not strings or not any(any(map(str.isdigit, label)) for label in strings):
        return False
    return infer_date_format(different_strings(pl.Series(strings))) is not None


def dates_note(name: str, labels: Iterable[object]) -> str | None:
    """That dates are taken for classes; None for other labels.

    >>> print(dates_note("due", ["2021-01-31", "2021-02-28"]).split(". ")[0])
    The target "due" holds dates, each of them a class without an order
    >>> dates_note("size", ["S", "M"]) is None
    True
    """
    if not are_dates(labels):
        return None
    return f'The target "{name}" holds dates, each of them a class without an order. {ADVICE}.'
