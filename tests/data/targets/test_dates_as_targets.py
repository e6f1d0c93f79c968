"""Days as a target: labels with a note, refused with what to do where each is another one; durations are seconds."""

from __future__ import annotations

import datetime

import polars as pl
import pytest

from ranvier.data.encoders.target_values import plain_values
from ranvier.data.encoders.task_inference import class_notes, infer_task
from ranvier.data.sources import open_source
from ranvier.data.targets.target_column import target_columns
from ranvier.errors import DataError, InputError

ADVICE = "To predict when, give a number in their place"


@pytest.mark.parametrize(
    "labels",
    [
        ["2021-01-31", "2021-02-28"],
        ["31.12.2020", "1.2.2021"],
        ["March 3, 2020", "May 1, 2021"],
        ["5/25/2021", "1/2/2021"],
    ],
)
def test_days_as_classes_are_said(labels: list[str]) -> None:
    (note,) = (note for note in class_notes(plain_values(labels * 3), "due") if "dates" in note)
    assert note.startswith('The target "due" holds dates, each of them a class without an order. ')
    assert ADVICE in note


@pytest.mark.parametrize("labels", [["low", "high"], ["1-2", "3-4"], ["A1", "B2"], ["10+", "5+"]])
def test_other_labels_are_not_called_dates(labels: list[str]) -> None:
    assert not any("dates" in note for note in class_notes(plain_values(labels * 3), "size"))


@pytest.mark.parametrize("kind", [None, "regression"])
def test_days_that_are_refused_say_what_to_do(kind: str | None) -> None:
    days = [f"2021-{1 + at // 28:02d}-{1 + at % 28:02d}" for at in range(60)]
    with pytest.raises((DataError, InputError), match=ADVICE):
        infer_task(days, kind)


def test_columns_of_days_are_refused_and_durations_are_seconds() -> None:
    day, hour = datetime.date(2021, 1, 31), datetime.timedelta(hours=1)
    source = open_source(
        pl.DataFrame({"day": [day, day], "took": [hour, None], "at": [datetime.time(1), datetime.time(2)]})
    )
    with pytest.raises(DataError, match=ADVICE):
        target_columns(source, ["day"])
    took, at = target_columns(source, ["took", "at"])
    assert took[0] == 3600.0
    assert took[1] != took[1]
    assert at.tolist() == [3600.0, 7200.0]
