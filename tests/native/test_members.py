"""Steps of many networks in one call: each network has the bits of steps of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import ranvier as rv
from ranvier import random
from ranvier.engine import CompileSpec, Span, State
from ranvier.errors import ShapeError
from ranvier.native.engine import NativeEngine
from ranvier.network.optimizers import Optimizer
from ranvier.reference.engine import ReferenceEngine
from ranvier.rows import Rows, as_inputs

RNG = np.random.default_rng(0)
ROWS = Rows(RNG.normal(size=(50, 5)).astype(np.float32), RNG.normal(size=(50, 2)).astype(np.float32))
WEIGHTED = replace(ROWS, weights=RNG.uniform(0.5, 2.0, 50))
LAYERS: dict[str, list[Any]] = {
    "dense": [rv.Dense(6, "relu"), rv.Dense(2)],
    "dropout": [rv.Dense(6, "relu"), rv.Dropout(0.5), rv.Dense(2)],
    "batch norm": [rv.Dense(19, "tanh"), rv.BatchNorm(), rv.Dense(2)],
    "frozen": [rv.Dense(6, "relu", trainable=False), rv.Dense(2)],
    "penalized": [rv.Dense(6, "relu", l2=0.1, l1=0.1), rv.Dense(2)],
}
SEEDS = np.array([3, 2**64 - 1, 5], np.uint64)


def spec_of(layers: str, optimizer: Optimizer, **options: Any) -> CompileSpec:
    network = rv.Network(inputs=5, layers=LAYERS[layers])
    return CompileSpec(network, rv.loss("squared_error"), optimizer, batch_size=8, threads=1, **options)


def states_of(spec: CompileSpec, dtype: type) -> State:
    parameters = spec.network.parameter_table.initial_for_seeds(SEEDS.tolist(), dtype)
    slots = np.stack([spec.optimizer.initial_slots(flat) for flat in parameters])
    return State(parameters, slots + RNG.uniform(0.0, 0.1, slots.shape).astype(dtype), 7)


def spans_of(spec: CompileSpec) -> Span:
    order = np.stack([RNG.permutation(50) for _ in SEEDS])
    rates = [spec.optimizer.scalars_from(8, np.full(7, rate)) for rate in (0.1, 0.01, 0.001)]
    return Span(order, np.array([0, 8, 16, 24, 32, 40, 48, 50]), np.stack(rates))


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("optimizer", [rv.Adam(), rv.SGD(momentum=0.9), rv.AdamW(clip_norm=0.1, ema_decay=0.9)])
@pytest.mark.parametrize("layers", LAYERS)
def test_each_network_has_the_bits_of_steps_of_its_own(layers: str, optimizer: Optimizer, precision: str) -> None:
    rows = WEIGHTED if layers == "dense" else ROWS
    spec = spec_of(layers, optimizer, precision=precision, weighted=rows.weights is not None)
    executable = NativeEngine().compile(spec)
    states, spans = states_of(spec, executable.dtype), spans_of(spec)
    members = executable.try_members([executable.upload(rows)] * 3, states, SEEDS)
    assert members is not None
    losses = members.run(np.arange(3), spans)
    parameters, slots, steps = members.states()
    for number, seed in enumerate(SEEDS.tolist()):
        alone = NativeEngine().compile(replace(spec, seed=seed))
        alone.set_state(State(states.parameters[number], states.slots[number], states.step))
        expected = alone.run(rows, Span(spans.order[number], spans.starts, spans.scalars[number]))
        state = alone.get_state()
        assert np.array_equal(expected, losses[number])
        assert np.array_equal(state.parameters, parameters[number])
        assert np.array_equal(state.slots, slots[number])
        assert state.step == steps[number] == 14
    assert not np.array_equal(losses[0], losses[1])


def test_the_state_of_the_executable_stays() -> None:
    spec = spec_of("dense", rv.Adam())
    executable = NativeEngine().compile(spec)
    states = states_of(spec, np.float32)
    before = State(states.parameters[0], states.slots[0], 7)
    executable.set_state(before)
    members = executable.try_members([executable.upload(ROWS)] * 3, states, SEEDS)
    assert members is not None
    members.run(np.arange(3), spans_of(spec))
    assert np.array_equal(executable.get_state().parameters, before.parameters)


@pytest.mark.parametrize(
    "wrong",
    [
        {"order": np.full((3, 50), 50)},
        {"order": np.zeros((3, 49), np.int64)},
        {"scalars": np.zeros((2, 7, 3))},
        {"scalars": np.zeros((3, 6, 3))},
    ],
    ids=["a row that is missing", "a short order", "too few networks", "too few steps"],
)
def test_spans_that_name_foreign_memory_are_refused(wrong: dict[str, Any]) -> None:
    spec = spec_of("dense", rv.Adam())
    executable = NativeEngine().compile(spec)
    rows, states = [executable.upload(ROWS)] * 3, states_of(spec, np.float32)
    members = executable.try_members(rows, states, SEEDS)
    assert members is not None
    with pytest.raises(ShapeError):
        members.run(np.arange(3), replace(spans_of(spec), **wrong))
    with pytest.raises(ShapeError):
        members.run(np.arange(2), spans_of(spec))
    with pytest.raises(ShapeError, match="The states have parameters of shape"):
        executable.try_members(rows, State(states.parameters[:, 1:], states.slots[:, :, 1:], 7), SEEDS)


def test_batches_larger_than_those_of_the_spec_are_refused() -> None:
    spec = spec_of("dense", rv.Adam())
    executable = NativeEngine().compile(spec)
    members = executable.try_members([executable.upload(ROWS)] * 3, states_of(spec, np.float32), SEEDS)
    assert members is not None
    spans = spans_of(spec)
    wrong = Span(spans.order, np.array([0, 50]), spans.scalars[:, :1])
    with pytest.raises(ShapeError, match="A batch holds 50 rows; these networks take 8"):
        members.run(np.arange(3), wrong)


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("optimizer", [rv.Adam(), rv.AdamW(ema_decay=0.9)])
@pytest.mark.parametrize("layers", LAYERS)
def test_some_of_them_make_steps_on_rows_of_their_own_and_are_evaluated(
    layers: str, optimizer: Optimizer, precision: str
) -> None:
    weighted = layers == "dense"
    spec = spec_of(layers, optimizer, precision=precision, weighted=weighted)
    executable = NativeEngine().compile(spec)
    states, spans, some = states_of(spec, executable.dtype), spans_of(spec), np.array([0, 2])
    member_rows = [(WEIGHTED if weighted else ROWS).take(RNG.permutation(50)) for _ in SEEDS]
    held = [WEIGHTED.take(np.arange(number, number + 9)) for number in range(3)]
    members = executable.try_members([executable.upload(rows) for rows in member_rows], states, SEEDS)
    assert members is not None
    losses = members.run(some, Span(spans.order[some], spans.starts, spans.scalars[some]))
    result = members.try_evaluate(some, [executable.upload(held[number]) for number in some])
    assert result is not None
    for at, number in enumerate(some):
        alone = NativeEngine().compile(replace(spec, seed=int(SEEDS[number])))
        alone.set_state(State(states.parameters[number], states.slots[number], states.step))
        span = Span(spans.order[number], spans.starts, spans.scalars[number])
        assert np.array_equal(alone.run(member_rows[number], span), losses[at])
        averaged = alone.snapshot(averaged=True)
        assert np.array_equal(averaged, members.parameters(some)[at])
        alone.restore(averaged)
        loss, outputs = alone.evaluate(held[number])
        assert loss == result[0][at]
        assert np.array_equal(outputs, result[1][at])
    assert np.array_equal(members.states()[0][1], states.parameters[1])
    assert members.states()[2].tolist() == [14, 7, 14]


def test_what_has_no_fast_path_says_so() -> None:
    spec = spec_of("dense", rv.Adam())
    reference = ReferenceEngine().compile(spec)
    states = states_of(spec, np.float64)
    assert reference.try_members([reference.upload(ROWS)] * 3, states, SEEDS) is None
    large = replace(spec, network=rv.Network(5, [rv.Dense(600, "relu"), rv.Dense(100, "relu"), rv.Dense(2)]))
    executable = NativeEngine().compile(large)
    assert executable.try_members([executable.upload(ROWS)] * 3, states_of(large, np.float32), SEEDS) is None
    small = NativeEngine().compile(spec)
    foreign = replace(ROWS, inputs=as_inputs(sparse.csr_array(ROWS.inputs.dense), 5))
    handles = [small.upload(ROWS), small.upload(ROWS), small.upload(ROWS.take(np.arange(9)))]
    assert small.try_members(handles, states_of(spec, np.float32), SEEDS) is None
    members = small.try_members(handles[:1] * 3, states_of(spec, np.float32), SEEDS)
    assert members is not None
    with_csr = NativeEngine().compile(replace(spec, mean_nnz=5)).upload(foreign)
    assert members.try_evaluate(np.arange(3), [with_csr] * 3) is None
    assert members.try_evaluate(np.arange(3), handles[:2]) is None


def test_networks_of_other_code_have_no_fast_path() -> None:
    spec = spec_of("penalized", rv.Adam())
    executable = NativeEngine().compile(spec)
    rows, states = [executable.upload(ROWS)] * 3, states_of(spec, np.float32)
    like = replace(spec, network=rv.Network(5, [rv.Dense(6, "relu", l2=0.3, l1=0.2), rv.Dense(2)]))
    assert executable.try_members(rows, states, SEEDS, [spec, like, spec]) is not None
    others = [
        spec_of("dense", rv.Adam()),
        spec_of("penalized", rv.SGD()),
        replace(spec, network=rv.Network(5, [rv.Dense(6, "tanh", l2=0.1, l1=0.1), rv.Dense(2)])),
        replace(spec, loss=rv.loss("absolute_error")),
    ]
    for other in others:
        assert executable.try_members(rows, states, SEEDS, [spec, spec, other]) is None


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 500, 501])
def test_random_words_are_those_of_numpy(count: int) -> None:
    keys = np.concatenate([RNG.integers(0, 2**64 - 1, (5, 2), np.uint64), np.array([[0, 2**64 - 1]], np.uint64)])
    executable = NativeEngine().compile(spec_of("dense", rv.Adam()))
    words = executable.random_words(keys, count)
    assert words.shape == (6, count)
    assert np.array_equal(words, random.numpy_words(keys, count))
    assert np.array_equal(words, [np.random.Philox(key=key).random_raw(count) for key in keys])
