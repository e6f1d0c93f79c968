"""Products of pairs of bfloat16, by the processor's own instruction: the bits are those of the float32 kernels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.engine import CompileSpec, State
from ranvier.native.engine import NativeEngine
from ranvier.native.lowering.steps import Forward
from ranvier.native.machine import cpu
from ranvier.native.scheduling.layouts import stride_of
from ranvier.native.scheduling.plan import make_plan
from ranvier.native.scheduling.scheduled import (
    ScheduledGather,
    ScheduledProduct,
    ScheduledRounding,
    ScheduledWeightGradient,
)
from ranvier.native.this_machine import this_machine
from ranvier.network.constraints import MaxNorm
from ranvier.network.layers import BatchNorm, Dense, Dropout, LearnedScale, Rescale, Residual
from ranvier.network.optimizers import LBFGS, SGD, Adam
from ranvier.rows import CSR, Inputs, Rows
from ranvier.training.state import initial_state
from tests.native.against_reference import make_spec, outcome, rows_for, span_for

TARGET = cpu.target()
pytestmark = [
    pytest.mark.usefixtures("own_cache"),
    pytest.mark.skipif(not TARGET.has_bf16_dot, reason="the processor has no bfloat16 dot product"),
]
PAIRS = this_machine(TARGET, "bfloat16")


def spec(inputs: int, layers: list[Any], optimizer: Any = None, **options: Any) -> CompileSpec:
    return make_spec(inputs, layers, None, optimizer or Adam(0.01), **{"precision": "bfloat16", **options})


SPECS = {
    "odd": spec(7, [Dense(9, "tanh"), Dense(33, "relu"), Dense(3)], batch_size=5),
    "one of each": spec(1, [Dense(1, "tanh"), Dense(1)], batch_size=1),
    "ends": spec(31, [Dense(47, "gelu"), Dense(17, "sigmoid"), Dense(65, "relu"), Dense(1)], SGD(0.1), batch_size=31),
    "blocks": spec(784, [Dense(144, "relu"), Dense(10)], batch_size=130),
    "K-blocks": spec(1600, [Dense(144, "relu"), Dense(150, "relu"), Dense(3)], batch_size=257),
    "groups": spec(8, [Dense(34), Dense(34, "relu", groups=2), Residual([Dense(34, "gelu", groups=17)]), Dense(3)]),
    "clipped": spec(20, [Dense(37, "relu"), Dense(21, "tanh"), Dense(4)], Adam(0.05, clip_norm=0.1, ema_decay=0.9)),
    "norms": spec(20, [Dense(37, "relu", constraint=MaxNorm(0.5)), Dense(21, constraint=MaxNorm(0.3)), Dense(4)]),
    "frozen": spec(9, [Dense(19, "relu"), Dense(18, "tanh", trainable=False), Dense(4)]),
    "full batch": spec(9, [Dense(19, "relu"), Dense(18, "tanh"), Dense(4)], LBFGS()),
    "layers": spec(12, [Rescale(0.5, 0.1), LearnedScale(), Dense(20, "silu"), BatchNorm(), Dropout(0.3), Dense(2)]),
    "residual": spec(12, [Residual([Dropout(0.4), Dense(12, "relu"), Dense(12)]), Residual([Dense(12)]), Dense(3)]),
    "read twice": spec(12, [Residual([Dropout(0.4), Dense(12)]), Dense(3)], LBFGS()),
    "sparse": spec(60, [Dense(19, "tanh"), Dense(5)], mean_nnz=6),
    "both": spec(60, [Dense(19, "tanh"), Dense(5)], Adam(0.01, clip_norm=0.5), mean_nnz=6, n_dense=13),
}  # fmt: skip


def data(task: CompileSpec) -> Rows:
    rows = rows_for(task, 300)
    if not task.sparse:
        return rows
    dense = rows.inputs.dense
    sparse = np.where(np.random.default_rng(1).random(dense.shape) < 0.1, dense, 0.0).astype(np.float32)
    return replace(rows, inputs=Inputs(dense[:, : task.n_dense], CSR.from_dense(sparse[:, task.n_dense :])))


def bits(task: CompileSpec) -> dict[str, bytes]:
    """What a training gives, or a gradient over all rows."""
    rows = data(task)
    if task.optimizer.full_batch:
        executable = NativeEngine().compile(task)
        executable.set_state(initial_state(task.network, task.optimizer, 0).engine)
        return {"gradient": executable.loss_and_gradient(rows)[1].tobytes()}
    actual = outcome(NativeEngine(), task, rows, span_for(task, 300, steps=4))
    return {name: np.asarray(getattr(actual, name)).tobytes() for name in actual.__dataclass_fields__}


def without_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = replace(PAIRS, pairs=False)
    monkeypatch.setattr("ranvier.native.prepared.this_machine", lambda *_: plain)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", SPECS)
def test_bits(name: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    task = replace(SPECS[name], threads=threads)
    actual = bits(task)
    assert "two terms of a sum at once" in NativeEngine().plan(task)
    without_pairs(monkeypatch)
    assert actual == bits(task)


@pytest.mark.parametrize("name", ["odd", "K-blocks", "both"])
def test_the_smallest_and_the_largest_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs and weights around the smallest operand, and inputs whose products overflow."""
    task, actual = SPECS[name], []
    inputs = data(task).inputs
    generator = np.random.default_rng(0)
    dense = inputs.dense * np.exp2(generator.integers(-80, 20, inputs.dense.shape))
    dense[:3] *= 2.0**100
    inputs = Inputs(dense.astype(np.float32), inputs.csr)
    parameters = initial_state(task.network, task.optimizer, 0).engine.parameters
    parameters = parameters * np.exp2(generator.integers(-80, 20, parameters.shape))
    for pairs in (True, False):
        if not pairs:
            without_pairs(monkeypatch)
        executable = NativeEngine().compile(task)
        executable.set_state(State(parameters, task.optimizer.initial_slots(parameters), 0))
        actual.append([layer.outputs for layer in executable.activations(inputs)])
    for first, second in zip(*actual, strict=True):
        assert np.array_equal(first.view(np.uint32)[~np.isnan(first)], second.view(np.uint32)[~np.isnan(first)])
        assert np.array_equal(np.isnan(first), np.isnan(second))


