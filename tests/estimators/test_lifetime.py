"""Estimators in several threads, and copies of them that go on training as the original does."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import dump, load

import ranvier as rv

X = np.random.default_rng(0).normal(size=(64, 3))
Y = X @ [1.0, -2.0, 0.5]
LABELS = (Y > 0).astype(int)
OPTIONS: dict[str, Any] = {"recipe": "plain", "hidden": (4,), "random_state": 0, "epochs": 3, "engine": "reference"}


def by_joblib(estimator: Any, folder: Path) -> Any:
    dump(estimator, folder / "estimator.joblib")
    return load(folder / "estimator.joblib")


COPIES: dict[str, Callable[[Any, Path], Any]] = {
    "pickle": lambda estimator, _: pickle.loads(pickle.dumps(estimator)),
    "deepcopy": lambda estimator, _: copy.deepcopy(estimator),
    "joblib": by_joblib,
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", rv.Adam(ema_decay=0.9)])
@pytest.mark.parametrize("kind", [rv.Classifier, rv.Regressor])
def test_a_copy_goes_on_as_the_original(way: str, optimizer: Any, kind: Any, tmp_path: Path) -> None:
    y = LABELS if kind is rv.Classifier else Y
    first = {"classes": [0, 1]} if kind is rv.Classifier else {}
    original = kind(optimizer=optimizer, **OPTIONS).partial_fit(X, y, **first)
    original.partial_fit(X, y)
    copied = COPIES[way](original, tmp_path)
    np.testing.assert_array_equal(copied.predict(X), original.predict(X))
    assert copied.model_.history == original.model_.history
    for estimator in (original, copied):
        estimator.partial_fit(X, y)
    for name, values in original.model_.parameters.items():
        np.testing.assert_array_equal(copied.model_.parameters[name], values)


def test_pickles_of_earlier_versions_load(tmp_path: Path) -> None:
    fitted = rv.Regressor(**OPTIONS).fit(X, Y)
    fitted.model_.save(tmp_path / "model.rv")
    state = {name: value for name, value in fitted.__getstate__().items() if name != "_training"}
    assert state["model_"] == (tmp_path / "model.rv").read_bytes()
    earlier = rv.Regressor()
    earlier.__setstate__(state)
    np.testing.assert_array_equal(earlier.predict(X), fitted.predict(X))


def in_threads(*works: Callable[[], Any]) -> list[BaseException]:
    """Run functions at the same time; what they raised."""
    raised: list[BaseException] = []

    def guarded(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_predicting_while_another_thread_trains_never_fails(engine: str) -> None:
    estimator = rv.Regressor(**{**OPTIONS, "engine": engine}).partial_fit(X, Y)
    model = rv.Network(3, [rv.Dense(4, "tanh"), rv.Dense(1)]).fit(X, Y, epochs=1, engine=engine)
    done = threading.Event()

    def train() -> None:
        for _ in range(25):
            estimator.partial_fit(X, Y)
            model.fit(X, Y, epochs=1)
        done.set()

    def ask() -> None:
        while not done.is_set():
            assert np.isfinite(estimator.predict(X)).all()
            assert np.isfinite(model.predict(X[:1])).all()

    assert in_threads(train, ask, ask) == []
    trained = model.with_parameters(model.parameters)
    np.testing.assert_array_equal(model.outputs(X), trained.outputs(X))


def test_no_update_is_lost_where_threads_train_one_estimator() -> None:
    shared, alone = rv.Regressor(**OPTIONS), rv.Regressor(**OPTIONS)
    works = [lambda: [shared.partial_fit(X, Y) for _ in range(10)]] * 3
    assert in_threads(*works) == []
    for _ in range(30):
        alone.partial_fit(X, Y)
    assert len(shared.model_.history) == 30
    for name, values in alone.model_.parameters.items():
        np.testing.assert_array_equal(shared.model_.parameters[name], values)


def test_no_update_is_lost_where_threads_train_one_model() -> None:
    network = rv.Network(3, [rv.Dense(1)])
    model = network.fit(X, Y, epochs=1, engine="reference")
    assert in_threads(*[lambda: [model.fit(X, Y, epochs=2) for _ in range(5)]] * 4) == []
    assert len(model.history) == 41
    assert model.history.epoch.tolist() == list(range(1, 42))
    assert copy.deepcopy(model).fit(X, Y, epochs=1).history[-1].epoch == 42
