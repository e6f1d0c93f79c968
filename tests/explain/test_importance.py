"""Permutation importance, against hand-computed cases and against scikit-learn's way of computing it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import max_error

import ranvier as rv
from ranvier.explain.blocks import InputBlock, MixedRows, first_equal_rows, input_blocks, with_columns_of
from ranvier.explain.permuted import permuted_outputs
from ranvier.random import SAMPLE, permutation
from ranvier.rows import CSR, Inputs

Array = np.ndarray[Any, Any]


def linear(*weights: float) -> rv.Model:
    """y = weights . x + 1."""
    parameters = {"layers.0.weight": [[weight] for weight in weights], "layers.0.bias": [1.0]}
    return rv.Model.from_parameters(
        rv.Network(len(weights), [rv.Dense(1)]), parameters, rv.Task("regression", 1), engine="reference"
    )


def test_it_is_how_much_worse_the_metric_is_in_the_drawn_orders() -> None:
    model, X = linear(2.0, -1.0), np.random.default_rng(0).normal(size=(40, 2))
    y = 2 * X[:, 0] - X[:, 1] + 1
    actual = model.importances(X, y, repeats=3, seed=7, metric="rmse")
    losses = []
    for repeat in range(3):
        changed = X.copy()
        changed[:, 0] = X[permutation(7, SAMPLE, repeat, 40), 0]
        losses.append(math.sqrt(np.mean((2 * changed[:, 0] - X[:, 1] + 1 - y) ** 2)))
    first = actual[0]
    assert (first.column, actual.metric, actual.rows, actual.repeats) == ("x0", "rmse", 40, 3)
    assert first.importance == pytest.approx(np.mean(losses), rel=1e-5)
    assert first.standard_error == pytest.approx(np.std(losses, ddof=1) / math.sqrt(3), rel=1e-4)
    assert actual.score == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_a_column_that_the_network_ignores_has_exactly_none(engine: str) -> None:
    X = np.random.default_rng(0).normal(size=(50, 3))
    network = rv.Network(3, [rv.Dense(8, "relu"), rv.Dense(1)])
    model = network.fit(X, X[:, 0] - X[:, 2], epochs=2, engine=engine, progress=False)
    parameters = {name: np.array(value) for name, value in model.parameters.items()}
    parameters["layers.0.weight"][1] = 0.0
    actual = {entry.column: entry for entry in model.with_parameters(parameters).importances(X, X[:, 0] - X[:, 2])}
    assert (actual["x1"].importance, actual["x1"].standard_error) == (0.0, 0.0)
    assert actual["x0"].importance != 0.0


def test_the_most_important_column_is_the_first_and_its_sign_says_worse_for_losses_and_scores() -> None:
    model, X = linear(0.1, 3.0, 1.0), np.random.default_rng(0).normal(size=(60, 3))
    y = X @ [0.1, 3.0, 1.0] + 1
    for metric in ("r2", "rmse", "mae"):
        actual = model.importances(X, y, metric=metric)
        assert [entry.column for entry in actual] == ["x1", "x2", "x0"]
        assert all(entry.importance > 0 for entry in actual)


def test_names_groups_texts_and_missing_cells_of_a_table(tmp_path: Any) -> None:
    generator = np.random.default_rng(0)
    a = generator.normal(size=120)
    rows = {
        "note": [f"{'good' if value > 0 else 'bad'} soup number{at}" for at, value in enumerate(a)],
        "noise": generator.normal(size=120).tolist(),
        "height": (100 * a).tolist(),
        "cm": [None if at % 10 == 0 else 254 * value for at, value in enumerate(a)],
        "y": np.where(a > 0, "up", "down").tolist(),
    }
    model = rv.train(
        rows, target="y", recipe="plain", epochs=4, hidden=[8], test=0, progress=False, kinds={"note": "text"}
    )
    actual = model.importances(rows)
    assert {entry.column for entry in actual} == {"note", "noise", "height", "cm"}
    together = model.importances(rows, groups="correlated")
    assert ("height", "cm") in [entry.columns for entry in together]
    assert [entry.column for entry in together if len(entry.columns) > 1] == ["height + cm"]
    named = model.importances(rows, groups={"size": ["cm", "height"]})
    assert {entry.column: entry.importance for entry in named}["size"] == {
        entry.column: entry.importance for entry in together
    }["height + cm"]
    alone = {entry.column: entry.importance for entry in actual}
    assert {entry.column: entry.importance for entry in named}["note"] == alone["note"]
    assert str(actual).splitlines()[2].startswith("Column")
    assert actual.to_dict()["columns"][0]["column"] == actual[0].column


def test_weights_count_in_the_metric_and_rows_of_weight_0_do_not_count() -> None:
    model, X = linear(1.0, 2.0), np.random.default_rng(0).normal(size=(30, 2))
    y = X @ [1.0, 1.0]
    training = np.arange(30) % 3 > 0
    weighted = model.importances(X, y, sample_weight=training.astype(float), metric="mae")
    subset = model.importances(X[training], y[training], metric="mae")
    assert [entry.importance for entry in weighted] == [entry.importance for entry in subset]
    other = model.importances(X, y, sample_weight=np.linspace(1, 9, 30), metric="mae")
    assert [entry.importance for entry in other] != [entry.importance for entry in subset]


def test_a_metric_of_your_own_and_one_repeat() -> None:
    model, X = linear(1.0, 2.0), np.random.default_rng(0).normal(size=(30, 2))
    worst = rv.metric("worst", lambda y, p: float(np.abs(y - p).max()), greater_is_better=False)
    actual = model.importances(X, X @ [1.0, 2.0] + 1, metric=worst, repeats=1)
    assert actual.metric == "worst"
    assert math.isnan(actual[0].standard_error)
    assert actual.to_dict()["columns"][0]["standard_error"] is None


def test_a_language_model_needs_the_characters_before() -> None:
    names = {"name": ["Ada", "Ida", "Ava", "Eva", "Eda"] * 4}
    model = rv.train(names, recipe="language", hidden=[8], epochs=1, engine="reference", progress=False)
    actual = model.importances(names, repeats=2, metric="log_loss")
    assert {"1 back", "2 back"} <= {entry.column for entry in actual}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": 0}, "repeats is 0"),
        ({"repeats": True}, "repeats is True"),
        ({"metric": "auc"}, "no metric 'auc' of regression"),
        ({"groups": "height"}, "groups is 'height'"),
        ({"groups": ["x0"]}, "groups is"),
        ({"groups": [["x7"]]}, 'names the column "x7"'),
        ({"groups": [["x0"], ["x1", "x0"]]}, '"x0" twice'),
        ({"seed": -1}, "seed is -1"),
        ({"sample_weight": [0.0] * 5}, "0"),
        ({"metric": max_error, "sample_weight": [1.0] * 5}, "takes no weights"),
    ],
)
def test_what_cannot_be_used_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(rv.InputError, match=message):
        linear(1.0, 2.0).importances(np.eye(5, 2), np.arange(5.0), **options)


@pytest.mark.parametrize("sparse", [False, True])
def test_of_two_columns_that_say_the_same_networks_trained_again_need_neither(sparse: bool) -> None:
    generator = np.random.default_rng(3)
    X = generator.normal(size=(240, 3))
    X[:, 1] = X[:, 0]
    y, rows = X[:, 0] + 0.5 * X[:, 2], Inputs(csr=CSR.from_dense(X)) if sparse else X
    options: dict[str, Any] = {"epochs": 60, "optimizer": rv.Adam(0.05), "engine": "native"}
    model = rv.Network(3, [rv.Dense(1)]).fit(rows[:160], y[:160], **options)
    measured, training = (rows[160:], y[160:]), (rows[:160], y[:160])
    retrained = {entry.column: entry for entry in model.importances(*measured, retrain_on=training, repeats=2)}
    assert retrained["x2"].importance > 0.1 > abs(retrained["x0"].importance)
    assert abs(retrained["x1"].importance) < 0.01
    permuted = {entry.column: entry for entry in model.importances(*measured)}
    assert permuted["x0"].importance + permuted["x1"].importance > 0.1
    together = model.importances(*measured, retrain_on=training, groups=[["x0", "x1"]], repeats=1)
    assert (together[0].columns, together.retrained) == (("x0", "x1"), True)
    assert together[0].importance > 0.5
    # A network without the column, on the same rows: its initial weights aside, it is the one that is trained.
    without = rv.Network(2, [rv.Dense(1)]).fit(X[:160, :2], y[:160], **options)
    full = model.importances(*measured, retrain_on=training, repeats=1).score
    expected = full - without.evaluate(X[160:, :2], y[160:])["r2"]
    assert retrained["x2"].importance == pytest.approx(expected, abs=0.02)


def test_networks_of_a_table_are_trained_again_with_the_same_bits_on_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = np.random.default_rng(0)
    table = {"a": generator.normal(size=120), "b": generator.choice(["u", "v"], 120), "w": generator.normal(size=120)}
    table["y"] = np.where(table["a"] + (table["b"] == "u") > 0.5, "yes", "no")
    model = rv.train(table, "y", recipe="plain", hidden=[4], epochs=8, progress=False, engine="native")
    results = []
    for threads in ("1", "2"):
        monkeypatch.setenv("RANVIER_THREADS", threads)
        results.append(model.importances(table, retrain_on=table, metric="log_loss", repeats=2))
    assert results[0].to_dict() == results[1].to_dict()
    assert [entry.column for entry in results[0]][-1] == "w"
    assert results[0].to_dict()["retrained"]
    features = {name: values for name, values in table.items() if name != "y"}
    of_tuple = model.importances(features, table["y"], retrain_on=(features, table["y"]), metric="log_loss", repeats=2)
    assert of_tuple.to_dict() == results[0].to_dict()


@pytest.mark.parametrize(
    ("model", "training", "message"),
    [
        (linear(1.0, 2.0), [[1.0, 2.0]], "retrain_on is list; give the training rows as a tuple"),
        (linear(1.0, 2.0), (1, 2, 3, 4), "retrain_on is tuple; give the training rows as a tuple"),
        (linear(1.0, 2.0), (np.zeros((2, 3)), np.zeros(2)), "3"),
    ],
)
def test_training_rows_that_cannot_be_used_are_refused(model: rv.Model, training: Any, message: str) -> None:
    with pytest.raises(rv.InputError, match=message):
        model.importances(np.zeros((3, 2)), np.arange(3.0), retrain_on=training)


def test_arrays_need_their_targets_and_a_metric_must_be_defined() -> None:
    with pytest.raises(rv.InputError, match=r"model\.importances\(X, y\)"):
        linear(1.0, 2.0).importances(np.eye(5, 2))
    with pytest.raises(rv.InputError, match="r2 is not defined on these 1 rows"):
        linear(1.0, 2.0).importances(np.eye(1, 2), [1.0])


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 4), st.integers(1, 4), st.integers(0, 2**32))
def test_permuted_outputs_are_those_of_permuted_rows(n: int, dense: int, csr: int, repeats: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 3, size=(n, dense + csr)).astype(np.float32)
    inputs = Inputs(values[:, :dense], CSR.from_dense(values[:, dense:]) if csr else None)
    weights = generator.normal(size=(dense + csr, 2))

    def outputs_of(part: Inputs) -> Array:
        return np.tanh(part.toarray() @ weights)

    blocks = input_blocks(None, dense, csr)
    some = [blocks[at] for at in np.flatnonzero(generator.integers(0, 2, len(blocks)))]
    columns = [blocks.index(block) for block in some]
    orders = [generator.permutation(n) for _ in range(repeats)]
    actual = list(permuted_outputs(outputs_of, inputs, some, outputs_of(inputs), orders))
    for order, outputs in zip(orders, actual, strict=True):
        expected = values.copy()
        expected[:, columns] = values[order][:, columns]
        np.testing.assert_allclose(outputs, np.tanh(expected @ weights), rtol=1e-6)


def test_rows_with_equal_cells_are_found() -> None:
    cells = np.array([[1, 2], [1, 3], [1, 2], [0, 0]], np.float32)
    blocks = [InputBlock("a", slice(0, 2))]
    assert first_equal_rows(Inputs(cells), blocks).tolist() == [0, 1, 0, 3]
    csr = CSR.from_dense(cells)
    assert first_equal_rows(Inputs(None, csr), [InputBlock("a", csr=slice(0, 2))]).tolist() == [0, 1, 2, 3]


def test_more_rows_than_memory_was_made_for() -> None:
    rows = Inputs(np.eye(2))
    mixed = MixedRows(rows, [InputBlock("a", slice(0, 1))])
    assert mixed.make(np.zeros(30, np.int64), np.ones(30, np.int64)).shape == (30, 2)


def test_whole_csr_rows_are_taken_as_they_are() -> None:
    rows = CSR.from_dense(np.array([[1.0, 0.0], [0.0, 2.0]]))
    assert with_columns_of(rows, rows, slice(0, 2), np.array([1, 0])).toarray().tolist() == [[0.0, 2.0], [1.0, 0.0]]
