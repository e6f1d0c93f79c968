"""A dense layer on rows that are mostly zeros: what is multiplied with 0 is left out. K inputs, N outputs.

    for some of the rows:  count how many x are not 0; go the way of dense.py where they are many
    for each row b:        note at which places x[b] is not 0
    for each v panels p of the weights:
        for each row b:
            chains start at the bias
            for each place k that is noted:  chain = x[b, k] * W[k] + chain
            y = activation(chain)

These are the chains of dense.py with the terms left out that are zero, so the bits are the same, whichever rows stand
together and whichever way they go. Two things could tell: a chain that is -0 becomes +0 by adding zeros, so both ways
add a zero at the end; and 0 times an infinite weight is no number, so nothing is left out where weights are not finite.
"""

from __future__ import annotations

from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.outputs import positive_zero, store_outputs
from ranvier.native.kernels.tile import panel_loops
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.steps import Forward
from ranvier.native.scheduling.layouts import panels_of, stride_of
from ranvier.native.scheduling.scheduled import ScheduledProduct
from ranvier.native.scheduling.tiles import PANEL, Registers

MOST_SHARE, MOST_SHARE_OF_ONE = 0.3, 0.7
"""Up to what share of numbers that are not 0 leaving out the others is quicker where outputs are many: for many rows,
and for a single one, which waits for the weights in any case. Measured on AVX2."""
NOTING, NOTING_ONE = 1, 2
"""To how many panels of products it compares to note where a number is not 0."""
MOST_PANELS, EIGHT = 8, 8
SAMPLE = 8
"""The rows that are looked at to tell whether zeros are many."""


def write_count(module: Emitter, name: str, step: Forward) -> None:
    """Write `(x, i64 skips, i64 from, i64 to)`: whether zeros may be left out, and are many in a sample of the rows."""
    panels, columns = panels_of(step.weight), step.x.columns
    many = int(MOST_SHARE * columns * panels / (panels + NOTING))
    one = int(MOST_SHARE_OF_ONE * columns * panels / (panels + NOTING_ONE))
    with module.function(name, {"x": "ptr", "skips": "i64", "from": "i64", "to": "i64"}, "i1") as f:
        x, skips, first, stop = f.parameters
        rows = f.subtract(stop, first, "rows")
        sample = f.intrinsic("smax", f.intrinsic("smin", rows, f.i64(SAMPLE)), f.i64(1))
        apart = f.divide(rows, sample, "apart")
        with f.loop(0, sample, name="b", carried=[f.constant(0, module.integers)]) as seen:
            number = f.add(first, f.multiply(seen.index, apart))
            row = f.pointer(x, f.multiply(number, stride_of(step.x)), name="row")
            with f.loop(0, columns, PANEL, name="column", carried=seen.values) as loop:
                there = f.compare("une", f.load(f.pointer(row, loop.index)), 0.0)
                loop.carry(f.add(loop.values[0], f.cast("zext", there, module.integer)))
            seen.carry(*loop.results)
        count = f.intrinsic("vector.reduce.add", seen.results[0], result=module.integer, name="count")
        count = count if module.integer == "i64" else f.cast("zext", count, "i64")
        most = f.select(f.compare("eq", rows, 1), f.i64(one), f.i64(many))
        few = f.compare("sle", count, f.multiply(sample, most), "few")
        f.give_back(f.bitwise("and", few, f.compare("ne", skips, 0)))


