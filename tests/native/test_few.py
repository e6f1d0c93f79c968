"""Predictions of a few rows, which have a table of arguments of their own, are those of many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranvier.errors import EngineError, ShapeError
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.native.machine import cpu
from ranvier.native.machine import helper_thread as module
from ranvier.native.program import INDICES, MAX_SMALL_ROWS
from ranvier.network.layers import Dense
from ranvier.training.state import initial_state
from tests.native.against_reference import make_spec, rows_for

pytestmark = pytest.mark.usefixtures("own_cache")


def loaded(seed: int = 0) -> NativeExecutable:
    task = make_spec(21, [Dense(33, "relu", groups=3), Dense(3, "softmax")])
    executable = NativeEngine().compile(task)
    executable.set_state(initial_state(task.network, task.optimizer, seed).engine)
    return executable


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8, np.int32, ">f4"])
def test_small_batches_equal_large_batches(kind: type | str) -> None:
    executable = loaded()
    inputs = rows_for(executable.spec, 300).inputs.dense * 3
    inputs = (np.abs(inputs) if kind is np.uint8 else inputs).astype(kind)
    together = executable.outputs(inputs)
    for rows in (1, 2, MAX_SMALL_ROWS, MAX_SMALL_ROWS + 1, 0):
        for start in (0, 5):
            for step in (1, 2):
                part = slice(start, start + step * rows, step)
                assert executable.outputs(inputs[part]).tobytes() == together[part].tobytes()


def test_outputs_are_copies() -> None:
    executable = loaded()
    inputs = rows_for(executable.spec).inputs.dense
    inputs.setflags(write=False)
    executable.outputs(inputs[:1])
    first = executable.outputs(inputs[:1])
    before = first.copy()
    assert executable.outputs(inputs[1:2]).tobytes() != first.tobytes() == before.tobytes()


def test_small_batches_see_new_state_and_workspace() -> None:
    executable, other = loaded(), loaded(1)
    inputs = rows_for(executable.spec, 1000).inputs.dense
    before = [executable.outputs(inputs[:1]) for _ in range(2)]
    executable.threads_for = lambda rows: 2  # type: ignore[method-assign]
    executable.outputs(inputs)
    assert executable.outputs(inputs[:1]).tobytes() == before[0].tobytes() == before[1].tobytes()
    executable.set_state(other.get_state())
    actual = executable.outputs(inputs[:1]).tobytes()
    assert actual == other.outputs(inputs[:1]).tobytes() != before[0].tobytes()


def test_refusals() -> None:
    executable = loaded()
    executable.outputs(np.zeros((1, 21), np.float32))
    for shape in ((1, 20), (21,), (1, 20, 1)):
        with pytest.raises(ShapeError, match="shape"):
            executable.outputs(np.zeros(shape, np.float32))
    executable.close()
    with pytest.raises(EngineError, match="load"):
        executable.outputs(np.zeros((1, 21), np.float32))


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
def test_a_row_that_a_helper_thread_helps_with_is_that_of_many(precision: str) -> None:
    """Also rows with many zeros, and networks with more than one large layer, whose last pieces are smaller."""
    # Chains of 1100 are cut into K-blocks where rows are many.
    layers = [Dense(304, "relu"), Dense(310, "tanh", bias=False), Dense(40, "gelu", groups=2), Dense(3, "softmax")]
    task = make_spec(1100, layers, precision=precision)
    helped, alone = (NativeEngine().compile(replace(task, threads=threads)) for threads in (2, 1))
    inputs = rows_for(task, 40).inputs.dense
    inputs[::3, 20:] = 0.0
    for executable in (helped, alone):
        executable.set_state(initial_state(task.network, task.optimizer, 0).engine)
    together = alone.outputs(inputs)
    for executable in (helped, alone):
        for _ in range(50):
            for row in range(len(inputs)):
                assert executable.outputs(inputs[row : row + 1]).tobytes() == together[row : row + 1].tobytes()
    helpers = {
        name: [few.words[INDICES["helper"]] for few in executable._few.values()]
        for name, executable in (("helped", helped), ("alone", alone))
    }
    assert helpers["alone"] == [0]
    assert (helpers["helped"] != [0]) == (cpu.threads() > 1)


def single(executable: NativeExecutable, parameters: np.ndarray, inputs: np.ndarray) -> tuple[bytes, bytes]:
    """The outputs of the first row alone, asked for often, and among all."""
    state = initial_state(executable.spec.network, executable.spec.optimizer, 0).engine
    executable.set_state(replace(state, parameters=parameters.astype(state.parameters.dtype)))
    alone = {executable.outputs(inputs[:1]).tobytes() for _ in range(40)}
    assert len(alone) == 1
    return alone.pop(), executable.outputs(inputs)[:1].tobytes()


def test_a_sum_of_nothing_is_no_negative_zero() -> None:
    """All products are too small for the format, and negative."""
    task = replace(make_spec(784, [Dense(100)]), threads=2)
    parameters = np.full(task.network.parameter_table.size, -1e-44)
    parameters[task.network.parameter_table["layers.0.bias"].slice] = 0.0
    alone, among = single(NativeEngine().compile(task), parameters, np.full((40, 784), 1e-3, np.float32))
    assert alone == among == np.zeros(100, np.float32).tobytes()


def test_rows_see_that_weights_of_another_state_are_infinite() -> None:
    """Zeros are left out where weights are finite; 0 times infinity is no number."""
    task = make_spec(784, [Dense(100)])
    executable = NativeEngine().compile(task)
    inputs = np.zeros((40, 784), np.float32)
    inputs[:, :5] = 1.0
    parameters = np.full(task.network.parameter_table.size, 0.5)
    assert np.isfinite(np.frombuffer(single(executable, parameters, inputs)[0], np.float32)).all()
    parameters[task.network.parameter_table["layers.0.weight"].slice][-1] = np.inf
    alone, among = single(executable, parameters, inputs)
    assert alone == among
    assert np.isnan(np.frombuffer(alone, np.float32)).any()


def test_small_networks_ask_for_no_helper_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("a thread was begun that has nothing to do")

    monkeypatch.setattr(module, "helper_thread", refuse)
    task = replace(make_spec(21, [Dense(33, "relu"), Dense(3, "softmax")]), threads=2)
    executable = NativeEngine().compile(task)
    executable.set_state(initial_state(task.network, task.optimizer, 0).engine)
    inputs = rows_for(task).inputs.dense
    assert executable.outputs(inputs[:1]).tobytes() == executable.outputs(inputs[:1]).tobytes()
