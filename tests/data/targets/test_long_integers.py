"""Integers of a target that float64 does not hold are classes as they are written, or numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data import open_source, prepare
from ranvier.data.encoders.target_values import plain_values

ROWS = 60
BEYOND = [2**63 + 5, 2**63 + 6, 2**64 - 1]
NEAR = [2**53, 2**53 + 1]
AS_TEXT = tuple(sorted(map(str, BEYOND)))
HUGE = [10**30 + 1, 10**30 + 2]
TARGETS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "uint64 of NumPy": (np.array(BEYOND * 20, np.uint64), AS_TEXT),
    "UInt64 of polars": (pl.Series(BEYOND * 20, dtype=pl.UInt64), AS_TEXT),
    "integers of Python": (BEYOND * 20, AS_TEXT),
    "strings": ([str(number) for number in BEYOND * 20], AS_TEXT),
    "strings of int64": ([str(number) for number in NEAR * 30], tuple(NEAR)),
    "int64": (np.array(NEAR * 30), tuple(NEAR)),
    "int64 and missing cells": ([*NEAR, None] * 20, tuple(map(str, NEAR))),
    "strings and missing cells": ([*map(str, NEAR), ""] * 20, tuple(map(str, NEAR))),
    "huge integers": (HUGE * 30, tuple(map(str, HUGE))),
    "Int128": (pl.Series(HUGE * 30, dtype=pl.Int128), tuple(map(str, HUGE))),
}


@pytest.mark.parametrize("name", TARGETS)
def test_classes_are_exact(name: str) -> None:
    values, classes = TARGETS[name]
    source = open_source({"x": np.arange(ROWS) / 7, "y": values})
    assert prepare(source, target="y").task.classes == classes


def test_different_numbers_are_a_regression() -> None:
    numbers = [2**63 + 2**20 * n for n in range(ROWS)]
    assert plain_values(np.array(numbers, np.uint64)).tolist() == [float(number) for number in numbers]
    assert prepare({"x": np.arange(ROWS), "y": numbers}, target="y").task.kind == "regression"


def test_an_estimator_gives_the_classes_back() -> None:
    X, y = np.arange(ROWS)[:, None] % 3 / 1.0, np.array(BEYOND * 20, np.uint64)
    model = rv.Classifier(recipe="plain", epochs=2, hidden=[4], engine="reference").fit(X, y)
    assert model.classes_.tolist() == BEYOND
    assert set(model.predict(X).tolist()) <= set(BEYOND)
    assert 0.0 <= model.score(X, y) <= 1.0