def write_places(module: Emitter, name: str, scheduled: ScheduledProduct) -> None:
    """Write `(x, places, i64 from, i64 to)`: each row of places becomes the number of x that are not 0, then where."""
    step, places = scheduled.step, scheduled.nonzeros
    assert isinstance(step, Forward)
    assert places is not None
    with module.function(name, {**dict.fromkeys(("x", "places"), "ptr noalias"), "from": "i64", "to": "i64"}) as f:
        x, noted, first, stop = f.parameters
        with f.loop(first, stop, name="b") as rows:
            row = f.pointer(x, f.multiply(rows.index, stride_of(step.x)), name="row")
            line = f.pointer(noted, f.multiply(rows.index, stride_of(places)), name="line")
            chosen = module.table("places_of_bits", [lane for bits in range(1 << EIGHT) for lane in _lanes(bits)], "i8")
            with f.loop(0, step.x.columns, PANEL, name="column", carried=[f.i64(1)]) as loop:
                there = f.compare("une", f.load(f.pointer(row, loop.index)), 0.0)
                bits = f.cast("zext", f.emit(f"i{PANEL}", f"bitcast {there.typed} to i{PANEL}", "bits"), "i32")
                place = loop.values[0]
                for half in range(0, PANEL, EIGHT):
                    byte = f.bitwise("and", f.bitwise("lshr", bits, half), (1 << EIGHT) - 1, "byte")
                    at = f.pointer(chosen, f.multiply(f.cast("zext", byte, "i64"), EIGHT), "i8")
                    lanes = f.cast("zext", f.load(at, f"<{EIGHT} x i8>"), "i32")
                    column = f.splat(f.add(f.cast("trunc", loop.index, "i32"), half), EIGHT)
                    f.store(f.add(lanes, column), f.pointer(line, place, "i32"))
                    more = f.emit("i32", f"call i32 @llvm.ctpop.i32({byte.typed})", "more")
                    place = f.add(place, f.cast("zext", more, "i64"))
                loop.carry(place)
            number = f.subtract(loop.results[0], 1)
            f.store(f.cast("trunc", number, "i32"), f.pointer(line, 0, "i32"))
        module.declare("llvm.ctpop.i32", "i32", ["i32"])


def _lanes(bits: int) -> list[int]:
    """Which of eight bits are 1, in order, and then zeros."""
    found = [lane for lane in range(EIGHT) if bits >> lane & 1]
    return found + [0] * (EIGHT - len(found))


def _noted(f: Function, line: Value, place: Value) -> Value:
    return f.cast("zext", f.load(f.pointer(line, place, "i32"), "i32"), "i64")


def write_skipping(module: Emitter, name: str, scheduled: ScheduledProduct, registers: Registers) -> None:
    """Write `(x, places, weight, bias, out, extra, i64 from, i64 to)`."""
    step, places = scheduled.step, scheduled.nonzeros
    assert isinstance(step, Forward)
    assert places is not None
    weight = step.weight
    pointers = dict.fromkeys(("x", "places", "weight", "bias", "out", "extra"), "ptr noalias")
    at_once = max(1, min((registers.count - 2) // registers.per_panel, panels_of(weight), MOST_PANELS))
    with module.function(name, {**pointers, "from": "i64", "to": "i64"}) as f:
        x, noted, panels_at, bias, out, extra, first, stop = f.parameters

        def panels(panel: Value, count: int) -> None:
            column = f.multiply(panel, PANEL, "column")
            part = f.pointer(panels_at, f.multiply(panel, stride_of(weight)), name="part")
            with f.loop(first, stop, name="b") as rows:
                row = f.pointer(x, f.multiply(rows.index, stride_of(step.x)), name="row")
                line = f.pointer(noted, f.multiply(rows.index, stride_of(places)), name="line")
                end = f.add(_noted(f, line, f.i64(0)), 1)
                chains = [
                    f.constant(0.0) if step.bias is None else f.load(f.pointer(bias, f.add(column, p * PANEL)))
                    for p in range(count)
                ]
                with f.loop(f.i64(1), end, name="place", carried=chains) as loop:
                    k = _noted(f, line, loop.index)
                    spread = f.broadcast(f.pointer(row, k), name="x")
                    numbers = f.pointer(part, f.multiply(k, PANEL), name="numbers")
                    vectors = [f.load(f.pointer(numbers, p * stride_of(weight)), name="w") for p in range(count)]
                    loop.carry(*(f.fma(spread, w, c) for w, c in zip(vectors, loop.values, strict=True)))
                for p, chain in enumerate(loop.results):
                    place = f.add(column, p * PANEL)
                    store_outputs(f, step, positive_zero(f, chain), rows.index, place, out, extra)

        panel_loops(f, panels_of(weight), 1, at_once, panels)
