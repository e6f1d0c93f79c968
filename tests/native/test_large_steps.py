"""Between the kernels of a large step the code is compiled quickly, with the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="llvmlite is missing")

from ranvier.engine import CompileSpec
from ranvier.native import compiled
from ranvier.native.engine import NativeEngine
from ranvier.native.kernels.module import plan_ir
from ranvier.native.machine.target import QUICK_MARK
from ranvier.native.scheduling import cost
from ranvier.network.layers import BatchNorm, Dense, Dropout
from ranvier.network.optimizers import SGD, Adam
from ranvier.training.state import initial_state
from tests.native.against_reference import make_spec, rows_for, span_for

pytestmark = pytest.mark.usefixtures("own_cache")
SPECS: dict[str, CompileSpec] = {
    "dense": make_spec(9, [Dense(12, "tanh"), Dense(3)], optimizer=Adam(0.01)),
    "two threads": make_spec(9, [Dense(12, "tanh"), Dense(3)], optimizer=Adam(0.01), threads=2),
    "weights, masks and norms": make_spec(
        9, [Dropout(0.2), Dense(20, "relu"), BatchNorm(), Dense(3)], optimizer=SGD(0.1, clip_norm=0.1), weighted=True
    ),
    "float64": replace(make_spec(9, [Dense(12, "tanh"), Dense(3)]), precision="float64"),
}


@pytest.fixture
def forgotten() -> Iterator[None]:
    compiled.clear_memoized()
    yield
    compiled.clear_memoized()


def texts(spec: CompileSpec) -> list[str]:
    executable = NativeEngine().compile(spec)
    return list(plan_ir(executable.plan.code, executable.target))


def test_only_the_entries_of_large_steps_are_marked() -> None:
    small = texts(make_spec(9, [Dense(12), Dense(3)]))
    large = texts(make_spec(300, [Dense(200, "relu"), Dense(3)], batch_size=64))
    assert [text.startswith(QUICK_MARK) for text in small] == [False] * len(small)
    assert [text.startswith(QUICK_MARK) for text in large] == [True] + [False] * (len(large) - 1)
    assert "@span(" in large[0]


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("name", SPECS)
def test_the_bits_are_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, actual = SPECS[name], []
    for flops in (1, 2**62):
        monkeypatch.setattr(cost, "LARGE_STEP", flops)
        compiled.clear_memoized()
        assert texts(spec)[0].startswith(QUICK_MARK) == (flops == 1)
        executable = NativeEngine().compile(spec)
        executable.threads = spec.threads or 1
        executable.set_state(initial_state(spec.network, spec.optimizer, 0).engine)
        losses = executable.run(rows_for(spec), span_for(spec))
        state = executable.get_state()
        actual.append((losses.tobytes(), state.parameters.tobytes(), state.slots.tobytes()))
    assert actual[0] == actual[1]
    assert np.isfinite(state.parameters).all()
