"""A plan as text: the loop nest it stands for, its buffers, FLOPs and the expected fraction of the processor's peak."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Any, cast

from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.sparse import KEEP, MEASURE, UPDATE, SparseForward, SparseGradient
from ranvier.native.scheduling.layouts import PER_THREAD, panels_of, size_of
from ranvier.native.scheduling.plan import Plan
from ranvier.native.scheduling.scheduled import (
    Scheduled,
    ScheduledGather,
    ScheduledProduct,
    ScheduledRounding,
    ScheduledWeightGradient,
)
from ranvier.native.scheduling.stages import PANELS, ROWS
from ranvier.native.scheduling.tiles import Registers, exact_heights
from ranvier.plural import plural

WIDTH = 80
DIVISION_CYCLES = 14.0
"""Cycles of a square root and a division of one register of numbers."""
TILE_CYCLES = 45.0
"""Cycles to start and end a tile."""


def show_plan(plan: Plan, threads: int = 1) -> str:
    """The plan as a readable loop nest with buffers, sizes, FLOPs and the expected fraction of the peak.

    Lines have at most 80 characters where names allow it.

    Parameters:
        threads: how many threads share the work.
    """
    registers = plan.registers
    lines = [
        f"{plan.purpose}: {_rows(plan)}, {_format(plan)}, {plural(threads, 'thread')}",
        f"tiles of {', '.join(map(str, plan.heights))} rows by 16 columns or more; "
        f"registers: {registers.count}, {registers.per_panel} for 16 numbers",
        "",
        "layers",
        *_layers(plan),
        "",
        *(line for long in _stages(plan) for line in _wrapped(long)),
        "",
        "buffers",
        *_buffers(plan, threads),
    ]
    flops, cycles = _totals(plan)
    if flops:
        fraction = flops / max(cycles, 1.0)
        lines += [
            "",
            f"{flops / 1e6:,.3f} million FLOPs; expected fraction of the peak of the threads used: {fraction:.0%}",
        ]
    return "\n".join(lines) + "\n"


def _format(plan: Plan) -> str:
    """The precision, and the format that emulates it where the processor does not have it."""
    precision = plan.spec.precision
    if precision == "bfloat16" and plan.machine.pairs:
        return f"{precision}, two terms of a sum at once"
    return precision if precision == plan.dtype else f"{precision} emulated in {plan.dtype}"


def _rows(plan: Plan) -> str:
    """The rows for which sizes are shown."""
    if not plan.learns:
        return f"blocks of {plan.rows} rows"
    batch = plan.spec.batch_size
    return f"batches of {batch} rows" if plan.trains else f"all rows together, here {batch} of them"


def _layers(plan: Plan) -> Iterator[str]:
    """Every layer, depth first; a residual block comes before its layers."""
    infos = list(plan.spec.network.iter_layers())
    longest = max(len(info.path) for info in infos)
    for info in infos:
        groups = f" in {info.groups} groups" if info.groups > 1 else ""
        yield f"    {info.path:{longest}s}   {type(info.layer).__name__} {info.inputs} -> {info.outputs}{groups}"


def _stages(plan: Plan) -> Iterator[str]:
    """The loops, stage by stage."""
    if not plan.learns:
        yield f"for each block of {plan.rows} rows, shared among the threads:"
    helps = ", then what other threads have not started" if plan.steals else ""
    most = "at most " if plan.steals else ""
    for stage in plan.stages:
        if plan.learns and stage.kind == PANELS:
            yield f"panels: each thread takes its share of the panels, at most {plan.all_rows} rows at once{helps}"
        elif plan.learns and stage.kind == ROWS:
            yield f"rows: each thread takes its share of the batch, {most}{plan.rows} rows at once{helps}"
        elif plan.learns:
            yield f"columns: each thread takes its share of the tiles{helps}"
        yield from (f"    {line}" for scheduled in stage.steps for line in _step(plan, scheduled))
        if plan.learns:
            yield "barrier"


def _buffers(plan: Plan, threads: int) -> Iterator[str]:
    """The buffers with their shapes and sizes, and the sum."""
    width = 8 if plan.dtype == "float64" else 4
    rows = plan.spec.batch_size if plan.learns else plan.rows * threads
    longest = max(len(buffer.name) for buffer in plan.buffers)
    total = 0
    for buffer in plan.buffers:
        counts = {"entries": rows * (plan.spec.mean_nnz or 0) * threads, **dict.fromkeys(PER_THREAD, rows * threads)}
        size = size_of(buffer, counts.get(buffer.kind, rows)) * width
        total += size
        columns = str(buffer.columns)
        full = f"{buffer.rows} x {columns}"
        shapes = {"rows": f"{rows} x {columns}", "weight": full, "table": full, "column": f"{rows} x 1"}
        shapes["panels"], shapes["pairs"] = shapes["rows"], full
        shapes |= dict.fromkeys(PER_THREAD, f"{threads} x {rows} x {columns}")
        yield f"    {buffer.name:{longest}s} {shapes.get(buffer.kind, columns):>14s} {_bytes(size):>10s}"
    yield f"    {'all together':{longest}s} {'':14s} {_bytes(total):>10s}"


def _wrapped(line: str) -> list[str]:
    """A line, broken where it is longer than 80 characters; further lines are indented."""
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line.strip(),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _step(plan: Plan, scheduled: Scheduled) -> Iterator[str]:
    """One step as lines."""
    batch = plan.spec.batch_size if plan.learns else plan.rows
    yield from DESCRIPTIONS.get(type(scheduled.step), _buffer_names)(plan, scheduled, batch)


def _forward(plan: Plan, scheduled: ScheduledProduct, batch: int) -> Iterator[str]:
    step = cast(s.Forward, scheduled.step)
    k, n = scheduled.length, step.weight.columns
    shape = _activation(step)
    yield f"{step.path}: {_result(step, step.x.name)}"
    yield f"    {batch} x {k} x {n}, {_mega(2 * batch * k * n)}"
    plus = "" if step.bias is None else "; add b"
    yield f"    for each panel of {_of_groups(step.weight)}W"
    yield "        for each tile of rows"
    yield f"            sum over K{_k_blocks(scheduled)}{plus}{f'; {shape}' if shape else ''}"
    if scheduled.nonzeros is not None:
        yield f"    where most {step.x.name} are 0: for each row, sum over the others only"


def _back(plan: Plan, scheduled: ScheduledProduct, batch: int) -> Iterator[str]:
    step = cast(s.Back, scheduled.step)
    n, k = scheduled.length, step.transposed.columns
    factor = "" if step.activation is None else f" times the derivative of {step.activation.name}"
    yield f"{step.path}: {step.dx.name} = {step.dz.name} W'{factor}"
    yield f"    {batch} x {n} x {k}, {_mega(2 * batch * k * n)}"
    blocks = _k_blocks(scheduled)
    if step.transposed.groups > 1 or blocks:
        yield f"    for each panel of {_of_groups(step.transposed)}W'"
    if blocks:
        yield f"        for each tile of rows: sum over N{blocks}"


def _weight_gradient(plan: Plan, scheduled: ScheduledWeightGradient, batch: int) -> Iterator[str]:
    step = scheduled.step
    k, n = step.trained.value.rows, step.trained.value.columns
    rounded = ", rounded W" if step.trained.rounded else ""
    updated = f"W{rounded} and its copy W'" if step.trained.transposed else f"W{rounded}"
    yield f"{step.path}: dW = {step.x.name}' {step.dz.name}"
    yield f"    {k} x {batch} x {n}, {_mega(2 * batch * k * n)}"
    yield f"    for each block of {scheduled.row_block} rows and some panels of {_of_groups(step.trained.value)}W"
    if scheduled.packed:
        yield f"        pack the block's columns of {step.x.name}, unless the last ones were the same"
    parts = f"{scheduled.batch_block} rows of the batch, each " if scheduled.batch_block else ""
    yield f"        for each {parts}tile: sum over its rows"
    yield f"        {'store the block' if step.store else f'{plan.spec.optimizer.name} updates {updated}'}"


def _sparse_forward(plan: Plan, scheduled: Scheduled, batch: int) -> Iterator[str]:
    step = cast(SparseForward, scheduled.step)
    yield f"{step.path}: {_result(step, 'entries' if step.start is None else f'{step.start.name} + entries')}"
    yield _sparse_work(plan, step.weight, batch)
    yield "    for each row, for some panels of W at once: sum over the row's entries"


def _sparse_gradient(plan: Plan, scheduled: Scheduled, batch: int) -> Iterator[str]:
    step = cast(SparseGradient, scheduled.step)
    then = {
        UPDATE: f"{plan.spec.optimizer.name} updates the row",
        MEASURE: "add the squares of the row's gradient",
        KEEP: "store the row's gradient",
    }
    yield f"{step.path}: dW = entries' {step.dz.name}"
    yield _sparse_work(plan, step.trained.value, batch)
    yield "    for each row of W that the batch holds, distributed over the threads by a hash"
    yield f"        sum over its entries, in row order; {then[step.purpose]}"


def _gather(plan: Plan, scheduled: Scheduled, batch: int) -> Iterator[str]:
    yield from _buffer_names(plan, scheduled, batch)
    if cast(s.Gather, scheduled.step).x.kind == "copies":
        yield "    each thread gathers all rows for itself"
    if isinstance(scheduled, ScheduledGather):
        x = scheduled.step.x.name
        yield f"{x} = {x} rounded to bfloat16, as pairs"


def _rounding(plan: Plan, scheduled: Scheduled, batch: int) -> Iterator[str]:
    step = cast(s.Rounding, scheduled.step)
    pairs = ", as pairs" if isinstance(scheduled, ScheduledRounding) else ""
    yield f"{step.y.name} = {step.x.name} rounded to bfloat16{pairs}"


def _loss(plan: Plan, scheduled: Scheduled, batch: int) -> Iterator[str]:
    step = cast(s.LossStep, scheduled.step)
    error = "" if step.dz is None else f", {step.dz.name}"
    yield f"{step.losses.name}{error} = {step.loss.name} of {step.activation.name}({step.z.name})"


def _buffer_names(plan: Plan, scheduled: Scheduled, batch: int) -> Iterator[str]:
    step = scheduled.step
    named = [f"{name}={value.name}" for name, value in s.fields_of(step) if isinstance(value, Buffer)]
    trained = getattr(step, "trained", ())
    pieces = (trained,) if isinstance(trained, s.Trained) else trained
    of = f" of {', '.join(piece.entry.name for piece in pieces)}" if pieces else ""
    yield f"{type(step).__name__}{of}{': ' if named else ''}{', '.join(named)}"


DESCRIPTIONS: dict[type[s.Step], Callable[[Plan, Any, int], Iterator[str]]] = {
    s.Gather: _gather,
    s.Forward: _forward,
    s.Back: _back,
    s.WeightGradient: _weight_gradient,
    SparseForward: _sparse_forward,
    SparseGradient: _sparse_gradient,
    s.Rounding: _rounding,
    s.LossStep: _loss,
}
"""The lines of each kind of step; of the others, one line names its buffers."""


def _activation(step: s.Forward | SparseForward) -> str:
    return "" if step.activation.name == "identity" else step.activation.name


def _result(step: s.Forward | SparseForward, inputs: str) -> str:
    """What a forward step computes, as a formula."""
    out = " -> ".join(b.name for b in (step.z, step.y) if b is not None)
    sums, shape = f"{inputs} W{'' if step.bias is None else ' + b'}", _activation(step)
    return f"{out} = {f'{shape}({sums})' if shape else sums}"


def _k_blocks(scheduled: ScheduledProduct) -> str:
    """The K-blocks of a product, if it has any."""
    packed, block = ", packed" if scheduled.packed else "", scheduled.k_block
    return f" in blocks of {block}{packed}" if block and block < scheduled.step.matrix.rows else ""


def _sparse_work(plan: Plan, weight: Buffer, batch: int) -> str:
    entries = plan.spec.mean_nnz or 1
    return f"    {batch} x {entries} of {weight.rows} x {weight.columns}, {_mega(2 * batch * entries * weight.columns)}"


def _of_groups(weight: Buffer) -> str:
    """Says that there is one weight for each group, if there are groups."""
    return f"each of {weight.groups} groups' " if weight.groups > 1 else ""


def _mega(flops: int) -> str:
    return f"{flops / 1e6:,.3f} MFLOP"


def _bytes(size: int) -> str:
    return f"{size / 1024:,.1f} KiB" if size < 1 << 20 else f"{size / (1 << 20):,.1f} MiB"


def _totals(plan: Plan) -> tuple[float, float]:
    """FLOPs of the products, and FLOPs at the peak in the expected time."""
    batch = plan.spec.batch_size if plan.learns else plan.rows
    flops = spent = 0.0
    for stage in plan.stages:
        for scheduled in stage.steps:
            if isinstance(scheduled, ScheduledProduct):
                step = scheduled.step
                heights = plan.all_heights if scheduled.split_n else plan.heights
                useful, peak = _product(batch, scheduled.length, step.matrix, heights, plan.registers)
            elif isinstance(scheduled, ScheduledWeightGradient):
                weight = scheduled.step.trained.value
                heights = exact_heights(weight.rows, plan.registers)
                useful, peak = _product(weight.rows, batch, weight, heights, plan.registers)
                formula = "" if plan.rule is None else str(plan.rule.rule.parameter)
                divides = "/" in formula or "sqrt" in formula
                registers = weight.rows * panels_of(weight) * plan.registers.per_panel
                peak += registers * (DIVISION_CYCLES if divides else 3.0) * _per_cycle(plan.registers)
            else:
                continue
            flops, spent = flops + useful, spent + peak
    return flops, spent


def _product(
    rows: int, length: int, weight: Buffer, heights: tuple[int, ...], registers: Registers
) -> tuple[float, float]:
    """FLOPs of a product, and FLOPs at the peak in the time of its tiles."""
    cycles, left = 0.0, rows
    for height in heights:
        tiles, left = divmod(left, height)
        cycles += (
            tiles * panels_of(weight) * (registers.cycles(height) * length + TILE_CYCLES / registers.panels(height))
        )
    return 2.0 * rows * length * weight.columns, cycles * _per_cycle(registers)


def _per_cycle(registers: Registers) -> float:
    """FLOPs of two FMAs a cycle."""
    return 2 * 2 * 16 / registers.per_panel
