"""How steps run is decided by the machine; what they compute is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ranvier.engine import CompileSpec
from ranvier.native.kernels.calls import COLUMN_CALLS, ROW_CALLS
from ranvier.native.lowering.lowered import PREDICT, TRAIN
from ranvier.native.lowering.lowering import lower
from ranvier.native.lowering.steps import ColumnStep, RowStep, Step, WeightGradient
from ranvier.native.scheduling.plan import Plan, make_plan
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.scheduled import Scheduled, ScheduledProduct, ScheduledWeightGradient
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
    actual = [type(step.step) for step in scheduled(make_plan(task, TRAIN, machine, threads))]
    assert actual == [type(step) for step in lower(task, TRAIN).steps]


def test_the_l1_cache_decides_how_much_of_the_batch_is_taken_at_once() -> None:
    for machine, batch, rows in ((SMALL, 1000, (128, 256)), (LARGE, 4096, (512, 1024))):
        steps = gradients(batch, machine)
        assert {step.packed: step.batch_block for step in steps} == dict(enumerate(rows))
    assert all(step.batch_block == 0 for step in gradients(100, SMALL))


def k_blocks(machine: Machine, units: int, batch: int, purpose: str = TRAIN) -> list[int]:
    """The K-blocks of the products 512 x units, forward and back; of the last layer in between."""
    task = make_spec(512, [Dense(512, "relu"), Dense(units, "relu"), Dense(10)], batch_size=batch)
    steps = scheduled(make_plan(task, purpose, machine, 1))
    return [step.k_block for step in steps if isinstance(step, ScheduledProduct)]


def test_k_is_blocked_for_the_l1_cache_where_a_tile_takes_one_panel() -> None:
    """A panel of 512 rows fills 32 KiB; with 32 registers a tile takes several panels, which no L1 cache holds."""
    assert k_blocks(SMALL, 512, batch=128) == [256, 256, 0, 0, 256]
    assert k_blocks(replace(SMALL, l1=64 << 10), 512, batch=128) == [0] * 5
    assert k_blocks(replace(SMALL, registers=Registers(32, 1)), 512, batch=128) == [0] * 5


def test_k_is_not_blocked_for_the_l1_cache_where_packing_costs_more() -> None:
    """Few rows, few panels; predictions, which do not pack."""
    assert k_blocks(SMALL, 512, batch=32) == [0] * 5
    assert k_blocks(SMALL, 128, batch=128) == [256, 0, 0, 0, 0]
    assert k_blocks(SMALL, 512, batch=128, purpose=PREDICT) == [0] * 3


def test_k_blocks_are_of_about_the_same_length() -> None:
    """Both caches are heeded: 256 rows of 784 numbers, of which the L2 cache holds 256 at once, are cut into four."""
    task = make_spec(784, [Dense(512, "relu"), Dense(10)], batch_size=256)
    first = next(step for step in scheduled(make_plan(task, TRAIN, SMALL, 1)) if isinstance(step, ScheduledProduct))
    assert first.k_block == 208


def test_updates_of_short_tiles_are_not_prefetched_with_few_registers() -> None:
    """With 32 an update runs beside the next tile, whatever the number of rows, and prefetches the next weights."""
    for machine, batch, expected in ((SMALL, 32, False), (SMALL, 64, True), (LARGE, 32, True)):
        assert {step.prefetched for step in gradients(batch, machine)} == {expected}


def kinds_of(base: type[Step]) -> set[type[Step]]:
    return set(base.__subclasses__())


def test_every_kind_of_step_has_a_kernel() -> None:
    assert set(ROW_CALLS) == kinds_of(RowStep)
    assert set(COLUMN_CALLS) | {WeightGradient} == kinds_of(ColumnStep)
