"""Rows in the order of time that are divided by chance are said to be so."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from ranvier.data import prepare
from ranvier.data.splitting.split_rule import split_rule

SAID = 'The rows stand in the order of "day", and test rows were drawn from among them.'
DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(days=2 * at) for at in range(60)]
ORDERS: dict[str, list[Any]] = {
    "dates": DAYS,
    "backwards": DAYS[::-1],
    "strings": [day.strftime("%d.%m.%Y") for day in DAYS],
    "several rows a day": sorted([*DAYS[:50], *DAYS[:10]]),
}
OTHERS: dict[str, list[Any]] = {
    "any order": [DAYS[at * 7 % 60] for at in range(60)],
    "few days": sorted(DAYS[:12] * 5),
    "one out of order": [*DAYS[:50], *DAYS[:50:-1], DAYS[50]],
    "absent days": [*DAYS[:59], None],
}


def notes(days: list[Any], **options: Any) -> tuple[str, ...]:
    values = np.random.default_rng(0).normal(size=len(days))
    return prepare(pl.DataFrame({"day": days, "x": values[::-1], "y": values}), "y", **options).notes


@pytest.mark.parametrize("name", ORDERS)
def test_rows_in_the_order_of_time_are_named(name: str) -> None:
    (note,) = (note for note in notes(ORDERS[name], test=0.2) if SAID in note)
    assert note.endswith("--split time:day.")


@pytest.mark.parametrize("name", OTHERS)
def test_other_rows_are_not(name: str) -> None:
    assert not any(SAID in note for note in notes(OTHERS[name], test=0.2))


@pytest.mark.parametrize("options", [{"test": 0.2, "rule": split_rule("time:day", None)}, {"test": 0.0}])
def test_nothing_is_said_where_time_divides_them_or_nobody_tests(options: dict[str, Any]) -> None:
    assert not any(SAID in note for note in notes(DAYS, **options))
