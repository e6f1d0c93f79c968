"""Inferring how the dates of a column are written, from its different cells."""

from __future__ import annotations

import polars as pl

from ranvier.data.cells.date_format import DAY_FIRST, MONTH_FIRST, ORDERS, DateFormat, are_missing_dates, day_and_month
from ranvier.data.cells.number_inference import few
from ranvier.records import record

SAMPLE = 200
MAYBE_A_DATE = (
    r"^(?:[0-9]{1,4}[-/.][0-9A-Za-zä]|.*(?i:jan|feb|mar|mär|mrz|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez))"
)


@record
class WrittenDates:
    """How the dates of a column are written.

    Fields:
        format: what reads them.
        ambiguous: whether every cell could have the day or the month first.
    """

    format: DateFormat
    ambiguous: bool = False


def infer_date_format(
    counts: pl.DataFrame, order: str | None = None, decimal_commas: bool | None = None
) -> WrittenDates | None:
    """How the dates of a column are written; None where the cells are not nearly all dates.

    Where every cell could have the day or the month first, points between the numbers, as in 3.4.2021, and a file with
    decimal commas speak for the day; else the month is taken to be first.

    Parameters:
        counts: what `different_strings` gives of the clean strings.
        order: "day-first" or "month-first" where the user knows.
        decimal_commas: whether numbers of the table have decimal commas.

    >>> infer_date_format(pl.DataFrame({"value": ["31/12/2020", "1/2/2021"], "rows": [1, 1]})).format.order
    'day-first'
    """
    counts = counts.filter(~are_missing_dates(counts["value"]))
    strings = counts["value"]
    sample = strings.head(SAMPLE)
    if 2 * int(sample.str.contains(MAYBE_A_DATE).sum()) <= len(sample):
        return None
    numbers = day_and_month(strings)
    if numbers["first"].null_count() == len(numbers):
        return _checked(counts, "", False)
    if order is not None:
        return _checked(counts, order, False)
    unread = {choice: DateFormat(choice).read_strings(strings).is_null() for choice in ORDERS}
    wrong = {choice: int(unread[choice].sum()) for choice in ORDERS}
    if wrong[DAY_FIRST] != wrong[MONTH_FIRST]:
        return _checked(counts, min(ORDERS, key=lambda choice: wrong[choice]), False)
    european = bool(decimal_commas) or bool((numbers["sign"].drop_nulls() == ".").all())
    same = bool((numbers["first"] == numbers["middle"]).fill_null(True).all())
    return _checked(counts, DAY_FIRST if european else MONTH_FIRST, not same)


def _checked(counts: pl.DataFrame, order: str, ambiguous: bool) -> WrittenDates | None:
    """The format, if it reads nearly all cells."""
    unread = DateFormat(order).read_strings(counts["value"]).is_null()
    if not few(unread, counts["rows"]):
        return None
    return WrittenDates(DateFormat(order, bool(unread.any())), ambiguous)
