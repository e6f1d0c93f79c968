"""Steps that read all rows of a batch, or all parameters: statistics, unfused updates, the loss.

Sums over rows go row by row; sums over a weight go panel by panel, so that no result depends on the number of threads.
"""

from __future__ import annotations

from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.gradient import column_sums
from ranvier.native.kernels.loss import source_row
from ranvier.native.kernels.pairs import copy_pairs, holds_pairs
from ranvier.native.kernels.transpose import transpose
from ranvier.native.kernels.update import Pointers, Updater
from ranvier.native.kernels.values import NULL, Value
from ranvier.native.lowering.steps import ColumnStatistics, ColumnSums, RunningStatistics, Trained
from ranvier.native.scheduling.binding import BoundRule
from ranvier.native.scheduling.layouts import group_panels_of, stride_of
from ranvier.native.scheduling.tiles import PANEL


def write_column_sums(module: Emitter, name: str, step: ColumnSums) -> None:
    """Write `(a, b, sums, i64 rows, i64 from, i64 to)` over panels."""
    pointers = dict.fromkeys(("a", "b", "sums"), "ptr")
    with write_function(module, name, {**pointers, "rows": "i64", "from": "i64", "to": "i64"}) as f:
        a, b, sums, rows, first, stop = f.parameters
        with f.loop(first, stop, name="panel") as loop:
            column = f.multiply(loop.index, PANEL)
            second = None if step.b is None else (b, step.b)
            (added,) = column_sums(f, (a, step.a), second, column, 1, rows)
            f.store(added, f.pointer(sums, column))


def write_column_statistics(module: Emitter, name: str, step: ColumnStatistics) -> None:
    """Write `(x, mean, variance, i64 rows, i64 from, i64 to)` over panels, in two passes."""
    pointers = dict.fromkeys(("x", "mean", "variance"), "ptr")
    with write_function(module, name, {**pointers, "rows": "i64", "from": "i64", "to": "i64"}) as f:
        x, mean_at, variance_at, rows, first, stop = f.parameters
        count = f.splat(f.cast("sitofp", rows, f.module.element))
        with f.loop(first, stop, name="panel") as loop:
            column = f.multiply(loop.index, PANEL)
            (added,) = column_sums(f, (x, step.x), None, column, 1, rows)
            mean = f.divide(added, count, "mean")
            f.store(mean, f.pointer(mean_at, column))
            start = f.pointer(x, column)
            with f.loop(f.i64(0), rows, name="b", carried=[f.constant(0.0)]) as inner:
                away = f.subtract(f.load(f.pointer(start, f.multiply(inner.index, stride_of(step.x)))), mean)
                inner.carry(f.fma(away, away, inner.values[0]))
            f.store(f.divide(inner.results[0], count, "variance"), f.pointer(variance_at, column))


def write_running_statistics(module: Emitter, name: str, step: RunningStatistics) -> None:
    """Write `(running, batch, i64 from, i64 to)` over panels."""
    with write_function(module, name, {"running": "ptr", "batch": "ptr", "from": "i64", "to": "i64"}) as f:
        running, batch, first, stop = f.parameters
        with f.loop(first, stop, name="panel") as loop:
            column = f.multiply(loop.index, PANEL)
            at = f.pointer(running, column)
            new = f.multiply(f.load(f.pointer(batch, column)), 1.0 - step.momentum)
            f.store(f.fma(f.load(at), f.constant(step.momentum), new), at)


def write_loss_sum(module: Emitter, name: str) -> None:
    """Write `(losses, order, weights, double weight_scale, i64 rows, out)`: the loss of the batch, in float64."""
    parameters = {
        "losses": "ptr", "order": "ptr", "weights": "ptr", "weight_scale": "double", "rows": "i64", "out": "ptr"
    }  # fmt: skip
    with write_function(module, name, parameters) as f:
        losses, order, weights, weight_scale, rows, out = f.parameters
        zero = f.i64(0)
        with f.loop(zero, rows, name="b", carried=[f.constant(0.0, "double")]) as loop:
            exact = f.to_double(f.load(f.pointer(losses, loop.index), f.module.element))
            weighted = f.compare("ne", weights, NULL)
            with f.when(weighted, name="weighted", carried=[exact]) as when:
                source = source_row(f, order, zero, loop.index)
                weight = f.load(f.pointer(weights, source, "double"), "double")
                when.carry(f.multiply(weight, exact))
            loop.carry(f.add(loop.values[0], when.results[0]))
        f.store(f.multiply(loop.results[0], weight_scale), out)


def write_update(module: Emitter, name: str, trained: Trained, rule: BoundRule) -> None:
    """Write `(value, rounded, transposed, gradient, slots..., scalars, double factor, i64 from, i64 to)`: panels."""
    slot_names = [f"slot{number}" for number in range(len(trained.slots))]
    names = ("value", "rounded", "transposed", "gradient", *slot_names, "scalars")
    numbers = {"factor": "double", "from": "i64", "to": "i64"}
    with write_function(module, name, {**dict.fromkeys(names, "ptr noalias"), **numbers}) as f:
        value, rounded, transposed, gradient, *slots, scalars, factor, first, stop = f.parameters
        updater = Updater(f, rule, trained, scalars)
        pairs = holds_pairs(trained)
        pointers = Pointers(value, gradient, tuple(slots), rounded if trained.rounded and not pairs else None)
        scale = f.splat(f.from_double(factor))
        rows = trained.value.rows
        with f.loop(first, stop, name="panel") as loop:
            base = f.multiply(loop.index, stride_of(trained.value))
            with f.loop(0, rows, name="row") as inner:
                _update_row(f, updater, pointers, f.add(base, f.multiply(inner.index, PANEL)), scale)
            if pairs:
                copy_pairs(f, trained, loop.index, (f.i64(0), f.i64(rows)), (value, rounded, transposed))
            else:
                copy_panel(f, trained, loop.index, f.pointer(pointers.rounded_value, base), transposed)


def copy_panel(f: Function, trained: Trained, panel: Value, source: Value, transposed: Value) -> None:
    """Copy a panel of a weight, at `source`, into the transposed weight, where there is one."""
    copy = trained.transposed
    if copy is None:
        return
    if copy.groups > 1:
        group = f.divide(panel, group_panels_of(trained.value), "group")
        panel = f.subtract(panel, f.multiply(group, group_panels_of(trained.value)))
        transposed = f.pointer(transposed, f.multiply(group, group_panels_of(copy) * stride_of(copy)))
    transpose(f, source, transposed, f.i64(0), f.i64(trained.value.rows), f.multiply(panel, PANEL), stride_of(copy))


def _update_row(f: Function, updater: Updater, pointers: Pointers, offset: Value, scale: Value) -> None:
    gradient = f.multiply(f.load(f.pointer(pointers.gradient, offset)), scale)
    updater.apply(gradient, f.load(f.pointer(pointers.value, offset)), pointers, offset)
