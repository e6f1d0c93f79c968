"""Arranging rows: the same rows in any order and any way of counting give the same rows in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as some

from ranvier.data import Arrays, Table
from ranvier.data.splitting.canonical_order import canonical_order

CELLS = some.sampled_from([0.0, -0.0, 1.5, -2.0, np.nan])
WORDS = some.sampled_from(["a", "b", "", None])
ROWS = some.lists(some.tuples(CELLS, CELLS, WORDS, some.integers(0, 2), some.integers(0, 3)), min_size=1, max_size=12)


def arranged(source: Any, values: Any, weight: Any = None) -> tuple[Any, Any, Any]:
    """The rows in canonical order, their targets and their weights."""
    index, weights = canonical_order(source, values, weight)
    return source.take(index), values[index], weights


def table(rows: list[tuple[Any, ...]]) -> Table:
    return Table(pl.DataFrame({"x": [row[0] for row in rows], "word": [row[2] for row in rows]}), "the rows")


def array(rows: list[tuple[Any, ...]]) -> Arrays:
    return Arrays(np.array([row[:2] for row in rows], np.float64), None, "the rows", (2,))


def cells(source: Any) -> str:
    return repr((source.inputs + 0.0).tolist() if isinstance(source, Arrays) else (source.frame.rows()))


@given(ROWS, some.randoms())
def test_neither_order_nor_repetition_matters(rows: list[tuple[Any, ...]], chance: Any) -> None:
    if not any(row[4] for row in rows):
        return
    mixed = list(rows)
    chance.shuffle(mixed)
    repeated = [row for row in rows for _ in range(row[4])]
    weights = np.array([row[4] for row in mixed], np.float64)
    for make in (array, table):
        a, y_a, w_a = arranged(make(mixed), np.array([row[3] for row in mixed]), weights)
        b, y_b, w_b = arranged(make(repeated), np.array([row[3] for row in repeated]))
        assert (w_a, w_b) == (None, None)
        assert y_a.tolist() == y_b.tolist()
        assert cells(a).replace("-0.0", "0.0") == cells(b).replace("-0.0", "0.0")


def test_fractional_weights_stay_and_rows_of_weight_zero_are_left_out() -> None:
    rows = Arrays(np.arange(4.0)[:, None], None, "the rows", (1,))
    source, values, weight = arranged(rows, np.array(list("abcd"), object), np.array([0.5, 0.0, 1.0, 2.0]))
    assert weight is not None
    assert isinstance(source, Arrays)
    weight_of = {(x, y): w for x, y, w in zip(source.inputs[:, 0], values, weight, strict=True)}
    assert weight_of == {(0.0, "a"): 0.5, (2.0, "c"): 1.0, (3.0, "d"): 2.0}


def test_large_integer_weights_stay_weights() -> None:
    rows = Arrays(np.arange(2.0)[:, None], None, "the rows", (1,))
    source, _, weight = arranged(rows, np.array([0, 1]), np.array([1000.0, 1.0]))
    assert source.rows == 2
    assert weight is not None
    assert sorted(weight.tolist()) == [1.0, 1000.0]
