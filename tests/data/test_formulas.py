"""Targets that are sums or products of columns are found, and others are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ranvier.data import NAMED, prepare
from ranvier.data.formulas import formula_of

RANDOM = np.random.default_rng(5)
ROWS = 300
NAMES = ["a", "b", "c", "d", "e"]
COLUMNS = np.round(RANDOM.lognormal(2, 0.6, size=(ROWS, 5)), 2)
Formulas = dict[str, tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], str]]
FOUND: Formulas = {
    "sum of two": (lambda x: x[:, 1] + x[:, 3], '"b" + "d"'),
    "sum of five": (lambda x: x.sum(axis=1), '"a" + "b" + "c" + "d" + "e"'),
    "difference": (lambda x: x[:, 2] - x[:, 0], '"c" - "a"'),
    "weighted mean, rounded": (lambda x: np.round(0.3 * x[:, 0] + 0.7 * x[:, 4], 2), '0.3 × "a" + 0.7 × "e"'),
    "with a constant": (lambda x: 2 * x[:, 0] + x[:, 1] + 40, '2 × "a" + "b" + 40'),
    "product": (lambda x: x[:, 0] * x[:, 2], '"a" × "c"'),
    "quotient": (lambda x: x[:, 0] / x[:, 2], '"a" / "c"'),
    "rounded quotient with a factor": (lambda x: np.round(100 * x[:, 0] / x[:, 2], 1), '100 × "a" / "c"'),
    "squared": (lambda x: 703 * x[:, 3] / x[:, 1] ** 2, '703 × "d" / "b"²'),
    "product of three": (lambda x: x[:, 0] * x[:, 2] * x[:, 4], '"a" × "c" × "e"'),
}
NOT: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "one column": lambda x: 3 * x[:, 1],
    "noise": lambda x: x[:, 1] + x[:, 2] + RANDOM.normal(0, 0.1, ROWS),
    "another function": lambda x: np.sqrt(x[:, 1]) + x[:, 2],
    "a product with noise": lambda x: x[:, 1] * x[:, 2] * (1 + RANDOM.normal(0, 0.01, ROWS)),
    "rough coefficients": lambda x: 0.31713 * x[:, 1] + 1.2345678 * x[:, 2],
    "few different numbers": lambda x: np.round((x[:, 1] + x[:, 2]) / 10),
    "apart from every tenth row": lambda x: np.where(np.arange(ROWS) % 10 == 0, 1.0, x[:, 0] + x[:, 1]),
    "none": lambda x: RANDOM.normal(size=ROWS),
    "constant": lambda x: np.ones(ROWS),
}


@pytest.mark.parametrize("name", FOUND)
def test_sums_and_products_are_found(name: str) -> None:
    target, text = FOUND[name]
    formula = formula_of(COLUMNS, target(COLUMNS))
    assert formula is not None
    assert formula.right == 1
    assert formula.text(NAMES) == text


@pytest.mark.parametrize("name", NOT)
def test_others_are_not(name: str) -> None:
    assert formula_of(COLUMNS, NOT[name](COLUMNS)) is None


def test_gaps_and_a_few_wrong_rows_do_not_hide_a_formula() -> None:
    target = COLUMNS[:, 0] + COLUMNS[:, 1]
    target[[3, 77]] = 999
    gaps = COLUMNS.copy()
    gaps[::17, 0] = np.nan
    gaps[::2, 2] = np.nan
    formula = formula_of(gaps, target)
    assert formula is not None
    assert formula.right < 1
    assert set(formula.columns) == {0, 1}


@pytest.mark.parametrize("in_file", [False, True])
def test_the_finding_names_target_formula_and_what_to_do(in_file: bool, tmp_path: object) -> None:
    frame = pl.DataFrame(dict(zip(NAMES, COLUMNS.T, strict=True))).with_columns(total=pl.col("a") + pl.col("c"))
    if in_file:
        frame.write_csv(path := f"{tmp_path}/rows.csv")
    notes = prepare(path if in_file else frame, "total").notes
    actual = [note for note in notes if note.startswith('"total" is ')]
    assert len(actual) == 1
    assert "in 100 % of the rows. A model would only repeat this formula." in actual[0]
    assert "--ignore a,c." in actual[0]
    honest = prepare(frame.with_columns(total=pl.col("total") * pl.col("b").sqrt()), "total").notes
    assert not [note for note in honest if "only repeat" in note]


@pytest.mark.parametrize("name", NAMED)
def test_the_sets_of_scikit_learn_are_no_formulas(name: str) -> None:
    assert not [note for note in prepare(name).notes if "only repeat" in note]
