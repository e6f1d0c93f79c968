"""Elementary functions on vectors: bit-identical on every processor and for every number of lanes.

Only additions, products, fused multiply-adds, true divisions, square roots and integer operations are used, in a
fixed order, and never the C library. Each function takes float32 or float64 lanes, whatever the module's own format.
Errors are in units in the last place (ulp) of the exact result: the largest seen in dense sweeps, rounded up; `BOUNDS`
holds them for the tests. NaN inputs give NaN outputs.

Sources: Cody and Waite, "Software manual for the elementary functions", 1980; Muller, "Elementary functions", 2016.
"""

from __future__ import annotations

from collections.abc import Callable

from ranvier.native.kernels.exponential import (
    absolute,
    copy_sign,
    erf,
    exp,
    expm1,
    maximum,
    minimum,
    sigmoid,
    sign,
    sqrt,
    tanh,
)
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.logarithm import log, log1p, power
from ranvier.native.kernels.trigonometry import cos, sin
from ranvier.native.kernels.values import Value

__all__ = [
    "BOUNDS",
    "UNARY",
    "absolute",
    "copy_sign",
    "cos",
    "erf",
    "exp",
    "expm1",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "power",
    "sigmoid",
    "sign",
    "sin",
    "sqrt",
    "tanh",
]

BOUNDS: dict[str, tuple[float, float]] = {
    "exp": (1.0, 1.0),
    "expm1": (2.0, 2.0),
    "log": (1.0, 1.0),
    "log1p": (1.0, 1.0),
    "tanh": (2.5, 3.0),
    "sigmoid": (2.5, 2.5),
    "erf": (1.5, 1.5),
    "sin": (2.0, 2.5),
    "cos": (2.0, 2.5),
    "power": (0.51, 1.5),
    "sqrt": (0.5, 0.5),
}
"""The largest error of each function in ulp, in float32 and in float64; the others are exact."""

UNARY: dict[str, Callable[[Function, Value], Value]] = {
    "absolute": absolute,
    "cos": cos,
    "erf": erf,
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "sigmoid": sigmoid,
    "sign": sign,
    "sin": sin,
    "sqrt": sqrt,
    "tanh": tanh,
}
"""The functions of one argument by the names of `ranvier.expression.PRIMITIVES`."""
