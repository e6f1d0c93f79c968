"""A gradient and an update by it are a step of `run`, bit for bit, in both engines."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ranvier.engine import Cancelled, CompileSpec, Span
from ranvier.errors import EngineError, ShapeError
from ranvier.native.engine import NativeEngine
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.optimizers import LBFGS, OPTIMIZERS, SGD, Adam, optimizer
from ranvier.reference.engine import ReferenceEngine
from ranvier.rows import CSR
from ranvier.training.state import initial_state
from tests.native.against_reference import LAYERS, TOLERANCE, make_spec, one_step, rows_for, span_for

ENGINES = {"native": NativeEngine(), "reference": ReferenceEngine()}
MIXED = [
    Dense(19, "gelu", l1=0.01, l2=0.1),
    Dropout(0.3),
    BatchNorm(),
    Residual([LayerNorm(), Dense(19, "tanh")]),
    Dense(3, "softmax"),
]
OPTIONS: dict[str, dict[str, Any]] = {
    "clip_norm": {"optimizer": Adam(0.01, clip_norm=0.01, ema_decay=0.9)},
    "clip_norm, seldom": {"optimizer": Adam(0.01, clip_norm=1e6)},
    "clip_value and weight_decay": {"optimizer": Adam(0.01, clip_value=0.01, weight_decay=0.1)},
    "weighted": {"weighted": True},
    "float64": {"precision": "float64"},
    "bfloat16": {"precision": "bfloat16", "optimizer": Adam(0.01, clip_norm=0.01)},
    "threads": {"threads": 2, "batch_size": 33},
}

pytestmark = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def mixed(**options: Any) -> CompileSpec:
    return make_spec(7, MIXED, loss("categorical_cross_entropy"), **{"optimizer": Adam(0.01), **options})


def loaded(engine: Any, spec: CompileSpec) -> Any:
    executable = engine.compile(spec)
    executable.set_state(initial_state(spec.network, spec.optimizer, 3).engine)
    return executable


def bits(executable: Any) -> tuple[int, bytes, bytes]:
    state = executable.get_state()
    return state.step, state.parameters.tobytes(), state.slots.tobytes()


def check_halves(engine: Any, spec: CompileSpec, steps: int = 3) -> None:
    """Check that halves of steps have the bits of whole ones, whether they stand alone or among whole ones."""
    rows, span = rows_for(spec), span_for(spec, steps=steps)
    full, apart = loaded(engine, spec), loaded(engine, spec)
    for number in range(steps):
        step = one_step(span, number)
        before = bits(apart)
        value, gradient = apart.gradient(rows, step.order, number)
        assert gradient.shape == (spec.network.parameter_table.size,)
        assert gradient.dtype == apart.dtype
        assert bits(apart) == before
        apart.apply(gradient, step.scalars[0])
        assert full.run(rows, step).tolist() == [value]
        assert bits(apart) == bits(full)
    assert apart.run(rows, span).tobytes() == full.run(rows, span).tobytes()
    assert bits(apart) == bits(full)


@pytest.mark.parametrize("name", [name for name, kind in OPTIMIZERS.items() if not kind.full_batch])
def test_every_optimizer(engine: Any, name: str) -> None:
    check_halves(engine, mixed(optimizer=optimizer(name)))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_common_options(engine: Any, options: dict[str, Any]) -> None:
    check_halves(engine, mixed(**options))


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_layers(engine: Any, layers: list[Any]) -> None:
    check_halves(engine, make_spec(7, layers, optimizer=SGD(0.05, momentum=0.9)), steps=2)


def test_the_average_over_the_halves_of_a_batch_is_the_gradient_of_the_batch(engine: Any) -> None:
    """As data-parallel training has it, also for two executables that were given the same state."""
    layers = [Dense(33, "tanh", l1=0.01, l2=0.1), LayerNorm(), Dense(3)]
    spec = make_spec(7, layers, optimizer=Adam(0.01, clip_norm=0.1), batch_size=12)
    rows, span = rows_for(spec, 12), Span(np.arange(12), np.array([0, 12]), span_for(spec, steps=1).scalars)
    first, second, full = (loaded(engine, spec) for _ in range(3))
    parts = [part.gradient(rows, span.order[half], 0) for part, half in ((first, slice(6)), (second, slice(6, 12)))]
    value = np.mean([part[0] for part in parts])
    gradient = np.mean([part[1] for part in parts], axis=0)
    assert value == pytest.approx(full.run(rows, span)[0], rel=TOLERANCE["float32"])
    for executable in (first, second):
        executable.apply(gradient, span.scalars[0])
    assert bits(first) == bits(second)
    # Adam divides small gradients by their size.
    np.testing.assert_allclose(
        first.get_state().parameters, full.get_state().parameters, rtol=0, atol=10 * TOLERANCE["float32"]
    )


def test_the_masks_are_those_of_the_step(engine: Any) -> None:
    spec = mixed()
    executable, rows = loaded(engine, spec), rows_for(spec)
    first, again, other = (executable.gradient(rows, np.arange(6), step)[1].tobytes() for step in (0, 0, 1))
    assert first == again != other


def test_running_statistics_stand_in_the_gradient(engine: Any) -> None:
    spec = make_spec(7, [BatchNorm(), Dense(3)])
    rows = rows_for(spec)
    views = spec.network.parameter_table.views(loaded(engine, spec).gradient(rows, np.arange(6), 0)[1])
    np.testing.assert_allclose(views["layers.0.running_mean"], rows.inputs.dense[:6].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(views["layers.0.running_var"], rows.inputs.dense[:6].var(axis=0), rtol=1e-5)


def test_refusals(engine: Any) -> None:
    spec = mixed()
    executable, rows, scalars = loaded(engine, spec), rows_for(spec), span_for(spec).scalars[0]
    gradient = executable.gradient(rows, np.arange(6), 0)[1]
    with pytest.raises(ShapeError, match="gradient has shape"):
        executable.apply(gradient[1:], scalars)
    with pytest.raises(ShapeError, match="scalars"):
        executable.apply(gradient, scalars[1:])
    executable.should_cancel = lambda: True
    with pytest.raises(Cancelled):
        executable.gradient(rows, np.arange(6), 0)
    executable.apply(gradient, scalars)
    for refused, match in ((mixed(optimizer=LBFGS()), "all rows at once"), (make_sparse(), "CSR columns")):
        executable = engine.compile(refused)
        executable.set_state(initial_state(refused.network, refused.optimizer, 3).engine)
        with pytest.raises(EngineError, match=match):
            executable.gradient(rows, np.arange(6), 0)
        with pytest.raises(EngineError, match=match):
            executable.apply(gradient, scalars)


def make_sparse() -> CompileSpec:
    return make_spec(7, [Dense(5, "tanh"), Dense(3)], optimizer=Adam(0.01), mean_nnz=3, n_dense=2)


# Placed rows


@pytest.mark.parametrize("spec", [mixed(weighted=True), make_sparse()], ids=["dense", "CSR"])
def test_uploaded_rows_give_the_same_bits(engine: Any, spec: CompileSpec) -> None:
    rows = rows_for(spec)
    if spec.sparse:
        rows = replace(rows, inputs=CSR.from_dense(np.where(rows.inputs.dense > 0, rows.inputs.dense, 0)))
    actual = []
    for handled in (False, True):
        executable = loaded(engine, spec)
        handle = executable.upload(rows) if handled else rows
        assert len(handle) == len(rows)
        losses = executable.run(handle, span_for(spec))
        validation, outputs = executable.evaluate(handle)
        value, gradient = executable.loss_and_gradient(handle)
        actual.append((losses.tobytes(), validation, outputs.tobytes(), value, gradient.tobytes()))
    assert actual[0] == actual[1]


def test_rows_uploaded_elsewhere_are_refused(engine: Any) -> None:
    spec = mixed()
    executable = loaded(engine, spec)
    elsewhere = loaded(engine, make_spec(5, [Dense(3)])).upload(rows_for(make_spec(5, [Dense(3)])))
    foreign = next(other for other in ENGINES.values() if other != engine)
    for wrong in (elsewhere, loaded(foreign, spec).upload(rows_for(spec))):
        with pytest.raises(EngineError, match=r"upload\(rows\)"):
            executable.run(wrong, span_for(spec))
    with pytest.raises(ShapeError):
        executable.upload(rows_for(make_spec(5, [Dense(3)])))


# Parameters alone


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_snapshots_and_restoring(engine: Any, ema_decay: float | None) -> None:
    spec = mixed(optimizer=Adam(0.01, ema_decay=ema_decay), precision="bfloat16")
    executable, rows, span = loaded(engine, spec), rows_for(spec), span_for(spec)
    executable.run(rows, span)
    state, outputs = executable.get_state(), executable.outputs(rows.inputs)
    assert executable.snapshot().tobytes() == state.parameters.tobytes()
    average = state.parameters
    if ema_decay is not None:
        trained = spec.network.parameter_table.trainable_mask()
        average = np.where(trained, state.slots[-1], state.parameters)
        assert not np.array_equal(average, state.parameters)
    assert executable.snapshot(averaged=True).tobytes() == average.tobytes()
    executable.restore(average + 1)
    assert executable.get_state().slots.tobytes() == state.slots.tobytes()
    assert executable.outputs(rows.inputs).tobytes() != outputs.tobytes()
    executable.restore(state.parameters)
    assert bits(executable) == (state.step, state.parameters.tobytes(), state.slots.tobytes())
    assert executable.outputs(rows.inputs).tobytes() == outputs.tobytes()
    with pytest.raises(ShapeError, match="parameters have shape"):
        executable.restore(average[1:])


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize(
    ("layers", "mean_nnz"),
    [(MIXED, None), ([Dense(40, "relu", groups=2), Dense(3)], None), ([Dense(40, "relu"), Dense(3)], 5)],
    ids=["mixed", "groups", "sparse"],
)
def test_activations_with_averages_are_those_of_the_averages(
    engine: Any, precision: str, layers: list[Any], mean_nnz: int | None
) -> None:
    task = make_spec(8, layers, optimizer=Adam(0.01, ema_decay=0.9), precision=precision, mean_nnz=mean_nnz)
    executable, rows = loaded(engine, task), rows_for(task)
    executable.run(rows, span_for(task, steps=5))
    before = executable.activations(rows.inputs)
    averaged = executable.activations(rows.inputs, averaged=True)
    for layer, again in zip(before, executable.activations(rows.inputs), strict=True):
        assert layer.outputs.tobytes() == again.outputs.tobytes()
    assert averaged[-1].outputs.tobytes() != before[-1].outputs.tobytes()
    executable.restore(executable.snapshot(averaged=True))
    for layer, again in zip(averaged, executable.activations(rows.inputs), strict=True):
        assert layer.outputs.tobytes() == again.outputs.tobytes()


def test_another_thread_takes_snapshots(engine: Any) -> None:
    """What it sees are the parameters between two spans."""
    spec = mixed()
    executable, rows, span = loaded(engine, spec), rows_for(spec), span_for(spec)
    calls: set[bytes] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            calls.add(executable.snapshot().tobytes())

    states = {executable.snapshot().tobytes()}
    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(20):
        executable.run(rows, span)
        states.add(executable.snapshot().tobytes())
    done.set()
    watcher.join()
    assert calls
    assert calls <= states
