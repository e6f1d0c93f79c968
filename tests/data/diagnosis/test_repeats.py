"""Test rows that stand among the training rows, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ranvier.data.preparation import prepare

RANDOM = np.random.default_rng(0)
ROWS = 1000
TABLE = pl.DataFrame(
    {
        "size": RANDOM.normal(size=ROWS).round(6),
        "colour": RANDOM.choice(["red", "green", "blue"], ROWS),
        "price": RANDOM.normal(size=ROWS).round(6),
    }
)


def repeats(table: pl.DataFrame, **options: Any) -> list[str]:
    findings = prepare(table, "price", **{"validation": 0.0, **options}).findings
    return [finding.evidence for finding in findings if finding.kind == "duplicates"]


def test_copies_are_counted_and_different_rows_are_not() -> None:
    assert repeats(TABLE) == []
    (evidence,) = repeats(pl.concat([TABLE, TABLE[:400]]))
    count, total = (int(word.replace(",", "")) for word in (evidence.split()[0], evidence.split()[3]))
    assert total == 280
    assert 0.3 * total < count < 0.75 * total


def test_a_test_file_that_was_trained_on() -> None:
    assert repeats(TABLE, test_source=TABLE[:100])[0].startswith("100 of the 100 test rows")
    other = TABLE[:100].with_columns(price=pl.col("price") + 1)
    assert repeats(TABLE, test_source=other) == []


@pytest.mark.parametrize("column", ["kept", "left out"])
def test_only_inputs_and_target_count(column: str) -> None:
    table = pl.concat([TABLE, TABLE[:400]]).with_columns(number=pl.int_range(pl.len()) * 1.5)
    ignored = {"ignore": ["number"]} if column == "left out" else {}
    assert len(repeats(table, **ignored)) == (column == "left out")


def test_arrays_are_compared_and_a_few_copies_are_not_reported() -> None:
    array = np.tile(RANDOM.normal(size=(400, 3)), (2, 1))
    findings = prepare(array[:, :2], array[:, 2], validation=0.0).findings
    assert [finding.kind for finding in findings] == ["duplicates"]
    assert repeats(pl.concat([TABLE, TABLE[:2]])) == []
