"""Finite differences over every activation, loss, layer kind and regularizer, in float64, on the engine's own step.

Every test has planted bugs beside it that the same check must catch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ranvier.engine import State
from ranvier.network.activations import ACTIVATIONS
from ranvier.network.layers import LAYERS, BatchNorm, Dense, Dropout, LayerNorm, LearnedScale, Residual
from ranvier.network.losses import LOSSES, loss
from ranvier.reference import activations, engine, layers, losses, network
from tests.helpers import (
    ALL_LOSSES,
    ELEMENTWISE,
    LAYER_EXAMPLES,
    assert_is_gradient,
    output_activations,
)
from tests.reference.trial import HIDDEN, OUTPUTS, Trial, make_trial

REGULARIZERS = {"none": (0.0, 0.0), "l1": (0.3, 0.0), "l2": (0.0, 0.5), "both": (0.2, 0.7)}
CHAINS: dict[str, list[Any]] = {
    "no hidden layer": [Dense(OUTPUTS)],
    "without biases": [Dense(HIDDEN, "tanh", bias=False), Dense(OUTPUTS, bias=False)],
    "norm at the end": [Dense(OUTPUTS, "tanh"), LayerNorm()],
    "batch norm first": [BatchNorm(), Dense(HIDDEN, "softplus"), Dense(OUTPUTS)],
    "dropout on the inputs and in a row": [
        Dropout(0.3),
        Dense(HIDDEN, "tanh"),
        Dropout(0.2),
        Dropout(0.5),
        Dense(OUTPUTS),
    ],
    "blocks in blocks": [
        Dense(HIDDEN, "silu"),
        Residual([LayerNorm(), Residual([Dense(5, "tanh"), Dropout(0.3), Dense(HIDDEN), BatchNorm()]), LearnedScale()]),
        Residual([Dense(HIDDEN, "gelu")]),
        Dense(OUTPUTS),
    ],
    "ends with a block": [Dense(OUTPUTS, "tanh"), Residual([Dense(3, "silu"), Dense(OUTPUTS, "softplus")])],
}


def test_every_layer_kind_has_an_example() -> None:
    assert {name.split(" ")[0] for name in LAYER_EXAMPLES} == LAYERS.keys(), (
        "give every kind of layer an example in tests/helpers.py"
    )


def check(trial: Trial, directions: int | None = None) -> None:
    assert_is_gradient(trial.loss, trial.parameters, trial.gradient(), directions)


@pytest.mark.parametrize("loss_name", ALL_LOSSES)
def test_every_loss_with_every_output_activation(loss_name: str) -> None:
    """Entry by entry. The hidden layer has the same activation where it may."""
    entry = ALL_LOSSES[loss_name]
    for name, output in output_activations(entry).items():
        hidden = ELEMENTWISE.get(name, ELEMENTWISE["tanh"])
        check(make_trial([Dense(HIDDEN, hidden), Dense(OUTPUTS, output)], entry))


@pytest.mark.parametrize("kind", LAYER_EXAMPLES)
@pytest.mark.parametrize("loss_name", [*LOSSES, *(name for name in ALL_LOSSES if name.startswith("own"))])
def test_every_combination(kind: str, loss_name: str) -> None:
    """Every hidden activation with every loss, layer kind and regularizer, along a random direction."""
    entry = ALL_LOSSES[loss_name]
    output = {"logit": "sigmoid", "log_probability": "softmax"}.get(entry.applied_to, "softplus")
    for hidden in (*(ACTIVATIONS[name] for name in ACTIVATIONS if name in ELEMENTWISE), ELEMENTWISE["own"]):
        for l1, l2 in REGULARIZERS.values():
            inner = LAYER_EXAMPLES[kind](Dense(HIDDEN, hidden, l1=l1, l2=l2))
            check(make_trial([*inner, Dense(OUTPUTS, output)], entry), directions=1)


@pytest.mark.parametrize("regularizer", REGULARIZERS)
@pytest.mark.parametrize("kind", LAYER_EXAMPLES)
def test_every_layer_kind_entry_by_entry(kind: str, regularizer: str) -> None:
    l1, l2 = REGULARIZERS[regularizer]
    inner = LAYER_EXAMPLES[kind](Dense(HIDDEN, "tanh", l1=l1, l2=l2))
    check(make_trial([*inner, Dense(OUTPUTS, "softmax", l2=l2)], loss("categorical_cross_entropy")))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chain", CHAINS)
def test_gradients_of_chains_of_layers(chain: str, weighted: bool) -> None:
    check(make_trial(CHAINS[chain], loss("squared_error"), weighted))


@pytest.mark.parametrize("chain", CHAINS)
def test_objective_is_the_training_step_without_dropout(chain: str) -> None:
    without = [layer for layer in CHAINS[chain] if not isinstance(layer, (Dropout, Residual))]
    trial = make_trial(without, loss("squared_error"))
    expected = trial.step(trial.parameters)
    trial.executable.set_state(State(trial.parameters, np.empty((0, trial.parameters.size)), 0))
    value, gradient = trial.executable.loss_and_gradient(trial.rows)
    assert value == expected[0]
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-13, atol=1e-14)


def test_input_gradients() -> None:
    """`backward` also returns the derivative with respect to the inputs."""
    trial = make_trial(CHAINS["blocks in blocks"], loss("squared_error"), weighted=False)
    spec = trial.executable.spec
    views = spec.network.parameter_table.views(trial.parameters)
    shape, mode = trial.rows.inputs.shape, network.ForwardMode(batch_statistics=True)

    def total(flat: Any) -> float:
        return float(network.forward(spec.network.layer_infos, views, flat.reshape(shape), mode)[-1].y.sum())

    records = network.forward(spec.network.layer_infos, views, trial.rows.inputs.dense, mode)
    dx = network.backward(records, views, np.ones((shape[0], OUTPUTS)), {})
    assert_is_gradient(total, trial.rows.inputs.dense.ravel(), dx.ravel())


def changed(function: Callable[..., Any], change: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its result changed."""
    return lambda *arguments, **options: change(function(*arguments, **options))


