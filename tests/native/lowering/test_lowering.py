"""What a network becomes before anybody decides how it runs."""

from __future__ import annotations

import pytest

from ranvier.engine import CompileSpec
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import GRADIENT, PREDICT, TRAIN, WATCH
from ranvier.native.lowering.lowering import lower
from ranvier.native.lowering.scalars import Scalar
from ranvier.native.lowering.steps import Drop, RowStep, Update, fields_of
from ranvier.network.layers import BatchNorm, Dense, Dropout, Layer, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD, Adam, Optimizer

LAYERS: list[Layer] = [Dense(8, "gelu"), BatchNorm(), Dropout(0.5), Residual([LayerNorm(), Dense(8)]), Dense(3)]


def make_spec(
    inputs: int, layers: list[Layer], optimizer: Optimizer | None = None, batch_size: int = 32
) -> CompileSpec:
    return CompileSpec(Network(inputs, layers), loss("squared_error"), optimizer or SGD(), batch_size=batch_size)


@pytest.mark.parametrize("purpose", [TRAIN, GRADIENT, PREDICT, WATCH])
def test_every_buffer_that_a_step_names_is_listed(purpose: str) -> None:
    lowered = lower(make_spec(5, LAYERS), purpose)
    for step in lowered.steps:
        for name, value in fields_of(step):
            if isinstance(value, Buffer):
                assert lowered.buffers[value.index] == value, f"{name} of {step}"


@pytest.mark.parametrize("purpose", [PREDICT, WATCH])
def test_without_a_backward_pass_rows_are_independent(purpose: str) -> None:
    assert all(isinstance(step, RowStep) for step in lower(make_spec(5, LAYERS), purpose).steps)


def test_clipping_by_norm_measures_all_gradients_before_it_moves_anything() -> None:
    steps = lower(make_spec(5, LAYERS, optimizer=Adam(clip_norm=1.0)), TRAIN).steps
    moving = [number for number, step in enumerate(steps) if step.changes_state]
    names = [type(step).__name__ for step in steps]
    assert isinstance(steps[moving[0]], Update)
    assert names[moving[0] - 1] == "Norm"
    assert max(number for number, name in enumerate(names) if name.endswith("Gradient")) < moving[0]


def test_gradients_move_the_state_at_once_where_nothing_waits_for_them() -> None:
    steps = lower(make_spec(5, [Dense(4), Dense(3)]), TRAIN).steps
    assert [type(step).__name__ for step in steps if step.changes_state] == ["WeightGradient", "VectorGradient"] * 2
    assert not any(step.changes_state for step in lower(make_spec(5, [Dense(4), Dense(3)]), GRADIENT).steps)


def test_hyper_parameters_are_named_numbers_of_the_record() -> None:
    layers: list[Layer] = [Dense(4, "relu", l1=0.25), Dropout(0.5), Dense(3, l2=0.125)]
    optimizer = Adam(clip_norm=2.0, weight_decay=0.01, clip_value=3.0)
    lowered = lower(make_spec(5, layers, optimizer=optimizer), TRAIN)
    assert lowered.rule is not None
    numbers = {scalar.name: scalar.value for scalar in (*lowered.rule.numbers, lowered.rule.decay)}
    assert numbers == {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "clip_value": 3.0, "weight_decay": 0.01}
    assert [step.rate for step in lowered.steps if isinstance(step, Drop)] == [Scalar("layers.1.rate", 0.5)]
    assert [step.max_norm for step in lowered.steps if isinstance(step, Update)] == [Scalar("clip_norm", 2.0)]
    pieces = {piece.entry.name: (piece.l1, piece.l2, piece.decay) for piece in lowered.trained}
    assert pieces["layers.0.weight"] == (Scalar("layers.0.weight.l1", 0.25), None, lowered.rule.decay)
    assert pieces["layers.2.weight"] == (None, Scalar("layers.2.weight.l2", 0.125), lowered.rule.decay)
    assert pieces["layers.0.bias"] == (None, None, None)
