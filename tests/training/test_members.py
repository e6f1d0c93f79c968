"""Small networks that are trained together: in fact together, with the bits of trainings of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

import ranvier as rv
from ranvier.native.executable import NativeExecutable
from ranvier.native.members import NativeMembers
from ranvier.rows import Inputs
from ranvier.rows.csr import CSR
from ranvier.training import open_training
from ranvier.training.callbacks import EarlyStoppingFromStart
from tests.training.trial import timeless

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
WEIGHTS = RNG.uniform(0.5, 2.0, size=60)
NETWORK = rv.Network(inputs=3, layers=[rv.Dense(5, "tanh"), rv.Dense(2)])


def refuse(*_: Any) -> Any:
    raise AssertionError("A training was made by itself.")


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal rows", "weighted rows"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("shuffle", [True, False])
def test_networks_are_trained_together(
    weights: Any, shuffle: bool, dropout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = rv.Network(inputs=3, layers=[rv.Dense(5, "tanh"), rv.Dropout(dropout), rv.Dense(2)])
    trials: list[dict[str, Any]] = [
        {"seed": seed, "optimizer": rv.Adam(0.01 * (seed + 1)), "schedule": ("constant", "cosine")[seed % 2]}
        for seed in range(9)
    ]
    options: dict[str, Any] = {"epochs": 7, "batch_size": 8, "sample_weight": weights, "shuffle": shuffle}
    alone = [network.fit(X, X[:, :2], engine="native", **options, **trial) for trial in trials]
    monkeypatch.setattr(NativeExecutable, "run", refuse)
    monkeypatch.setattr(open_training.OpenTraining, "train", refuse)
    together = rv.fit_many(network, X, X[:, :2], trials=trials, engine="native", threads=1, **options)
    for first, second in zip(alone, together, strict=True):
        for name in first.parameters:
            assert np.array_equal(first.parameters[name], second.parameters[name])
        for column in ("loss", "learning_rate", "epoch"):
            assert np.array_equal(getattr(first.history, column), getattr(second.history, column))
        assert np.array_equal(first.training_state.engine.slots, second.training_state.engine.slots)  # type: ignore[union-attr]
        assert second.history.total_seconds > 0


def test_going_on_with_one_of_them_has_the_bits_of_going_on_alone() -> None:
    trials = [{"seed": seed} for seed in range(8)]
    together = rv.fit_many(NETWORK, X, X[:, :2], trials=trials, threads=1, epochs=3)[5].fit(X, X[:, :2], epochs=2)
    alone = NETWORK.fit(X, X[:, :2], seed=5, epochs=3).fit(X, X[:, :2], epochs=2)
    assert np.array_equal(together.parameters["layers.0.weight"], alone.parameters["layers.0.weight"])
    assert np.array_equal(together.history.loss, alone.history.loss)


def test_after_ctrl_c_each_network_is_the_one_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    run = NativeMembers.run

    def interrupted(self: NativeMembers, *args: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return run(self, *args)

    trials = [{"seed": seed} for seed in range(20)]
    with monkeypatch.context() as patched:
        patched.setattr(NativeMembers, "run", interrupted)
        with pytest.warns(UserWarning, match="Interrupted: 15 networks of 20 had not begun"):
            models = rv.fit_many(NETWORK, X, X[:, :2], trials=trials, engine="native", threads=1, epochs=10**6)
    made = len(models[0].history)
    assert 0 < made < 10**6
    assert [len(model.history) for model in models] == [made] * 5 + [0] * 15
    alone = NETWORK.fit(X, X[:, :2], seed=4, epochs=made)
    assert np.array_equal(alone.parameters["layers.0.weight"], models[4].parameters["layers.0.weight"])
    assert np.array_equal(alone.history.loss, models[4].history.loss)


def same_trainings(first: rv.Model, second: rv.Model) -> None:
    """Compare all but the times."""
    states = [model.training_state for model in (first, second)]
    assert states[0] is not None
    assert states[1] is not None
    arrays, plain = [state.arrays() for state in states if state], [state.to_dict() for state in states if state]
    assert {name: array.tobytes() for name, array in arrays[0].items()} == {
        name: array.tobytes() for name, array in arrays[1].items()
    }
    assert {**plain[0], "history": None} == {**plain[1], "history": None}
    assert timeless(first.history) == timeless(second.history)
    assert np.array_equal(first.parameters["layers.0.weight"], second.parameters["layers.0.weight"])
    assert (first.conformal is None) == (second.conformal is None)
    for name, array in {} if first.conformal is None else first.conformal.arrays().items():
        assert second.conformal is not None
        assert np.array_equal(array, second.conformal.arrays()[name])


TARGETS: dict[str, tuple[Any, Any]] = {
    "a number": (X[:, 0], rv.Dense(1)),
    "two numbers": (X[:, :2], rv.Dense(2)),
    "numbers with gaps": (np.where(RNG.random((60, 2)) < 0.1, np.nan, X[:, :2]), rv.Dense(2)),
    "two classes": ((X[:, 0] > 0).astype(int), rv.Dense(1, "sigmoid")),
    "three classes": ((X.sum(1) > 0).astype(int) + (X[:, 0] > 1), rv.Dense(3, "softmax")),
    "labels": ((X[:, :2] > 0).astype(int), rv.Dense(2, "sigmoid")),
}
STOPPING = [rv.EarlyStopping(patience=1)]
OPTIONS: dict[str, dict[str, Any]] = {
    "a fraction": {"validation": 0.2},
    "own weights": {"validation": 0.2, "sample_weight": WEIGHTS, "callbacks": STOPPING},
    "stopping early": {"validation": 0.2, "callbacks": STOPPING},
    "by the training loss": {"callbacks": [rv.EarlyStopping(2, "loss", min_delta=0.01)]},
    "two callbacks": {"validation": 0.3, "callbacks": [*STOPPING, rv.EarlyStopping(patience=2, metric="loss")]},
    "from the start": {"validation": 0.2, "callbacks": [EarlyStoppingFromStart(patience=2)]},
    "watching the loss": {"schedule": rv.schedule("reduce_on_plateau", patience=0), "validation": 0.2},
    "watching the training loss": {"schedule": rv.Warmup(1, rv.schedule("reduce_on_plateau", patience=0))},
    "an average": {"optimizer": rv.Adam(0.1, ema_decay=0.9), "validation": 0.2, "callbacks": STOPPING},
    "float64": {"precision": "float64", "validation": 0.2, "callbacks": STOPPING},
    "bfloat16": {"precision": "bfloat16", "validation": 0.2, "callbacks": STOPPING},
}


OPTIMIZERS: dict[str, Callable[[float], rv.Optimizer]] = {
    "adamw": lambda v: rv.AdamW(v / 50, beta1=v, beta2=1 - v / 2, weight_decay=v, clip_norm=v, clip_value=v),
    "sgd": lambda v: rv.SGD(v / 50, momentum=v, ema_decay=v),
    "adagrad": lambda v: rv.optimizer("adagrad", learning_rate=v / 10, initial_accumulator=v, epsilon=v),
}


def compare_with_alone(
    network: rv.Network, y: Any, trials: list[dict[str, Any]], rows: Any = X, **options: Any
) -> list[rv.Model]:
    """Train together, with nothing trained by itself, and compare with networks that are."""
    options = {"epochs": 6, "batch_size": 8, "engine": "native", **options}
    alone = [network.fit(rows, y, **{**options, **trial}) for trial in trials]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(NativeExecutable, "run", refuse)
        together = rv.fit_many(network, rows, y, trials=trials, threads=1, **options)
    for first, second in zip(alone, together, strict=True):
        same_trainings(first, second)
    return together


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("target", TARGETS)
def test_networks_with_validation_rows_are_trained_together(target: str, options: dict[str, Any]) -> None:
    y, last = TARGETS[target]
    network = rv.Network(inputs=3, layers=[rv.Dense(5, "tanh"), rv.BatchNorm(), last])
    optimizer = options.get("optimizer")
    trials = [{"seed": seed, "optimizer": optimizer or rv.Adam(0.05 * (seed + 1))} for seed in range(8)]
    together = compare_with_alone(network, y, trials, **options)
    assert len({len(model.history) for model in together}) > 1 or "patience=1" not in str(options.get("callbacks"))


def test_validation_rows_of_all_with_weights_and_metrics_of_any_kind() -> None:
    y, last = TARGETS["three classes"]
    network = rv.Network(inputs=3, layers=[rv.Dense(5, "tanh"), last])
    trials = [{"seed": seed} for seed in range(8)]
    for validation in ((X[:9], y[:9]), (X[:9], y[:9], WEIGHTS[:9])):
        compare_with_alone(network, y, trials, validation=validation)
    custom = rv.metric("errors", lambda y_true, y_pred: float(np.sum(y_true != y_pred)), greater_is_better=False)
    metrics = ["log_loss", "training_accuracy", custom]
    stopping = [rv.EarlyStopping(patience=1, metric="f1")]
    models = compare_with_alone(network, y, trials, validation=0.3, metrics=metrics, callbacks=stopping)
    assert {"accuracy", "log_loss", "errors", "f1", "training_accuracy"} <= models[0].history.columns().keys()


def test_folds_are_trained_together() -> None:
    fold = np.arange(60) % 3
    trials = [{"seed": n, "rows": fold != n % 3, "validation_rows": fold == n % 3} for n in range(9)]
    options: dict[str, Any] = {"epochs": 4, "batch_size": 8, "engine": "native", "callbacks": STOPPING}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(NativeExecutable, "run", refuse)
        together = rv.fit_many(NETWORK, X, X[:, :2], trials=trials, threads=1, **options)
    for number, model in enumerate(together):
        inside, outside = fold != number % 3, fold == number % 3
        validation = X[outside], X[outside, :2]
        same_trainings(NETWORK.fit(X[inside], X[inside, :2], seed=number, validation=validation, **options), model)


def test_trials_of_unlike_rows_are_trained_in_parts() -> None:
    y, last = TARGETS["two classes"]
    network = rv.Network(inputs=3, layers=[rv.Dense(5, "tanh"), last])
    kinds: list[dict[str, Any]] = [{"validation": 0.2}, {"validation": 0.5}, {}, {"class_weight": "balanced"}]
    trials = [{"seed": seed, **kinds[seed % 4]} for seed in range(32)]
    compare_with_alone(network, y, trials)


def test_what_users_call_between_epochs_is_called_once_an_epoch() -> None:
    epochs: list[int] = []
    trials = [{"seed": seed, "callbacks": [lambda context: epochs.append(context.epoch.epoch)]} for seed in range(8)]
    rv.fit_many(NETWORK, X, X[:, :2], trials=trials, threads=1, epochs=3)
    assert epochs == [1, 2, 3] * 8


def test_after_ctrl_c_networks_with_validation_rows_are_those_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate, calls = NativeMembers.try_evaluate, []

    def interrupted(self: NativeMembers, *args: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return evaluate(self, *args)

    trials = [{"seed": seed} for seed in range(20)]
    options: dict[str, Any] = {"validation": 0.2, "callbacks": [rv.EarlyStopping(patience=50)]}
    with monkeypatch.context() as patched:
        patched.setattr(NativeMembers, "try_evaluate", interrupted)
        with pytest.warns(UserWarning, match="Interrupted: 15 networks of 20 had not begun"):
            models = rv.fit_many(NETWORK, X, X[:, :2], trials=trials, engine="native", threads=1, epochs=99, **options)
    made = len(models[0].history)
    assert 3 <= made < 99
    assert [len(model.history) for model in models] == [made] * 5 + [0] * 15
    same_trainings(NETWORK.fit(X, X[:, :2], seed=4, epochs=made, engine="native", **options), models[4])


def sparse_rows(kind: str) -> Any:
    """60 rows of 40 columns, of which one is all zeros, as is a row; dense columns beside."""
    entries = np.where(RNG.random((60, 40)) < 0.1, RNG.normal(size=(60, 40)), 0.0)
    entries[7], entries[:, 3] = 0.0, 0.0
    return csr_array(entries) if kind == "sparse" else Inputs(X, CSR.from_dense(entries))


SPARSE: list[tuple[str, str, dict[str, Any]]] = [
    *((kind, optimizer, {}) for kind in ("sparse", "sparse beside dense") for optimizer in OPTIMIZERS),
    ("sparse", "adamw", {"sample_weight": WEIGHTS}),
    ("sparse beside dense", "sgd", OPTIONS["stopping early"]),
    ("sparse beside dense", "adamw", OPTIONS["float64"]),
    ("sparse", "adagrad", OPTIONS["bfloat16"]),
]


@pytest.mark.parametrize(("kind", "optimizer", "options"), SPARSE)
def test_networks_on_sparse_rows_are_trained_together(kind: str, optimizer: str, options: dict[str, Any]) -> None:
    rows = sparse_rows(kind)
    layers = [rv.Dense(5, "tanh", l2=0.01), rv.Dropout(0.2), rv.Dense(2, "softmax")]
    network = rv.Network(rows.shape[1], layers)
    trials = [{"seed": seed % 5, "optimizer": OPTIMIZERS[optimizer](0.1 + 0.05 * seed)} for seed in range(8)]
    compare_with_alone(network, (X[:, 0] > 0).astype(int), trials, rows, **options)


def test_folds_of_sparse_rows_are_trained_together() -> None:
    rows, y, fold = sparse_rows("sparse"), X[:, 0], np.arange(60) % 3
    network = rv.Network(40, [rv.Dense(5, "tanh"), rv.Dense(1)])
    trials = [{"seed": n, "rows": fold != n % 3, "validation_rows": fold == n % 3} for n in range(9)]
    options: dict[str, Any] = {"epochs": 4, "batch_size": 8, "engine": "native", "callbacks": STOPPING}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(NativeExecutable, "run", refuse)
        together = rv.fit_many(network, rows, y, trials=trials, threads=1, **options)
    for number, model in enumerate(together):
        inside, outside = fold != number % 3, fold == number % 3
        validation = rows[outside], y[outside]
        same_trainings(network.fit(rows[inside], y[inside], seed=number, validation=validation, **options), model)


def test_one_that_diverges_is_named_and_a_metric_that_does_not_exist_is_refused() -> None:
    trials = [{"seed": seed, "optimizer": rv.SGD(0.01 if seed != 5 else 1e9)} for seed in range(8)]
    with pytest.raises(rv.TrainingError, match=r"Trial 5: .*Try a smaller learning rate"):
        rv.fit_many(NETWORK, X, X[:, :2], trials=trials, threads=1, validation=0.2, epochs=20)
    with pytest.raises(rv.RanvierError, match="Trial 0: There is no metric 'auc' of regression tasks"):
        rv.fit_many(NETWORK, X, X[:, :2], trials=[{}] * 8, threads=1, validation=0.2, metrics=["auc"])
    with pytest.raises(rv.RanvierError, match="Trial 0: EarlyStopping looks at the validation_loss, and there are no"):
        rv.fit_many(NETWORK, X, X[:, :2], trials=[{}] * 8, threads=1, callbacks=STOPPING)


@pytest.mark.parametrize("options", [{}, OPTIONS["stopping early"]], ids=["plain", "stopping early"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_networks_that_differ_in_hyper_parameters_are_trained_together(
    optimizer: Callable[[float], rv.Optimizer], options: dict[str, Any]
) -> None:
    trials: list[dict[str, Any]] = []
    for number in range(8):
        value = 0.1 + 0.05 * number
        inner = [rv.Dense(5, "tanh", l1=value / 100), rv.Dropout(value)]
        layers = [rv.Dense(5, "tanh", l2=value / 10), rv.Residual(inner), rv.Dense(1)]
        network = rv.Network(3, layers)
        trials.append({"seed": number % 3, "network": network, "optimizer": optimizer(value)})
    options = {"epochs": 5, "batch_size": 8, "engine": "native", **options}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(NativeExecutable, "run", refuse)
        together = rv.fit_many(rv.Network(3, [rv.Dense(1)]), X, X[:, 0], trials=trials, threads=1, **options)
    for trial, model in zip(trials, together, strict=True):
        custom = {name: value for name, value in trial.items() if name != "network"}
        same_trainings(trial["network"].fit(X, X[:, 0], **options, **custom), model)
    assert len({model.history.loss[-1] for model in together}) == 8


def test_networks_of_several_structures_are_each_with_their_own() -> None:
    layers = [[rv.Dense(5, "tanh"), rv.Dense(1)], [rv.Dense(5, "tanh", l2=0.1), rv.Dense(1)], [rv.Dense(1)]]
    optimizers = [rv.SGD(0.01), rv.SGD(0.01, momentum=0.5), rv.Adam(0.01)]
    trials: list[dict[str, Any]] = [
        {"network": rv.Network(3, layers[n % 3]), "optimizer": optimizers[n // 3 % 3], "seed": n} for n in range(18)
    ]
    for trial, model in zip(trials, rv.fit_many(rv.Network(3, layers[0]), X, X[:, 0], trials=trials), strict=True):
        alone = trial["network"].fit(X, X[:, 0], optimizer=trial["optimizer"], seed=trial["seed"])
        same_trainings(alone, model)
