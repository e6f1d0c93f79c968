"""Attributions: hand-computed linear cases, completeness for many networks, outputs, baselines, kinds of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as rv
from ranvier.explain.integrated_gradients import Function, integrated_gradients
from ranvier.explain.path import StraightPath
from ranvier.network.activations import ACTIVATIONS
from ranvier.rows import CSR, Inputs

SMOOTH = ("relu", "tanh", "silu", "gelu", "sigmoid", "leaky_relu", "softplus", "elu")


def linear(weights: list[list[float]], task: rv.Task | None = None) -> rv.Model:
    """Outputs x W + 1."""
    W = np.array(weights)
    activation = "identity" if task is None or task.kind == "regression" else "softmax"
    network = rv.Network(len(W), [rv.Dense(W.shape[1], activation)])
    parameters = {"layers.0.weight": W, "layers.0.bias": np.ones(W.shape[1])}
    return rv.Model.from_parameters(network, parameters, task, engine="reference")


def test_of_a_linear_network_they_are_weight_times_difference() -> None:
    X, base = np.array([[3.0, -4.0], [0.5, 2.0]]), np.array([[1.0, 1.0]])
    actual = linear([[2.0], [-1.0]]).attributions(X, baseline=base)
    np.testing.assert_allclose(actual.values, (X - base) * [2.0, -1.0], atol=1e-6)
    np.testing.assert_allclose(actual.base, 2.0, atol=1e-6)
    assert (actual.columns, actual.unit, len(actual)) == (("x0", "x1"), "value", 2)
    assert actual.largest(0) == [("x1", pytest.approx(5.0, abs=1e-5)), ("x0", pytest.approx(4.0, abs=1e-5))]


def test_of_classes_the_predicted_one_is_explained_or_the_one_that_is_named() -> None:
    model = linear([[2.0, 0.0], [0.0, 3.0]], rv.Task("multiclass", 2, ("cat", "dog")))
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    actual = model.attributions(X)
    assert actual.explained == ("cat", "dog")
    np.testing.assert_allclose(actual.values, [[2.0, 0.0], [0.0, 3.0]], atol=1e-6)
    other = model.attributions(X, output="dog")
    assert (other.explained, other.unit) == (("dog", "dog"), "logit")
    np.testing.assert_allclose(other.values, [[0.0, 0.0], [0.0, 3.0]], atol=1e-6)


def test_of_two_classes_the_logit_of_the_second_is_explained_and_of_the_first_its_negative() -> None:
    network = rv.Network(1, [rv.Dense(1, "sigmoid")])
    parameters = {"layers.0.weight": [[2.0]], "layers.0.bias": [0.5]}
    model = rv.Model.from_parameters(network, parameters, rv.Task("binary", 1, ("no", "yes")), engine="reference")
    yes, no = model.attributions([[3.0]]), model.attributions([[3.0]], output="no")
    assert (yes.explained, no.explained) == (("yes",), ("no",))
    assert (yes.values.item(), yes.base.item()) == pytest.approx((6.0, 0.5))
    assert (no.values.item(), no.base.item()) == pytest.approx((-6.0, -0.5))
    chance = model.probabilities([[3.0]])[0, 1]
    assert yes.outputs.item() == pytest.approx(np.log(chance / (1 - chance)), rel=1e-4)


def test_numbers_are_in_the_units_of_the_target_and_one_of_several_is_chosen() -> None:
    X = np.random.default_rng(0).normal(size=(80, 2))
    y = np.stack([1000.0 + 50.0 * X[:, 0], X[:, 1]], axis=1)
    rows = {"a": X[:, 0], "b": X[:, 1], "price": y[:, 0], "size": y[:, 1]}
    options: dict[str, Any] = {"recipe": "plain", "epochs": 20, "hidden": [8], "test": 0, "progress": False}
    model = rv.train(rows, target=["price", "size"], **options)
    with pytest.raises(rv.InputError, match="predicts 2 numbers; choose"):
        model.attributions(rows)
    actual = model.attributions(rows, output="price")
    np.testing.assert_allclose(actual.base + actual.values.sum(axis=1), model.predict(rows)[:, 0], atol=2e-2)
    assert (actual.explained[0], actual.columns) == ("price", ("a", "b"))
    assert model.attributions(rows, output=1).explained[0] == "size"


@settings(max_examples=60, deadline=None)
@given(
    activation=st.sampled_from(SMOOTH),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    inputs=st.integers(1, 5),
    csr=st.integers(0, 3),
    outputs=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_values_and_base_add_up_to_the_output(
    activation: str, sizes: list[int], inputs: int, csr: int, outputs: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    last = rv.Dense(outputs, "softmax" if outputs > 1 else "sigmoid")
    layers = [*(rv.Dense(size, activation) for size in sizes), last]
    network = rv.Network(inputs + csr, layers)
    parameters = {entry.name: generator.normal(scale=1.5, size=entry.shape) for entry in network.parameter_table}
    task = rv.Task("binary", 1, (0, 1)) if outputs == 1 else rv.Task("multiclass", outputs, tuple(range(outputs)))
    model = rv.Model.from_parameters(network, parameters, task, engine="reference")
    rows = generator.normal(scale=2.0, size=(3, inputs + csr)) * generator.integers(0, 2, (3, inputs + csr))
    X: Any = rv.Inputs(rows[:, :inputs], CSR.from_dense(rows[:, inputs:])) if csr else rows
    actual = model.attributions(X)
    assert actual.error.max() <= 1e-3
    np.testing.assert_allclose(actual.base + actual.values.sum(axis=1), actual.outputs, atol=1e-3)
    assert ((actual.values == 0) | (rows != 0)).all()


def test_all_activations_are_known() -> None:
    assert set(SMOOTH) <= set(ACTIVATIONS)


def test_error_is_reported_where_a_function_jumps() -> None:
    """A step has no gradient, so nothing adds up, and that is said."""
    step = Function(lambda x, rows: (x.dense[:, 0] > 0.3).astype(float), lambda x, rows: np.zeros(x.shape), np.float64)
    actual = integrated_gradients(step, Inputs(np.ones((1, 1))), Inputs(np.zeros((1, 1))), np.array([1e-3]))
    assert actual.error.tolist() == [1.0]
    assert (actual.start.item(), actual.end.item()) == (0.0, 1.0)


def test_columns_of_a_table_categories_missing_cells_texts() -> None:
    generator = np.random.default_rng(1)
    a = generator.normal(size=150)
    rows: dict[str, Any] = {
        "number": [None if at % 7 == 0 else float(value) for at, value in enumerate(a)],
        "colour": [["red", "green", "blue"][at % 3] for at in range(150)],
        "note": [f"{'good' if value > 0 else 'bad'} soup" if at % 9 else None for at, value in enumerate(a)],
        "label": np.where(a > 0, "up", "down").tolist(),
    }
    options: dict[str, Any] = {"kinds": {"note": "text"}, "test": 0, "progress": False, "effort": "fast"}
    model = rv.train(rows, target="label", **options)
    actual = model.attributions(rows)
    assert actual.columns == ("number", "colour", "note")
    assert actual.error.max() <= 1e-3
    p = model.probabilities(rows)[:, 1]
    assert np.array_equal(actual.outputs > 0, p > 0.5)
    # The typical row has the most frequent category, the first of the alphabet where they are equal, and no words.
    assert np.abs(actual.values[2::3, 1]).max() == 0.0
    assert np.abs(actual.values[::3, 1]).min() > 0.0
    some = model.attributions({name: values[:4] for name, values in rows.items()}, baseline=rows)
    assert some.error.max() <= 1e-3
    assert some.base == pytest.approx(np.full(4, actual.outputs.mean()), abs=1e-3)


def test_pictures_as_bytes_are_explained_by_pixel() -> None:
    X = (np.random.default_rng(0).random((40, 9)) * 255).astype(np.uint8)
    network = rv.Network(9, [rv.Rescale(1 / 255), rv.Dense(6, "relu"), rv.Dense(2, "softmax")])
    model = network.fit(X, (X[:, 4] > 127).astype(int), epochs=3, engine="reference", progress=False)
    actual = model.attributions(X)
    assert actual.values.shape == (40, 9)
    assert actual.error.max() <= 1e-3
    assert np.abs(actual.values[X == 0]).max(initial=0.0) == 0.0


def test_a_language_model_is_explained_by_character() -> None:
    names = {"name": ["Ada", "Ida", "Ava", "Eva", "Eda"] * 4}
    model = rv.train(names, recipe="language", hidden=[8], epochs=1, engine="reference", progress=False)
    actual = model.attributions(["A", "Ad"])
    assert actual.columns[-2:] == ("2 back", "1 back")
    assert actual.error.max() <= 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": "bird"}, "no class or label 'bird'"),
        ({"output": True}, "no class or label True"),
        ({"tolerance": 0.0}, "tolerance is 0.0"),
        ({"tolerance": "low"}, "tolerance is 'low'"),
        ({"baseline": [[1.0]]}, "takes 2 numbers a row"),
    ],
)
def test_what_cannot_be_used_is_refused(options: dict[str, Any], message: str) -> None:
    model = linear([[2.0, 0.0], [0.0, 3.0]], rv.Task("multiclass", 2, ("cat", "dog")))
    with pytest.raises(rv.InputError, match=message):
        model.attributions([[1.0, 2.0]], **options)


def test_no_rows_and_paths_between_sparse_rows() -> None:
    assert linear([[2.0], [-1.0]]).attributions(np.zeros((0, 2))).values.shape == (0, 2)
    ends, starts = CSR.from_dense(np.array([[0.0, 4.0, 2.0]])), CSR.from_dense(np.array([[6.0, 2.0, 0.0]]))
    path = StraightPath(Inputs(None, ends), Inputs(None, starts), np.float64)
    assert path.at(np.array([0, 0]), np.array([0.0, 0.5])).csr.toarray().tolist() == [[6.0, 2.0, 0.0], [3.0, 3.0, 1.0]]  # type: ignore[union-attr]
