"""Steps that read all rows of a batch, or all parameters: statistics, norms, unfused updates, the loss.

Sums over rows go row by row; sums over a weight go panel by panel, so that no result depends on the number of threads.
"""

from __future__ import annotations

from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.gradient import column_sums
from ranvier.native.kernels.loss import source_row
from ranvier.native.kernels.pairs import copy_pairs, holds_pairs
from ranvier.native.kernels.row_vectors import total
from ranvier.native.kernels.sparse import clipped_squares
from ranvier.native.kernels.transpose import transpose
from ranvier.native.kernels.update import Pointers, Updater, read
from ranvier.native.kernels.values import NULL, Value
from ranvier.native.lowering.steps import ColumnStatistics, ColumnSums, RunningStatistics, Trained, Update
from ranvier.native.scheduling.binding import BoundRule
from ranvier.native.scheduling.layouts import group_panels_of, stride_of
from ranvier.native.scheduling.tiles import PANEL


def write_column_sums(module: Emitter, name: str, step: ColumnSums) -> None:
    """Write `(a, b, sums, i64 rows, i64 from, i64 to)` over panels."""
    pointers = dict.fromkeys(("a", "b", "sums"), "ptr")
    with module.function(name, {**pointers, "rows": "i64", "from": "i64", "to": "i64"}) as f:
        a, b, sums, rows, first, stop = f.parameters
        with f.loop(first, stop, name="panel") as loop:
            column = f.multiply(loop.index, PANEL)
            second = None if step.b is None else (b, step.b)
            (added,) = column_sums(f, (a, step.a), second, column, 1, rows)
            f.store(added, f.pointer(sums, column))


def write_column_statistics(module: Emitter, name: str, step: ColumnStatistics) -> None:
    """Write `(x, mean, variance, i64 rows, i64 from, i64 to)` over panels, in two passes."""
    pointers = dict.fromkeys(("x", "mean", "variance"), "ptr")
    with module.function(name, {**pointers, "rows": "i64", "from": "i64", "to": "i64"}) as f:
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
    with module.function(name, {"running": "ptr", "batch": "ptr", "from": "i64", "to": "i64"}) as f:
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
    with module.function(name, parameters) as f:
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


def write_squares(module: Emitter, name: str) -> None:
    """Write `(gradient, i64 stride, partial, i64 from, i64 to)`: the sum of squares of each panel."""
    parameters = {"gradient": "ptr", "stride": "i64", "partial": "ptr", "from": "i64", "to": "i64"}
    with module.function(name, parameters) as f:
        gradient, stride, partial, first, stop = f.parameters
        with f.loop(first, stop, name="panel") as loop:
            start = f.pointer(gradient, f.multiply(loop.index, stride))
            with f.loop(f.i64(0), stride, PANEL, name="at", carried=[f.constant(0.0)]) as inner:
                g = f.load(f.pointer(start, inner.index))
                inner.carry(f.fma(g, g, inner.values[0]))
            f.store(total(f, inner.results[0]), f.pointer(partial, loop.index))


def write_clipping(module: Emitter, name: str, step: Update) -> None:
    """Write `(partial, squares, scalars) -> double`: the factor that limits the norm of the gradients to `max_norm`.

    `squares` are the sums of squares of sparse rows, or null.
    """
    assert step.partial is not None
    assert step.max_norm is not None
    with module.function(name, dict.fromkeys(("partial", "squares", "scalars"), "ptr"), "double") as f:
        partial, squares, scalars = f.parameters
        with f.loop(0, step.partial.columns, name="panel", carried=[f.constant(0.0, "double")]) as loop:
            exact = f.to_double(f.load(f.pointer(partial, loop.index), f.module.element))
            loop.carry(f.add(loop.values[0], exact))
        (added,) = loop.results
        if step.squares is not None:
            added = clipped_squares(f, squares, added)
        norm = f.intrinsic("sqrt", added)
        max_norm = read(f, scalars, step.max_norm, "double")
        factor = f.select(f.compare("ogt", norm, max_norm), f.divide(max_norm, norm), f.constant(1.0, "double"))
        f.give_back(factor)


def write_update(module: Emitter, name: str, trained: Trained, rule: BoundRule) -> None:
    """Write `(value, rounded, transposed, gradient, slots..., scalars, double factor, i64 from, i64 to)`: panels."""
    slot_names = [f"slot{number}" for number in range(len(trained.slots))]
    names = ("value", "rounded", "transposed", "gradient", *slot_names, "scalars")
    numbers = {"factor": "double", "from": "i64", "to": "i64"}
    with module.function(name, {**dict.fromkeys(names, "ptr noalias"), **numbers}) as f:
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
