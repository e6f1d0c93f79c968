"""exp, expm1, tanh, sigmoid, erf, and the helpers that all elementary functions share; see vector_math.py."""

from __future__ import annotations

from collections.abc import Sequence

from ranvier.native.kernels.coefficients import DOUBLE, ERF_SPLIT, FLOAT, Coefficients
from ranvier.native.kernels.function import Function, Operand
from ranvier.native.kernels.values import Value, bits_of, constant, element_of


def coefficients(x: Value) -> Coefficients:
    """The coefficients for the format of a value."""
    return DOUBLE if element_of(x.type) == "double" else FLOAT


def integer_of(x: Value) -> str:
    """The integer element type of the same size."""
    return f"i{bits_of(x.type)}"


def polynomial(f: Function, x: Value, numbers: Sequence[float]) -> Value:
    """c0 + c1 x + c2 x^2 + ... by Horner's rule, one multiply-add per power."""
    result = constant(numbers[-1], x.type)
    for number in reversed(numbers[:-1]):
        result = f.fma(result, x, number, "polynomial")
    return result


def round_to_integer(f: Function, x: Value, factor: float) -> tuple[Value, Value]:
    """The integer n nearest to x times the factor, as a float and as an integer (|n| < 2^22 or 2^51).

    Adding 1.5 * 2^mantissa leaves n in the lowest bits, on every processor and also if x is NaN.
    """
    c = coefficients(x)
    shifted = f.fma(x, factor, constant(c.magic, x.type), "shifted")
    bits = f.cast("bitcast", shifted, integer_of(x))
    integer = f.subtract(bits, _magic_bits(c), "n.integer")
    return f.subtract(shifted, c.magic, "n"), integer


def to_float(f: Function, integer: Value) -> Value:
    """A small integer (|n| < 2^22 or 2^51) as a float of its size."""
    element = "double" if bits_of(integer.type) == 64 else "float"
    c = DOUBLE if element == "double" else FLOAT
    shifted = f.cast("bitcast", f.add(integer, _magic_bits(c)), element)
    return f.subtract(shifted, c.magic, "n")


def _magic_bits(c: Coefficients) -> int:
    return ((c.bias + c.mantissa) << c.mantissa) | (1 << (c.mantissa - 1))


def power_of_two(f: Function, integer: Value) -> Value:
    """2^n for an integer n within the range of normal numbers."""
    element = "double" if bits_of(integer.type) == 64 else "float"
    c = DOUBLE if element == "double" else FLOAT
    bits = f.bitwise("shl", f.add(integer, c.bias), c.mantissa, "exponent")
    return f.cast("bitcast", bits, element, "scale")


def halves(f: Function, integer: Value) -> tuple[Value, Value]:
    """2^a and 2^b with a + b = n, for an n up to twice as far as the range of normal numbers."""
    first = f.bitwise("ashr", integer, 1, "half")
    return power_of_two(f, first), power_of_two(f, f.subtract(integer, first))


def reduce_exponent(f: Function, x: Value, low: Value | None = None) -> tuple[Value, Value]:
    """e^r - 1 and n with x (+ low) = n ln 2 + r and |r| at most ln 2 / 2."""
    c = coefficients(x)
    n, integer = round_to_integer(f, x, 1.4426950408889634)
    r = f.fma(n, -c.ln2[1], f.fma(n, -c.ln2[0], x), "r")
    if low is not None:
        r = f.add(r, low, "r")
    square = f.multiply(r, r, "square")
    return f.fma(square, polynomial(f, r, c.exponential), r, "expm1"), integer


def clamp(f: Function, x: Value, low: float, high: float) -> Value:
    """x within low .. high."""
    return minimum(f, maximum(f, x, constant(low, x.type)), constant(high, x.type))


def exp(f: Function, x: Value, low: Value | None = None) -> Value:
    """e^x, or e^(x + low) for a small correction; float32 and float64 within 1 ulp, subnormal results included."""
    c = coefficients(x)
    rest, integer = reduce_exponent(f, clamp(f, x, *c.exp_range), low)
    first, second = halves(f, integer)
    return f.multiply(f.multiply(f.add(rest, 1.0), first), second, "exp")