def first_larger(results: tuple[Any, ...]) -> tuple[Any, ...]:
    return (results[0] * 1.001, *results[1:])


def last_larger(results: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*results[:-1], results[-1] * 1.001)


def without_variance(n: Any, deviation: Any, dn: Any, axis: int) -> Any:
    return (dn - dn.mean(axis=axis, keepdims=True)) / deviation


def without_mean(n: Any, deviation: Any, dn: Any, axis: int) -> Any:
    return (dn - n * (dn * n).mean(axis=axis, keepdims=True)) / deviation


PLANTED: dict[str, tuple[Any, str, Callable[..., Any], str]] = {
    "data gradient": (layers, "dense_backward", changed(layers.dense_backward, first_larger), "dense"),
    "bias gradient": (layers, "dense_backward", changed(layers.dense_backward, last_larger), "dense"),
    "groups exchanged": (
        layers,
        "split_groups",
        changed(layers.split_groups, lambda parts: parts[::-1]),
        "dense in groups",
    ),
    "all groups the first": (
        layers,
        "split_groups",
        changed(layers.split_groups, lambda parts: parts[:1] * len(parts)),
        "dense in groups",
    ),
    "scale gradient": (
        layers,
        "learned_scale_backward",
        changed(layers.learned_scale_backward, last_larger),
        "learned_scale",
    ),
    "layer norm without variance": (layers, "standardize_backward", without_variance, "layer_norm"),
    "layer norm without mean": (layers, "standardize_backward", without_mean, "layer_norm"),
    "batch norm without variance": (layers, "standardize_backward", without_variance, "batch_norm"),
    "batch norm without mean": (layers, "standardize_backward", without_mean, "batch_norm"),
    "dropout of nothing": (layers, "dropout_backward", lambda factors, dy: dy, "dropout"),
    "wrong output delta": (losses, "output_delta", changed(losses.output_delta, lambda d: 1.001 * d), "dense"),
    "rows not weighted": (losses, "normalized_weights", lambda rows, weights: np.full(rows, 1.0 / rows), "dense"),
    "activation derivative": (activations, "backward", changed(activations.backward, lambda dx: 0.999 * dx), "dense"),
    "penalty gradient": (engine, "penalty_gradient", lambda w, l1, l2: 2.0 * l2 * w, "dense"),
    "without the skip connection": (
        network,
        "chain_backward",
        changed(network.chain_backward, lambda dx: 0.999 * dx),
        "residual",
    ),
}


@pytest.mark.parametrize("bug", PLANTED)
@pytest.mark.parametrize("directions", [None, 1])
def test_planted_bugs_are_caught(bug: str, directions: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, wrong, kind = PLANTED[bug]
    inner = LAYER_EXAMPLES[kind](Dense(HIDDEN, "tanh", l2=0.5))
    trial = make_trial([*inner, Dense(OUTPUTS, "softmax")], loss("categorical_cross_entropy"))
    check(trial, directions)
    monkeypatch.setattr(module, name, wrong)
    _, gradient = trial.step(trial.parameters)
    monkeypatch.undo()
    with pytest.raises(AssertionError, match="is not NumericDerivative"):
        assert_is_gradient(trial.loss, trial.parameters, gradient, directions)


@pytest.mark.parametrize("name", [name for name, record in ELEMENTWISE.items() if record.name in activations.FORMULAS])
def test_a_wrong_derivative_of_any_activation_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record = ELEMENTWISE[name]
    trial = make_trial([Dense(HIDDEN, record), Dense(OUTPUTS)], loss("squared_error"))
    value, derivative = activations.FORMULAS[record.name]
    wrong = changed(derivative, lambda result: result * 1.0001)
    monkeypatch.setitem(activations.FORMULAS, record.name, (value, wrong))
    with pytest.raises(AssertionError, match="is not NumericDerivative"):
        check(trial)


@pytest.mark.parametrize("name", losses.FORMULAS)
def test_a_wrong_derivative_of_any_loss_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = ALL_LOSSES[name]
    output = {"logit": "sigmoid", "log_probability": "softmax"}.get(entry.applied_to, "softplus")
    trial = make_trial([Dense(HIDDEN, "tanh"), Dense(OUTPUTS, output)], entry)
    value, derivative = losses.FORMULAS[name]
    wrong = changed(derivative, lambda result: result * 1.0001)
    monkeypatch.setitem(losses.FORMULAS, name, (value, wrong))
    with pytest.raises(AssertionError, match="is not NumericDerivative"):
        check(trial)
