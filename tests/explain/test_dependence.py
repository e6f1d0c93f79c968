"""Partial dependence, responses and interactions, against hand-computed functions."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.explain.blocks import InputBlock
from ranvier.explain.interactions import interactions
from ranvier.rows import CSR, Inputs


def linear(*weights: float) -> rv.Model:
    """y = weights . x + 1."""
    parameters = {"layers.0.weight": [[weight] for weight in weights], "layers.0.bias": [1.0]}
    return rv.Model.from_parameters(rv.Network(len(weights), [rv.Dense(1)]), parameters, engine="reference")


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    generator = np.random.default_rng(1)
    a = generator.normal(50.0, 10.0, size=120)
    return {
        "number": a.tolist(),
        "colour": [["red", "green", "blue"][at % 3] for at in range(120)],
        "seen": [at % 2 == 0 for at in range(120)],
        "day": [date(2024, 1 + at % 12, 1 + at % 28) for at in range(120)],
        "note": [f"{'good' if value > 50 else 'bad'} soup" for value in a],
        "label": np.where(a > 50, "up", "down").tolist(),
    }


@pytest.fixture(scope="module")
def model(rows: dict[str, Any]) -> rv.Model:
    return rv.train(rows, target="label", kinds={"note": "text"}, test=0, progress=False, effort="fast")


def test_partial_dependence_is_the_mean_of_predictions_with_one_cell_replaced(
    model: rv.Model, rows: dict[str, Any]
) -> None:
    inputs = {name: values[:30] for name, values in rows.items() if name != "label"}
    for column, grid in {"number": [20.0, 60.0], "colour": ["red", "blue"], "note": ["good soup", ""]}.items():
        actual = model.partial_dependence(column, inputs, grid=grid, ice=True)
        assert (actual.column, actual.outputs, actual.rows) == (column, ("up",), 30)
        for at, cell in enumerate(grid):
            expected = model.probabilities({**inputs, column: [cell] * 30})[:, 1]
            assert actual.ice is not None
            np.testing.assert_allclose(actual.ice[:, at, 0], expected, atol=1e-6)
            assert actual.average[at, 0] == pytest.approx(expected.mean(), abs=1e-6)


def test_grids_of_columns(model: rv.Model, rows: dict[str, Any]) -> None:
    number = model.partial_dependence("number", rows, grid=5)
    low, high = np.quantile(rows["number"], (0.01, 0.99))
    np.testing.assert_allclose(number.grid, np.linspace(low, high, 5))
    assert model.partial_dependence("colour", rows).grid == ("blue", "green", "red")
    assert model.partial_dependence("seen", rows).grid == (False, True)
    assert len(model.partial_dependence("number").grid) == 48
    day = model.partial_dependence("day", rows, grid=[date(2024, 5, 1)])
    assert day.to_dict()["grid"] == ["2024-05-01"]
    with pytest.raises(rv.InputError, match="holds dates: give the cells"):
        model.partial_dependence("day", rows)
    with pytest.raises(rv.InputError, match="holds texts: give the cells"):
        model.partial_dependence("note", rows)


def test_single_rows_are_some_of_those_of_the_average() -> None:
    X = np.arange(20.0).reshape(10, 2)
    actual = linear(1.0, 2.0).partial_dependence("x1", X, grid=[0.0, 1.0], ice=3, rows=5)
    assert actual.rows == 5
    assert actual.ice is not None
    assert actual.ice.shape == (3, 2, 1)
    np.testing.assert_allclose(actual.ice[:, 1] - actual.ice[:, 0], 2.0)
    assert linear(1.0, 2.0).partial_dependence("x1", X).ice is None
    assert str(actual).splitlines()[2].startswith("x1")


def test_numbers_are_in_the_units_of_the_target() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    rows = {"a": X[:, 0], "b": X[:, 1], "price": 1000.0 + 50.0 * X[:, 0]}
    model = rv.train(rows, target="price", recipe="plain", epochs=30, hidden=[8], test=0, progress=False)
    actual = model.partial_dependence("a", rows, grid=[0.5])
    expected = model.predict({"a": [0.5] * 60, "b": X[:, 1]}).mean()
    assert actual.average.item() == pytest.approx(expected, rel=1e-5)
    assert actual.outputs == ("price",)


def test_sparse_rows() -> None:
    X = Inputs(np.zeros((2, 0), np.float32), CSR.from_dense(np.array([[0.0, 4.0], [1.0, 0.0]])))
    actual = linear(2.0, 3.0).partial_dependence("x1", X, grid=[0.0, 1.0], ice=True)
    assert actual.ice is not None
    assert actual.ice[..., 0].tolist() == [[1.0, 4.0], [3.0, 6.0]]


def test_the_responses_of_one_row(model: rv.Model, rows: dict[str, Any]) -> None:
    row = {name: values[0] for name, values in rows.items() if name != "label"}
    curves = model.response(row, rows, grid=7)
    assert [curve.column for curve in curves] == ["number", "colour", "seen"]
    assert all(curve.rows == 1 for curve in curves)
    first = curves[0]
    for cell, value in zip(first.grid, first.average[:, 0], strict=True):
        assert value == pytest.approx(model.probabilities({**row, "number": cell})[0, 1], abs=1e-6)
    assert [curve.column for curve in model.response(row, columns=["seen"])] == ["seen"]
    with pytest.raises(rv.InputError, match="There are 120 rows; give one"):
        model.response(rows)


def test_a_product_interacts_and_a_sum_does_not() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3))
    X -= X.mean(axis=0)
    blocks = [InputBlock(name, slice(at, at + 1)) for at, name in enumerate("abc")]

    def values(part: Inputs) -> np.ndarray[Any, Any]:
        a, b, c = part.dense.T
        return np.asarray(a * b + np.exp(c))

    pairs = interactions(values, Inputs(X), blocks, 10)
    assert (pairs[0].first, pairs[0].second) == ("a", "b")
    product = X[:, 0] * X[:, 1]
    assert pairs[0].strength == pytest.approx(np.std(product), rel=0.05)
    assert pairs[0].h == pytest.approx(1.0, abs=0.05)
    assert max(pair.strength for pair in pairs[1:]) < 0.02 * pairs[0].strength
    assert len(interactions(values, Inputs(X), blocks, 2)) == 1


def test_interactions_of_a_model(model: rv.Model, rows: dict[str, Any]) -> None:
    pairs = model.interactions(rows, columns=["number", "colour", "seen"], rows=10)
    assert len(pairs) == 3
    assert pairs[0].strength >= pairs[-1].strength >= 0.0
    X = np.random.default_rng(0).normal(size=(30, 2))
    network = rv.Network(2, [rv.Dense(4, "tanh"), rv.Dense(3, "softmax")])
    several = network.fit(X, np.arange(30) % 3, epochs=1, engine="reference", progress=False)
    assert len(several.interactions(X)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"column": "x7"}, 'There is no column "x7"'),
        ({"grid": []}, r"grid is \[\]"),
        ({"grid": 1}, "grid is 1"),
        ({"grid": "all"}, "grid is 'all'"),
        ({"rows": 0}, "rows is 0"),
        ({"ice": -1}, "ice is -1"),
    ],
)
def test_what_cannot_be_used_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(rv.InputError, match=message):
        linear(1.0, 2.0).partial_dependence(**{"column": "x0", "X": np.eye(2), **options})
