"""How steps run is decided by the machine; what they compute is not."""

from __future__ import annotations

import pytest

from ranvier.engine import CompileSpec
from ranvier.native.kernels.body import COLUMN_CALLS, ROW_CALLS
from ranvier.native.lowering.lowered import TRAIN
from ranvier.native.lowering.lowering import lower
from ranvier.native.lowering.steps import ColumnStep, RowStep, Step, WeightGradient
from ranvier.native.scheduling.plan import Plan, make_plan
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.scheduled import Scheduled, ScheduledWeightGradient
from ranvier.native.scheduling.tiles import Registers
from ranvier.network.layers import Dense, Layer
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD

SMALL, LARGE = Machine(Registers(16, 2), 32 << 10, 512 << 10), Machine(Registers(32, 1), 128 << 10, 16 << 20)


def make_spec(inputs: int, layers: list[Layer], batch_size: int) -> CompileSpec:
    return CompileSpec(Network(inputs, layers), loss("squared_error"), SGD(), batch_size=batch_size)


def scheduled(plan: Plan) -> list[Scheduled]:
    return [step for stage in plan.stages for step in stage.steps]


def gradients(batch: int, machine: Machine) -> list[ScheduledWeightGradient]:
    task = make_spec(700, [Dense(300, "relu"), Dense(10)], batch_size=batch)
    return [step for step in scheduled(make_plan(task, TRAIN, machine, 1)) if isinstance(step, ScheduledWeightGradient)]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("machine", [SMALL, LARGE])
def test_a_schedule_runs_the_steps_that_were_lowered(machine: Machine, threads: int) -> None:
    task = make_spec(700, [Dense(300, "relu"), Dense(300, "tanh"), Dense(10)], batch_size=64)
    found = [type(step.step) for step in scheduled(make_plan(task, TRAIN, machine, threads))]
    assert found == [type(step) for step in lower(task, TRAIN).steps]


def test_the_l1_cache_decides_how_much_of_the_batch_is_taken_at_once() -> None:
    for machine, batch, rows in ((SMALL, 1000, (128, 256)), (LARGE, 4096, (512, 1024))):
        steps = gradients(batch, machine)
        assert {step.packed: step.batch_block for step in steps} == dict(enumerate(rows))
    assert all(step.batch_block == 0 for step in gradients(100, SMALL))


def kinds_of(base: type[Step]) -> set[type[Step]]:
    return set(base.__subclasses__())


def test_every_kind_of_step_has_a_kernel() -> None:
    assert set(ROW_CALLS) == kinds_of(RowStep)
    assert set(COLUMN_CALLS) | {WeightGradient} == kinds_of(ColumnStep)
