"""Steps made one at a time: the bits of a fit each, whatever happens between them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.model.model import Model
from ranvier.rows import as_inputs
from ranvier.training import open_training
from ranvier.training.inference import outputs_of
from tests.training.trial import timeless

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=40)
WEIGHTS = RNG.uniform(0.5, 2.0, size=40)
NETWORK = rv.Network(3, [rv.Dense(6, "relu"), rv.Dropout(0.3), rv.BatchNorm(), rv.Dense(1)])
OPTIONS: list[dict[str, Any]] = [
    {},
    {"optimizer": rv.NAdam(0.01, weight_decay=0.1, clip_norm=0.5), "schedule": "one_cycle"},
    {"optimizer": rv.SGD(0.05, momentum=0.9, ema_decay=0.9), "schedule": rv.schedule("reduce_on_plateau")},
    {"shuffle": False, "precision": "float64", "loss": "huber"},
]


def trained(engine: str = "native", **options: Any) -> Model:
    return NETWORK.fit(X, Y, epochs=1, engine=engine, seed=3, progress=False, **options)


def same(first: Model, second: Model) -> bool:
    states = first.training_state, second.training_state
    assert states[0] is not None
    assert states[1] is not None
    assert timeless(first.history) == timeless(second.history)
    plain = [{name: value for name, value in state.to_dict().items() if name != "history"} for state in states if state]
    assert plain[0] == plain[1]
    pairs = zip(states[0].arrays().items(), states[1].arrays().items(), strict=True)
    return all(a == b and x.tobytes() == y.tobytes() for (a, x), (b, y) in pairs) and np.array_equal(
        first.predict(X), second.predict(X)
    )


def listened(event: Any) -> None:
    """A sink, for which a fit tells its events and makes its steps in the usual way."""


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("options", OPTIONS)
def test_steps_have_the_bits_of_fits(engine: str, options: dict[str, Any]) -> None:
    usual, stepped = trained(engine, **options), trained(engine, **options)
    for number, rows in enumerate((1, 1, 5, 5, 1, 32, 1)):
        part = slice(number, number + rows)
        weights = WEIGHTS[part] if number % 3 else None
        usual.fit(X[part], Y[part], epochs=1, sample_weight=weights, progress=listened)
        stepped.fit(X[part], Y[part], epochs=1, sample_weight=weights, progress=False)
        assert same(usual, stepped)


def test_they_stay_open_for_rows_of_the_same_number(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    compile_network = open_training.compile_network
    monkeypatch.setattr(open_training, "compile_network", lambda *of: opened.append(1) or compile_network(*of))
    model = trained()
    for number in range(5):
        model.fit(X[number : number + 1], Y[number : number + 1], epochs=1, progress=False)
    assert len(opened) == 1
    model.fit(X[:2], Y[:2], epochs=1, progress=False)
    model.fit(X[:2], Y[:2], epochs=1, batch_size=8, progress=False)
    model.fit(X[2:4], Y[2:4], epochs=1, progress=False)
    assert len(opened) == 3


def test_other_fits_between_them_are_seen() -> None:
    usual, stepped = trained(), trained()
    for model, progress in ((usual, listened), (stepped, False)):
        epoch = {"epochs": 1, "progress": progress}
        model.fit(X[:1], Y[:1], **epoch)
        model.fit(X, Y, epochs=2, validation=0.2, progress=progress)
        model.fit(X[1:2], Y[1:2], **epoch)
        arrays, data = copy.deepcopy(model.training_state).arrays(), model.training_state.to_dict()  # type: ignore
        model.fit(X[2:3], Y[2:3], **epoch)
        model.restore_training(arrays, data)
        model.fit(X[3:4], Y[3:4], **epoch)
    assert same(usual, stepped)


def test_a_copy_goes_on_by_itself() -> None:
    model = trained()
    model.fit(X[:1], Y[:1], epochs=1, progress=False)
    copied, pickled = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    model.fit(X[1:2], Y[1:2], epochs=1, progress=False)
    for other in (copied, pickled):
        assert len(other.history) == 2
        other.fit(X[1:2], Y[1:2], epochs=1, progress=False)
        assert same(model, other)


def test_a_step_that_diverges_leaves_the_model_as_it_was() -> None:
    linear = rv.Network(3, [rv.Dense(1)])
    usual, model = (linear.fit(X, Y, epochs=1, engine="native", progress=False) for _ in range(2))
    for fitted in (usual, model):
        fitted.fit(X[:1], Y[:1], epochs=1, progress=False)
    with pytest.raises(rv.TrainingError, match="Inputs reach 1e\\+38: scale them"):
        model.fit(np.full((1, 3), 1e38), Y[:1], epochs=1, progress=False)
    for fitted in (usual, model):
        fitted.fit(X[1:2], Y[1:2], epochs=1, progress=False)
    assert same(usual, model)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_closing_a_model_closes_the_network_that_is_open(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, usual = trained(engine), trained(engine)
    closed: list[Any] = []
    for fitted in (model, usual):
        for first in (0, 10, 20):
            fitted.fit(X[first : first + 10], Y[first : first + 10], epochs=1, progress=False)
    opened = model._open
    assert opened is not None
    close = opened.close
    monkeypatch.setattr(opened, "close", lambda: (closed.append(True), close()))
    model.close()
    model.close()
    assert closed == [True]
    assert model._open is None
    for fitted in (model, usual):
        fitted.fit(X[30:], Y[30:], epochs=1, progress=False)
    assert same(model, usual)


def test_an_executable_is_closed_where_its_outputs_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        closed = False

        def outputs(self, inputs: Any) -> Any:
            raise MemoryError

        def close(self) -> None:
            self.closed = True

    failing = Failing()
    monkeypatch.setattr("ranvier.training.inference.compile_for_inference", lambda *args: failing)
    model: Any = trained("reference")
    with pytest.raises(MemoryError):
        outputs_of(model.network, model.training, model._flat, as_inputs(X))
    assert failing.closed
