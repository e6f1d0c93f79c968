"""The objective over many rows is that of the reference engine, in parts or not, on any number of threads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ranvier.native import gradients
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.network.layers import BatchNorm, Dense
from ranvier.network.losses import loss
from ranvier.reference.engine import ReferenceEngine
from ranvier.training.state import initial_state
from tests.native.against_reference import TOLERANCE, make_spec, rows_for

pytestmark = pytest.mark.usefixtures("own_cache")
ROWS = 100


def objectives(layers: list[Any], weights: Any, threads: int = 1) -> tuple[Any, Any, NativeExecutable]:
    """What the native engine and the reference say, and the native executable."""
    task = make_spec(5, layers, loss("categorical_cross_entropy"), weighted=weights is not None, threads=threads)
    rows, state = replace(rows_for(task, ROWS), weights=weights), initial_state(task.network, task.optimizer, 0).engine
    native, reference = NativeEngine().compile(task), ReferenceEngine().compile(task)
    native.threads = threads
    for executable in (native, reference):
        executable.set_state(state)
    return native.loss_and_gradient(rows), reference.loss_and_gradient(rows), native


LAST = np.repeat([0.0, 2.0, 1.0], [40, 30, 30])


@pytest.mark.parametrize("weights", [None, LAST, np.zeros(ROWS)], ids=["none", "some", "zero"])
@pytest.mark.parametrize("last", [(), (BatchNorm(),)], ids=["plain", "batch_norm"])
@pytest.mark.parametrize("part", [7, 16, 100])
def test_parts(part: int, last: tuple[Any, ...], weights: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "PART", part)
    layers = [Dense(9, "tanh", l1=0.01, l2=0.1), *last, Dense(3, "softmax")]
    actual, wanted, executable = objectives(layers, weights)
    others = [objectives(layers, weights, threads)[0] for threads in (2, 3)]
    assert actual[0] == pytest.approx(wanted[0], rel=TOLERANCE["float32"])
    np.testing.assert_allclose(actual[1], wanted[1], rtol=0, atol=TOLERANCE["float32"])
    for value, gradient in others:
        assert value == actual[0]
        assert gradient.tobytes() == actual[1].tobytes()
    room = executable._programs["gradient"].capacity
    assert room == (ROWS if last else part)


def test_part_weights_add_up_to_one() -> None:
    rows = rows_for(make_spec(5, [Dense(3)]), ROWS)
    starts = np.array([0, 30, 70, 100])
    assert gradients.part_fractions(rows.weights, starts).tolist() == [0.3, 0.4, 0.3]
    assert gradients.part_fractions(LAST, starts).tolist() == [0.0, 60 / 90, 30 / 90]
    assert gradients.part_fractions(np.zeros(ROWS), starts).sum() == 1.0
