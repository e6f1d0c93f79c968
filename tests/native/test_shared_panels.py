"""Threads may share the panels of a product rather than the rows of the batch: nobody can tell from the bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranvier.engine import CompileSpec
from ranvier.native import compiled
from ranvier.native.scheduling import blocking
from ranvier.native.scheduling.plan import Plan, make_plan
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.scheduled import ScheduledProduct, ScheduledWeightGradient
from ranvier.native.scheduling.stages import PANELS, ROWS
from ranvier.native.scheduling.tiles import Registers
from ranvier.network.layers import BatchNorm, Dense, Dropout, Residual
from ranvier.network.losses import loss
from ranvier.network.optimizers import SGD, Adam
from tests.native.against_reference import make_spec, rows_for, span_for
from tests.native.test_packed import SIZES, outcome, packing
from tests.native.test_same_bits import loaded

pytestmark = pytest.mark.usefixtures("own_cache")
LARGE, FEW_REGISTERS, MANY_REGISTERS = 512 << 10, Registers(16, 2), Registers(32, 1)


def classifier(inputs: int, *hidden: int, **options: Any) -> CompileSpec:
    layers = [*(Dense(units, "relu") for units in hidden), Dense(10, "softmax")]
    return make_spec(inputs, layers, loss("categorical_cross_entropy"), Adam(), **options)


@contextmanager
def sharing(panels: bool) -> Iterator[None]:
    """Share panels wherever that can be done, evenly or not; or nowhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocking, "MIN_SPLIT_N_WEIGHTS", 0)
        patch.setattr(blocking, "MAX_SPLIT_N_WEIGHTS", 1 << 60 if panels else -1)
        patch.setattr(blocking, "MIN_COLUMNS_PER_ROW", 0)
        patch.setattr(blocking, "MAX_IMBALANCE", 1000.0)
        compiled.clear_memoized()
        yield
        compiled.clear_memoized()


def shared(plan: Plan) -> list[str]:
    """The products whose panels threads share, and the weights whose gradients are shared out alike."""
    products, gradients = [], []
    for stage in plan.stages:
        for scheduled in stage.steps:
            if stage.kind == PANELS and isinstance(scheduled, ScheduledProduct):
                products.append(f"{type(scheduled.step).__name__} {scheduled.step.path}")
            if isinstance(scheduled, ScheduledWeightGradient) and scheduled.split_n:
                gradients.append(f"updates {scheduled.step.path}")
    return products + gradients


def plan_of(task: CompileSpec, threads: int, registers: Registers = FEW_REGISTERS) -> Plan:
    return make_plan(task, "train", Machine(registers, 32 << 10, LARGE), threads)


@pytest.mark.parametrize("registers", [FEW_REGISTERS, MANY_REGISTERS])
def test_layers_that_are_wide_for_their_batch_share_panels(registers: Registers) -> None:
    plan = plan_of(classifier(784, 128, batch_size=32), 2, registers)
    assert shared(plan) == ["Forward layers.0", "updates layers.0"]
    assert [stage.kind for stage in plan.stages] == [ROWS, PANELS, ROWS, "columns"]
    both = shared(plan_of(classifier(784, 512, 512, batch_size=128), 2, registers))
    assert both == ["Forward layers.0", "Forward layers.1", "Back layers.1", "updates layers.1", "updates layers.0"]


def test_a_narrow_layer_shares_single_panels() -> None:
    """On many registers, tiles take fewer panels than would fit, so that each thread has some."""
    plan = plan_of(classifier(784, 30, batch_size=10), 2, MANY_REGISTERS)
    assert shared(plan) == ["Forward layers.0", "updates layers.0"]
    tiles = [step.panels for step in plan.stages[-1].steps if isinstance(step, ScheduledWeightGradient)]
    assert tiles == [1, 1]


