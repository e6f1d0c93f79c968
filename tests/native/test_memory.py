"""A network takes the memory that a closed one of its spec has left, and nothing of what was in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranvier.engine import CompileSpec, State
from ranvier.errors import EngineError
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.native.plans import MAX_IDLE
from ranvier.network.layers import Dense, Dropout
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Adam
from ranvier.rows import Rows
from ranvier.training.batches import batch_offsets, span_of
from ranvier.training.state import initial_state
from tests.native.against_reference import make_spec

ROWS = Rows(np.linspace(-1.0, 1.0, 60).reshape(20, 3), np.linspace(0.0, 1.0, 20).reshape(20, 1))


def spec_of(seed: int = 0, hidden: int = 7) -> CompileSpec:
    layers = [Dense(hidden, "tanh"), Dropout(0.3), Dense(1)]
    return CompileSpec(Network(3, layers), loss("squared_error"), Adam(0.1), batch_size=4, seed=seed)


def executable_of(spec: CompileSpec) -> NativeExecutable:
    return NativeEngine().compile(spec)


def trained(executable: NativeExecutable) -> tuple[bytes, bytes, bytes]:
    """Losses, parameters and outputs after an epoch from the initial weights."""
    spec = executable.spec
    executable.set_state(initial_state(spec.network, spec.optimizer, 1).engine)
    starts = batch_offsets(len(ROWS), spec.batch_size)
    scalars = spec.optimizer.scalar_values(np.arange(1, len(starts)), np.full(len(starts) - 1, 0.1))
    losses = executable.run(ROWS, span_of(np.arange(len(ROWS)), starts, 0, len(starts) - 1, scalars))
    outputs = executable.outputs(ROWS.inputs)
    return losses.tobytes(), executable.release().parameters.tobytes(), outputs.tobytes()


def test_memory_is_used_again_and_the_bits_are_the_same() -> None:
    first = executable_of(spec_of())
    expected, memory = trained(first), first._memory
    assert memory is not None
    first.close()
    second = executable_of(spec_of())
    assert trained(second) == expected
    assert second._memory is memory


def test_each_network_has_its_own_seed() -> None:
    alone = [trained(executable_of(spec_of(seed))) for seed in (5, 6)]
    assert alone[0] != alone[1]
    for seed, expected in zip((5, 6, 5), (*alone, alone[0]), strict=True):
        executable = executable_of(spec_of(seed))
        assert trained(executable) == expected
        executable.close()


def test_what_is_not_a_number_is_left_behind() -> None:
    expected = trained(executable_of(spec_of()))
    executable = executable_of(spec_of())
    count = executable.spec.network.parameter_count
    executable.set_state(State(np.full(count, np.nan), np.full((2, count), np.inf), 9))
    executable.outputs(ROWS.inputs)
    executable.close()
    assert trained(executable_of(spec_of())) == expected


def test_networks_that_live_at_the_same_time_share_no_memory() -> None:
    executables = [executable_of(spec_of()) for _ in range(MAX_IDLE + 2)]
    assert len({trained(executable) for executable in executables}) == 1
    assert len({id(executable._memory) for executable in executables}) == len(executables)
    for executable in executables:
        executable.close()
    assert len(executables[0]._plans._idle) == MAX_IDLE


def test_a_closed_network_has_no_state_and_takes_another_one() -> None:
    executable = executable_of(spec_of())
    expected = trained(executable)
    executable.close()
    other = executable_of(spec_of())
    other.set_state(initial_state(other.spec.network, other.spec.optimizer, 2).engine)
    with pytest.raises(EngineError, match="No training state is loaded"):
        executable.outputs(ROWS.inputs)
    before = other.snapshot()
    assert trained(executable) == expected
    assert other.snapshot().tobytes() == before.tobytes()


def test_large_networks_leave_nothing() -> None:
    executable = executable_of(spec_of(hidden=5000))
    trained(executable)
    executable.close()
    assert executable._plans._idle == []


def test_steps_are_measured_in_memory_that_is_used_again() -> None:
    first = executable_of(spec_of())
    trained(first)
    first.close()
    second = executable_of(spec_of())
    program = second.measured_program()
    assert program.timings.shape[0] == second.threads
    assert second._programs["train"] is program


def test_transposed_weights_are_made_when_they_are_read() -> None:
    """Other parameters are taken for predictions, again and again; gradients, and training, follow the latest."""
    spec = spec_of()
    executable = executable_of(spec)
    executable.set_state(initial_state(spec.network, spec.optimizer, 1).engine)
    latest = executable.get_state().parameters
    for factor in (0.5, 2.0):
        latest = latest * np.float32(factor)
        executable.restore(latest)
        executable.outputs(ROWS.inputs)
    fresh = executable_of(spec)
    fresh.set_state(State(latest, spec.optimizer.initial_slots(latest), 0))
    for first, second in zip(executable.loss_and_gradient(ROWS), fresh.loss_and_gradient(ROWS), strict=True):
        assert np.array_equal(first, second)
    assert np.array_equal(executable.get_state().parameters, latest)


def test_another_number_of_threads_has_another_plan() -> None:
    """What is shown, measured and run is one plan."""
    spec = spec_of(hidden=300)
    executable = executable_of(replace(spec, batch_size=64))
    executable.threads = 3
    assert executable.plan is executable._program("train").plan
    assert executable.measured_program().plan is executable.plan


def test_more_threads_have_more_memory() -> None:
    """Threads chain the entries of sparse rows in memory of their own, also if fewer of them came first."""
    spec = make_spec(90, [Dense(20), Dense(3)], mean_nnz=5)
    executable = executable_of(spec)
    executable.set_state(initial_state(spec.network, spec.optimizer, 1).engine)
    program = executable._program("train")
    program.reserve(6, entries=40, threads=1)
    size = program.arrays["links"].size
    program.reserve(6, entries=40, threads=3)
    assert program.arrays["links"].size > 2 * size
