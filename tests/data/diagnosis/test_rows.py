"""Repeated rows, conflicting labels, identifiers and rare classes, in frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ranvier.data import open_source
from ranvier.data.diagnosis.columns import identifiers, imbalance
from ranvier.data.diagnosis.finding import Finding, in_order
from ranvier.data.diagnosis.parts import with_target
from ranvier.data.diagnosis.repeats import conflicting_labels, repeated_across, repeated_within
from ranvier.data.diagnosis.table import input_frame
from ranvier.network.task import Task

GENERATOR = np.random.default_rng(0)
ROWS = pl.DataFrame({"a": GENERATOR.normal(size=200), "b": GENERATOR.integers(0, 9, 200)})
TASK = Task("binary", 1, ("no", "yes"), ("y",))


def test_rows_of_two_parts() -> None:
    assert repeated_across({"training": ROWS[:150], "test": ROWS[150:]}) == []
    (finding,) = repeated_across({"training": ROWS, "validation": ROWS[:0], "test": ROWS[150:]})
    assert finding.evidence == "50 of the 50 test rows stand among the training rows, too."


def test_a_column_that_is_called_like_the_target_counts() -> None:
    rows = pl.DataFrame({"a": [1] * 20, "target 0": range(20)})
    assert repeated_within(with_target(rows, np.zeros(20))) == []
    (finding,) = repeated_within(with_target(rows.drop("target 0"), np.zeros(20)))
    assert finding.evidence.startswith("19 rows repeat")


def test_rows_of_one_table() -> None:
    assert repeated_within(ROWS) == []
    assert repeated_within(pl.concat([ROWS, ROWS[:2]])) == [], "two copies are a coincidence"
    (finding,) = repeated_within(pl.concat([ROWS, ROWS[:9]]))
    assert finding.evidence.startswith("9 rows repeat")
    assert repeated_within(pl.DataFrame({"a": [[1.0]] * 50})) == [], "lists are not compared"


def test_labels_that_conflict() -> None:
    same = pl.concat([ROWS, ROWS[:10]])
    labels = np.array(["no"] * 200 + ["yes"] * 10, object)
    (finding,) = conflicting_labels(same, labels, TASK)
    assert finding.evidence.startswith("20 of 210 rows")
    assert "95.2 %" in finding.evidence
    assert conflicting_labels(same, np.array(["no"] * 210, object), TASK) == []
    assert conflicting_labels(same, np.zeros(210), Task("regression", 1, target_names=("y",))) == []


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (GENERATOR.permutation(200) + 17, True),
        ([str(at) for at in range(200)], True),
        (np.arange(200) * 7, False),
        (GENERATOR.integers(0, 50, 200), False),
        (GENERATOR.normal(size=200), False),
    ],
)
def test_columns_that_number_the_rows(cells: Any, expected: bool) -> None:
    actual = identifiers(ROWS.with_columns(pl.Series("c", cells)))
    assert [finding.column for finding in actual] == (["c"] if expected else [])


def test_rare_classes() -> None:
    assert imbalance(np.array(["no"] * 90 + ["yes"] * 10, object), TASK) == []
    assert "7 rows of 100 (7 %)" in imbalance(np.array(["no"] * 93 + ["yes"] * 7, object), TASK)[0].evidence
    several = Task("multiclass", 3, ("a", "b", "c"), ("y",))
    assert imbalance(np.array(["a"] * 60 + ["b"] * 30 + ["c"] * 4, object), several) == []
    assert imbalance(np.array(["a"] * 60 + ["b"] * 30 + ["c"] * 2, object), several) != []
    assert imbalance(np.zeros(100), Task("regression", 1, target_names=("y",))) == []


def test_arrays_are_columns_too() -> None:
    frame = input_frame(open_source(np.ones((3, 2))))
    assert frame is not None
    assert frame.columns == ["x0", "x1"]
    assert input_frame(open_source(np.ones((3, 2001)))) is None


def test_findings_are_records() -> None:
    finding = Finding("drift", "a", "It moved.", "Numbers need not hold.", "Look.")
    assert Finding.from_dict(finding.to_dict()) == finding
    assert in_order([finding, Finding("leaking_column", "b", "", "", "")])[0].kind == "leaking_column"
