"""Running the same spec in the native and the reference engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, Span
from ranvier.native.engine import NativeEngine
from ranvier.network.layers import BatchNorm, Dense, Dropout, Layer, LayerNorm, LearnedScale, Rescale, Residual
from ranvier.network.losses import Loss, loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD, Optimizer
from ranvier.reference.engine import ReferenceEngine
from ranvier.rows import Rows
from ranvier.training.state import initial_state

Array = NDArray[Any]
# The states of float32 and float64 runs drift apart by a few roundings a step; losses and gradients of these tests are
# of size 1, chains have some 300 terms at most, whose roundings mostly cancel.
TOLERANCE = {"float32": 400 * 2.0**-24, "float64": 4000 * 2.0**-53}
OUTPUT = {"output": "softplus", "logit": "sigmoid", "log_probability": "softmax"}
"""An activation of the output layer for what a loss is applied to."""
LAYERS: dict[str, list[Layer]] = {
    "dropout": [Dropout(0.3), Dense(21, "relu"), Dropout(0.5), Dense(3)],
    "layer_norm": [LayerNorm(), Dense(20, "tanh"), LayerNorm(1e-3), Dense(3)],
    "rescale": [Rescale(1 / 3), Dense(20, "tanh"), Rescale(0.7), Dense(5, "gelu"), Rescale(1 / 8)],
    "rescale_offset": [Rescale(0.3, -0.5), Dense(21, "tanh"), Rescale(1 / 2, 0.25), Dense(5, "gelu")],
    "learned_scale": [LearnedScale(), Dense(20, "gelu"), LearnedScale()],
    "batch_norm": [BatchNorm(), Dense(20, "tanh"), BatchNorm(0.5), Dense(3)],
    "residual": [Residual([Dense(11, "relu"), Dense(7)]), Residual([LayerNorm(), Dense(7, "tanh")]), Dense(3)],
    "nested": [
        Dense(7),
        Residual([Residual([Dense(7, "silu")]), Dropout(0.2), Dense(7, "gelu")]),
        BatchNorm(),
        Dense(3),
    ],
    "norm_only": [LayerNorm()],
    "dropout_last": [Dense(5, bias=False), Dropout(0.1)],
    "groups": [
        Dense(14, "silu", groups=7),
        BatchNorm(),
        Residual([LayerNorm(), Dense(14, "relu", groups=2)]),
        Dropout(0.2),
    ],
}
"""Every kind of layer among others, for 7 inputs."""


@dataclass(frozen=True)
class LoopResult:
    """What an engine made of a spec."""

    losses: Array
    parameters: Array
    slots: Array
    outputs: Array
    validation: float
    objective: float
    gradient: Array


def make_spec(
    inputs: int, layers: list[Layer], rule: Loss | None = None, optimizer: Optimizer | None = None, **options: Any
) -> CompileSpec:
    """A spec with what does not matter filled in."""
    settings = {"batch_size": 6, "precision": "float32", "threads": 1, "seed": 5, **options}
    return CompileSpec(Network(inputs, layers), rule or loss("squared_error"), optimizer or SGD(0.05), **settings)


def rows_for(task: CompileSpec, rows: int = 37, kind: type = np.float32, seed: int = 0) -> Rows:
    """Random rows whose targets are shares of 1, fit for every loss."""
    generator = np.random.default_rng(seed)
    inputs = generator.standard_normal((rows, task.network.inputs)).astype(kind)
    if kind is np.uint8:
        inputs = generator.integers(0, 256, (rows, task.network.inputs)).astype(kind)
    targets = generator.random((rows, task.network.outputs)) + 0.05
    targets /= targets.sum(axis=1, keepdims=True) if task.network.outputs > 1 else 1.1
    weights = generator.integers(0, 4, rows).astype(np.float64) if task.weighted else None
    return Rows(inputs, targets.astype(task.dtype), weights)


def span_for(task: CompileSpec, rows: int = 37, steps: int = 3, seed: int = 0) -> Span:
    """Some steps in random order, the last batch not full."""
    generator = np.random.default_rng(seed)
    size = task.batch_size
    order = np.concatenate([generator.permutation(rows) for _ in range(steps * size // rows + 1)])[: steps * size]
    starts = np.arange(steps + 1) * size
    starts[-1] -= size // 3
    optimizer = task.optimizer
    scalars = optimizer.scalar_values(np.arange(1, steps + 1), np.full(steps, optimizer.learning_rate))
    return Span(order, starts, scalars)


def one_step(span: Span, number: int = 0) -> Span:
    """A span of one of its steps."""
    first, last = span.starts[number : number + 2]
    return Span(span.order[first:last], np.array([0, last - first]), span.scalars[number : number + 1])


def outcome(engine: Any, task: CompileSpec, rows: Rows, span: Span, gradients: bool = False) -> LoopResult:
    """Train, then look at everything an executable offers."""
    executable = engine.compile(task)
    executable.set_state(initial_state(task.network, task.optimizer, 0).engine)
    losses = executable.run(rows, span)
    state = executable.get_state()
    validation, outputs = executable.evaluate(rows)
    objective, gradient = executable.loss_and_gradient(rows) if gradients else (0.0, np.zeros(0))
    assert state.step == span.steps
    assert np.array_equal(outputs, executable.outputs(rows.inputs))
    executable.close()
    return LoopResult(losses, state.parameters, state.slots, outputs, validation, objective, gradient)


def agree(
    task: CompileSpec, rows: Rows | None = None, span: Span | None = None, slack: float = 1.0, gradients: bool = False
) -> None:
    """Check that both engines make the same of a spec, up to rounding."""
    rows = rows_for(task) if rows is None else rows
    span = span_for(task) if span is None else span
    expected = outcome(ReferenceEngine(), task, rows, span, gradients)
    actual = outcome(NativeEngine(), task, rows, span, gradients)
    for name in LoopResult.__dataclass_fields__:
        values, wanted = np.asarray(getattr(actual, name), np.float64), np.asarray(getattr(expected, name))
        if wanted.size:
            size = max(1.0, float(np.abs(wanted).max()))
            error = float(np.abs(values - wanted).max()) / size
            assert error <= slack * TOLERANCE[task.precision], (name, error)
