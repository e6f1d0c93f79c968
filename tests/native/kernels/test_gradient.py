"""Gradients of weights and vectors, with the update, against chains of FMAs in NumPy: equal to the last bit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.expression import evaluate
from ranvier.native.kernels.gradient import (
    weight_tiles,
    weight_units,
    write_vector_gradient,
    write_weight_gradient,
)
from ranvier.native.kernels.next_rows import LINE
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.scalars import Scalar
from ranvier.native.lowering.steps import Trained, VectorGradient, WeightGradient
from ranvier.native.scheduling.layouts import group_panels_of, panels_of
from ranvier.native.scheduling.packing import transposed
from ranvier.native.scheduling.scheduled import ScheduledWeightGradient
from ranvier.native.scheduling.tiles import Registers
from ranvier.network.initializers import initializer
from ranvier.network.optimizers import SGD, Adam, Optimizer
from ranvier.network.parameters import Entry
from tests.native.kernels.run_kernel import (
    REGISTERS,
    Array,
    Kernel,
    bound,
    chain,
    compile_kernel,
    fma,
    guarded,
    memory_of,
    mutated,
    numbers,
    values_of,
)

SIZES = st.integers(1, 40)
OPTIMIZERS: tuple[Optimizer | None, ...] = (None, SGD(0.1), Adam(0.01, weight_decay=0.1))
"""None stores the gradient."""


def trained(shape: tuple[int, ...], optimizer: Optimizer | None, groups: int = 1, copied: bool = False) -> Trained:
    """A weight (K, N) or a vector (N,), penalized, with its slots, and its transposed copy where `copied`."""
    entry = Entry("layers.0.weight", "weight", shape, 0, 0, initializer("zeros"), True, True, 0.25, 0.125, groups)
    kind, columns = ("weight", shape[1]) if len(shape) == 2 else ("vector", shape[0])
    value = Buffer("w", 0, kind, columns, shape[0] if len(shape) == 2 else 1, groups)
    slots = () if optimizer is None else tuple(replace(value, name=name) for name, _ in optimizer.rule().slots)
    copy = Buffer("t", 9, "weight", shape[0] * groups, columns // groups, groups) if copied else None
    decay = None if optimizer is None else Scalar("weight_decay", optimizer.weight_decay)
    numbers = (Scalar("l1", entry.l1), Scalar("l2", entry.l2), decay)
    return Trained(entry, value, slots, *numbers, copy, replace(value, name="gradient") if optimizer is None else None)


@dataclass
class Moved:
    """What a gradient function writes: the gradient, or values, slots and the transposed copy."""

    gradient: Array | None
    value: Array
    slots: list[Array]
    copy: Array | None


def scalars_of(optimizer: Optimizer | None) -> Array:
    """The scalars of step 3, in float64."""
    if optimizer is None:
        return np.zeros(1)
    return np.ascontiguousarray(
        optimizer.scalar_values(np.array([3]), np.array([optimizer.learning_rate]))[0], np.float64
    )


def expected(piece: Trained, optimizer: Optimizer | None, gradient: Array, value: Array, slots: list[Array]) -> Moved:
    """Penalties and the update in float32, operation by operation as the rule writes them."""
    dtype = np.float32
    gradient = fma(value, np.full_like(value, piece.entry.l2), gradient)
    gradient = gradient + np.sign(value) * dtype(piece.entry.l1)
    if optimizer is None:
        return Moved(gradient, value, [], None)
    rule = optimizer.rule()
    values: dict[str, Any] = {
        "gradient": gradient,
        "parameter": value,
        "decay": np.full_like(value, optimizer.weight_decay),
    }
    values |= {
        name: np.full_like(value, number) for name, number in zip(rule.scalars, scalars_of(optimizer), strict=True)
    }
    values |= {name: slot for (name, _), slot in zip(rule.slots, slots, strict=True)}
    moved = [np.asarray(evaluate(expression, values), np.float32) for expression in (rule.parameter, *rule.updates)]
    return Moved(None, moved[0], moved[1:], moved[0])


def compiled(scheduled: ScheduledWeightGradient, registers: Registers, optimizer: Optimizer | None) -> Kernel:
    scheduled_step, rule, _ = bound(scheduled, optimizer)
    return compile_kernel(lambda m, name: write_weight_gradient(m, name, scheduled_step, registers, rule))


def run(
    kernel: Kernel,
    scheduled: ScheduledWeightGradient,
    registers: Registers,
    given: dict[str, Any],
    optimizer: Optimizer | None,
) -> Moved:
    """All units of a weight gradient, in two calls."""
    step = scheduled.step
    piece, rows = step.trained, len(given["x"])
    value, slots = memory_of(piece.value, given["value"]), [memory_of(piece.value, slot) for slot in given["slots"]]
    gradient = None if piece.gradient is None else memory_of(piece.gradient)
    copy = None if piece.transposed is None else memory_of(piece.transposed)
    pointers = (memory_of(step.x, given["x"]), memory_of(step.dz, given["dz"]), value, None, copy, gradient, *slots)
    blocks, strips = weight_units(scheduled)
    more: tuple[Any, ...] = (guarded(rows * scheduled.row_block), np.full(1, -1)) if scheduled.packed else ()
    more += (given["next_rows"],) if scheduled.next_row else ()
    numbers = (np.concatenate([bound(scheduled, optimizer)[2], scalars_of(optimizer)]), rows)
    if scheduled.split_n:
        for first in range(strips):
            kernel(*pointers, *numbers, 0, blocks, first, 1, *more)
    else:
        units = blocks * strips * piece.value.groups
        kernel(*pointers, *numbers, 0, units // 2, *more)
        kernel(*pointers, *numbers, units // 2, units, *more)
    return Moved(
        None if gradient is None else values_of(piece.value, gradient),
        values_of(piece.value, value),
        [values_of(piece.value, slot) for slot in slots],
        None if copy is None else values_of(piece.transposed, copy),
    )


def arrays(rows: int, inputs: int, columns: int, groups: int, optimizer: Optimizer | None) -> dict[str, Any]:
    slots = 0 if optimizer is None else len(optimizer.rule().slots)
    return {
        "x": numbers(1, rows, groups * inputs),
        "dz": numbers(2, rows, columns),
        "value": numbers(3, inputs, columns),
        "slots": [np.abs(numbers(4 + n, inputs, columns)) for n in range(slots)],
    }


def agree(
    scheduled: ScheduledWeightGradient, registers: Registers, given: dict[str, Any], optimizer: Optimizer | None
) -> bool:
    """Whether the kernel moves, or stores, the same bits as NumPy."""
    step = scheduled.step
    groups, inputs = step.trained.value.groups, step.trained.value.rows
    width = step.trained.value.columns // groups
    gradient = np.concatenate(
        [
            chain(
                np.zeros(width, np.float32),
                given["x"][:, g * inputs : (g + 1) * inputs].T,
                given["dz"][:, g * width : (g + 1) * width],
            )
            for g in range(groups)
        ],
        axis=1,
    )
    wanted = expected(step.trained, optimizer, gradient, given["value"], given["slots"])
    actual = run(compiled(scheduled, registers, optimizer), scheduled, registers, given, optimizer)
    same = np.array_equal(actual.value, wanted.value)
    if wanted.gradient is not None:
        same = same and actual.gradient is not None and np.array_equal(actual.gradient, wanted.gradient)
    same = same and all(np.array_equal(a, b) for a, b in zip(actual.slots, wanted.slots, strict=True))
    if actual.copy is not None and wanted.copy is not None:
        same = same and np.array_equal(actual.copy, transposed(wanted.copy, groups))
    return bool(same)


def gradient_step(
    rows: int, inputs: int, columns: int, optimizer: Optimizer | None, groups: int = 1, **options: Any
) -> ScheduledWeightGradient:
    """The step of a weight (inputs, columns), of so many groups, in tiles of two panels where there are two."""
    x, dz = Buffer("x", 5, "rows", groups * inputs), Buffer("dz", 6, options.pop("errors", "rows"), columns)
    piece = trained((inputs, columns), optimizer, groups, copied=optimizer is not None)
    panels = min(options.pop("panels", 2), group_panels_of(piece.value))
    settings = {
        "panels": panels,
        "row_block": 48,
        "batch_block": 0,
        "beyond_l2": False,
        "packed": False,
        "split_n": False,
        **options,
    }
    return ScheduledWeightGradient(WeightGradient("layers.0", x, dz, piece, optimizer is None), **settings)


@given(
    rows=st.integers(1, 20),
    inputs=st.integers(1, 100),
    columns=SIZES,
    optimizer=st.sampled_from(OPTIMIZERS),
    part=st.sampled_from([0, 8]),
    packed=st.booleans(),
    errors=st.sampled_from(["rows", "panels"]),
    panels=st.sampled_from([1, 2, 4]),
    registers=st.sampled_from(REGISTERS),
)
def test_weight_gradient(
    rows: int,
    inputs: int,
    columns: int,
    optimizer: Optimizer | None,
    part: int,
    packed: bool,
    errors: str,
    panels: int,
    registers: Registers,
) -> None:
    options = {"batch_block": part, "packed": packed, "errors": errors, "beyond_l2": packed, "panels": panels}
    step = gradient_step(rows, inputs, columns, optimizer, **options)
    assert agree(step, registers, arrays(rows, inputs, columns, 1, optimizer), optimizer)


@given(
    rows=st.integers(1, 20),
    inputs=st.integers(1, 100),
    columns=SIZES,
    optimizer=st.sampled_from(OPTIMIZERS),
    registers=st.sampled_from(REGISTERS),
)
def test_rows_prefetched_beside_a_gradient(
    rows: int, inputs: int, columns: int, optimizer: Optimizer | None, registers: Registers
) -> None:
    """Its tiles together ask for all lines of all rows of the next batch; that is not seen in what it computes."""
    step = gradient_step(rows, inputs, columns, optimizer, next_row=inputs)
    lines, next_inputs, order = -(-4 * inputs // LINE), numbers(9, rows, inputs), np.arange(rows)[::-1].copy()
    lines_per_tile = -(-rows * lines // weight_tiles(step, registers))
    words = [0, rows * lines, lines_per_tile, lines, 4 * inputs, next_inputs.ctypes.data, order.ctypes.data]
    given = arrays(rows, inputs, columns, 1, optimizer) | {"next_rows": np.array(words)}
    assert agree(step, registers, given, optimizer)
    assert given["next_rows"].tolist() == [rows * lines, *words[1:]]


@given(
    rows=st.integers(1, 9),
    inputs=st.integers(1, 100),
    columns=st.integers(1, 100),
    optimizer=st.sampled_from(OPTIMIZERS),
    panels=st.sampled_from([1, 2, 4]),
    registers=st.sampled_from(REGISTERS),
)
def test_weight_gradient_by_panels(
    rows: int, inputs: int, columns: int, optimizer: Optimizer | None, panels: int, registers: Registers
) -> None:
    """A thread's share is some panels with all their rows."""
    step = gradient_step(rows, inputs, columns, optimizer, split_n=True, panels=panels)
    assert agree(step, registers, arrays(rows, inputs, columns, 1, optimizer), optimizer)


