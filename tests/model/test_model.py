"""Model: answers, activations, gradients, files, and files that are not what they seem."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.errors import InputError, ModelFileError, TrainingError
from ranvier.model.model import Model
from ranvier.storage.model_file import read_model, write_model
from ranvier.training.callbacks import CallbackResult
from tests.helpers import assert_is_gradient
from tests.model.trial import bits, fit, frame, net, points, train


def kinds() -> dict[str, Callable[[], tuple[Model, Any]]]:
    """A model of every task, and rows for it."""
    X, ring = points(40)
    table = frame()
    priced = table.with_columns(price=pl.col("age").fill_null(30.0) * 2.0 + 0.5)
    return {
        "binary": lambda: (fit(net(), X, ring), X),
        "multiclass": lambda: (fit(net(2, "softmax"), X, np.where(ring, "out", "in")), X),
        "multilabel": lambda: (fit(net(2), X, np.eye(2)[ring]), X),
        "regression": lambda: (fit(net(1, "identity"), X, X[:, 0]), X),
        "two numbers": lambda: (fit(net(2, "identity"), X, X), X),
        "average, normed": lambda: (
            fit(
                rv.Network(2, [rv.Dense(4), rv.BatchNorm(), rv.Dense(1)]), X, ring, optimizer=rv.SGD(0.1, ema_decay=0.9)
            ),
            X,
        ),
        "early stopping": lambda: (
            fit(net(), X, ring, validation=0.3, callbacks=[rv.EarlyStopping(1), lambda m: CallbackResult()]),
            X,
        ),
        "table": lambda: (train(table), table),
        "table regression": lambda: (train(priced, "price"), priced),
    }


@pytest.mark.parametrize("name", kinds())
def test_files_pickles_and_copies_answer_with_the_same_bits(name: str, tmp_path: Path) -> None:
    model, X = kinds()[name]()
    model.save(tmp_path / "model.rv")
    for again in (rv.load(tmp_path / "model.rv"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.outputs(X), model.outputs(X))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        assert again.predict(X).dtype == model.predict(X).dtype
        assert again.history == model.history
        assert (again.task, again.network, again.report) == (model.task, model.network, model.report)
        assert (again.best_epoch, again.engine, repr(again)) == (model.best_epoch, model.engine, repr(model))
        for key, array in model.parameters.items():
            assert array.tobytes() == again.parameters[key].tobytes()


def test_a_pickle_goes_on_with_the_optimizers_memory_and_a_file_with_a_fresh_one(tmp_path: Path) -> None:
    X, y = points(30)
    model = fit(net(), X, y, callbacks=[lambda moment: None])
    model.save(tmp_path / "model.rv")
    pickled, loaded = pickle.loads(pickle.dumps(model)), rv.load(tmp_path / "model.rv")
    for trained in (model, pickled, loaded):
        trained.fit(X, y, epochs=2, progress=False)
        assert [epoch.epoch for epoch in trained.history] == [1, 2, 3, 4, 5]
    assert bits(pickled) == bits(model) != bits(loaded)


def test_parameters_are_views_that_cannot_be_written() -> None:
    model = fit(net(), *points())
    assert model.parameters["layers.0.weight"].shape == (2, 5)
    with pytest.raises(ValueError, match="read-only"):
        model.parameters["layers.0.bias"][0] = 1.0
    with pytest.raises(TypeError):
        model.parameters["layers.0.bias"] = 1.0  # type: ignore[index]


@pytest.mark.parametrize("rows", [0, 1, 31, 32, 33, 100])
def test_a_row_answers_the_same_alone_and_among_others(rows: int) -> None:
    model = fit(net(2, "softmax"), *points())
    X = points(max(rows, 1), seed=3)[0][:rows]
    together = model.outputs(X)
    assert together.shape == (rows, 2)
    for start in range(0, rows, 7):
        np.testing.assert_array_equal(model.outputs(X[start : start + 1])[0], together[start])


def test_activations_show_every_layer_and_end_in_the_outputs() -> None:
    X, y = points()
    network = rv.Network(2, [rv.Dense(5, "tanh"), rv.Residual([rv.Dense(5, "relu")]), rv.Dense(2, "softmax")])
    model = fit(network, X, y)
    layers = model.activations(X)
    assert [layer.path for layer in layers] == ["layers.0", "layers.1", "layers.1.layers.0", "layers.2"]
    weight, bias = model.parameters["layers.0.weight"], model.parameters["layers.0.bias"]
    np.testing.assert_allclose(layers[0].weighted_sums, X @ weight + bias, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(layers[0].outputs, np.tanh(X @ weight + bias), rtol=1e-12)
    np.testing.assert_allclose(layers[1].outputs, layers[0].outputs + layers[2].outputs, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(layers[-1].outputs, model.outputs(X))


def moved(model: Model, parameters: Any) -> Model:
    """The same model with other numbers."""
    return Model(model.network, model.target, parameters, training=model.training)


@pytest.mark.parametrize(
    ("network", "labels", "score"),
    [
        (net(), lambda ring, X: ring, lambda actual: actual["log_loss"]),
        (net(2, "softmax"), lambda ring, X: ring, lambda actual: actual["log_loss"]),
        (net(2), lambda ring, X: np.eye(2)[ring], lambda actual: actual["log_loss"]),
        (net(1, "identity"), lambda ring, X: X[:, 0].astype(np.float32), lambda actual: actual["rmse"] ** 2),
    ],
    ids=["binary", "multiclass", "multilabel", "regression"],
)
def test_gradients_are_the_derivatives_of_the_loss_of_evaluate(network: rv.Network, labels: Any, score: Any) -> None:
    X, ring = points(20)
    y = labels(ring, X)
    model = fit(network, X, y)
    gradients = model.gradients(X, y)
    assert {name: array.shape for name, array in gradients.items()} == {
        name: array.shape for name, array in model.parameters.items()
    }
    flat = np.concatenate([array.ravel() for array in model.parameters.values()])
    claimed = np.concatenate([array.ravel() for array in gradients.values()])
    assert_is_gradient(lambda at: score(moved(model, at).evaluate(X, y)), flat, claimed, directions=4)


def test_gradients_hold_the_penalties_and_no_dropout() -> None:
    X, y = points(20)
    plain = rv.Network(2, [rv.Dense(4, "tanh"), rv.Dense(1, "sigmoid")])
    chance = rv.Network(2, [rv.Dense(4, "tanh", l2=0.5), rv.Dropout(0.5), rv.Dense(1, "sigmoid")])
    base = fit(plain, X, y, epochs=1)
    flat = np.concatenate([array.ravel() for array in base.parameters.values()])
    other = moved(fit(chance, X, y, epochs=1), flat)
    first = base.gradients(X, y)["layers.0.weight"] + 0.5 * base.parameters["layers.0.weight"]
    np.testing.assert_allclose(other.gradients(X, y)["layers.0.weight"], first, rtol=1e-10)


def test_a_model_of_a_table_takes_rows_in_any_container(tmp_path: Path) -> None:
    table = frame()
    model = train(table)
    expected = model.predict(table)
    table.write_csv(tmp_path / "rows.csv")
    table.write_parquet(tmp_path / "rows.parquet")
    without = table.drop("income")
    for X in (table.to_pandas(), table.to_arrow(), without, table.to_dict(as_series=False), without.to_dicts()):
        np.testing.assert_array_equal(model.predict(X), expected)
    for name in ("rows.csv", "rows.parquet"):
        np.testing.assert_array_equal(model.predict(tmp_path / name), expected)
        assert model.evaluate(tmp_path / name) == model.evaluate(table)
    scores = model.evaluate(table)
    assert scores == model.evaluate(without, table["income"]) == model.evaluate(table.to_dict(as_series=False))
    assert scores["accuracy"] == np.mean(expected == table["income"].to_numpy())
    assert model.gradients(table, table["income"]).keys() == model.parameters.keys()
    assert model.activations(table)[-1].outputs.shape == (60, 1)
    with pytest.raises(InputError, match="no column"):
        model.evaluate(without)


def test_a_model_of_a_table_goes_on_with_tables() -> None:
    table = frame(80)
    model = train(table)
    more, held = table[:60], table[60:]
    model.fit(more, more["income"], epochs=2, validation=(held, held["income"]), progress=False)
    assert model.history[-1].validation_loss == pytest.approx(model.evaluate(held)["log_loss"], rel=1e-6)


@pytest.mark.parametrize("name", ["binary", "multiclass", "multilabel", "regression", "two numbers"])
def test_evaluate_takes_lists_and_checks_them(name: str) -> None:
    model, X = kinds()[name]()
    y = model.predict(X)
    assert model.evaluate(X.tolist(), y.tolist()) == model.evaluate(X, y)
    with pytest.raises(InputError, match="X has 40 rows and y has 39"):
        model.evaluate(X, y[:-1])
    with pytest.raises(InputError, match="give y too"):
        model.evaluate(X)
    wrong = ["maybe"] * 40 if y.ndim == 1 else np.full(y.shape, "maybe")
    with pytest.raises(InputError):
        model.evaluate(X, wrong)
    with pytest.raises(InputError, match="this network takes 2"):
        model.predict(X[:, :1])


def test_answers_that_are_no_numbers_are_reported() -> None:
    X, _ = points()
    model = fit(net(1, "identity", hidden="identity"), X, X[:, 0])
    with pytest.raises(TrainingError, match="NaN or infinity for 40 of 40 rows"):
        model.evaluate(np.full((40, 2), 1.7e308), X[:, 0])


def test_a_history_with_nan_is_saved_and_read(tmp_path: Path) -> None:
    X, _ = points()
    model = fit(net(1, "identity", hidden="identity"), X, X[:, 0], validation=(np.ones((1, 2)), [1.0]))
    model.save(tmp_path / "m.rv")
    assert repr(rv.load(tmp_path / "m.rv").history) == repr(model.history)
    assert np.isnan(model.history[-1].metrics["r2"])  # undefined on one row


def test_a_model_of_an_engine_that_is_not_here_answers_on_another(tmp_path: Path) -> None:
    model, X = kinds()["binary"]()
    model.save(tmp_path / "m.rv")
    arrays, description = read_model(tmp_path / "m.rv")
    description["training"]["engine"] = "quantum"
    write_model(tmp_path / "m.rv", arrays, description)
    np.testing.assert_allclose(rv.load(tmp_path / "m.rv").outputs(X), model.outputs(X), rtol=1e-5)


def indices(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in nested JSON, down to the third item of a list."""
    actual = [path] if path else []
    if isinstance(data, dict):
        for key, value in data.items():
            actual += indices(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data[:3]):
            actual += indices(value, (*path, index))
    return actual


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with one value replaced, or removed where `value` is Ellipsis."""
    data = copy.deepcopy(data)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if value is Ellipsis:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return data


@pytest.mark.parametrize("value", [..., None, "x", -1, 1.5, [], {}, [[]], True], ids=repr)
def test_a_description_with_anything_changed_is_read_or_refused_in_words(
    value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, _y = points(20)
    network = rv.Network(2, [rv.Dense(3, rv.activation("own", lambda x: x * x)), rv.Dropout(0.1), rv.Dense(1)])
    fit(network, X, X[:, 0], epochs=1, schedule=rv.Warmup(1, rv.CosineDecay())).save(tmp_path / "plain.rv")
    train(frame(40), epochs=1).save(tmp_path / "table.rv")
    refused = 0
    for name in ("plain.rv", "table.rv"):
        arrays, description = read_model(tmp_path / name)
        description["report"] = {}
        for path in indices(description):
            broken = changed(description, path, value)
            if json.dumps(broken) == json.dumps(description):
                continue
            monkeypatch.setattr("ranvier.storage.model_file.read_model", lambda path, actual=(arrays, broken): actual)
            with contextlib.suppress(ModelFileError):
                rv.load("broken.rv")
                continue
            refused += 1
        monkeypatch.undo()
    assert refused > 20


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "integers", "mixed"])
def test_parameters_that_do_not_fit_the_description_are_refused(change: str, tmp_path: Path) -> None:
    fit(net(), *points()).save(tmp_path / "m.rv")
    arrays, description = read_model(tmp_path / "m.rv")
    arrays = dict(arrays)
    bias = arrays["layers.0.bias"]
    if change == "missing":
        del arrays["layers.0.bias"]
    else:
        name = "layers.9.bias" if change == "extra" else "layers.0.bias"
        wrong = {"shape": bias[:-1], "integers": bias.astype(np.int64), "mixed": bias.astype(np.float32)}
        arrays[name] = wrong.get(change, bias)
    write_model(tmp_path / "m.rv", arrays, description)
    with pytest.raises(ModelFileError):
        rv.load(tmp_path / "m.rv")


def test_widths_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    table = frame(40)
    train(table, epochs=1).save(tmp_path / "m.rv")
    _arrays, description = read_model(tmp_path / "m.rv")
    fit(net(1, "sigmoid", inputs=3), np.ones((4, 3)), [0, 1, 0, 1]).save(tmp_path / "other.rv")
    others, other = read_model(tmp_path / "other.rv")
    write_model(tmp_path / "m.rv", others, {**description, "network": other["network"]})
    with pytest.raises(ModelFileError, match="different widths"):
        rv.load(tmp_path / "m.rv")


def test_saving_to_a_path_that_is_none() -> None:
    with pytest.raises(InputError, match="does not exist"):
        fit(net(), *points()).save("no/such/folder/m.rv")


def test_evaluate_weighs_rows() -> None:
    X = np.linspace(-1.0, 1.0, 12)[:, None]
    y = np.where(np.arange(12) % 3 == 0, "no", "yes")
    model = rv.Network(1, [rv.Dense(1, "sigmoid")]).fit(X, y, epochs=2, engine="reference")
    times = np.arange(12) % 3
    index = np.repeat(np.arange(12), times)
    assert model.evaluate(X, y, sample_weight=times) == pytest.approx(model.evaluate(X[index], y[index]))
    with pytest.raises(rv.InputError, match="one number a row"):
        model.evaluate(X, y, sample_weight=times[1:])
    with pytest.raises(rv.InputError, match="at least 0"):
        model.evaluate(X, y, sample_weight=-times)


def test_weights_go_with_the_rows_of_a_table_that_have_a_target() -> None:
    table = pl.DataFrame({"size": np.arange(20.0), "price": np.arange(20.0) * 2})
    model = rv.train(table, "price", recipe="plain", epochs=1, engine="reference")
    holes = table.with_columns(price=pl.when(pl.col("size") < 5).then(None).otherwise(pl.col("price")))
    weights = np.arange(20.0) + 1
    assert model.evaluate(holes, sample_weight=weights) == model.evaluate(table[5:], sample_weight=weights[5:])
