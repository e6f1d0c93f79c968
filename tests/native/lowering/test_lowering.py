"""What a network becomes before anybody decides how it runs."""

from __future__ import annotations

import pytest

from ranvier.engine.problem import Problem
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowering import GRADIENT, PREDICT, TRAIN, WATCH, lower
from ranvier.native.lowering.steps import RowStep, Update, fields_of
from ranvier.network.layers import BatchNorm, Dense, Dropout, Layer, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD, Adam, Optimizer

LAYERS: list[Layer] = [Dense(8, "gelu"), BatchNorm(), Dropout(0.5), Residual([LayerNorm(), Dense(8)]), Dense(3)]


def problem(inputs: int, layers: list[Layer], optimizer: Optimizer | None = None, batch_size: int = 32) -> Problem:
    return Problem(Network(inputs, layers), loss("squared_error"), optimizer or SGD(), batch_size=batch_size)


@pytest.mark.parametrize("purpose", [TRAIN, GRADIENT, PREDICT, WATCH])
def test_every_buffer_that_a_step_names_is_listed(purpose: str) -> None:
    lowered = lower(problem(5, LAYERS), purpose)
    for step in lowered.steps:
        for name, value in fields_of(step):
            if isinstance(value, Buffer):
                assert lowered.buffers[value.index] == value, f"{name} of {step}"


@pytest.mark.parametrize("purpose", [PREDICT, WATCH])
def test_without_a_backward_pass_rows_are_independent(purpose: str) -> None:
    assert all(isinstance(step, RowStep) for step in lower(problem(5, LAYERS), purpose).steps)


def test_clipping_by_norm_measures_all_gradients_before_it_moves_anything() -> None:
    steps = lower(problem(5, LAYERS, optimizer=Adam(clip_norm=1.0)), TRAIN).steps
    moving = [number for number, step in enumerate(steps) if step.changes_state]
    names = [type(step).__name__ for step in steps]
    assert isinstance(steps[moving[0]], Update)
    assert names[moving[0] - 1] == "Norm"
    assert max(number for number, name in enumerate(names) if name.endswith("Gradient")) < moving[0]


def test_gradients_move_the_state_at_once_where_nothing_waits_for_them() -> None:
    steps = lower(problem(5, [Dense(4), Dense(3)]), TRAIN).steps
    assert [type(step).__name__ for step in steps if step.changes_state] == ["WeightGradient", "VectorGradient"] * 2
    assert not any(step.changes_state for step in lower(problem(5, [Dense(4), Dense(3)]), GRADIENT).steps)