@given(
    rows=st.integers(1, 9),
    inputs=st.integers(1, 9),
    width=SIZES,
    groups=st.integers(2, 4),
    optimizer=st.sampled_from(OPTIMIZERS),
)
def test_weight_gradient_of_groups(
    rows: int, inputs: int, width: int, groups: int, optimizer: Optimizer | None
) -> None:
    step = gradient_step(rows, inputs, groups * width, optimizer, groups)
    assert agree(step, REGISTERS[0], arrays(rows, inputs, groups * width, groups, optimizer), optimizer)


@given(
    rows=st.integers(1, 20), columns=st.integers(1, 100), weighted=st.booleans(), optimizer=st.sampled_from(OPTIMIZERS)
)
def test_vector_gradient(rows: int, columns: int, weighted: bool, optimizer: Optimizer | None) -> None:
    """The sum over the rows of a, or of a b, and the update of a vector."""
    a, b = Buffer("a", 5, "rows", columns), Buffer("b", 6, "rows", columns)
    piece = trained((columns,), optimizer)
    step = VectorGradient(a, b if weighted else None, piece, optimizer is None)
    scheduled_step, rule, hyper = bound(step, optimizer)
    kernel = compile_kernel(lambda m, name: write_vector_gradient(m, name, scheduled_step, rule))
    slots = [np.abs(numbers(4 + n, columns)) for n in range(len(piece.slots))]
    left, right, value = numbers(1, rows, columns), numbers(2, rows, columns), numbers(3, columns)
    memory, slot_memory = memory_of(piece.value, value), [memory_of(piece.value, slot) for slot in slots]
    gradient = None if piece.gradient is None else memory_of(piece.gradient)
    kernel(
        memory_of(a, left), memory_of(b, right) if weighted else None, memory, gradient, *slot_memory,
        np.concatenate([hyper, scalars_of(optimizer)]), rows, 0, panels_of(piece.value),
    )  # fmt: skip
    total = np.zeros(columns, np.float32)
    for row in range(rows):
        total = fma(left[row], right[row], total) if weighted else total + left[row]
    wanted = expected(piece, optimizer, total, value, slots)
    np.testing.assert_array_equal(values_of(piece.value, memory), wanted.value)
    for got, slot in zip(slot_memory, wanted.slots, strict=True):
        np.testing.assert_array_equal(values_of(piece.value, got), slot)
    if gradient is not None:
        np.testing.assert_array_equal(values_of(piece.value, gradient), wanted.gradient)


@pytest.mark.parametrize(
    ("old", "new"), [(r"fsub", "fadd"), (r"(double, ptr %scalars, i64) 1\b", r"\1 0"), (r"(?<![.\w])9\b", "8")]
)
def test_a_changed_kernel_is_noticed(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The update in the other direction, l1 in place of l2, one row of the weight too few."""
    optimizer = SGD(0.1)
    step, given = gradient_step(5, 9, 17, optimizer), arrays(5, 9, 17, 1, optimizer)
    assert agree(step, REGISTERS[0], given, optimizer)
    changed = mutated(compiled(step, REGISTERS[0], optimizer), old, new)
    monkeypatch.setitem(globals(), "compiled", lambda *_: changed)
    assert not agree(step, REGISTERS[0], given, optimizer)
