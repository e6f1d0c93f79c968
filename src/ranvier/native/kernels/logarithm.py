"""ln x, ln(1 + x) and a^b on vectors; see vector_math.py for their accuracy."""

from __future__ import annotations

from ranvier.native.kernels import exponential
from ranvier.native.kernels.coefficients import DOUBLE, LN2_REST, LOGARITHM_TAIL, TWO_THIRDS
from ranvier.native.kernels.exponential import coefficients, integer_of, polynomial
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value, constant, element_of

_ROOT_HALF = {"float": 0x3F3504F3, "double": 0x3FE6A09E667F3BCD}
_INFINITY = float("inf")
_NAN = float("nan")


def log(f: Function, x: Value) -> Value:
    """ln x within 1 ulp, subnormal x included; minus infinity at 0, NaN below."""
    exponent, mantissa = split(f, x)
    rest = f.subtract(mantissa, 1.0, "rest")
    return _edges(f, x, x, _combine(f, exponential.to_float(f, exponent), rest, None), "log")


def log1p(f: Function, x: Value) -> Value:
    """ln(1 + x) within 1 ulp, also for small x; minus infinity at -1, NaN below."""
    total = f.add(x, 1.0, "total")
    exponent, mantissa = split(f, total)
    # The rounding error of 1 + x, relative to the sum, is added to the logarithm; with exponent 0 it is not needed.
    lost_small = f.subtract(x, f.subtract(total, 1.0))
    lost_large = f.subtract(1.0, f.subtract(total, x))
    lost = f.divide(f.select(f.compare("olt", x, 1.0), lost_small, lost_large), total, "lost")
    near_one = f.compare("eq", exponent, 0)
    rest = f.select(near_one, x, f.subtract(mantissa, 1.0), "rest")
    result = _combine(f, exponential.to_float(f, exponent), rest, f.select(near_one, 0.0, lost))
    return _edges(f, x, total, result, "log1p")


def split(f: Function, x: Value) -> tuple[Value, Value]:
    """The integer e and the number m with x = 2^e m and m from about sqrt(1/2) to sqrt(2), for finite x > 0."""
    c = coefficients(x)
    smallest = 2.0 ** (1 - c.bias)
    up = c.mantissa + 1
    tiny = f.compare("olt", x, smallest, "tiny")
    normal = f.select(tiny, f.multiply(x, 2.0**up), x, "normal")
    root = _ROOT_HALF[element_of(x.type)]
    bias_bits = c.bias << c.mantissa
    bits = f.add(f.cast("bitcast", normal, integer_of(x)), bias_bits - root, "bits")
    exponent = f.subtract(f.bitwise("lshr", bits, c.mantissa), c.bias, "exponent")
    shift = f.select(tiny, constant(up, exponent.type), 0)
    fraction = f.add(f.bitwise("and", bits, (1 << c.mantissa) - 1), root)
    return f.subtract(exponent, shift, "exponent"), f.cast("bitcast", fraction, element_of(x.type), "mantissa")


def _combine(f: Function, n: Value, rest: Value, correction: Value | None) -> Value:
    """n ln 2 + ln(1 + rest) + correction: with s = rest / (2 + rest), ln(1 + rest) = 2 atanh s."""
    c = coefficients(rest)
    s = f.divide(rest, f.add(rest, 2.0), "s")
    square = f.multiply(s, s, "square")
    half = f.multiply(f.multiply(rest, 0.5), rest, "half")
    tail = f.fma(square, polynomial(f, square, c.logarithm), half, "tail")
    low = f.multiply(n, c.ln2[1]) if correction is None else f.fma(n, c.ln2[1], correction)
    inner = f.subtract(half, f.fma(s, tail, low))
    return f.fma(n, c.ln2[0], f.subtract(rest, inner), "log")


def _edges(f: Function, x: Value, total: Value, result: Value, name: str) -> Value:
    """The result, replaced where `total` is 0, below 0, infinite or NaN."""
    result = f.select(f.compare("oeq", total, 0.0), -_INFINITY, result)
    result = f.select(f.compare("oeq", x, _INFINITY), x, result)
    return f.select(f.compare("oge", total, 0.0), result, _NAN, name)


