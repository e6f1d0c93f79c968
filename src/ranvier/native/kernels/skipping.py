"""A dense layer on rows that are mostly zeros: what is multiplied with 0 is left out. K inputs, N outputs.

    for each row b:                                  note at which places x[b] is not 0
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
from ranvier.native.kernels.formulas import activate
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.tile import panel_loops
from ranvier.native.kernels.values import Value
from ranvier.native.plan.sparse import SparseForward
from ranvier.native.plan.steps import Buffer, Forward
from ranvier.native.plan.tiles import PANEL, Registers

MOST_SHARE, MOST_SHARE_OF_ONE = 0.25, 0.7
"""Up to what share of numbers that are not 0 leaving out the others is quicker where outputs are many: for many rows,
and for a single one, which waits for the weights in any case. Measured on AVX2."""
NOTING, NOTING_ONE = 2, 4
"""To how many panels of products it compares to note where a number is not 0."""
MOST_PANELS = 8


def few_enough(f: Function, step: Forward, count: Value, rows: Value) -> Value:
    """Whether so many numbers that are not 0, in so many rows, are few enough."""
    panels, columns = step.weight.panels, step.x.columns
    many = int(MOST_SHARE * columns * panels / (panels + NOTING))
    one = int(MOST_SHARE_OF_ONE * columns * panels / (panels + NOTING_ONE))
    most = f.select(f.compare("eq", rows, 1), Value("i64", str(one)), Value("i64", str(many)))
    return f.compare("sle", count, f.multiply(rows, most), "few")


def write_places(module: Emitter, name: str, step: Forward) -> None:
    """Write `(x, places, i64 from, i64 to)`: each row of places becomes the number of x that are not 0, then where."""
    places = step.places
    assert places is not None
    with module.function(
        name, {**dict.fromkeys(("x", "places"), "ptr noalias"), "from": "i64", "to": "i64"}, internal=True
    ) as f:
        x, noted, first, stop = f.parameters
        with f.loop(first, stop, name="b") as rows:
            assert rows.index is not None
            row = f.pointer(x, f.multiply(rows.index, step.x.stride), name="row")
            line = f.pointer(noted, f.multiply(rows.index, places.stride), name="line")
            with f.loop(0, step.x.columns, PANEL, name="column", carried=[Value("i64", "0")]) as loop:
                assert loop.index is not None
                there = f.compare("une", f.load(f.pointer(row, loop.index)), 0.0)
                bits = f.cast("zext", f.emit(f"i{PANEL}", f"bitcast {there.typed} to i{PANEL}", "bits"), "i64")
                some = f.compare("ne", bits, 0)
                with f.when(some, name="some", carried=[loop.values[0]]) as found:
                    with f.repeat(name="bit", carried=[bits, found.values[0]]) as each:
                        left, count = each.values
                        lane = f.emit("i64", f"call i64 @llvm.cttz.i64({left.typed}, i1 true)", "lane")
                        after = f.add(count, 1)
                        _note(f, line, after, f.add(loop.index, lane))
                        left = f.bitwise("and", left, f.subtract(left, 1))
                        each.carry(left, after)
                        each.again = f.compare("ne", left, 0)
                    found.carry(each.results[1])
                loop.carry(found.results[0])
            _note(f, line, Value("i64", "0"), loop.results[0])
        module.declare("llvm.cttz.i64", "i64", ["i64", "i1"])


def _note(f: Function, line: Value, place: Value, number: Value) -> None:
    f.store(f.cast("trunc", number, "i32"), f.pointer(line, place, "i32"))


def _noted(f: Function, line: Value, place: Value) -> Value:
    return f.cast("zext", f.load(f.pointer(line, place, "i32"), "i32"), "i64")


def write_skipping(module: Emitter, name: str, step: Forward, registers: Registers) -> None:
    """Write `(x, places, weight, bias, out, extra, i64 from, i64 to)`."""
    weight, places = step.weight, step.places
    assert places is not None
    pointers = dict.fromkeys(("x", "places", "weight", "bias", "out", "extra"), "ptr noalias")
    at_once = max(1, min((registers.count - 2) // registers.per_panel, weight.panels, MOST_PANELS))
    with module.function(name, {**pointers, "from": "i64", "to": "i64"}, internal=True) as f:
        x, noted, panels_at, bias, out, extra, first, stop = f.parameters

        def panels(panel: Value, count: int) -> None:
            column = f.multiply(panel, PANEL, "column")
            part = f.pointer(panels_at, f.multiply(panel, weight.stride), name="part")
            with f.loop(first, stop, name="b") as rows:
                assert rows.index is not None
                row = f.pointer(x, f.multiply(rows.index, step.x.stride), name="row")
                line = f.pointer(noted, f.multiply(rows.index, places.stride), name="line")
                end = f.add(_noted(f, line, Value("i64", "0")), 1)
                chains = [
                    f.constant(0.0) if step.bias is None else f.load(f.pointer(bias, f.add(column, p * PANEL)))
                    for p in range(count)
                ]
                with f.loop(Value("i64", "1"), end, name="place", carried=chains) as loop:
                    assert loop.index is not None
                    k = _noted(f, line, loop.index)
                    spread = f.broadcast(f.pointer(row, k), name="x")
                    numbers = f.pointer(part, f.multiply(k, PANEL), name="numbers")
                    vectors = [f.load(f.pointer(numbers, p * weight.stride), name="w") for p in range(count)]
                    loop.carry(*(f.fma(spread, w, c) for w, c in zip(vectors, loop.values, strict=True)))
                for p, chain in enumerate(loop.results):
                    place = f.add(column, p * PANEL)
                    hand_on(f, step, positive_zero(f, chain), rows.index, place, out, extra)

        panel_loops(f, weight.panels, 1, at_once, panels)


def positive_zero(f: Function, value: Value) -> Value:
    """The value, with 0 in place of -0."""
    return f.add(value, 0.0)


def hand_on(
    f: Function, step: Forward | SparseForward, chain: Value, row: Value, column: Value, out: Value, extra: Value
) -> None:
    """Store the weighted sums and outputs of 16 columns of a row, whichever of both somebody reads."""

    def put(value: Value, at: Value, buffer: Buffer) -> None:
        f.store(value, f.pointer(at, f.add(f.multiply(row, buffer.stride), column)))

    if step.y is None:
        assert step.z is not None
        put(chain, out, step.z)
        return
    if step.z is not None:
        put(chain, extra, step.z)
    put(activate(f, step.activation, chain), out, step.y)
