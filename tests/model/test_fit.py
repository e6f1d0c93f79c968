"""fit and going on: tasks, weights, validation, early stopping, user-defined parts, errors that teach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy import sparse

import ranvier as rv
from ranvier.errors import InputError, TrainingError
from ranvier.network.optimizers import OPTIMIZERS
from ranvier.storage.model_file import read_model, write_model
from tests.model.trial import ENGINES, bits, fit, net, points

LEARNED: dict[str, tuple[Any, Any]] = {
    "binary ints": (net(), lambda ring: ring),
    "binary words": (net(), lambda ring: np.where(ring, "out", "in")),
    "binary bools": (net(), lambda ring: ring.astype(bool)),
    "classes ints": (net(2, "softmax"), lambda ring: ring + 3),
    "classes words": (net(2, "softmax"), lambda ring: np.where(ring, "out", "in").tolist()),
    "classes bools": (net(2, "softmax"), lambda ring: ring.astype(bool)),
    "one-hot": (net(2, "softmax"), lambda ring: np.eye(2)[ring]),
    "multilabel": (net(2, "sigmoid"), lambda ring: np.stack((ring, 1 - ring), axis=1)),
}


@pytest.mark.parametrize("name", LEARNED)
def test_every_kind_of_label_is_learned_and_comes_back_as_it_was(name: str) -> None:
    network, make = LEARNED[name]
    X, ring = points(120)
    y = make(ring)
    model = fit(network, X, y, epochs=60, optimizer=rv.Adam(0.05))
    predicted = model.predict(X)
    expected = ring if name == "one-hot" else np.asarray(y)
    assert predicted.shape == expected.shape
    assert predicted.dtype.kind == expected.dtype.kind
    assert np.mean(predicted == expected) > 0.85
    scores = model.evaluate(X, y)
    exact = (predicted == expected).all(axis=1) if predicted.ndim == 2 else predicted == expected
    assert scores["accuracy"] == pytest.approx(np.mean(exact))
    chances = model.probabilities(X)
    assert chances.shape == (120, 2)
    if name != "multilabel":
        np.testing.assert_allclose(chances.sum(axis=1), 1.0)


@pytest.mark.parametrize("outputs", [1, 2])
def test_numbers_are_learned_in_their_own_units(outputs: int) -> None:
    X, _ = points(80)
    y = (X @ [[3.0, 1.0], [-1.0, 2.0]] + [10.0, -5.0])[:, :outputs]
    y = y[:, 0] if outputs == 1 else y
    model = fit(net(outputs, "identity"), X, y, epochs=300, optimizer=rv.LBFGS())
    assert model.predict(X).shape == y.shape
    np.testing.assert_allclose(model.predict(X), y, atol=0.2)
    scores = model.evaluate(X, y)
    error = (model.predict(X) - y).reshape(80, -1)
    assert scores["rmse"] == pytest.approx(np.sqrt((error**2).mean(0)).mean(), abs=1e-6)
    with pytest.raises(InputError, match="it has no probabilities"):
        model.probabilities(X)


def test_a_sample_weight_of_two_is_the_row_twice_and_zero_none() -> None:
    X, y = points(20)
    times = np.arange(20) % 3
    index = np.repeat(np.arange(20), times)
    options: dict[str, Any] = {"batch_size": 99, "epochs": 5, "optimizer": rv.SGD(0.3)}
    weighted = fit(net(), X, y, sample_weight=times, **options)
    other = fit(net(), X[index], y[index], **options)
    np.testing.assert_allclose(weighted.outputs(X), other.outputs(X), rtol=1e-9)
    assert not np.allclose(weighted.outputs(X), fit(net(), X, y, **options).outputs(X), rtol=1e-6)


def test_class_weights_are_sample_weights_and_move_the_answer() -> None:
    X, ring = points(60)
    y = np.where(np.arange(60) % 10 == 0, 1 - ring, ring)
    options: dict[str, Any] = {"epochs": 20, "optimizer": rv.Adam(0.05)}
    heavy = fit(net(), X, y, class_weight={1: 20.0}, **options)
    same = fit(net(), X, y, sample_weight=np.where(y == 1, 20.0, 1.0), **options)
    assert bits(heavy) == bits(same)
    assert heavy.probabilities(X)[:, 1].mean() > fit(net(), X, y, **options).probabilities(X)[:, 1].mean() + 0.1
    balanced = fit(net(), X, y, class_weight="balanced", epochs=2)
    count = np.bincount(y)
    assert bits(balanced) == bits(fit(net(), X, y, class_weight={c: 60 / (2 * count[c]) for c in (0, 1)}, epochs=2))


def test_a_fraction_and_given_rows_of_validation() -> None:
    X, y = points(60)
    fraction = fit(net(), X, y, validation=0.25)
    given_rows = fit(net(), X[:45], y[:45], validation=(X[45:], y[45:]))
    for model in (fraction, given_rows):
        assert all(epoch.validation_loss is not None and set(epoch.metrics) == {"accuracy"} for epoch in model.history)
    last = given_rows.history[-1]
    scores = given_rows.evaluate(X[45:], y[45:])
    assert last.validation_loss == pytest.approx(scores["log_loss"], rel=1e-6)
    assert last.metrics["accuracy"] == scores["accuracy"]
    assert fit(net(), X, y).history[-1].validation_loss is None
    weighted = fit(net(), X[:45], y[:45], validation=(X[45:], y[45:], np.arange(15.0)))
    assert weighted.history[-1].validation_loss != last.validation_loss


def test_early_stopping_gives_back_the_best_weights() -> None:
    X, y = points(60)
    noisy = np.random.default_rng(1).permutation(y)
    options: dict[str, Any] = {"validation": (X[40:], noisy[40:]), "optimizer": rv.Adam(0.1)}
    model = fit(net(), X[:40], noisy[:40], epochs=200, callbacks=[rv.EarlyStopping(5)], **options)
    losses = [epoch.validation_loss for epoch in model.history]
    best = int(np.argmin(losses)) + 1
    assert model.best_epoch == best < len(losses) == best + 5
    assert [epoch.epoch for epoch in model.history if epoch.best][-1] == best
    again = fit(net(), X[:40], noisy[:40], epochs=best, **options)
    np.testing.assert_array_equal(model.outputs(X), again.outputs(X))


def test_the_average_of_the_weights_makes_the_predictions() -> None:
    X, y = points(30)
    model = fit(net(), X, y, optimizer=rv.SGD(1.0, ema_decay=0.9))
    plain = fit(net(), X, y, optimizer=rv.SGD(1.0))
    weight = "layers.0.weight"
    state = model._state
    assert state is not None
    np.testing.assert_array_equal(state.engine.parameters[:10].reshape(2, 5), plain.parameters[weight])
    np.testing.assert_array_equal(state.engine.slots[0, :10].reshape(2, 5), model.parameters[weight])
    assert not np.allclose(model.outputs(X), plain.outputs(X), rtol=1e-4)


def test_a_callback_function_may_stop_and_slow_down() -> None:
    def watch(moment: Any) -> rv.CallbackResult:
        assert set(moment.parameters()) == set(net().parameter_table.views(np.zeros(21)))
        return rv.CallbackResult(learning_rate_factor=0.1, stop_reason="Enough." if moment.epoch.epoch == 2 else None)

    model = fit(net(), *points(30), epochs=9, callbacks=[watch], optimizer=rv.SGD(0.5))
    assert [epoch.learning_rate for epoch in model.history] == pytest.approx([0.5, 0.05])


@pytest.mark.parametrize(
    "schedule", ["reduce_on_plateau", rv.Warmup(2, next_schedule=rv.ReduceOnPlateau(0.5, patience=0))]
)
def test_a_plateau_cuts_the_rate(schedule: Any) -> None:
    X, y = points(30)
    y = np.random.default_rng(0).permutation(y)
    model = fit(net(), X, y, epochs=40, schedule=schedule, validation=0.3, optimizer=rv.Adam(0.2))
    assert model.history[-1].learning_rate < 0.2
    rates = [epoch.learning_rate for epoch in model.history][2:]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_going_on_is_one_longer_fit(name: str, engine: str) -> None:
    X, y = points(30)
    options: dict[str, Any] = {"optimizer": name, "seed": 5, "batch_size": 7, "engine": engine}
    model = fit(net(), X, y, epochs=2, **options)
    assert model.fit(X, y, epochs=3, progress=False) is model
    full = fit(net(), X, y, epochs=5, **options)
    np.testing.assert_array_equal(model.outputs(X), full.outputs(X))
    assert [epoch.loss for epoch in model.history] == [epoch.loss for epoch in full.history]
    assert [epoch.epoch for epoch in model.history] == [1, 2, 3, 4, 5]


@examples(max_examples=8)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(1, 40), st.sampled_from([None, 0.9]))
def test_going_on_in_any_pieces(pieces: list[int], batch: int, average: float | None) -> None:
    X, y = points(30)
    rule = rv.AdamW(0.02, ema_decay=average)
    model = fit(net(), X, y, epochs=pieces[0], batch_size=batch, optimizer=rule)
    for more in pieces[1:]:
        model.fit(X, y, epochs=more, progress=False)
    full = fit(net(), X, y, epochs=sum(pieces), batch_size=batch, optimizer=rule)
    np.testing.assert_array_equal(model.outputs(X), full.outputs(X))


def test_another_optimizer_begins_with_fresh_memory() -> None:
    X, y = points(30)
    model = fit(net(), X, y, optimizer=rv.Adam(0.1))
    assert model._state is not None
    assert model._state.engine.step == 3
    model.fit(X, y, epochs=1, optimizer=rv.SGD(0.1, momentum=0.9), progress=False, batch_size=99)
    assert (model._state.engine.step, model._state.engine.slots.shape) == (1, (1, 21))
    assert len(model.history) == 4


def test_going_on_after_early_stopping_begins_at_the_best_weights() -> None:
    X, y = points(60)
    y = np.random.default_rng(1).permutation(y)
    options: dict[str, Any] = {"validation": 0.3, "callbacks": [rv.EarlyStopping(3)]}
    model = fit(net(), X, y, epochs=100, optimizer=rv.Adam(0.2, ema_decay=0.5), **options)
    best = model.outputs(X)
    model.fit(X, y, epochs=1, optimizer=rv.SGD(1e-12), progress=False)
    np.testing.assert_allclose(model.outputs(X), best, rtol=1e-6)


def test_going_on_with_other_rows_batches_and_seeds() -> None:
    X, y = points(30)
    model = fit(net(), X, y, schedule="cosine", epochs=4)
    assert model.history[-1].learning_rate < 1e-3
    more = np.concatenate((X, X)), np.concatenate((y, y))
    model.fit(*more, epochs=2, batch_size=3, seed=9, schedule="constant", progress=False, validation=0.1)
    assert len(model.history) == 6
    assert model.history[-1].learning_rate == 1e-3
    assert model.history[-1].validation_loss is not None


def test_a_refused_or_failed_fit_leaves_the_model_as_it_was() -> None:
    X, _y = points(30)
    model = fit(net(1, "identity"), X, X[:, 0])
    before = bits(model)
    for options in ({"optimizer": "adom"}, {"batch_size": 0}, {"epochs": 0}, {"callbacks": rv.EarlyStopping()}):
        with pytest.raises(InputError):
            model.fit(X, X[:, 0], progress=False, **options)
    with pytest.raises(TrainingError):
        model.fit(X, X[:, 0], optimizer=rv.SGD(1e200), epochs=50, progress=False)
    assert bits(model) == before
    np.testing.assert_array_equal(model.outputs(X), fit(net(1, "identity"), X, X[:, 0]).outputs(X))


def own_activation() -> rv.Activation:
    return rv.activation("swish", lambda x: x * rv.sigmoid(1.5 * x))


def test_parts_of_a_users_own_work_and_are_saved(tmp_path: Any) -> None:
    X, _y = points(60)
    t = np.sin(X[:, 0])
    mine = rv.optimizer(
        "heavy",
        update=lambda parameter, gradient, learning_rate, m: (parameter - learning_rate * m, 0.9 * m + gradient),
        slots={"m": 0.0},
        learning_rate=0.001,
    )
    network = rv.Network(2, [rv.Dense(6, own_activation()), rv.Dense(1)])
    fourth = rv.loss("fourth", lambda output, target: (output - target) ** 4)
    model = fit(network, X, t, loss=fourth, optimizer=mine, epochs=40, batch_size=8)
    assert model.history[-1].loss < 0.3 * model.history[0].loss
    model.save(tmp_path / "own.rv")
    again = rv.load(tmp_path / "own.rv")
    np.testing.assert_array_equal(again.outputs(X), model.outputs(X))
    assert again.training.optimizer == mine
    assert again.training.loss == fourth
    again.fit(X, t, epochs=1, progress=False)
    assert len(again.history) == 41


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "adm"}, 'Did you mean "adam"'),
        ({"loss": "square_error"}, 'Did you mean "squared_error"'),
        ({"loss": "squared"}, 'It is called "squared_error" here'),
        ({"loss": "categorical_cross_entropy"}, "needs an output layer with the softmax"),
        ({"schedule": "cosin"}, 'Did you mean "cosine"'),
        ({"epochs": 0}, "epochs is 0; it must be an integer of at least 1"),
        ({"epochs": 2.5}, "epochs is 2.5"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"seed": -1}, "The seed is -1"),
        ({"engine": "gpus"}, "There is no engine 'gpus'"),
        ({"precision": "float31"}, "precision is 'float31'; it must be one of"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": 1.5}, "threads is 1.5"),
        ({"validation": 2}, "fraction between 0 and 1"),
        ({"callbacks": [3]}, "must be a callback"),
        ({"callbacks": [rv.EarlyStopping()]}, "there are no validation rows"),
        ({"callbacks": [rv.EarlyStopping(metric="r2")], "validation": 0.2}, "metric='r2'"),
        ({"progress": "yes"}, "progress is 'yes'"),
        ({"sample_weight": [1.0]}, "one number a row"),
        ({"sample_weight": np.ma.masked_array(np.ones(30), mask=np.arange(30) == 1)}, "must be finite"),
        ({"class_weight": {7: 1.0}}, "names the class 7"),
        ({"validation": (*points(30), [0.0] * 30)}, "All of validation\\[2\\] is zero"),
        ({"validation": (*points(30), [1.0, -1.0] * 15)}, "validation\\[2\\] is -1.0 at row index 1"),
        ({"X": np.ones((30, 3))}, "this network takes 2 numbers"),
        ({"y": [0, 1]}, "X has 30 rows and y has 2"),
        ({"y": ["a"] * 30}, "nothing to learn"),
        ({"network": "net"}, "it takes a network"),
    ],
)
def test_errors_teach(options: dict[str, Any], words: str) -> None:
    X, y = points(30)
    given_all = {"network": net(), "X": X, "y": y, **options}
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        fit(**given_all)


@pytest.mark.parametrize("layer", [rv.Dropout(0.5), rv.BatchNorm()])
def test_lbfgs_refuses_layers_that_need_batches(layer: Any) -> None:
    network = rv.Network(2, [rv.Dense(3, "tanh"), rv.Residual([rv.Dense(3), layer]), rv.Dense(1, "sigmoid")])
    with pytest.raises(InputError, match=r"layers\.1\.layers\.1 is .*L-BFGS looks at all rows at once"):
        fit(network, *points(), optimizer="lbfgs")


def test_numpy_numbers_are_numbers(tmp_path: Any) -> None:
    X, y = points(30)
    options = {"epochs": np.int64(2), "batch_size": np.int32(8), "seed": np.uint64(3), "shuffle": np.bool_(True)}
    model = fit(net(), X, y, threads=np.int64(2), checkpoint=tmp_path / "c", **options)
    model.save(tmp_path / "m.rv")
    assert bits(model) == bits(fit(net(), X, y, epochs=2, batch_size=8, seed=3))


def test_divergence_is_explained_without_warnings() -> None:
    X, _ = points(30)
    with pytest.raises(TrainingError, match="a smaller learning rate"):
        fit(net(1, "identity"), X, X[:, 0], optimizer=rv.SGD(1e100), epochs=50)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64, np.float32])
def test_the_storage_type_never_changes_what_numbers_mean(kind: type) -> None:
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [3, 2], [100, 7]])
    y = [0, 1, 1, 0, 1, 0]
    expected = fit(net(), X.astype(np.float64), y)
    for rows in (X.astype(kind), sparse.csr_array(X.astype(kind)).toarray()):
        assert np.array_equal(fit(net(), rows, y).outputs(rows), expected.outputs(X))
    thin = fit(net(), sparse.csr_array(X.astype(kind)), y)
    assert np.array_equal(thin.outputs(X), fit(net(), sparse.csr_array(X.astype(np.float64)), y).outputs(X))


def test_pixels_are_scaled_by_the_network() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 1, 2), np.uint8)
    y = pixels[:, 0, 0] > 127
    layers = [rv.Rescale(1 / 255), *net().layers]
    raw, scaled = fit(rv.Network(2, layers), pixels, y), pixels.reshape(30, 2) / 255.0
    np.testing.assert_array_equal(raw.outputs(pixels), fit(net(), scaled, y).outputs(scaled))
    assert raw.outputs(pixels).tobytes() == raw.outputs(pixels.astype(np.float64)).tobytes()
    assert [layer.outputs.shape for layer in raw.activations(pixels)][:2] == [(30, 2), (30, 5)]
    assert np.array_equal(raw.activations(pixels)[0].outputs, scaled)


def test_models_of_the_first_files_take_bytes_as_0_to_1(tmp_path: Path) -> None:
    X = np.array([[0, 51], [255, 102], [30, 200], [7, 9]], np.uint8)
    model = fit(net(), X / 255.0, [0, 1, 1, 0])
    model.save(tmp_path / "new.rv")
    arrays, description = read_model(tmp_path / "new.rv")
    del description["byte_divisor"]
    description["training"]["entries"] = description["training"].pop("mean_nnz")
    write_model(tmp_path / "old.rv", arrays, description)
    old = rv.load(tmp_path / "old.rv")
    assert np.array_equal(old.outputs(X), model.outputs(X / 255.0))
    assert np.array_equal(old.outputs(X / 255.0), model.outputs(X / 255.0))
    assert np.array_equal(old.with_parameters(old.parameters).outputs(X), old.outputs(X))
    old.save(tmp_path / "again.rv")
    assert np.array_equal(rv.load(tmp_path / "again.rv").outputs(X), old.outputs(X))
    assert np.array_equal(rv.load(tmp_path / "new.rv").outputs(X), model.outputs(X.astype(float)))
