"""Every message that names a row: its index in arrays and data frames, its number in files, never the other way."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ranvier as rv
from ranvier.errors import RanvierError

ROWS, AT = 60, 40
RANDOM = np.random.default_rng(0)
QUICK: dict[str, Any] = {"recipe": "plain", "hidden": (2,), "epochs": 1, "engine": "reference"}
NUMBERS = [f"{value:.4f}" for value in RANDOM.normal(size=ROWS)]
LABELS = ["yes", "no"] * (ROWS // 2)
AMOUNTS, BITS = [str(at % 7 + 0.5) for at in range(ROWS)], ["0", "1", "1"] * (ROWS // 3)
DAYS = [f"2024-{1 + day // 28:02d}-{1 + day % 28:02d}" for day in range(ROWS)]


def odd(cells: list[str], cell: str) -> list[str]:
    return [*cells[:AT], cell, *cells[AT + 1 :]]


Case = tuple[dict[str, list[str]], str, dict[str, Any]]
CASES: dict[str, Case] = {
    "a word among numbers": ({"x": odd(NUMBERS, "n.b."), "y": LABELS}, "y", {}),
    "a word, a number asked for": ({"x": odd(LABELS, "1"), "y": LABELS}, "y", {"kinds": {"x": "number"}}),
    "no date": ({"x": NUMBERS, "d": odd(DAYS, "soon"), "y": LABELS}, "y", {}),
    "an infinity": ({"x": odd(NUMBERS, "inf"), "y": LABELS}, "y", {}),
    "a far value": ({"x": odd(NUMBERS, "1e9"), "y": LABELS}, "y", {}),
    "a far target": ({"x": NUMBERS, "y": odd(NUMBERS, "1e9")}, "y", {}),
    "a word as target": ({"x": NUMBERS, "y": odd(NUMBERS, "dear")}, "y", {}),
    "the same, left out": ({"x": NUMBERS, "y": odd(NUMBERS, "dear")}, "y", {"skip_bad_rows": True}),
    "a huge target": ({"x": NUMBERS, "y": odd(NUMBERS, "1e200")}, "y", {}),
    "a target outside": (
        {"x": NUMBERS, "y": odd(AMOUNTS, "-3")},
        "y",
        {"loss": "poisson"},
    ),
    "no label": (
        {"x": NUMBERS, "a": odd(BITS, "2"), "b": BITS[::-1]},
        "a,b",
        {"task": "multilabel"},
    ),
    "a time that is none": ({"x": NUMBERS, "d": odd(LABELS, "soon"), "y": LABELS}, "y", {"split": "time:d"}),
}
WAYS: dict[str, Callable[[dict[str, list[str]]], Any]] = {
    "polars": pl.DataFrame,
    "pandas": pd.DataFrame,
    "dict": dict,
    "list of dicts": lambda table: pl.DataFrame(table).to_dicts(),
}


def message(data: Any, case: Case) -> str:
    """The error or the notes of a training, and of a look at the same."""
    _, target, options = case
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            lines = rv.train(data, target.split(","), **options, **QUICK).report.notes
        except RanvierError as error:
            lines = [str(error)]
    return "\n".join([*lines, *(str(entry.message) for entry in caught)])


@pytest.mark.parametrize("name", CASES)
def test_the_row_is_named_as_its_source_names_rows(name: str, tmp_path: Path) -> None:
    table = CASES[name][0]
    pl.DataFrame(table).write_csv(tmp_path / "table.csv")
    in_file = message(str(tmp_path / "table.csv"), CASES[name])
    first = 1 if name in ("a word, a number asked for", "a time that is none") else AT + 1
    assert re.search(rf"\brow {first}\b", in_file), in_file
    assert "row index" not in in_file
    for way, made in WAYS.items():
        in_memory = message(made(table), CASES[name])
        assert f"row index {first - 1}" in in_memory, (way, in_memory)
        assert not re.search(r"\brow \d", in_memory), (way, in_memory)


def arrays() -> dict[str, Callable[[], Any]]:
    """Calls on plain arrays of which one number, at row index 40, is wrong."""
    X, y = RANDOM.normal(size=(ROWS, 2)), RANDOM.normal(size=ROWS)
    infinite, far, missing, negative = X.copy(), y.copy(), y.copy(), np.abs(y)
    infinite[AT, 1], far[AT], missing[AT], negative[AT] = np.inf, 1e9, np.nan, -1
    network = rv.Network(2, [rv.Dense(1)])
    fitted = rv.train(X, y, **QUICK)
    return {
        "train, infinite": lambda: rv.train(infinite, y, **QUICK),
        "train, far": lambda: rv.train(X, far, **QUICK),
        "train, poisson": lambda: rv.train(X, negative, loss="poisson", **QUICK),
        "Regressor, poisson": lambda: rv.Regressor(loss="poisson", **QUICK).fit(X, negative),
        "Regressor, missing": lambda: rv.Regressor(**QUICK).fit(X, missing),
        "Network, missing": lambda: network.fit(X, missing, epochs=1, engine="reference"),
        "Network, infinite": lambda: network.fit(infinite, y, epochs=1, engine="reference"),
        "predict, infinite": lambda: fitted.predict(infinite),
        "evaluate, missing": lambda: fitted.evaluate(X, missing),
    }


@pytest.mark.parametrize("name", list(arrays()))
def test_arrays_have_indices(name: str) -> None:
    try:
        text = "\n".join(arrays()[name]().report.notes)
    except RanvierError as error:
        text = str(error)
    except ValueError as error:  # scikit-learn's own sentence on infinite inputs
        text = str(error)
    assert f"row index {AT}" in text, text
    assert not re.search(r"\brow \d", text), text
