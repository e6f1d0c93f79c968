"""A dense layer on rows that are mostly zeros: terms with x = 0 are left out. K inputs, N outputs.

    for a sample of the rows:  count the x that are not 0; use dense.py if they are many
    for each row b:            list the indices k at which x[b, k] is not 0
    for each v panels p of the weights:
        for each row b:
            accumulators = bias
            for each listed k:  accumulator = x[b, k] * W[k] + accumulator
            y = activation(accumulator)

These are the sums of dense.py without the terms that are zero, so the bits are the same, whichever path a row takes and
whichever rows are beside it. Two cases would differ. Adding zeros turns -0 into +0, so both paths add a zero at the
end. And 0 times infinity is NaN, so nothing is left out unless all weights are finite.
"""

from __future__ import annotations

from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.outputs import positive_zero, store_outputs
from ranvier.native.kernels.tile import panel_loops
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.steps import Forward
from ranvier.native.scheduling.layouts import panels_of, stride_of
from ranvier.native.scheduling.scheduled import ScheduledProduct
from ranvier.native.scheduling.tiles import MAX_PANELS, PANEL, Registers

MAX_NONZERO_FRACTION, MAX_NONZERO_FRACTION_SINGLE_ROW = 0.3, 0.7
"""Up to which fraction of nonzeros this path is faster if outputs are many: for many rows, and for a single row, which
waits for the weights in any case. Measured on AVX2."""
LISTING_COST, LISTING_COST_SINGLE_ROW = 1, 2
"""The cost of listing a nonzero, in panels of products."""
BYTE = 8
"""Bits that are looked up at once in the table of indices: a row for each byte, and room for eight in a list."""
SAMPLE = 8
"""How many rows are counted to decide whether zeros are many."""


def write_zeros_are_many(module: Emitter, name: str, step: Forward) -> None:
    """Write `(x, i64 may_skip_zeros, i64 from, i64 to) -> i1`: may zeros be left out, and are they many."""
    panels, columns = panels_of(step.weight), step.x.columns
    max_nonzeros = int(MAX_NONZERO_FRACTION * columns * panels / (panels + LISTING_COST))
    max_nonzeros_single_row = int(
        MAX_NONZERO_FRACTION_SINGLE_ROW * columns * panels / (panels + LISTING_COST_SINGLE_ROW)
    )
    with write_function(module, name, {"x": "ptr", "may_skip_zeros": "i64", "from": "i64", "to": "i64"}, "i1") as f:
        x, may_skip_zeros, first, stop = f.parameters
        rows = f.subtract(stop, first, "rows")
        sample = f.intrinsic("smax", f.intrinsic("smin", rows, f.i64(SAMPLE)), f.i64(1))
        apart = f.divide(rows, sample, "apart")
        with f.loop(0, sample, name="b", carried=[f.constant(0, module.integers)]) as row_loop:
            number = f.add(first, f.multiply(row_loop.index, apart))
            row = f.pointer(x, f.multiply(number, stride_of(step.x)), name="row")
            with f.loop(0, columns, PANEL, name="column", carried=row_loop.values) as loop:
                there = f.compare("une", f.load(f.pointer(row, loop.index)), 0.0)
                loop.carry(f.add(loop.values[0], f.cast("zext", there, module.integer)))
            row_loop.carry(*loop.results)
        count = f.intrinsic("vector.reduce.add", row_loop.results[0], result=module.integer, name="count")
        count = count if module.integer == "i64" else f.cast("zext", count, "i64")
        most = f.select(f.compare("eq", rows, 1), f.i64(max_nonzeros_single_row), f.i64(max_nonzeros))
        few = f.compare("sle", count, f.multiply(sample, most), "few")
        f.give_back(f.bitwise("and", few, f.compare("ne", may_skip_zeros, 0)))


