"""Rows divided by time and by group: in parts, in folds and in what is said of them."""

from __future__ import annotations

import datetime
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.data import Prepared, prepare
from ranvier.data.splitting.split_rule import SplitRule, split_rule, time_parts
from ranvier.errors import InputError
from ranvier.network.task import Task
from ranvier.recipes.out_of_fold import member_splits
from ranvier.rows.split import part_sizes, split_groups

ROWS = 120
RANDOM = np.random.default_rng(3)
SHUFFLED = RANDOM.permutation(ROWS)
DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(days=int(day) // 2) for day in SHUFFLED]
TIMES: dict[str, list[Any]] = {
    "dates": DAYS,
    "text": [day.isoformat() for day in DAYS],
    "numbers": [float(number) for number in SHUFFLED // 2],
    "day first": [day.strftime("%d/%m/%Y") for day in DAYS],
    "points": [day.strftime("%d.%m.%Y") for day in DAYS],
    "month first, two digits": [f"{day.month}/{day.day}/{day:%y} {day.day % 24}:30" for day in DAYS],
    "names of months": [f"{day:%B} {day.day}, {day.year}" for day in DAYS],
    "decimal commas": [f"{number // 2},5" for number in SHUFFLED],
    "units": [f"{number // 2} days" for number in SHUFFLED],
    "moments": [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=int(hour) // 2) for hour in SHUFFLED],
}


def table(**columns: Any) -> pl.DataFrame:
    x = RANDOM.normal(size=ROWS)
    return pl.DataFrame({"x": x, "y": x * 2 + 1, "label": np.where(x > 0.3, "yes", "no"), **columns})


def parts(prepared: Prepared) -> list[Any]:
    return [prepared.train_rows, prepared.validation_rows, prepared.test_rows]


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("target", ["y", "label"])
def test_the_latest_rows_are_test_rows(kind: str, target: str) -> None:
    prepared = prepare(table(when=TIMES[kind]), target, ignore=["when"], rule=SplitRule(time="when"))
    spans = [(SHUFFLED[rows] // 2).tolist() for rows in parts(prepared)]
    assert max(spans[0]) < min(spans[1])
    assert max(spans[1]) < min(spans[2])
    assert [len(rows) for rows in parts(prepared)] == [84, 12, 24]
    note = next(note for note in prepared.notes if note.startswith('Rows are divided by "when"'))
    assert all(name in note for name in ("training", "validation", "test"))


def test_a_requested_order_of_day_and_month_decides() -> None:
    when = [f"{day % 12 + 1}/{day // 12 + 1}/2024" for day in (SHUFFLED // 10).tolist()]
    for order, key in (("day-first", (1, 0)), ("month-first", (0, 1))):
        prepared = prepare(table(when=when), "y", kinds={"when": f"date:{order}"}, rule=SplitRule(time="when"))
        train, _, test = (
            {tuple(int(when[row].split("/")[part]) for part in key) for row in rows.tolist()}
            for rows in parts(prepared)
        )
        assert max(train) < min(test)


def test_a_part_alone_is_read_as_the_whole() -> None:
    """The latest rows could have the month first; the others say that the day is."""
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=int(day)) for day in SHUFFLED]
    days = [day if day < datetime.date(2024, 4, 1) else datetime.date(2024, 5 + day.day % 8, 5) for day in days]
    prepared = prepare(table(when=[day.strftime("%d/%m/%Y") for day in days]), "y", rule=SplitRule(time="when"))
    spans = [[days[row] for row in rows.tolist()] for rows in parts(prepared)]
    assert max(spans[0]) < min(spans[1])
    assert max(spans[1]) < min(spans[2])
    note = next(note for note in prepared.notes if note.startswith('Rows are divided by "when"'))
    assert f"test {min(spans[2]):%d/%m/%Y} to {max(spans[2]):%d/%m/%Y}" in note


def test_rows_without_a_time_are_learned_from() -> None:
    when = [None if row % 10 == 0 else value for row, value in enumerate(TIMES["dates"])]
    prepared = prepare(table(when=when), "y", rule=SplitRule(time="when"))
    assert {row for row in range(ROWS) if row % 10 == 0} <= set(prepared.train_rows.tolist())
    assert any("12 training rows have no time" in note for note in prepared.notes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.floats(0.01, 0.4), st.floats(0.01, 0.4))
def test_no_time_is_in_two_parts(times: list[int], validation: float, test: float) -> None:
    sizes = part_sizes(len(times), np.array([1 - validation - test, validation, test]))
    rows = time_parts(np.array(times, float), sizes)
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(times)))
    values = [{times[row] for row in part} for part in rows]
    for earlier, later in ((0, 1), (1, 2), (0, 2)):
        assert not values[earlier] or not values[later] or max(values[earlier]) < min(values[later])


@pytest.mark.parametrize("target", ["y", "label"])
@pytest.mark.parametrize("names", ["text", "numbers"])
def test_groups_stay_together(target: str, names: str) -> None:
    group = RANDOM.integers(0, 25, ROWS)
    cells = [f"patient {number}" for number in group] if names == "text" else group
    prepared = prepare(table(patient=cells), target, rule=SplitRule(group="patient"))
    members = [set(group[rows].tolist()) for rows in parts(prepared)]
    assert all(members)
    assert [len(a & b) for a, b in combinations(members, 2)] == [0, 0, 0]
    assert "patient" not in [column.name for column in prepared.columns]
    assert any(note.startswith('Rows of the same "patient" stay together: ') for note in prepared.notes)
    assert abs(len(prepared.test_rows) - 24) <= 12  # type: ignore[arg-type]


def test_folds_keep_groups_together() -> None:
    group = RANDOM.integers(0, 9, ROWS)
    prepared = prepare(table(patient=group), "label", validation=0.0, rule=SplitRule(group="patient"))
    rows = prepared.train
    assert rows.groups is not None
    folds = list(member_splits(prepared.task, rows, None, 12, 10, 0))
    assert len(folds) == 12
    left_out = set()
    for learned, held in folds:
        assert held is not None
        assert len(held) * len(learned) > 0
        assert not set(learned.groups.tolist()) & set(held.groups.tolist())
        left_out |= set(held.groups.tolist())
    assert left_out == set(rows.groups.tolist())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(0, 9), st.booleans())
def test_every_row_is_in_one_part(groups: list[int], seed: int, labelled: bool) -> None:
    labels = np.arange(len(groups)) % 3 if labelled else None
    rows = split_groups(np.array(groups), (0.6, 0.0, 0.4), seed, labels)
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(groups)))
    assert len(rows[1]) == 0
    assert not {groups[row] for row in rows[0]} & {groups[row] for row in rows[2]}
    assert len(set(groups)) < 2 or (len(rows[0]) and len(rows[2]))


