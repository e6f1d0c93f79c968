"""What tiles read may be packed first, and chains may be cut into K-blocks: nobody can tell from the bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranvier.engine import CompileSpec
from ranvier.native import compiled, prepared
from ranvier.native.scheduling import blocking
from ranvier.native.scheduling.plan import Plan
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.show import show_plan
from ranvier.native.scheduling.tiles import Registers
from ranvier.network.layers import Dense, Dropout
from ranvier.network.losses import loss
from ranvier.network.optimizers import SGD, Adam
from tests.native.against_reference import make_spec, rows_for, span_for
from tests.native.test_same_bits import loaded

pytestmark = pytest.mark.usefixtures("own_cache")
SIZES = [1, 2, 15, 16, 17, 31, 33, 100, 257]
SMALL = 40 << 10
"""An L2 cache in which no rows stay, but the packed columns of a block do."""


@contextmanager
def packing(everything: bool, registers: Registers | None = None) -> Iterator[None]:
    """Pack wherever that can be done, with K-blocks as short as they get; or nowhere, with no K-blocks.

    Tiles may be made for other registers: they spill, but give the same bits.
    """
    with pytest.MonkeyPatch.context() as patch:
        few = 1 if everything else 1 << 30
        for name in ("PACKED_ROWS", "PACKED_PANELS", "PACKED_BLOCKS", "REREAD_PANELS"):
            patch.setattr(blocking, name, few)
        # 16 rows of the batch at once.
        patch.setattr(blocking, "L1_OF_PACKED_ROW", 2048)
        patch.setattr(blocking, "MIN_BATCH_BLOCK", 16)
        patch.setattr(blocking, "MAX_UNBLOCKED_K", 16 if everything else 1 << 30)
        usual = prepared.this_machine
        if everything:
            patch.setattr(
                prepared, "this_machine", lambda *given: Machine(registers or usual(*given).registers, 32 << 10, SMALL)
            )
        compiled.clear_memoized()
        yield
        compiled.clear_memoized()


def outcome(task: CompileSpec, threads: int) -> tuple[bytes, ...]:
    executable = loaded(task, threads)
    losses = executable.run(rows_for(task, 100), span_for(task, 100, steps=3))
    state = executable.get_state()
    return losses.tobytes(), state.parameters.tobytes(), state.slots.tobytes()


def packs_something(plan: Plan) -> set[str]:
    """Which kinds of steps pack."""
    steps = [scheduled for stage in plan.stages for scheduled in stage.steps]
    return {type(scheduled.step).__name__ for scheduled in steps if getattr(scheduled, "packed", False)}


@settings(max_examples=14, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    inputs=st.sampled_from(SIZES),
    units=st.sampled_from(SIZES),
    batch=st.sampled_from([1, 2, 17, 45]),
    precision=st.sampled_from(["float32", "float64", "bfloat16"]),
    threads=st.sampled_from([1, 2, 4]),
    clipped=st.booleans(),
    registers=st.sampled_from([None, Registers(32, 1)]),
)
def test_packing_changes_no_bit(
    inputs: int, units: int, batch: int, precision: str, threads: int, clipped: bool, registers: Registers | None
) -> None:
    layers = [Dense(units, "gelu"), Dropout(0.2), Dense(33, "relu"), Dense(units, "tanh"), Dense(3, "softmax")]
    optimizer = Adam(0.01, clip_norm=0.5) if clipped else SGD(0.01)
    options: dict[str, Any] = {"batch_size": batch, "precision": precision, "weighted": True}
    task = make_spec(inputs, layers, loss("categorical_cross_entropy"), optimizer, **options)
    actual = []
    for everything in (False, True):
        with packing(everything, registers):
            actual.append(outcome(task, threads))
    assert actual[0] == actual[1]


def test_all_kinds_of_products_pack() -> None:
    """What the test above compares is not the same thing twice."""
    layers = [Dense(257, "relu"), Dense(257, "relu"), Dense(3, "softmax")]
    task = make_spec(257, layers, loss("categorical_cross_entropy"), Adam(), batch_size=45)
    with packing(everything=False):
        assert packs_something(loaded(task).plan) == set()
    with packing(everything=True):
        plan = loaded(task).plan
        assert "panels" in {buffer.kind for buffer in plan.buffers}
        assert packs_something(plan) == {"Forward", "Back", "WeightGradient"}
        assert "in blocks of 128, packed" in show_plan(plan)
        assert "pack the block's columns" in show_plan(plan)


def test_packing_for_wide_registers_changes_no_bit() -> None:
    layers = [Dense(257, "relu"), Dense(257, "relu"), Dense(3, "softmax")]
    task = make_spec(257, layers, loss("categorical_cross_entropy"), Adam(), batch_size=45)
    actual = []
    for everything in (False, True):
        with packing(everything, Registers(32, 1)):
            actual.append(outcome(task, 2))
    assert actual[0] == actual[1]


def test_groups_are_packed_one_by_one() -> None:
    layers = [Dense(264, "relu", groups=2), Dense(257, "relu"), Dense(3, "softmax")]
    task = make_spec(514, layers, loss("categorical_cross_entropy"), Adam(), batch_size=45)
    actual = []
    for everything in (False, True):
        with packing(everything):
            actual.append(outcome(task, 2))
    assert actual[0] == actual[1]


def test_workspace_grows_for_a_larger_batch() -> None:
    layers = [Dense(257, "relu"), Dense(3, "softmax")]
    small, large = (
        make_spec(257, layers, loss("categorical_cross_entropy"), Adam(), batch_size=size) for size in (10, 45)
    )
    actual = []
    with packing(everything=True):
        for task in (small, large):
            executable = loaded(task, 2)
            executable.run(rows_for(large, 100), span_for(large, 100, steps=3))
            actual.append(executable.get_state().parameters.tobytes())
    assert actual[0] == actual[1]