def write_nonzero_indices(module: Emitter, name: str, scheduled: ScheduledProduct) -> None:
    """Write `(x, nonzeros, i64 from, i64 to)`: for each row the number of nonzeros, then their indices."""
    step, nonzeros = scheduled.step, scheduled.nonzeros
    assert isinstance(step, Forward)
    assert nonzeros is not None
    with write_function(
        module, name, {**dict.fromkeys(("x", "nonzeros"), "ptr noalias"), "from": "i64", "to": "i64"}
    ) as f:
        x, nonzeros_at, first, stop = f.parameters
        with f.loop(first, stop, name="b") as rows:
            row = f.pointer(x, f.multiply(rows.index, stride_of(step.x)), name="row")
            line = f.pointer(nonzeros_at, f.multiply(rows.index, stride_of(nonzeros)), name="line")
            indices_of_byte = module.table(
                "indices_of_bits", [lane for bits in range(1 << BYTE) for lane in _lanes(bits)], "i8"
            )
            with f.loop(0, step.x.columns, PANEL, name="column", carried=[f.i64(1)]) as loop:
                there = f.compare("une", f.load(f.pointer(row, loop.index)), 0.0)
                bits = f.cast("zext", f.emit(f"i{PANEL}", f"bitcast {there.typed} to i{PANEL}", "bits"), "i32")
                position = loop.values[0]
                for half in range(0, PANEL, BYTE):
                    byte = f.bitwise("and", f.bitwise("lshr", bits, half), (1 << BYTE) - 1, "byte")
                    at = f.pointer(indices_of_byte, f.multiply(f.cast("zext", byte, "i64"), BYTE), "i8")
                    lanes = f.cast("zext", f.load(at, f"<{BYTE} x i8>"), "i32")
                    column = f.splat(f.add(f.cast("trunc", loop.index, "i32"), half), BYTE)
                    f.store(f.add(lanes, column), f.pointer(line, position, "i32"))
                    more = f.emit("i32", f"call i32 @llvm.ctpop.i32({byte.typed})", "more")
                    position = f.add(position, f.cast("zext", more, "i64"))
                loop.carry(position)
            number = f.subtract(loop.results[0], 1)
            f.store(f.cast("trunc", number, "i32"), f.pointer(line, 0, "i32"))
        module.declare("llvm.ctpop.i32", "i32", ["i32"])


def _lanes(bits: int) -> list[int]:
    """The positions of the bits that are 1 in a byte, ascending; then zeros."""
    lanes = [lane for lane in range(BYTE) if bits >> lane & 1]
    return lanes + [0] * (BYTE - len(lanes))


def _entry(f: Function, line: Value, position: Value) -> Value:
    return f.cast("zext", f.load(f.pointer(line, position, "i32"), "i32"), "i64")


def write_zero_skipping_product(module: Emitter, name: str, scheduled: ScheduledProduct, registers: Registers) -> None:
    """Write `(x, nonzeros, weight, bias, out, extra, i64 from, i64 to)`."""
    step, nonzeros = scheduled.step, scheduled.nonzeros
    assert isinstance(step, Forward)
    assert nonzeros is not None
    weight = step.weight
    pointers = dict.fromkeys(("x", "nonzeros", "weight", "bias", "out", "extra"), "ptr noalias")
    at_once = max(1, min((registers.count - 2) // registers.per_panel, panels_of(weight), MAX_PANELS))
    with write_function(module, name, {**pointers, "from": "i64", "to": "i64"}) as f:
        x, nonzeros_at, panels_at, bias, out, extra, first, stop = f.parameters

        def panels(panel: Value, count: int) -> None:
            column = f.multiply(panel, PANEL, "column")
            part = f.pointer(panels_at, f.multiply(panel, stride_of(weight)), name="part")
            with f.loop(first, stop, name="b") as rows:
                row = f.pointer(x, f.multiply(rows.index, stride_of(step.x)), name="row")
                line = f.pointer(nonzeros_at, f.multiply(rows.index, stride_of(nonzeros)), name="line")
                end = f.add(_entry(f, line, f.i64(0)), 1)
                accumulators = [
                    f.constant(0.0) if step.bias is None else f.load(f.pointer(bias, f.add(column, p * PANEL)))
                    for p in range(count)
                ]
                with f.loop(f.i64(1), end, name="place", carried=accumulators) as loop:
                    k = _entry(f, line, loop.index)
                    broadcast = f.broadcast(f.pointer(row, k), name="x")
                    numbers = f.pointer(part, f.multiply(k, PANEL), name="numbers")
                    vectors = [f.load(f.pointer(numbers, p * stride_of(weight)), name="w") for p in range(count)]
                    loop.carry(*(f.fma(broadcast, w, c) for w, c in zip(vectors, loop.values, strict=True)))
                for p, accumulator in enumerate(loop.results):
                    output_column = f.add(column, p * PANEL)
                    store_outputs(f, step, positive_zero(f, accumulator), rows.index, output_column, out, extra)

        panel_loops(f, panels_of(weight), 1, at_once, panels)