def test_fractions_are_kept_where_groups_are_many() -> None:
    groups = RANDOM.integers(0, 200, 2000)
    labels = RANDOM.random(2000) < 0.2
    train, test = split_groups(groups, (0.8, 0.2), 5, labels)
    assert len(test) == pytest.approx(400, abs=20)
    assert labels[test].sum() == pytest.approx(labels.sum() * 0.2, abs=8)
    assert len(split_groups(groups, (0.8, 0.2), 6)[1]) == pytest.approx(400, abs=20)
    assert train.tolist() != split_groups(groups, (0.8, 0.2), 6, labels)[0].tolist()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "another word": ({"split": "date"}, '"time:COLUMN"'),
    "no column": ({"split": "time:"}, '"time:COLUMN"'),
    "both": ({"split": "time:when", "group": "patient"}, "not both"),
    "unknown column": ({"split": "time:wen"}, 'no column "wen". Did you mean "when"'),
    "unknown group": ({"group": "patent"}, 'no column "patent". Did you mean "patient"'),
    "words": ({"split": "time:label"}, '"label" has'),
    "one time": ({"split": "time:one"}, "more different times"),
    "one group": ({"group": "one"}, "has 1 group,"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_divide_rows_is_refused(name: str) -> None:
    options, message = BAD[name]
    frame = table(when=DAYS, patient=RANDOM.integers(0, 9, ROWS), one=["2024-01-01"] * ROWS)
    with pytest.raises(InputError) as caught:
        prepare(frame, "y", rule=split_rule(options.get("split"), options.get("group")))
    assert message in str(caught.value)


def test_arrays_have_no_column_to_divide_by() -> None:
    with pytest.raises(InputError, match="no column names"):
        prepare(RANDOM.normal(size=(20, 2)), np.arange(20) / 3, rule=SplitRule(group="patient"))


def test_the_positive_class_is_the_second() -> None:
    assert prepare(table(), "label").task.classes == ("no", "yes")
    assert prepare(table(), "label", positive="no").task.classes == ("yes", "no")
    numbers = pl.DataFrame({"x": RANDOM.normal(size=40), "y": [0, 1] * 20})
    for positive in (0, "0", 0.0):
        assert prepare(numbers, "y", positive=positive).task.classes == (1, 0)
    assert prepare(numbers.with_columns(pl.col("y").cast(bool)), "y", positive=False).task.classes == (True, False)
    given_task = Task("binary", 1, (0, 1), ("y",))
    assert prepare(numbers.drop("y"), numbers["y"], task=given_task, positive=0).task.classes == (1, 0)


@pytest.mark.parametrize(
    ("target", "positive", "message"),
    [("label", "si", 'no class "si"'), ("y", "no", "is a regression task"), ("three", "a", "has 3 classes")],
)
def test_a_positive_class_that_is_none_is_refused(target: str, positive: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        prepare(table(three=["a", "b", "c"] * 40), target, positive=positive)
    assert message in str(caught.value)