def expm1(f: Function, x: Value) -> Value:
    """e^x - 1 within 2 ulp, also for small x."""
    c = coefficients(x)
    rest, integer = reduce_exponent(f, clamp(f, x, -2.0 * c.mantissa, c.exp_range[1]))
    # 2^b (2^a rest + (2^a - 2^-b)), a + b = n: nothing overflows early, and n = 0 leaves the rest unchanged.
    half = f.bitwise("ashr", integer, 1, "half")
    other = f.subtract(integer, half)
    first, second, inverse = power_of_two(f, half), power_of_two(f, other), power_of_two(f, f.negative(other))
    return f.multiply(f.fma(first, rest, f.subtract(first, inverse)), second, "expm1")


def tanh(f: Function, x: Value) -> Value:
    """The hyperbolic tangent, (e^2a - 1) / (e^2a + 1) with the sign of x, a = |x|; within 2.5 ulp, float64 within 3."""
    size = minimum(f, absolute(f, x), constant(coefficients(x).tanh_limit, x.type))
    rest, integer = reduce_exponent(f, f.add(size, size, "twice"))
    scale = power_of_two(f, integer)
    t = f.fma(scale, rest, f.subtract(scale, 1.0), "expm1")
    return copy_sign(f, f.divide(t, f.add(t, 2.0)), x, "tanh")


def sigmoid(f: Function, x: Value) -> Value:
    """1 / (1 + e^-x) from e^-|x|, which cannot overflow; within 2.5 ulp, also far below 0."""
    c = coefficients(x)
    size = minimum(f, absolute(f, x), constant(-c.exp_range[0], x.type))
    rest, integer = reduce_exponent(f, f.negative(size))
    first, second = halves(f, integer)
    small = f.multiply(f.multiply(f.add(rest, 1.0), first), second, "small")
    numerator = f.select(f.compare("olt", x, 0.0), small, 1.0, "numerator")
    return f.divide(numerator, f.add(small, 1.0), "sigmoid")


def erf(f: Function, x: Value) -> Value:
    """The error function within 1.5 ulp: x + x P(x^2) up to 0.92, and 1 - e^-Q(|x|) from there."""
    c = coefficients(x)
    size = absolute(f, x)
    small = f.fma(size, polynomial(f, f.multiply(size, size, "square"), c.erf_small), size, "small")
    t = f.subtract(minimum(f, size, constant(c.erf_limit, x.type)), ERF_SPLIT, "t")
    rest, integer = reduce_exponent(f, f.negative(polynomial(f, t, c.erf_large)))
    large = f.fma(f.negative(f.add(rest, 1.0)), power_of_two(f, integer), 1.0, "large")
    return copy_sign(f, f.select(f.compare("olt", size, ERF_SPLIT), small, large), x, "erf")


def sqrt(f: Function, x: Value) -> Value:
    """The square root, correctly rounded."""
    return f.intrinsic("sqrt", x)


def absolute(f: Function, x: Value) -> Value:
    """|x|."""
    return f.intrinsic("fabs", x, name="size")


def copy_sign(f: Function, size: Value, sign_of: Value, name: str = "signed") -> Value:
    """|size| with the sign of another value."""
    return f.intrinsic("copysign", size, sign_of, name=name)


def sign(f: Function, x: Value) -> Value:
    """-1 below 0, 0 at 0 and -0, 1 above."""
    zero = f.select(f.compare("oeq", x, 0.0), 0.0, x)
    below = f.select(f.compare("olt", x, 0.0), constant(-1.0, x.type), zero)
    return f.select(f.compare("ogt", x, 0.0), constant(1.0, x.type), below, "sign")


def maximum(f: Function, a: Operand, b: Operand) -> Value:
    """The larger value; NaN if either is NaN, as numpy.maximum. With a constant it is one instruction."""
    return _extreme(f, "ogt", a, b, "maximum")


def minimum(f: Function, a: Operand, b: Operand) -> Value:
    """The smaller value; NaN if either is NaN, as numpy.minimum. With a constant it is one instruction."""
    return _extreme(f, "olt", a, b, "minimum")


def _extreme(f: Function, condition: str, a: Operand, b: Operand, name: str) -> Value:
    a, b = f.operands(a, b)
    if b.is_constant:
        # A comparison with NaN is false and selects the other operand, which is NaN.
        return f.select(f.compare(condition, b, a), b, a, name)
    if a.is_constant:
        return f.select(f.compare(condition, a, b), a, b, name)
    extreme = f.select(f.compare(condition, a, b), a, b)
    return f.select(f.compare("uno", a, a), a, extreme, name)
