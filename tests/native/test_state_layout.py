"""A small state, moved by a map, lies in memory and is given back as one that is packed piece by piece."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranvier.engine import CompileSpec, State
from ranvier.network.layers import BatchNorm, Dense, LayerNorm, Residual
from ranvier.network.optimizers import LBFGS, SGD, Adam
from tests.native.against_reference import make_spec

pytest.importorskip("llvmlite", reason="llvmlite is missing")
from ranvier.native import state_layout
from ranvier.native.compiled import clear_memoized
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable

pytestmark = pytest.mark.usefixtures("own_cache")
LAYERS = [Dense(18, "tanh"), BatchNorm(), Residual([Dense(18, "relu")]), Dense(3)]
SPECS = {
    "float32": make_spec(9, LAYERS, optimizer=Adam()),
    "float64": make_spec(9, LAYERS, optimizer=SGD(momentum=0.9), precision="float64"),
    "bfloat16": make_spec(9, LAYERS, optimizer=Adam(), precision="bfloat16"),
    "average": make_spec(9, LAYERS, optimizer=Adam(ema_decay=0.9)),
    "no slots": make_spec(9, LAYERS, optimizer=SGD()),
    "full batch": make_spec(9, LAYERS, optimizer=LBFGS()),
    "groups": make_spec(8, [Dense(40, "tanh", groups=2), Dense(6, groups=2)], optimizer=Adam()),
    "frozen": make_spec(9, [Dense(5, trainable=False), LayerNorm(trainable=False), Dense(3)], optimizer=Adam()),
    "sparse": make_spec(90, [Dense(20, "tanh"), Dense(3)], optimizer=Adam(), mean_nnz=5),
    "two blocks": make_spec(30, [Dense(20, "tanh"), Dense(3)], optimizer=Adam(), mean_nnz=5, n_dense=7),
}


def loaded(spec: CompileSpec, seed: int) -> NativeExecutable:
    generator = np.random.default_rng(seed)
    executable, size = NativeEngine().compile(spec), spec.network.parameter_table.size
    rows = 4 if spec.optimizer.full_batch else len(spec.optimizer.rule().slots)
    executable.set_state(State(generator.normal(size=size), generator.normal(size=(rows, size)), 3))
    return executable


@pytest.mark.parametrize("name", SPECS)
def test_a_map_does_what_packing_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SPECS[name]
    mapped = loaded(spec, 1)
    monkeypatch.setattr(state_layout, "MAX_MAPPED", 0)
    clear_memoized()
    packed = loaded(replace(spec), 1)
    monkeypatch.undo()
    clear_memoized()
    assert mapped._state.arena is not None
    assert packed._state.arena is None
    assert mapped._state.arrays.keys() == packed._state.arrays.keys()
    for piece, array in packed._state.arrays.items():
        assert mapped._state.arrays[piece].tobytes() == array.tobytes(), piece
    assert mapped.snapshot().tobytes() == packed.snapshot().tobytes()
    assert mapped.snapshot(averaged=True).tobytes() == packed.snapshot(averaged=True).tobytes()
    actual, expected = mapped.get_state(), packed.release()
    assert actual.parameters.tobytes() == expected.parameters.tobytes()
    assert actual.slots.shape == expected.slots.shape
    assert actual.slots.tobytes() == expected.slots.tobytes()
    assert actual.step == expected.step


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_second_state_leaves_nothing_of_the_first(name: str) -> None:
    """Also in memory that was released and is needed again, and in copies that only derivatives of inputs read."""
    spec = SPECS[name]
    executable, other = loaded(spec, 1), loaded(spec, 2)
    inputs = np.random.default_rng(0).normal(size=(5, 9)).astype(np.float32)
    executable.input_gradients(inputs)
    executable.set_state(other.get_state())
    assert executable.input_gradients(inputs).tobytes() == other.input_gradients(inputs).tobytes()
    executable.release()
    executable.set_state(other.get_state())
    assert executable.outputs(inputs).tobytes() == other.outputs(inputs).tobytes()
    assert executable.input_gradients(inputs).tobytes() == other.input_gradients(inputs).tobytes()
