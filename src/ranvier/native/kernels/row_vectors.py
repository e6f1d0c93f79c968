"""Loops over the columns of a row, a vector of 16 at a time, and reductions of 16 lanes to one number.

The order of every sum over columns is fixed: 16 running sums, one for each column modulo 16, then pairs 8 apart, 4, 2
and 1 apart. So it does not depend on the vector width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value, constants
from ranvier.native.scheduling.tiles import PANEL

INLINE = 4
"""Rows of up to so many vectors are written out without a loop."""

VectorBody = Callable[[Value, "Value | None", tuple[Value, ...]], tuple[Value, ...]]
"""Called with a vector's first column, the mask of its real columns (None: all of them) and what is carried."""


def each_vector(f: Function, columns: int, body: VectorBody, carried: Sequence[Value] = ()) -> tuple[Value, ...]:
    """Write the body for all vectors of a row; gives what it carried last."""
    full_columns = columns // PANEL * PANEL
    values = tuple(carried)
    if full_columns <= INLINE * PANEL:
        for column in range(0, full_columns, PANEL):
            values = body(f.i64(column), None, values)
    else:
        with f.loop(0, full_columns, PANEL, name="column", carried=values) as loop:
            loop.carry(*body(loop.index, None, loop.values))
        values = loop.results
    if columns > full_columns:
        values = body(f.i64(full_columns), tail_mask(columns), values)
    return values


def tail_mask(columns: int) -> Value:
    """Which lanes of the last vector are real columns."""
    return constants([lane < columns % PANEL for lane in range(PANEL)], "i1")


def masked(f: Function, value: Value, mask: Value | None, otherwise: float = 0.0) -> Value:
    """The value in the lanes of the mask, `otherwise` in the others."""
    return value if mask is None else f.select(mask, value, f.constant(otherwise))


def total(f: Function, value: Value) -> Value:
    """The sum of 16 lanes, pairs 8 apart first; one number."""
    return _tree(f, value, f.add)


def largest(f: Function, value: Value) -> Value:
    """The largest of 16 lanes; one number."""
    return _tree(f, value, lambda a, b: f.select(f.compare("olt", a, b), b, a))


def _tree(f: Function, value: Value, combine: Callable[[Value, Value], Value]) -> Value:
    lanes = PANEL
    while lanes > 1:
        lanes //= 2
        if lanes > 1:
            low = f.shuffle(value, None, range(lanes))
            high = f.shuffle(value, None, range(lanes, 2 * lanes))
        else:
            low, high = f.extract(value, 0), f.extract(value, 1)
        value = combine(low, high)
    return value
