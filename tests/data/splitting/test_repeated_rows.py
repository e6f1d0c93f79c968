"""Test rows that stand among the training rows, too."""

from __future__ import annotations

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


def notes_of(table: pl.DataFrame, **options: object) -> list[str]:
    return [note for note in prepare(table, "price", **options).notes if "repeat a training row" in note]  # type: ignore[arg-type]


def test_copies_are_counted_and_different_rows_are_not() -> None:
    assert notes_of(TABLE) == []
    (note,) = notes_of(pl.concat([TABLE, TABLE[:400]]))
    count, total = (int(word.replace(",", "")) for word in (note.split()[0], note.split()[2]))
    assert total == 280
    assert 0.3 * total < count < 0.75 * total


def test_a_test_file_that_was_trained_on() -> None:
    assert notes_of(TABLE, test_source=TABLE[:100], validation=0.0)[0].startswith("100 of 100 test rows")
    other = TABLE[:100].with_columns(price=pl.col("price") + 1)
    assert notes_of(TABLE, test_source=other) == []


@pytest.mark.parametrize("column", ["kept", "left out"])
def test_only_inputs_and_target_count(column: str) -> None:
    table = pl.concat([TABLE, TABLE[:400]]).with_columns(number=pl.int_range(pl.len()) * 1.5)
    ignored = {"ignore": ["number"]} if column == "left out" else {}
    assert len(notes_of(table, **ignored)) == (column == "left out")


def test_arrays_and_small_tables_say_nothing() -> None:
    small = pl.concat([TABLE[:100], TABLE[:100]])
    assert notes_of(small) == []
    array = np.tile(RANDOM.normal(size=(400, 2)), (2, 1))
    assert not any("repeat a training row" in note for note in prepare(array, array[:, 0]).notes)