@pytest.mark.parametrize(
    ("layers", "precision", "threads", "copied"),
    [
        ([Dense(32)], "float32", 2, True),
        ([Dense(32)], "float64", 2, True),
        ([Dense(32)], "float32", 1, False),
        ([Dense(32)], "bfloat16", 2, False),
        ([Dense(16)], "float32", 2, False),
        ([Dense(128)], "float32", 2, False),
        ([Dropout(0.2), Dense(32)], "float32", 2, False),
        ([BatchNorm(), Dense(32)], "float32", 2, False),
        ([Residual([Dense(784)]), Dense(32)], "float32", 2, False),
    ],
)
def test_each_thread_gathers_all_rows_if_panels_alone_read_them(
    layers: list[Any], precision: str, threads: int, copied: bool
) -> None:
    output = [Dense(3, "softmax")]
    task = make_spec(
        784, layers + output, loss("categorical_cross_entropy"), Adam(), batch_size=10, precision=precision
    )
    plan = plan_of(task, threads, MANY_REGISTERS)
    assert [buffer.name for buffer in plan.buffers if buffer.kind == "copies"] == ["inputs"] * copied
    assert (plan.stages[0].kind == PANELS) == copied


@pytest.mark.parametrize(
    ("why", "inputs", "units", "threads", "options"),
    [
        ("one thread", 784, 128, 1, {}),
        ("more rows than half the columns", 784, 128, 2, {"batch_size": 65}),
        ("too few weights to matter", 20, 128, 2, {}),
        ("too many weights for any cache", 3072, 1024, 2, {}),
        ("nine panels for four threads", 784, 144, 4, {}),
        ("groups", 784, 128, 2, {"groups": 2}),
    ],
)
def test_others_share_rows(why: str, inputs: int, units: int, threads: int, options: dict[str, Any]) -> None:
    layers = [Dense(units, "relu", groups=options.pop("groups", 1)), Dense(10, "softmax")]
    task = make_spec(inputs, layers, loss("categorical_cross_entropy"), Adam(), **{"batch_size": 32, **options})
    assert shared(plan_of(task, threads)) == []


def test_one_gradient_over_all_rows_shares_rows() -> None:
    plan = make_plan(classifier(784, 128, batch_size=32), "gradient", Machine(FEW_REGISTERS, 32 << 10, LARGE), 2)
    assert shared(plan) == []


@pytest.mark.parametrize("optimizer", [Adam(), SGD(momentum=0.9), Adam(clip_norm=0.5)])
@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
def test_networks_of_all_kinds(optimizer: Any, precision: str) -> None:
    block = Residual([Dense(33, "silu"), Dropout(0.2), Dense(40)])
    layers = [Dense(40, "gelu"), BatchNorm(), block, Dense(14, "tanh", groups=2), Dense(3, "softmax")]
    task = make_spec(17, layers, loss("categorical_cross_entropy"), optimizer, batch_size=30, precision=precision)
    with sharing(panels=True):
        actual = {threads: outcome(task, threads) for threads in (1, 2, 3)}
        assert len(shared(plan_of(task, 3))) > 4
    assert actual[1] == actual[2] == actual[3]


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    inputs=st.sampled_from(SIZES),
    hidden=st.lists(st.sampled_from(SIZES), min_size=1, max_size=2),
    batch=st.sampled_from(SIZES[:-1]),
    threads=st.sampled_from([2, 3, 4]),
    pack=st.booleans(),
    registers=st.sampled_from([None, MANY_REGISTERS]),
)
def test_any_sizes(
    inputs: int, hidden: list[int], batch: int, threads: int, pack: bool, registers: Registers | None
) -> None:
    """Shares that are empty, ragged ends, rows in parts, K-blocks and packed rows."""
    task = classifier(inputs, *hidden, batch_size=batch)
    with packing(pack, registers):
        alone = outcome(task, 1)
        with sharing(panels=True):
            assert outcome(task, threads) == alone


def test_batches_of_several_parts() -> None:
    """More rows than are taken at once."""
    task = classifier(40, 70, 70, batch_size=600)
    rows, span = rows_for(task, 600), span_for(task, 600, steps=2)
    with sharing(panels=True):
        actual = []
        for threads in (1, 2):
            executable = loaded(task, threads)
            actual.append(executable.run(rows, span).tobytes() + executable.get_state().parameters.tobytes())
    assert actual[0] == actual[1]


def test_the_other_way_of_sharing_is_another_plan() -> None:
    """What the tests above compare differs."""
    task = classifier(33, 40, batch_size=30)
    with sharing(panels=True):
        panels = shared(plan_of(task, 2))
    with sharing(panels=False):
        rows = shared(plan_of(task, 2))
    assert len(panels) == 5
    assert rows == []
