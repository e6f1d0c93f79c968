"""Targets of every form: class numbers, soft labels, gaps: native as in the reference, and as one-hot rows or parts."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.engine import CompileSpec
from ranvier.errors import ShapeError
from ranvier.native.engine import NativeEngine
from ranvier.network.layers import Dense
from ranvier.network.losses import LOSSES, loss
from ranvier.reference.engine import ReferenceEngine
from ranvier.rows import Rows
from ranvier.rows.class_numbers import one_hot
from ranvier.training.state import initial_state
from tests.native.against_reference import OUTPUT, agree, make_spec, outcome, rows_for, span_for

pytestmark = pytest.mark.usefixtures("own_cache")


def numbered(spec: CompileSpec) -> Rows:
    rows = rows_for(spec)
    numbers = np.random.default_rng(1).integers(0, spec.network.outputs, (len(rows), 1)).astype(np.int32)
    return Rows(rows.inputs, numbers, rows.weights)


@pytest.mark.parametrize("name", ["categorical_cross_entropy", "focal", "squared_error", "binary_cross_entropy"])
@pytest.mark.parametrize("outputs", [3, 17, 100])
def test_class_numbers_have_the_bits_of_one_hot_rows(name: str, outputs: int) -> None:
    on = LOSSES[name].applied_to
    rule = loss(name, label_smoothing=0.1 if on != "output" else 0.0)
    activation = "softmax" if on == "output" else OUTPUT[on]
    spec = make_spec(6, [Dense(8, "tanh"), Dense(outputs, activation)], rule, weighted=True)
    rows = numbered(spec)
    hot = Rows(rows.inputs, one_hot(rows.targets, outputs, np.float32), rows.weights)
    for engine in (NativeEngine(), ReferenceEngine()):
        actual, expected = (outcome(engine, spec, target_rows, span_for(spec), True) for target_rows in (rows, hot))
        for name in ("losses", "parameters", "validation", "objective", "gradient"):
            np.testing.assert_array_equal(getattr(actual, name), getattr(expected, name))
    agree(spec, rows, gradients=True)


@pytest.mark.parametrize("name", [name for name in LOSSES if LOSSES[name].applied_to != "log_probability"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gaps(name: str, reduction: str) -> None:
    outputs = 21 if reduction == "mean" else 3
    output = Dense(outputs, OUTPUT[LOSSES[name].applied_to])
    spec = make_spec(6, [Dense(8, "tanh"), output], loss(name, reduction=reduction), weighted=True)
    rows = rows_for(spec)
    targets = rows.targets.copy()
    targets[np.random.default_rng(2).random(targets.shape) < 0.4] = np.nan
    targets[3] = np.nan
    agree(spec, replace_targets(rows, targets), gradients=True)


def replace_targets(rows: Rows, targets: np.ndarray) -> Rows:
    return Rows(rows.inputs, targets, rows.weights)


@pytest.mark.parametrize("engine", [NativeEngine(), ReferenceEngine()], ids=["native", "reference"])
def test_the_loss_of_a_row_is_the_mean_over_the_targets_that_are_there(engine: NativeEngine) -> None:
    spec = make_spec(2, [Dense(3)], precision="float64", batch_size=1)
    rows = rows_for(spec, 1)
    targets = np.array([[1.0, np.nan, -2.0]])
    executable = engine.compile(spec)
    executable.set_state(initial_state(spec.network, spec.optimizer, 0).engine)
    value, outputs = executable.evaluate(Rows(rows.inputs, targets))
    assert value == pytest.approx(((outputs[0, 0] - 1.0) ** 2 + (outputs[0, 2] + 2.0) ** 2) / 2, rel=1e-14)
    _, gradient = executable.loss_and_gradient(Rows(rows.inputs, targets))
    views = spec.network.parameter_table.views(gradient)
    assert not views["layers.0.weight"][:, 1].any()
    assert views["layers.0.bias"][0] == pytest.approx(outputs[0, 0] - 1.0, rel=1e-13)


def test_class_numbers_out_of_range_are_refused() -> None:
    spec = make_spec(6, [Dense(20, "softmax")], loss("categorical_cross_entropy"))
    rows = rows_for(spec)
    for engine in (NativeEngine(), ReferenceEngine()):
        with pytest.raises(ShapeError, match="classes 0 to 19"):
            engine.compile(spec).upload(Rows(rows.inputs, np.full((len(rows), 1), 20, np.int32)))


@pytest.mark.parametrize("outputs", [3, 21])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_several_quantiles(outputs: int, precision: str) -> None:
    rule = loss("quantile", q=[0.1, 0.5, 0.95])
    spec = make_spec(6, [Dense(8, "tanh"), Dense(outputs)], rule, precision=precision, weighted=True)
    rows = rows_for(spec)
    agree(spec, rows, gradients=True)
    targets = rows.targets.copy()
    targets[::2, :3] = np.nan
    if outputs > 3:
        agree(spec, replace_targets(rows, targets), gradients=True)
