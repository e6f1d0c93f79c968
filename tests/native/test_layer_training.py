"""Frozen layers, learning rates of layers and constraints: native as in the reference, with every optimizer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ranvier.native.engine import NativeEngine
from ranvier.native.lowering.lowered import TRAIN
from ranvier.native.lowering.lowering import lower
from ranvier.native.lowering.steps import Back, Derivative, Update, VectorGradient, WeightGradient
from ranvier.network.constraints import CONSTRAINTS, Constraint, MaxNorm, NonNegative
from ranvier.network.layers import BatchNorm, Dense, Layer, LayerNorm, LearnedScale, Residual
from ranvier.network.optimizers import OPTIMIZERS, SGD, Adam, optimizer
from ranvier.rows import CSR, Inputs, Rows
from ranvier.training.state import initial_state
from tests.native.against_reference import agree, make_spec, one_step, rows_for, span_for

pytestmark = pytest.mark.usefixtures("own_cache")
RULES = [name for name, kind in OPTIMIZERS.items() if not kind.full_batch]
EXAMPLES: dict[str, Constraint] = {"non_negative": NonNegative(), "max_norm": MaxNorm(0.4)}
"""One of each kind, which the initial weights below do not fulfil."""
FROZEN: dict[str, list[Layer]] = {
    "first": [Dense(20, "relu", trainable=False, l2=0.5), Dense(3)],
    "middle": [Dense(20, "tanh"), Dense(9, "silu", trainable=False), Dense(3)],
    "last": [Dense(20, "gelu"), Dense(3, trainable=False)],
    "norms": [
        LayerNorm(trainable=False),
        Dense(20, "relu"),
        BatchNorm(trainable=False),
        LearnedScale(trainable=False),
        Dense(3),
    ],
    "batch_norm": [Dense(9), BatchNorm(trainable=False), Residual([BatchNorm(), Dense(9, "relu")]), Dense(3)],
    "residual": [Dense(7), Residual([Dense(5, "relu", trainable=False), Dense(7, trainable=False)]), Dense(3)],
    "groups": [Dense(14, "silu", groups=7), Dense(14, "tanh", groups=2, trainable=False), Dense(3)],
}


@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.parametrize("extras", [{}, {"clip_norm": 0.5, "weight_decay": 0.1, "ema_decay": 0.5}])
def test_frozen_layers(name: str, extras: dict[str, Any]) -> None:
    agree(make_spec(7, FROZEN[name], optimizer=Adam(0.02, **extras)), gradients=not extras)


@pytest.mark.parametrize("name", FROZEN)
def test_frozen_parameters_keep_their_bits_and_the_others_move(name: str) -> None:
    spec = make_spec(7, FROZEN[name], optimizer=Adam(0.02, weight_decay=0.3))
    begin = initial_state(spec.network, spec.optimizer, 0).engine
    executable = NativeEngine().compile(spec)
    executable.set_state(begin)
    executable.run(rows_for(spec), span_for(spec))
    end = executable.get_state().parameters
    for entry in spec.network.parameter_table:
        same = np.array_equal(end[entry.slice], begin.parameters[entry.slice].astype(end.dtype))
        assert same == (not entry.trainable and not (entry.is_statistic and "layers.2.layers.0" in entry.name)), entry


def test_a_frozen_layer_costs_no_gradient() -> None:
    def steps(*layers: Layer) -> list[type]:
        return [type(step) for step in lower(make_spec(7, list(layers)), TRAIN).steps]

    first = steps(Dense(20, "relu", trainable=False), Dense(9, "relu", trainable=False), Dense(3))
    assert first.count(WeightGradient) == first.count(VectorGradient) == 1
    assert Back not in first
    assert Derivative not in first
    middle = steps(Dense(20, "relu"), Dense(9, "relu", trainable=False), Dense(3))
    assert middle.count(WeightGradient) == middle.count(Back) == 2


@pytest.mark.parametrize("name", RULES)
def test_learning_rates_of_layers(name: str) -> None:
    layers = [
        Dense(20, "tanh", learning_rate_factor=0.1),
        LayerNorm(learning_rate_factor=3.0),
        LearnedScale(learning_rate_factor=0.5),
        Dense(3, l1=0.01),
    ]
    agree(make_spec(7, layers, optimizer=optimizer(name, learning_rate=0.02, weight_decay=0.3, ema_decay=0.4)))


@pytest.mark.parametrize("clip_norm", [None, 0.3])
@pytest.mark.parametrize("kind", CONSTRAINTS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_constraints(kind: str, clip_norm: float | None, precision: str) -> None:
    rule = EXAMPLES[kind]
    layers = [Dense(33, "silu", constraint=rule), Dense(14, groups=7, constraint=rule), Dense(3, constraint=rule)]
    layers[1] = replace(layers[1], groups=1) if clip_norm else Dense(12, groups=3, constraint=rule)
    adam = Adam(0.05, ema_decay=0.5, clip_norm=clip_norm)
    agree(make_spec(7, layers, optimizer=adam, precision=precision))


@pytest.mark.parametrize("name", ["sgd", "adam", "lion"])
def test_constraints_hold_after_every_update(name: str) -> None:
    layers = [Dense(20, "tanh", constraint=MaxNorm(0.3)), Dense(3, constraint=NonNegative())]
    spec = make_spec(7, layers, optimizer=optimizer(name, learning_rate=0.3, weight_decay=0.01, ema_decay=0.4))
    executable, rows, span = NativeEngine().compile(spec), rows_for(spec), span_for(spec)
    executable.set_state(initial_state(spec.network, spec.optimizer, 0).engine)
    for number in range(3):
        executable.run(rows, one_step(span, number))
        for averaged in (False, True):
            views = spec.network.parameter_table.views(executable.snapshot(averaged))
            assert np.linalg.norm(views["layers.0.weight"], axis=0).max() <= 0.3 * (1 + 1e-5)
            assert views["layers.1.weight"].min() >= 0
            assert views["layers.1.weight"].max() > 0


@pytest.mark.parametrize("batch_size", [6, 130])
def test_threads_do_not_change_the_bits(batch_size: int) -> None:
    layers = [
        Dense(300, "relu", constraint=MaxNorm(0.4), learning_rate_factor=0.5),
        Dense(200, "relu", trainable=False),
        Dense(64, "tanh", constraint=NonNegative()),
    ]
    actual = []
    for threads in (1, 2):
        spec = make_spec(100, layers, optimizer=Adam(0.01), batch_size=batch_size, threads=threads)
        executable = NativeEngine().compile(spec)
        executable.threads = threads
        executable.set_state(initial_state(spec.network, spec.optimizer, 0).engine)
        executable.run(rows_for(spec, 150), span_for(spec, 150))
        actual.append(executable.get_state().parameters)
    np.testing.assert_array_equal(actual[0], actual[1])


def test_the_two_halves_of_a_step_are_a_step() -> None:
    layers = [Dense(9, "relu", constraint=MaxNorm(0.3)), BatchNorm(trainable=False), Dense(3, constraint=NonNegative())]
    spec = make_spec(7, layers, optimizer=Adam(0.05))
    rows, span = rows_for(spec), one_step(span_for(spec))
    full, halves = NativeEngine().compile(spec), NativeEngine().compile(spec)
    for executable in (full, halves):
        executable.set_state(initial_state(spec.network, spec.optimizer, 0).engine)
    full.run(rows, span)
    _, gradient = halves.gradient(rows, span.order, 0)
    halves.apply(gradient, span.scalars[0])
    np.testing.assert_array_equal(full.get_state().parameters, halves.get_state().parameters)
    assert any(isinstance(step, Update) for step in lower(spec, "update").steps)


@pytest.mark.parametrize("frozen", [False, True])
def test_sparse_rows(frozen: bool) -> None:
    generator = np.random.default_rng(0)
    csr = CSR.from_dense(generator.random((37, 30)) * (generator.random((37, 30)) < 0.2))
    first = (
        Dense(20, "silu", trainable=False) if frozen else Dense(20, constraint=NonNegative(), learning_rate_factor=3)
    )
    spec = make_spec(33, [first, Dense(3)], optimizer=SGD(0.05, momentum=0.9), mean_nnz=6, n_dense=3)
    plain = rows_for(spec)
    agree(spec, Rows(Inputs(generator.random((37, 3)), csr), plain.targets), gradients=True)