def power(f: Function, a: Value, b: Value) -> Value:
    """a^b as numpy.power, NaN below 0 unless b is an integer; float32 within 0.51 ulp, float64 within 1.5."""
    if element_of(a.type) == "float":
        wide = power(f, f.cast("fpext", a, "double"), f.cast("fpext", b, "double"))
        return f.cast("fptrunc", wide, "float", "power")
    size = exponential.absolute(f, a)
    high, low = _log_pair(f, size)
    product = f.multiply(b, high, "product")
    rest = f.fma(b, low, f.fma(b, high, f.negative(product)), "product.low")
    # Beyond the range of exp the correction is meaningless, and for infinities NaN.
    usual = f.compare("olt", exponential.absolute(f, product), 800.0)
    result = exponential.exp(f, product, f.select(usual, rest, 0.0))
    always_one = f.bitwise("or", f.compare("oeq", b, 0.0), f.compare("oeq", a, 1.0))
    unit_size = f.bitwise("and", f.compare("oeq", size, 1.0), f.compare("oeq", exponential.absolute(f, b), _INFINITY))
    result = f.select(f.bitwise("or", always_one, unit_size), constant(1.0, a.type), result)
    return f.select(always_one, result, _with_sign(f, a, b, result), "power")


def _with_sign(f: Function, a: Value, b: Value, size: Value) -> Value:
    """|a|^b with the sign of a where b is odd, and NaN where a < 0 and b is not an integer."""
    half = f.multiply(b, 0.5)
    is_integer = f.compare("oeq", f.intrinsic("trunc", b), b, "whole")
    even = f.compare("oeq", f.intrinsic("trunc", half), half, "even")
    odd = f.bitwise("and", is_integer, f.bitwise("xor", even, 1))
    signed = f.select(odd, exponential.copy_sign(f, size, a), size)
    impossible = f.bitwise("and", f.compare("olt", a, 0.0), f.compare("une", f.intrinsic("trunc", b), b))
    # -infinity to a fraction is a number, since only its size counts.
    finite = f.compare("ogt", a, -_INFINITY)
    return f.select(f.bitwise("and", impossible, finite), _NAN, signed)


def _log_pair(f: Function, x: Value) -> tuple[Value, Value]:
    """ln x for x >= 0 in float64 as an unrounded sum of two numbers, some 65 bits in all."""
    exponent, mantissa = split(f, x)
    n = exponential.to_float(f, exponent)
    rest = f.subtract(mantissa, 1.0, "rest")
    denominator = f.add(rest, 2.0, "below")
    # 2 + rest loses its last bit at times, hence the second term of the remainder.
    lost = f.subtract(rest, f.subtract(denominator, 2.0))
    s = f.divide(rest, denominator, "s")
    remainder = f.fma(s, f.negative(lost), f.fma(f.negative(s), denominator, rest))
    s_low = f.divide(remainder, denominator, "s.low")
    z = f.multiply(s, s, "square")
    z_low = f.fma(f.add(s, s), s_low, f.fma(s, s, f.negative(z)), "square.low")
    tail = polynomial(f, z, LOGARITHM_TAIL)
    # t = 2/3 + z tail, u = z t, v = s u, each with its low part; then ln x = n ln 2 + 2 s + v.
    added = f.multiply(z, tail)
    t = f.add(added, TWO_THIRDS[0], "t")
    t_low = f.add(f.subtract(added, f.subtract(t, TWO_THIRDS[0])), TWO_THIRDS[1], "t.low")
    u, u_low = _product(f, z, z_low, t, t_low)
    v, v_low = _product(f, s, s_low, u, u_low)
    high, low = _sum(f, f.add(s, s), v)
    low = f.add(low, f.fma(s_low, 2.0, v_low))
    base = f.multiply(n, DOUBLE.ln2[0], "n.ln2")
    scaled = f.multiply(n, DOUBLE.ln2[1], "n.ln2.low")
    scaled_low = f.fma(n, LN2_REST, f.fma(n, DOUBLE.ln2[1], f.negative(scaled)))
    middle, middle_low = _sum(f, scaled, high)
    low = f.add(f.add(low, middle_low), scaled_low)
    high, carried = _sum(f, base, middle)
    low = f.add(low, carried)
    result, result_low = _sum(f, high, low)
    edge = f.select(f.compare("oeq", x, 0.0), -_INFINITY, x)
    usual = f.bitwise("and", f.compare("ogt", x, 0.0), f.compare("olt", x, _INFINITY))
    return f.select(usual, result, edge, "log"), f.select(usual, result_low, 0.0, "log.low")


def _product(f: Function, a: Value, a_low: Value, b: Value, b_low: Value) -> tuple[Value, Value]:
    """(a + a_low) (b + b_low) as a number and a low part."""
    high = f.multiply(a, b)
    low = f.fma(a, b, f.negative(high))
    return high, f.fma(a, b_low, f.fma(a_low, b, low))


def _sum(f: Function, a: Value, b: Value) -> tuple[Value, Value]:
    """a + b and what its rounding lost, for any a and b (Knuth's two-sum)."""
    total = f.add(a, b)
    other = f.subtract(total, a)
    lost = f.add(f.subtract(a, f.subtract(total, other)), f.subtract(b, other))
    return total, lost
