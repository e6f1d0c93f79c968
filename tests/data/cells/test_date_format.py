"""Dates in the usual forms; whether day or month comes first is inferred from all cells, kept, and can be requested."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.data import TableEncoder, encoder_from_dict, infer_schema
from ranvier.data.cells.date_format import MONTHS, DateFormat, parse_written_dates
from ranvier.data.columns.schema import ColumnSchema
from ranvier.errors import DataError, InputError

DAYS = [datetime.date(2019, 12, 27) + datetime.timedelta(days=11 * row) for row in range(30)]
FORMS: dict[str, tuple[str, str]] = {
    # how a date is written -> the order that is inferred
    "day first": ("%d/%m/%Y", "day-first"),
    "month first": ("%m/%d/%Y", "month-first"),
    "points": ("%d.%m.%Y", "day-first"),
    "hyphens": ("%d-%m-%Y", "day-first"),
    "short years": ("%m/%d/%y", "month-first"),
    "year first": ("%Y/%m/%d", ""),
    "year first with points": ("%Y.%m.%d", ""),
    "month in words": ("%B %d, %Y", ""),
    "month in words behind": ("%d %b %Y", ""),
    "hyphenated words": ("%d-%b-%y", ""),
    "year and words": ("%Y-%b-%d", ""),
    "weekday": ("%a, %d %b %Y", ""),
    "ISO": ("%Y-%m-%d", ""),
}


def dates(cells: list[str], **options: Any) -> ColumnSchema:
    return infer_schema(
        pl.DataFrame({"it": cells, "other": [0.5, 1.0] * (len(cells) // 2) + [2.0] * (len(cells) % 2)}), **options
    )[0]


@pytest.mark.parametrize("clock", ["", " 07:05", " 7:05", " 07:05:30", " 7:05 AM"])
@pytest.mark.parametrize("name", FORMS)
def test_dates_in_the_usual_forms(name: str, clock: str) -> None:
    written, order = FORMS[name]
    cells = [day.strftime(written) + clock for day in DAYS]
    column = dates(cells)
    assert (column.kind, column.date_format.order, column.notes) == ("date", order, ())
    times, wrong = column.date_format.read(pl.Series("it", cells))
    assert wrong is None
    assert times.dt.date().to_list() == DAYS
    assert set(times.dt.hour().to_list()) == {7 if clock else 0}


def _monday(day: datetime.date) -> datetime.date:
    return day - datetime.timedelta(days=day.weekday())


def _quarter(day: datetime.date) -> datetime.date:
    return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)


PERIODS: dict[str, tuple[Any, Any]] = {
    # a period as it is written -> its first day
    "week": (lambda day: "{}-W{:02}".format(*day.isocalendar()), _monday),
    "week without a hyphen": (lambda day: "{}W{:02}".format(*day.isocalendar()), _monday),
    "week in front": (lambda day: "KW {1}/{0}".format(*day.isocalendar()), _monday),
    "quarter": (lambda day: f"{day.year}Q{(day.month + 2) // 3}", _quarter),
    "quarter with a hyphen": (lambda day: f"{day.year}-Q{(day.month + 2) // 3}", _quarter),
    "quarter in front": (lambda day: f"Q{(day.month + 2) // 3} {day.year}", _quarter),
    "quarter of a short year": (lambda day: f"Q{(day.month + 2) // 3}'{day:%y}", _quarter),
    "month": (lambda day: f"{day:%Y-%m}", lambda day: day.replace(day=1)),
    "month of a short year": (lambda day: f"{day:%b-%y}", lambda day: day.replace(day=1)),
    "day of digits": (lambda day: f"{day:%Y%m%d}", lambda day: day),
    "day as an integer": (lambda day: int(f"{day:%Y%m%d}"), lambda day: day),
}


@pytest.mark.parametrize("name", PERIODS)
def test_periods_are_their_first_days(name: str) -> None:
    written, first = PERIODS[name]
    cells = [written(day) for day in DAYS]
    column = dates(cells)
    assert (column.kind, column.notes) == ("date", ())
    times, wrong = column.date_format.read(pl.Series("it", cells))
    assert wrong is None
    assert times.dt.date().to_list() == [first(day) for day in DAYS]


@pytest.mark.parametrize(
    "cells",
    [
        ["2021-W54", "2021-W60", "2021-W77"],
        ["2021Q5", "2021Q7", "2021Q9"],
        ["Q7", "Q8", "Q9"],
        ["20210230", "20210301", "20210302"],
        ["20211301", "20210301", "20210302"],
        ["W1", "W2", "W3"],
    ],
)
def test_what_is_no_period_is_no_date(cells: list[str]) -> None:
    assert dates(cells * 10).kind != "date"


@pytest.mark.parametrize("zone", ["Z", " UTC", "+02:00", " +0200", " GMT", " CET", ".250Z"])
def test_the_local_hour_is_kept(zone: str) -> None:
    cells = [f"{day.isoformat()}T13:45:10{zone}" for day in DAYS]
    times = dates(cells).date_format.read(pl.Series(cells))[0]
    assert times.dt.time().to_list() == [datetime.time(13, 45, 10)] * len(DAYS)


@pytest.mark.parametrize("odd", ["0000-00-00", "00/00/0000", "NULL", "n/a", "unknown", "-", "someday", "2020-02-30"])
def test_one_odd_cell_leaves_a_date_a_date(odd: str) -> None:
    cells = [*(day.isoformat() for day in DAYS), odd]
    column = dates(cells)
    assert (column.kind, column.missing) == ("date", 1)
    assert column.notes == (f'Column "it": 1 cell counts as missing: "{odd}" in row 31.',)
    frame = pl.DataFrame({"it": cells})
    encoder = TableEncoder.fit(frame, [column])
    many = encoder.transform(frame)
    assert np.isfinite(many).all()
    restored = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert restored.transform({"it": odd}).tobytes() == many[-1].tobytes()


def test_an_order_that_cannot_be_seen_is_reported_and_can_be_requested() -> None:
    cells = [f"{1 + row % 12}/{1 + row % 7}/2021" for row in range(40)]
    column = dates(cells)
    assert column.date_format.order == "month-first"
    assert column.notes == (
        'Column "it": the month was taken to be first, as in 12/31/2024; if the day is: --kind it=date:day-first.',
    )
    assert dates(cells, decimal_commas=True).date_format.order == "day-first"
    requested = dates(cells, overrides={"it": "date:day-first"})
    assert (requested.date_format.order, requested.notes) == ("day-first", ())
    with pytest.raises(InputError, match="After date: stands one of: day-first, month-first"):
        dates(cells, overrides={"it": "date:american"})


def test_the_order_is_kept_and_others_are_refused() -> None:
    frame = pl.DataFrame({"it": [day.strftime("%d/%m/%Y") for day in DAYS]})
    encoder = TableEncoder.fit(frame, infer_schema(frame))
    written, typed = (encoder.transform({"it": cell}) for cell in ("3/4/2020", datetime.date(2020, 4, 3)))
    assert written.tobytes() == typed.tobytes()
    with pytest.raises(DataError, match=r'"12/31/2020" at row index 0, where a date like 31/12/2024 \(day first\)'):
        encoder.transform({"it": "12/31/2020"})


def test_integers_are_dates_where_that_is_requested() -> None:
    frame = pl.DataFrame(
        {"it": [20200131 + row for row in (0, 100 - 30, 200 - 16)] * 5, "year": [1999, 2005, 2010] * 5}
    )
    schema = infer_schema(frame, overrides={"it": "date", "year": "date"})
    assert [column.kind for column in schema] == ["date", "date"]
    encoder = TableEncoder.fit(frame, schema)
    assert {"it: month", "year: year"} <= set(encoder.feature_names)


def test_a_far_date_does_not_hide_the_others() -> None:
    cells = [day.isoformat() for day in DAYS]
    plain, far = (TableEncoder.fit(pl.DataFrame({"it": rows})) for rows in (cells, [*cells, "9999-12-31"]))
    near = plain.transform({"it": cells})[:, -1]
    with_far = far.transform({"it": [*cells, "9999-12-31"]})
    column = [encoder.feature_names.index("it: elapsed days") for encoder in (plain, far)]
    np.testing.assert_array_equal(near, plain.transform({"it": cells})[:, column[0]])
    np.testing.assert_array_equal(with_far[:-1, column[1]], near)
    assert with_far.max() == 10.0


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(datetime.datetime(1000, 1, 1), datetime.datetime(9999, 12, 31)),
    st.sampled_from(["{d}/{m}/{y:04d} {t}", "{d}.{m}.{y:04d} {t}", "{b} {d}, {y:04d} {t}", "{d} {b} {y:04d} at {t}"]),
)
def test_dates_are_read_as_they_were_written(moment: datetime.datetime, form: str) -> None:
    month = {number: name for name, number in reversed(MONTHS.items())}[moment.month]
    parts = {"d": moment.day, "m": moment.month, "y": moment.year, "b": month.title(), "t": moment.strftime("%H:%M:%S")}
    read = parse_written_dates(pl.Series([form.format(**parts)]), "day-first")
    assert read.to_list() == [moment.replace(microsecond=0)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("0123456789/.-: apmJaunT", max_size=14), min_size=1, max_size=20))
def test_no_string_breaks_the_reader(cells: list[str]) -> None:
    for order in ("", "day-first", "month-first"):
        assert len(DateFormat(order).read(pl.Series("x", cells, dtype=pl.String))[0]) == len(cells)
