"""Digests of training rows recognize them however they are written, and say nothing of rows that repeat by chance."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ranvier.data import infer_schema, open_source
from ranvier.data.diagnosis.trained_rows import MAX_STORED, digests, n_trained, trained_rows

ROWS = 400
DRAW = np.random.default_rng(7)
FRAME = pl.DataFrame(
    {
        "size": DRAW.normal(size=ROWS).round(3),
        "day": [f"2024-0{1 + at % 9}-1{at % 7}" for at in range(ROWS)],
        "paid": ["yes" if at % 3 else "no" for at in range(ROWS)],
        "town": [f"town {at % 11}" for at in range(ROWS)],
    }
)
LABELS = np.array([f"c{at % 4}" for at in range(ROWS)], object)
COLUMNS = infer_schema(FRAME)


def of(frame: pl.DataFrame, labels: np.ndarray = LABELS) -> np.ndarray:
    hashed = digests(open_source(frame), COLUMNS, labels)
    assert hashed is not None
    return hashed


def test_rows_are_the_same_however_they_are_written() -> None:
    usual = of(FRAME)
    assert len(set(usual.tolist())) == ROWS
    typed = FRAME.with_columns(
        pl.col("day").str.to_date(), pl.col("paid") == "yes", pl.col("town").cast(pl.Categorical)
    )
    text = FRAME.with_columns(pl.col("size").map_elements(lambda size: f" {size:.6f}", pl.String))
    assert (of(typed) == usual).all()
    assert (of(text) == usual).all()


@pytest.mark.parametrize("column", FRAME.columns)
def test_another_cell_or_label_is_another_row(column: str) -> None:
    assert not (of(FRAME.with_columns(pl.lit(None).alias(column))) == of(FRAME)).any()
    assert not (of(FRAME, np.roll(LABELS, 1)) == of(FRAME)).any()


def test_of_many_rows_some_digests_are_stored_and_the_number_is_estimated() -> None:
    rows = DRAW.integers(0, 1 << 40, 20 * MAX_STORED, dtype=np.uint64)
    stored = trained_rows([rows[: 10 * MAX_STORED], rows[10 * MAX_STORED :]])
    new = np.r_[rows[:6000], DRAW.integers(0, 1 << 40, 2000, dtype=np.uint64)]
    count, exact = n_trained(stored, new)
    assert not exact
    assert abs(count - 6000) < 4 * 8000 * np.sqrt(0.75 * 0.25 / (8000 / 20))
    assert n_trained(stored, new[6000:]) == (0, True)


def test_rows_that_repeat_anyway_say_nothing() -> None:
    rows = np.repeat(np.arange(50, dtype=np.uint64), 4)
    assert n_trained(trained_rows([rows]), rows[:60]) == (0, True)


def test_what_cannot_be_compared_has_none() -> None:
    vectors = pl.DataFrame({"v": [[1.0, 2.0], [3.0, 4.0]] * 5})
    assert digests(open_source(vectors), infer_schema(vectors), np.zeros(10)) is None
    assert trained_rows([None]) == trained_rows([]) == {}
    assert n_trained({}, np.arange(3, dtype=np.uint64)) == n_trained(
        trained_rows([np.arange(3, dtype=np.uint64)]), None
    )
