"""Steps on single rows, which have a table of arguments of their own, are those of a span."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ranvier.engine import CompileSpec, Span, State
from ranvier.errors import EngineError
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.network.layers import BatchNorm, Dense, Dropout
from ranvier.network.losses import loss
from ranvier.network.optimizers import SGD, Adam, NAdam
from ranvier.rows import Rows
from ranvier.training.state import initial_state
from tests.native.against_reference import make_spec, rows_for

pytestmark = pytest.mark.usefixtures("own_cache")
PLAIN = [Dense(9, "tanh"), Dense(3)]
SPECS: dict[str, CompileSpec] = {
    "sgd": make_spec(7, PLAIN, optimizer=SGD(0.1)),
    "adam": make_spec(7, PLAIN, optimizer=Adam(0.01, weight_decay=0.1)),
    "average, clipped": make_spec(7, PLAIN, optimizer=NAdam(0.01, clip_norm=0.5, ema_decay=0.9)),
    "dropout and batch statistics": make_spec(7, [Dropout(0.3), Dense(9, "relu"), BatchNorm(), Dense(3)]),
    "float64": replace(make_spec(7, PLAIN), precision="float64"),
    "bfloat16": replace(make_spec(7, PLAIN), precision="bfloat16"),
    "many classes": make_spec(5, [Dense(40, "softmax")], loss("categorical_cross_entropy")),
}


def loaded(spec: CompileSpec) -> NativeExecutable:
    executable = NativeEngine().compile(spec)
    executable.set_state(initial_state(spec.network, spec.optimizer, 0).engine)
    return executable


def scalars_of(spec: CompileSpec, number: int) -> np.ndarray[Any, Any]:
    return spec.optimizer.scalar_values(np.array([number + 1]), np.full(1, spec.optimizer.learning_rate))


def by_span(executable: NativeExecutable, row: Rows, number: int) -> tuple[float, State]:
    span = Span(np.zeros(1, np.int64), np.array([0, 1]), scalars_of(executable.spec, number))
    return float(executable.run(row, span)[0]), executable.get_state()


def fast(executable: NativeExecutable, row: Rows, number: int) -> tuple[float, State] | None:
    return executable.try_fast_step(row.inputs.dense, row.targets, scalars_of(executable.spec, number))


def same(first: tuple[float, State] | None, second: tuple[float, State]) -> bool:
    if first is None or first[0] != second[0] or first[1].step != second[1].step:
        return False
    pairs = (first[1].parameters, second[1].parameters), (first[1].slots, second[1].slots)
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def rows_of(spec: CompileSpec, kind: type = np.float32) -> Rows:
    rows = rows_for(spec, 8, kind)
    if spec.network.outputs == 40:
        return Rows(rows.inputs, np.arange(8, dtype=np.int32)[:, None])
    return rows


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("name", SPECS)
def test_steps_have_the_bits_of_spans(name: str, kind: type) -> None:
    spec = SPECS[name]
    usual, quick, rows = loaded(spec), loaded(spec), rows_of(spec, kind)
    assert fast(quick, rows.take(slice(0, 1)), 0) is None
    assert same(by_span(quick, rows.take(slice(0, 1)), 0), by_span(usual, rows.take(slice(0, 1)), 0))
    for number in range(1, 8):
        row = rows.take(slice(number, number + 1))
        assert same(fast(quick, row, number), by_span(usual, row, number))
    expected = usual.outputs(rows.inputs), quick.outputs(rows.inputs)
    assert expected[0].tobytes() == expected[1].tobytes()


def test_rows_of_another_kind_take_the_usual_way() -> None:
    spec = SPECS["sgd"]
    executable, rows = loaded(spec), rows_of(spec)
    by_span(executable, rows.take(slice(0, 1)), 0)
    scalars = scalars_of(spec, 1)
    dense, targets = rows.inputs.dense, rows.targets
    assert executable.try_fast_step(dense[:1].astype(np.float64), targets[:1], scalars) is None
    assert executable.try_fast_step(dense[:1], targets[:1].astype(np.float64), scalars) is None
    assert executable.try_fast_step(dense[:2], targets[:2], scalars) is None
    assert executable.try_fast_step(dense[:1, :1], targets[:1], scalars) is None
    assert executable.try_fast_step(dense[:1], targets[:1], scalars) is not None


def test_they_see_what_happens_to_the_state_between_them() -> None:
    spec = SPECS["adam"]
    usual, quick, rows = loaded(spec), loaded(spec), rows_of(spec)
    row, other = rows.take(slice(0, 1)), rows.take(slice(1, 6))
    many = Span(np.arange(5), np.array([0, 3, 5]), spec.optimizer.scalar_values(np.array([3, 4]), np.full(2, 0.01)))
    for executable, step in ((usual, by_span), (quick, fast)):
        by_span(executable, row, 0)
        step(executable, row, 1)
        executable.run(other, many)
        executable.restore(2 * executable.snapshot())
        step(executable, row, 4)
    assert same(fast(quick, row, 5), by_span(usual, row, 5))
    for executable in (usual, quick):
        executable.set_state(initial_state(spec.network, spec.optimizer, 1).engine)
    assert same(fast(quick, row, 0), by_span(usual, row, 0))


def test_a_closed_network_takes_no_step() -> None:
    spec = SPECS["sgd"]
    executable, rows = loaded(spec), rows_of(spec)
    row = rows.take(slice(0, 1))
    by_span(executable, row, 0)
    executable.close()
    assert fast(executable, row, 1) is None
    executable.set_state(initial_state(spec.network, spec.optimizer, 0).engine)
    by_span(executable, row, 0)
    executable.release()
    with pytest.raises(EngineError, match="No training state is loaded"):
        fast(executable, row, 1)


def test_weights_and_several_threads_take_the_usual_way() -> None:
    spec = SPECS["sgd"]
    rows = rows_of(spec)
    weighted = Rows(rows.inputs.dense[:1], rows.targets[:1], np.full(1, 2.0))
    executable = loaded(replace(spec, weighted=True))
    by_span(executable, weighted, 0)
    assert fast(executable, weighted, 1) is None
    shared = loaded(spec)
    shared.threads = 2
    by_span(shared, rows.take(slice(0, 1)), 0)
    assert fast(shared, rows.take(slice(0, 1)), 1) is None
