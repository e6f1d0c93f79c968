"""Elementary functions whose bits are the same on every processor.

NumPy's own log, cos and power choose their instructions by processor, and their last bits differ. Initial weights,
learning rates and bias corrections must not, so they are computed here with additions, multiplications, divisions and
square roots alone, which IEEE 754 rounds in one way, and losses are summed in one order. `log` and `exp` are within 3
units in the last place, `cos_sin` within 3 * 2^-53; the relative error of a power grows with its exponent.

Sources: Cody and Waite, "Software manual for the elementary functions", 1980 (the reductions); the series of Taylor.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers: TypeAlias = NDArray[np.float64]

LN2_HIGH = float.fromhex("0x1.62e42feep-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_ATANH = tuple(2.0 / k for k in range(21, 0, -2))
_SIN = tuple((-1.0) ** (k // 2) / math.factorial(k) for k in range(17, 0, -2))
_COS = tuple((-1.0) ** (k // 2) / math.factorial(k) for k in range(18, -1, -2))
FEW = 16
"""So few powers are computed one by one: a function of NumPy takes as long as several multiplications of Python."""
_EXP = tuple(1.0 / math.factorial(k) for k in range(13, -1, -1))


def _polynomial(coefficients: tuple[float, ...], at: Numbers) -> Numbers:
    """The polynomial with these coefficients, the highest power first, by Horner's rule."""
    value = np.full(at.shape, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= at
        value += coefficient
    return value


def log(x: ArrayLike) -> Numbers:
    """The natural logarithm of numbers above 0, and -inf of 0.

    With x = m 2^e, m near 1: log x = e log 2 + 2 artanh((m - 1) / (m + 1)).

    >>> log([1.0, 0.5]).round(6)
    array([ 0.      , -0.693147])
    """
    numbers = np.asarray(x, np.float64)
    mantissas, exponents = np.frexp(numbers)
    low = mantissas < math.sqrt(0.5)
    mantissas = np.where(low, 2.0 * mantissas, mantissas)
    powers = (exponents - low).astype(np.float64)
    ratios = (mantissas - 1.0) / (mantissas + 1.0)
    series = _polynomial(_ATANH, ratios * ratios) * ratios
    return np.where(numbers == 0, -np.inf, powers * LN2_HIGH + (series + powers * LN2_LOW))


def exp(x: ArrayLike) -> Numbers:
    """e^x, for x from about -700 to 700.

    With x = k log 2 + r, r at most half of log 2: e^x = 2^k e^r.

    >>> exp([0.0, 1.0]).round(6)
    array([1.      , 2.718282])
    """
    numbers = np.asarray(x, np.float64)
    powers = np.rint(numbers / math.log(2.0))
    rest = (numbers - powers * LN2_HIGH) - powers * LN2_LOW
    return np.ldexp(_polynomial(_EXP, rest), powers.astype(np.int32))


def dot(a: ArrayLike, b: ArrayLike) -> float:
    """The sum of the products of two arrays of n numbers, as `dots` adds them.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    11.0
    """
    return float(dots(a, b))


def dots(a: ArrayLike, b: ArrayLike) -> Numbers:
    """The sums of products over the last axis, (..., n) -> (...), each with the bits of `dot` for it alone.

    BLAS adds in an order that depends on the processor and on its number of threads. Here NumPy adds the rounded
    products in pairs, which is one order everywhere.

    >>> dots([[1.0, 2.0], [0.0, 1.0]], [3.0, 4.0]).tolist()
    [11.0, 4.0]
    """
    return np.asarray(np.multiply(a, b, dtype=np.float64, order="C").sum(axis=-1))


def column_sums(weights: ArrayLike, columns: ArrayLike) -> Numbers:
    """The weighted sums of columns, (n,) and (n, N) -> (N,), added row by row.

    >>> column_sums([1.0, 2.0], [[1.0, 0.0], [3.0, 1.0]]).tolist()
    [7.0, 2.0]
    """
    return np.asarray(np.multiply(np.asarray(weights)[:, None], columns, dtype=np.float64).sum(axis=0))


def power(base: float, exponents: ArrayLike) -> Numbers:
    """base^exponent, for a base of at least 0 and exponents of at least 0.

    The whole part of an exponent is done by repeated squaring, the rest by `exp` and `log`.

    >>> power(0.5, [0, 1, 3, 0.5]).round(6)
    array([1.      , 0.5     , 0.125   , 0.707107])
    """
    wanted = np.asarray(exponents, np.float64)
    if wanted.size <= FEW:
        numbers = wanted.reshape(-1).tolist()
        if all(number.is_integer() and number <= 2.0**62 for number in numbers):
            return np.array([_whole_power(float(base), int(number)) for number in numbers]).reshape(wanted.shape)
    floors = np.minimum(np.floor(wanted), 2.0**62)
    fractions = wanted - floors
    remaining, result, square = floors.astype(np.int64), np.ones(wanted.shape), float(base)
    for _ in range(int(floors.max(initial=0.0)).bit_length()):
        np.multiply(result, square, out=result, where=(remaining & 1).astype(bool))
        remaining >>= 1
        square *= square
        if square == 0.0 or math.isinf(square):
            result = np.where(remaining > 0, square, result)
            break
    if fractions.any():
        root = exp(fractions * log(base)) if base > 0 else np.where(fractions > 0, 0.0, 1.0)
        result = np.where(fractions > 0, result * root, result)
    return result


def _whole_power(base: float, exponent: int) -> float:
    """base^exponent by the multiplications of `power`."""
    result, square = 1.0, base
    while exponent:
        if exponent & 1:
            result *= square
        exponent >>= 1
        square *= square
        if square == 0.0 or math.isinf(square):
            return square if exponent else result
    return result


def powers_of(bases: ArrayLike, exponent: float) -> Numbers:
    """base^exponent, for bases from 0 to 1 and one exponent above 0.

    >>> powers_of([0.0, 0.25, 1.0], 0.5)
    array([0. , 0.5, 1. ])
    """
    numbers = np.asarray(bases, np.float64)
    if exponent == 0.5:
        return np.sqrt(numbers)
    result, square, remaining = np.ones(numbers.shape), numbers.copy(), int(exponent)
    while remaining:
        if remaining & 1:
            result = result * square
        remaining >>= 1
        square = square * square
    fraction = exponent - int(exponent)
    if fraction:
        roots = exp(np.maximum(fraction * np.maximum(log(numbers), -1e4), -700.0))
        result = np.where(numbers == 0, 0.0, result * roots)
    return result


def cos_sin(revolutions: ArrayLike) -> tuple[Numbers, Numbers]:
    """cos(2 pi t) and sin(2 pi t), for t full revolutions.

    The nearest quarter is subtracted, which is exact; the series see at most an eighth of a revolution.

    >>> [part.round(6).tolist() for part in cos_sin([0.0, 0.125, 0.5])]
    [[1.0, 0.707107, -1.0], [0.0, 0.707107, 0.0]]
    """
    numbers = np.asarray(revolutions, np.float64)
    quarters = np.rint(4.0 * numbers)
    angles = (numbers - 0.25 * quarters) * (2.0 * math.pi)
    squares = angles * angles
    cosines, sines = _polynomial(_COS, squares), _polynomial(_SIN, squares) * angles
    quadrant: NDArray[Any] = quarters.astype(np.int64) & 3
    odd = (quadrant & 1).astype(bool)
    first, second = np.where(odd, sines, cosines), np.where(odd, cosines, sines)
    return (
        np.where((quadrant == 1) | (quadrant == 2), -first, first),
        np.where(quadrant >= 2, -second, second) + 0.0,
    )
