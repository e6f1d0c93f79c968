"""sin and cos on vectors; see vector_math.py for their accuracy.

The angle is reduced to [-pi/4, pi/4] in float64, also for float32 lanes. Angles above 2^40 are rare: a helper function
reduces them lane by lane with as many bits of 2/pi as they need.

Source: Payne and Hanek, "Radian reduction for trigonometric functions", ACM SIGNUM Newsletter, 1983.
"""

from __future__ import annotations

import itertools

from ranvier.native.kernels import exponential, values
from ranvier.native.kernels.coefficients import HALF_PI, TWO_OVER_PI
from ranvier.native.kernels.exponential import coefficients, integer_of, polynomial
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.values import Value, constant, element_of

LARGE = 2.0**40
_HELPER = "reduce_large_angle"


def sin(f: Function, x: Value) -> Value:
    """The sine of x radians, for every finite x; within 2 ulp in float32 and 2.5 in float64."""
    return _circular(f, x, 0, "sin")


def cos(f: Function, x: Value) -> Value:
    """The cosine of x radians, for every finite x; within 2 ulp in float32 and 2.5 in float64."""
    return _circular(f, x, 1, "cos")


def _circular(f: Function, x: Value, quarters_ahead: int, name: str) -> Value:
    """The sine `quarters_ahead` quarter turns ahead of x."""
    c = coefficients(x)
    r, quadrant = _reduce(f, x)
    if quarters_ahead:
        quadrant = f.add(quadrant, quarters_ahead)
    square = f.multiply(r, r, "square")
    sine = f.fma(f.multiply(square, r), polynomial(f, square, c.sine), r, "sine")
    level = f.fma(square, constant(-0.5, x.type), 1.0)
    cosine = f.fma(f.multiply(square, square), polynomial(f, square, c.cosine), level, "cosine")
    odd = f.compare("ne", f.bitwise("and", quadrant, 1), 0)
    size = f.cast("bitcast", f.select(odd, cosine, sine), integer_of(x))
    flip = f.bitwise("shl", f.bitwise("and", quadrant, 2), values.bits_of(x.type) - 2)
    return f.cast("bitcast", f.bitwise("xor", size, flip), element_of(x.type), name)


def _reduce(f: Function, x: Value) -> tuple[Value, Value]:
    """r and the number of quarter turns n (correct in its two lowest bits) with x = n pi/2 + r."""
    single = element_of(x.type) == "float"
    angle = f.cast("fpext", x, "double", "angle") if single else x
    n, quadrant = exponential.round_to_integer(f, angle, 0.6366197723675814)
    r = angle
    for part in HALF_PI:
        r = f.fma(n, -part, r, "r")
    large = f.compare("ogt", exponential.absolute(f, angle), LARGE, "large")
    lanes = values.lanes_of(x.type)
    some = f.intrinsic("vector.reduce.or", large, result="i1", name="some") if lanes > 1 else large
    with f.when(some, name="large", carried=[r, quadrant]) as block:
        block.carry(*_reduce_lanes(f, angle, r, quadrant, lanes))
    r, quadrant = block.results
    if single:
        return f.cast("fptrunc", r, "float", "r"), f.cast("trunc", quadrant, "i32", "quadrant")
    return r, quadrant


def _reduce_lanes(f: Function, angle: Value, r: Value, quadrant: Value, lanes: int) -> tuple[Value, Value]:
    """Replace the results of the lanes with large angles."""
    if not f.module.has_function(_HELPER):
        _write_helper(f)
    slots = [f.stack(value.type, name=name) for value, name in ((angle, "angles"), (r, "rests"), (quadrant, "turns"))]
    for value, slot in zip((angle, r, quadrant), slots, strict=True):
        f.store(value, slot)
    with f.loop(0, lanes, name="lane") as loop:
        elements = ("double", "double", "i64")
        lane_pointers = [f.pointer(slot, loop.index, element) for slot, element in zip(slots, elements, strict=True)]
        f.call(_HELPER, *lane_pointers)
    return f.load(slots[1], r.type), f.load(slots[2], quadrant.type)


def _write_helper(f: Function) -> None:
    """Write `reduce_large_angle(ptr angle, ptr rest, ptr turns)`, which does nothing for small and infinite angles."""
    table = f.module.table("two_over_pi", TWO_OVER_PI, "i64")
    with write_function(f.module, _HELPER, {"angle": "ptr", "rest": "ptr", "turns": "ptr"}, internal=True) as g:
        angle, rest, quarters = g.parameters
        x = g.load(angle, "double", name="x")
        size = exponential.absolute(g, x)
        large = g.compare("ogt", size, LARGE)
        finite = g.compare("olt", size, float("inf"))
        with g.when(g.bitwise("and", large, finite)):
            r, n = _payne_hanek(g, table, g.cast("bitcast", size, "i64"))
            below = g.compare("olt", x, 0.0)
            g.store(g.select(below, g.negative(r), r), rest)
            g.store(g.select(below, g.negative(n), n), quarters)


def _payne_hanek(g: Function, table: Value, bits: Value) -> tuple[Value, Value]:
    """r and n for the bits of a positive float64 x = M 2^(e - 1075).

    The bits of 2/pi whose products with M are multiples of 4 are skipped; 192 bits follow. The product is a number of
    quarter turns with its two highest bits in front of the point, exact to 2^-125.
    """
    exponent = g.bitwise("lshr", bits, 52, "exponent")
    mantissa = g.bitwise("or", g.bitwise("and", bits, (1 << 52) - 1), 1 << 52, "mantissa")
    first = g.subtract(exponent, 1013, "first")
    word, shift = g.bitwise("lshr", first, 6), g.bitwise("and", first, 63)
    words = [g.load(g.pointer(table, g.add(word, i), "i64"), "i64", name="word") for i in range(4)]
    wide = g.cast("zext", mantissa, "i128")
    parts = [
        g.multiply(wide, g.cast("zext", g.intrinsic("fshl", a, b, shift), "i128"), "part")
        for a, b in itertools.pairwise(words)
    ]
    total = g.add(g.bitwise("shl", parts[0], 64), g.add(parts[1], g.bitwise("lshr", parts[2], 64)), "total")
    fraction = g.bitwise("shl", total, 2, "fraction")
    over = g.compare("slt", fraction, 0, "over")
    quarter = g.cast("trunc", g.bitwise("lshr", total, 126), "i64")
    n = g.add(quarter, g.cast("zext", over, "i64"), "n")
    size = g.select(over, g.negative(fraction), fraction, "size")
    # The pieces are added from the smallest up, so that the sum is exact to its last bit.
    r = constant(0.0, "double")
    for piece in range(4):
        digits = g.bitwise("and", g.cast("trunc", g.bitwise("lshr", size, 32 * piece), "i64"), 0xFFFFFFFF)
        r = g.fma(g.cast("sitofp", digits, "double"), 2.0 ** (32 * piece - 128), r)
    r = g.fma(r, HALF_PI[0], g.multiply(r, HALF_PI[1]))
    return g.select(over, g.negative(r), r, "r"), n