def test_a_large_row_is_shared_with_a_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    task = spec(600, [Dense(301, "relu"), Dense(400, "relu"), Dense(3)])
    actual, inputs = [], rows_for(task, 1).inputs
    for pairs in (True, False):
        if not pairs:
            without_pairs(monkeypatch)
        executable = NativeEngine().compile(task)
        executable.set_state(initial_state(task.network, task.optimizer, 0).engine)
        actual.append(executable.outputs(inputs).tobytes())
    assert actual[0] == actual[1]


def test_what_a_plan_reads() -> None:
    """Forward and data gradient read half of the terms, weight gradients half of the rows; rows are kept where read."""
    plan = make_plan(SPECS["blocks"], "train", PAIRS, 1)
    steps = [scheduled for stage in plan.stages for scheduled in stage.steps]
    assert isinstance(steps[0], ScheduledGather)
    products = [scheduled for scheduled in steps if isinstance(scheduled, ScheduledProduct)]
    assert [scheduled.step.matrix.rows for scheduled in products] == [392, 72, 5]
    assert [scheduled.length for scheduled in products] == [784, 144, 10]
    assert all(scheduled.pairs for scheduled in products)
    assert stride_of(products[0].step.matrix) == 400 * 16
    gradients = [scheduled for scheduled in steps if isinstance(scheduled, ScheduledWeightGradient)]
    assert [scheduled.step.x.name for scheduled in gradients] == ["layers.0.output.row_pairs", "inputs.row_pairs"]
    writes = {
        scheduled.step.y.name: scheduled.writes_y for scheduled in steps if isinstance(scheduled, ScheduledRounding)
    }
    assert writes == {"layers.0.output": True, "error": True, "layers.1.before": True}


@pytest.mark.parametrize("width", [1, 15, 16, 17, 32, 45, 64, 70])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_gathered_pairs(width: int, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of all formats and widths, scaled on the way, in batches of an odd number of them."""
    task = spec(width, [Rescale(1 / 3, -0.5), Dense(5, "relu"), Dense(2)], SGD(0.05), batch_size=7, threads=2)
    rows, span, actual = rows_for(task, 40, kind), span_for(task, 40, steps=4), []
    for pairs in (True, False):
        if not pairs:
            without_pairs(monkeypatch)
        executable = NativeEngine().compile(task)
        executable.set_state(initial_state(task.network, task.optimizer, 0).engine)
        executable.run(rows, span)
        actual.append(executable.get_state().parameters.tobytes())
    assert actual[0] == actual[1]


def test_groups_take_no_pairs() -> None:
    plan = make_plan(SPECS["groups"], "predict", PAIRS, 1)
    forward = [s for stage in plan.stages for s in stage.steps if isinstance(s, ScheduledProduct)]
    assert [s.pairs for s in forward] == [True, False, False, True]
    assert [s.step.weight.kind for s in forward if isinstance(s.step, Forward)] == [
        "pairs",
        "weight",
        "weight",
        "pairs",
    ]
