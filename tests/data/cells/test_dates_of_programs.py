"""Dates as SAS, statistical offices and loggers write them; midnight as 24:00; years of two digits."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from ranvier.data.cells.date_format import LAST_YEAR, DateFormat
from ranvier.data.columns.kind_inference import infer_column

BEGIN = datetime(2023, 11, 25, 22, 15, 10)
TIMES = [BEGIN + timedelta(days=7 * n) for n in range(40)]
FORMS = {
    "%d%b%Y": "%Y-%m-%d",
    "%d%b%y": "%Y-%m-%d",
    "%d%b%Y:%H:%M:%S": "%Y-%m-%d %H:%M:%S",
    "%YM%m": "%Y-%m-01",
    "%Y%m%d %H%M": "%Y-%m-%d %H:%M",
    "%Y%m%d_%H%M%S": "%Y-%m-%d %H:%M:%S",
    "%Y-%j": "%Y-%m-%d",
    "%Y-%jT%H:%M:%S": "%Y-%m-%d %H:%M:%S",
}


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read(form: str, upper: bool) -> None:
    cells = [time.strftime(form).upper() if upper else time.strftime(form) for time in TIMES]
    column = infer_column(pl.Series("when", cells)).column
    expected = [datetime.fromisoformat(time.strftime(FORMS[form])) for time in TIMES]
    assert column.kind == "date"
    assert column.date_format.read(pl.Series(cells))[0].to_list() == expected


@pytest.mark.parametrize("form", ["{}/{}", "{}-{}", "{}\u2013{}", "FY{}-{}", "{} / {}"])
def test_a_season_is_the_year_in_which_it_begins(form: str) -> None:
    cells = pl.Series("season", [form.format(year, f"{(year + 1) % 100:02d}") for year in range(1985, 2024)])
    column = infer_column(cells).column
    assert column.kind == "date"
    assert column.date_format.read(cells)[0].to_list() == [datetime(year, 1, 1) for year in range(1985, 2024)]
    alone = DateFormat.stored_in({"date_format": column.date_format.to_dict()}).read(pl.Series(["2011/12"]))
    assert alone[0].to_list() == [datetime(2011, 1, 1)]


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("month", ["2011/12", "2012/01", "2012/02"], "date"),
        ("case", [f"20{20 + at // 30}-{at % 30 + 1:03d}" for at in range(90)], "drop"),
        ("date", [f"2020-{at + 1:03d}" for at in range(90)], "date"),
        ("part", [f"{1200 + at * 37}-{400 + at * 7}" for at in range(60)], "drop"),
    ],
)
def test_months_stay_months_and_counters_are_no_days(name: str, cells: list[str], kind: str) -> None:
    column = infer_column(pl.Series(name, cells)).column
    assert (column.kind, column.date_format.seasons) == (kind, False)


@pytest.mark.parametrize(("form", "order"), [("%d/%m/%Y", "day-first"), ("%m/%d/%Y", "month-first")])
@pytest.mark.parametrize("day", [1, 5, 12])
def test_dates_once_a_month_have_the_day_that_stays_the_same(form: str, order: str, day: int) -> None:
    cells = pl.Series("when", [datetime(1980 + at // 12, at % 12 + 1, day).strftime(form) for at in range(30)])
    column = infer_column(cells)
    assert column.column.date_format.order == order
    assert column.ambiguous


@pytest.mark.parametrize("days", [range(10, 13), range(1, 13)])
def test_days_of_one_month_are_no_months(days: range) -> None:
    cells = pl.Series("when", [f"7/{day}/14 18:{minute}" for day in days for minute in range(10, 20)])
    assert infer_column(cells).column.date_format.order == "month-first"


def test_no_year_has_more_days() -> None:
    cells = pl.Series(["2020-366", "2021-366", "2021-000"])
    assert DateFormat().read(cells)[0].to_list() == [datetime(2020, 12, 31), None, None]


@pytest.mark.parametrize(
    "form", ["{:%Y-%m-%d} {}", "{:%Y-%m-%dT}{}", "{:%d.%m.%Y} {}", "{:%d/%m/%Y} {}", "{:%B %d, %Y} {}"]
)
@pytest.mark.parametrize("midnight", ["24:00", "24:00:00"])
def test_midnight_at_the_end_of_a_day(form: str, midnight: str) -> None:
    cells = pl.Series("when", [form.format(time, midnight) for time in TIMES])
    column = infer_column(cells).column
    next_days = [datetime(time.year, time.month, time.day) + timedelta(days=1) for time in TIMES]
    assert column.date_format.read(cells)[0].to_list() == next_days


@pytest.mark.parametrize("hour", ["24:01", "24:00:01", "25:00"])
def test_no_hour_is_later(hour: str) -> None:
    assert DateFormat().read(pl.Series([f"2024-01-02 {hour}"]))[0].to_list() == [None]


YEARS = {
    "births": ([*range(40, 100)], 1940, 1999),
    "births up to now": ([*range(30, 100), *range(6)], 1930, 2005),
    "around 2000": ([*range(90, 100), *range(26)], 1990, 2025),
    "of the last years": ([*range(20, 30)], 2020, 2029),
    "of the eighties": ([*range(80, 90)], 1980, 1989),
    "to come": ([*range(30, 60)], 2030, 2059),
    "all": ([*range(100)], 1969, 2068),
}


@pytest.mark.parametrize("name", YEARS)
@pytest.mark.parametrize("form", ["{:02d}/{:02d}/{:02d}", "{:02d}.{:02d}.{:02d}", "{:02d}-{:02d}-{:02d}"])
def test_years_of_two_digits_lie_close_together(name: str, form: str) -> None:
    digits, first, last = YEARS[name]
    cells = pl.Series("born", [form.format(1 + n % 28, 1 + n % 12, digits[n % len(digits)]) for n in range(200)])
    column = infer_column(cells).column
    years = column.date_format.read(cells)[0].dt.year()
    assert (years.min(), years.max()) == (first, last)
    stored = DateFormat.stored_in({"date_format": column.date_format.to_dict()})
    assert stored.read(cells[:1])[0].dt.year().to_list() == [years[0]]


def test_years_of_four_digits_stay_and_earlier_formats_load() -> None:
    form = DateFormat("day-first", last_year=2005)
    assert form.read(pl.Series(["1/2/2040", "1/2/40"]))[0].dt.year().to_list() == [2040, 1940]
    assert DateFormat.stored_in({"date_format": {"order": "", "odd": False}}).last_year == LAST_YEAR
