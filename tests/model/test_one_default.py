"""The command, `train`, `Classifier` and `Regressor` train the same model on the same data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import sparse

import ranvier as rv
from tests.cli.helpers import invoke

ROWS = 120
SMALL: dict[str, Any] = {"effort": "fast", "epochs": 3, "engine": "reference"}


def bits(model: rv.Model) -> bytes:
    """The parameters, as bytes."""
    return b"".join(values.tobytes() for values in model.parameters.values())


def people() -> pl.DataFrame:
    """Numbers, strings, booleans, dates and missing cells; all of them can be written to a text file exactly."""
    generator = np.random.default_rng(4)
    age = generator.integers(18, 80, ROWS)
    height = np.round(generator.normal(170, 10, ROWS), 2)
    days = [f"2024-{1 + row % 12:02d}-{1 + row % 28:02d}" for row in range(ROWS)]
    return pl.DataFrame(
        {
            "age": age,
            "city": [("Ulm", "Bonn", None, "Kiel")[row % 4] for row in range(ROWS)],
            "height": [None if row % 11 == 3 else float(value) for row, value in enumerate(height)],
            "member": (age % 3 == 0).tolist(),
            "joined": days,
            "number": [f"p{row}" for row in range(ROWS)],
            "income": np.where(age + height > 215, "high", "low"),
            "spent": np.round(age * 3.5 + height, 2),
        }
    )


@pytest.mark.parametrize("make", [rv.Classifier, rv.Regressor])
@pytest.mark.parametrize("recipe", ["auto", "plain"])
def test_four_ways_to_one_model(make: Any, recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target, other = ("income", "spent") if make is rv.Classifier else ("spent", "income")
    options = SMALL if recipe == "auto" else {**SMALL, "recipe": "plain", "effort": "default"}
    table = people().drop(other)
    table.write_csv("people.csv")
    words = [f"--{name.replace('_', '-')}={value}" for name, value in {**options, "test": 0.0, "seed": 7}.items()]
    result = invoke("train", "people.csv", "--target", target, "--model", "m.rv", "--quiet", *words)
    assert result.exit_code == 0, result.output
    expected = bits(rv.load("m.rv"))
    shuffled = table[np.random.default_rng(0).permutation(ROWS)]
    for data in ("people.csv", table, shuffled.to_pandas(), shuffled.to_dict(as_series=False)):
        assert bits(rv.train(data, target, test=0.0, seed=7, progress=False, **options)) == expected
    fitted = make(random_state=7, **options).fit(shuffled.drop(target).to_pandas(), shuffled[target].to_numpy())
    assert bits(fitted.model_) == expected


def test_arrays_and_sparse_rows_too() -> None:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(ROWS, 4)) * (generator.random((ROWS, 4)) < 0.7)
    y = (X[:, 0] > 0).astype(int)
    pixels = (X * 20 + 128).astype(np.uint8)
    for rows in (X, pixels, sparse.csr_array(X)):
        model = rv.train(rows, y, test=0.0, seed=7, progress=False, **SMALL)
        assert bits(model) == bits(rv.Classifier(random_state=7, **SMALL).fit(rows, y).model_)


def test_integer_weights_are_repeated_rows_and_test_rows_are_not_repeated() -> None:
    table = people().drop("spent")
    weight = np.arange(ROWS) % 3
    full = rv.train(table, "income", test=0.0, sample_weight=weight, progress=False, **SMALL)
    repeated = table[np.repeat(np.arange(ROWS), weight)]
    assert bits(full) == bits(rv.train(repeated, "income", test=0.0, progress=False, **SMALL))
    report = rv.train(table, "income", test=0.25, sample_weight=weight, progress=False, **SMALL).report
    assert report.split["test"] == np.count_nonzero(weight) // 4


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_that_are_none_are_refused(weight: float) -> None:
    weights = np.ones(ROWS)
    weights[3] = weight
    with pytest.raises(rv.InputError, match="at row index 3; weights must be finite"):
        rv.train(people().drop("spent"), "income", sample_weight=weights, progress=False, **SMALL)
