"""Dates taken apart by templates: the same as what the patterns read."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ranvier.data.cells.date_format import ORDERS, DateFormat, parse_written_dates
from ranvier.data.cells.date_parts import BLOCK, MAX_WIDTH, date_parts

DATES = (
    *("{d}/{m}/{y}", "{d}-{m}-{y}", "{d}.{m}.{y}", "{y}/{m}/{d}", "{y}-{m:02}-{d:02}", "{d}/{m}-{y}", "{d}/{m}/{s:02}"),
    *("{m:02}/{d:02}/{s:02}", "Mon, {d} Sep {y}", "{d:02}-OCT-{s:02}", "{d}th of March, {y}", "december {d}, {y}"),
    *("{y} May {d}", "Jun {y}", "{y}-{m}", "{m}/{y}", "{y}{m:02}{d:02}", "{y}", "1{y}-{m:02}-{d:02}", "{d}/{m}/7"),
    *("{d}. März {y}", "{d} {m} {y}", "Friday {d}/{m}/{y}", "{s:02}-{m:02}-{d:02}"),
)
TIMES = (
    *("", " {h}:{i:02}", "T{h:02}:{i:02}:{c:02}", " {h}:{i:02}:{c:02}.{y}", ", {h}:{i:02} PM", " at {h}:{i:02}"),
    *(
        "T{h:02}:{i:02}:{c:02}Z",
        " {h:02}:{i:02}:{c:02}+02:00",
        " {h:02}:{i:02} UTC",
        " {h}:{i:02}:{c:02}.12-0500",
        " x",
    ),
)


def _strings(rows: int, seed: int) -> pl.Series:
    """Dates and times in all forms, many of which are none: day 0 and 31 February, month 13, hour 25."""
    draw = np.random.default_rng(seed)
    strings = []
    for _ in range(rows):
        numbers = {"d": draw.integers(0, 33), "m": draw.integers(0, 14), "y": draw.integers(1890, 2080)}
        numbers |= {"s": draw.integers(0, 100), "h": draw.integers(0, 26), "i": draw.integers(0, 62)}
        form = DATES[draw.integers(len(DATES))] + TIMES[draw.integers(len(TIMES))]
        strings.append(form.format(**numbers, c=draw.integers(0, 63)))
    return pl.Series("day", [*strings, None, "", "soon", "é/1/2020", "0000-00-00", "9999-12-31", "0001-01-01"])


@pytest.mark.parametrize("order", ["", *ORDERS])
def test_parts_give_the_times_that_the_patterns_give(order: str) -> None:
    strings = _strings(6000, 7)
    parts = date_parts(strings)
    expected = parse_written_dates(strings, order)
    matched_rows = pl.Series(parts.matched)
    times = parts.times({"day-first": True, "month-first": False}.get(order))
    assert matched_rows.sum() > 3000
    assert times.filter(matched_rows).to_list() == expected.filter(matched_rows).to_list()
    assert times.filter(~matched_rows).null_count() == (~matched_rows).sum()
    assert DateFormat(order).read_strings(strings).to_list()[:-1] == expected.to_list()[:-1]


def test_strings_of_one_template_and_of_several_blocks_give_the_same() -> None:
    days = pl.Series(["25/09/2021 07:05", "01/12/2020 23:59"])
    many = days.new_from_index(0, BLOCK).append(days.new_from_index(1, 3))
    times = date_parts(many).times(True)
    expected = parse_written_dates(days, "day-first")
    assert times.unique().sort().to_list() == expected.sort().to_list()
    assert times.tail(4).to_list() == [expected[0], *[expected[1]] * 3]


@pytest.mark.parametrize(
    "string", ["25/9-2021", "2021-9", "5 mär 2021", "2021" + " " * MAX_WIDTH + "x", "1/2/3", "٢٥/9/2021", ""]
)
def test_what_is_left_to_the_patterns_has_no_parts(string: str) -> None:
    parts = date_parts(pl.Series([string, None]))
    assert not parts.iso.any()
    assert parts.times(True).null_count() == 2 - int(string == "2021-9")


@pytest.mark.parametrize(
    ("string", "iso"),
    [
        ("2021-09-25", True),
        ("2021-09-25T10:30", True),
        ("2021-09-25 10:30:00.123456789 +02:00", True),
        ("2021-09-25Z", True),
        ("2021-9-25", False),
        ("2021/09/25", False),
        ("25-09-2021", False),
    ],
)
def test_dates_of_iso_8601_are_known_by_their_template(string: str, iso: bool) -> None:
    assert date_parts(pl.Series([string])).iso.tolist() == [iso]
