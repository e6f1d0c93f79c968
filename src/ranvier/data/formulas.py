"""A target that is a sum or a product of columns: a total beside its parts, a price beside quantity and unit price.

Columns are added one by one, each time the one that goes best with what is left of the target, and fitted by least
squares. A formula is found where round coefficients give the target in nearly all rows. The logarithm of a product is
a sum.

B is the number of rows, K the number of columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MAX_TERMS = 6
MIN_PRESENT = 0.9
"""A column is looked at where at least this part of its cells are numbers; for a product, positive numbers."""
MIN_RIGHT = 0.98
"""A formula gives the target in at least this part of the rows."""
N_FITS = 3
MAX_UNEXPLAINED = 1e-6
"""What least squares may leave of the variance, before the coefficients are rounded."""
TOLERANCE = 1e-6
"""The relative error of a sum or a product that counts as rounding."""
MAX_DECIMALS = 4
MIN_UNITS = 10
"""The standard deviation of a target is at least so many of the units to which it is rounded."""


@dataclass(frozen=True)
class Formula:
    """A target as a formula of columns.

    Fields:
        columns: the numbers of its columns, in the order of the table.
        powers: the coefficient of each in a sum, its exponent in a product.
        constant: what is added in a sum; the factor of a product.
        product: whether it is a product.
        right: the part of the rows in which it gives the target.
    """

    columns: tuple[int, ...]
    powers: tuple[float, ...]
    constant: float
    product: bool
    right: float

    def text(self, names: list[str]) -> str:
        """The formula in words, given the names of all columns.

        >>> Formula((1, 0), (1.0, -2.0), 0.0, False, 1.0).text(["a", "b"])
        '"b" - 2 × "a"'
        >>> Formula((1, 0), (1.0, -2.0), 703.0, True, 1.0).text(["height", "weight"])
        '703 × "weight" / "height"²'
        """
        quoted = [f'"{names[column]}"' for column in self.columns]
        return self._product(quoted) if self.product else self._sum(quoted)

    def _sum(self, quoted: list[str]) -> str:
        text = ""
        for name, coefficient in sorted(zip(quoted, self.powers, strict=True), key=lambda term: term[1] < 0):
            sign = ("-" if not text else " - ") if coefficient < 0 else ("" if not text else " + ")
            size = abs(coefficient)
            text += sign + ("" if size == 1 else f"{size:g} × ") + name
        if self.constant:
            text += f" {'-' if self.constant < 0 else '+'} {abs(self.constant):g}"
        return text

    def _product(self, quoted: list[str]) -> str:
        above: list[str] = []
        below: list[str] = []
        for name, power in zip(quoted, self.powers, strict=True):
            size = int(abs(power))
            (above if power > 0 else below).append(name + ("", "²", "³")[size - 1])
        if self.constant != 1 or not above:
            above.insert(0, f"{self.constant:g}")
        return " / ".join([" × ".join(above), *below])


def formula_of(columns: Array, target: Array) -> Formula | None:
    """The sum or product of two or more columns that the target is; None where there is none.

    Parameters:
        columns: (B, K), NaN where a cell is not a number.
        target: (B,).

    >>> parts = np.random.default_rng(0).integers(1, 50, size=(200, 3)).astype(float)
    >>> formula_of(parts, parts[:, 0] - parts[:, 2]).text(["in", "other", "out"])
    '"in" - "out"'
    >>> formula_of(parts, parts[:, 0] * parts[:, 1]).text(["price", "quantity", "other"])
    '"price" × "quantity"'
    >>> formula_of(parts, parts[:, 0] ** 0.5 + parts[:, 1]) is None
    True
    """
    unit = _unit(target)
    if np.std(target) <= MIN_UNITS * unit:
        return None
    return _sum(columns, target, unit) or _product(columns, target, unit)


def _unit(target: Array) -> float:
    """The unit to which the target is rounded, such as 0.01; 0 where it is not."""
    for decimals in range(MAX_DECIMALS + 1):
        if np.abs(target - np.round(target, decimals)).max() <= 1e-9 * max(1.0, np.abs(target).max()):
            return float(10.0**-decimals)
    return 0.0


def _sum(columns: Array, target: Array, unit: float) -> Formula | None:
    fitted = _terms(columns, target, unit**2 / 6)
    if fitted is None:
        return None
    terms, coefficients = fitted
    rounded = np.round(coefficients, 2)
    if (np.abs(rounded - coefficients) > 1e-3 * np.maximum(1, np.abs(coefficients))).any():
        return None
    terms, rounded = terms[rounded != 0], rounded[rounded != 0]
    if len(terms) < 2:
        return None
    complete = ~np.isnan(columns[:, terms]).any(axis=1)
    sums = columns[complete][:, terms] @ rounded
    constant = _round_constant(float(np.median(target[complete] - sums)), unit)
    wrong = np.abs(target[complete] - sums - constant) > 0.51 * unit + TOLERANCE * np.abs(target).max()
    return _checked(Formula(tuple(terms.tolist()), tuple(rounded.tolist()), constant, False, 1 - float(wrong.mean())))


def _product(columns: Array, target: Array, unit: float) -> Formula | None:
    positive = target > 0
    if positive.mean() < MIN_PRESENT:
        return None
    rows, actual = columns[positive], target[positive]
    logarithms = np.log(np.where(rows > 0, rows, np.nan))
    fitted = _terms(logarithms, np.log(actual), float(np.mean((unit / actual) ** 2)) / 6)
    if fitted is None:
        return None
    terms, exponents = fitted
    powers = np.round(exponents)
    if (np.abs(powers - exponents) > 0.01).any() or np.abs(powers).max() > 3:
        return None
    terms, powers = terms[powers != 0], powers[powers != 0]
    if len(terms) < 2:
        return None
    complete = ~np.isnan(logarithms[:, terms]).any(axis=1)
    products = np.exp(logarithms[complete][:, terms] @ powers)
    factor = float(f"{np.median(actual[complete] / products):.4g}")
    error = np.abs(actual[complete] - factor * products)
    wrong = error > 0.51 * unit + TOLERANCE * np.abs(actual[complete])
    return _checked(Formula(tuple(terms.tolist()), tuple(powers.tolist()), factor, True, 1 - float(wrong.mean())))


def _checked(formula: Formula) -> Formula | None:
    return formula if formula.right >= MIN_RIGHT else None


def _round_constant(constant: float, unit: float) -> float:
    """The constant in units of the target, and 0 for rounding errors."""
    if unit:
        return round(constant / unit) * unit
    return 0.0 if abs(constant) < TOLERANCE else float(f"{constant:.6g}")


def _terms(columns: Array, target: Array, rounding: float) -> tuple[NDArray[np.int64], Array] | None:
    """The columns that give the target by least squares, and their coefficients; None where no few do.

    Parameters:
        rounding: the variance that rounding the target may leave.
    """
    finite = np.isfinite(columns)
    usable = [column for column in np.flatnonzero(finite.mean(axis=0) >= MIN_PRESENT) if _varies(columns[:, column])]
    if len(usable) < 2:
        return None
    columns, finite = columns[:, usable], finite[:, usable]
    filled = np.where(finite, columns, np.nanmedian(np.where(finite, columns, np.nan), axis=0))
    standard = (filled - filled.mean(axis=0)) / filled.std(axis=0)
    allowed = MAX_UNEXPLAINED * float(np.var(target)) + rounding
    terms: list[int] = []
    residual = target - np.median(target)
    for _ in range(min(MAX_TERMS, len(usable))):
        limit = _most(residual)
        terms.append(int(np.abs(standard.T @ np.clip(residual, -limit, limit)).argmax()))
        if len(set(terms)) < len(terms):
            return None
        complete: NDArray[np.bool_] = np.all(finite[:, terms], axis=1)
        design = np.column_stack([filled[:, terms], np.ones(len(target))])
        solution, residual = _robust_fit(design, target, complete)
        if np.mean(residual[complete & (np.abs(residual) <= _most(residual[complete]))] ** 2) <= allowed:
            order = np.argsort(terms)
            return np.array(usable)[np.array(terms)[order]], solution[:-1][order]
    return None


def _varies(column: Array) -> bool:
    numbers = column[np.isfinite(column)]
    return bool(np.ptp(numbers) > 0)


def _robust_fit(design: Array, target: Array, rows: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Least squares over the rows that fit best, and the residuals of all: a few wrong rows do not bend it."""
    used = rows
    for _ in range(N_FITS):
        solution: Array = np.linalg.lstsq(design[used], target[used], rcond=None)[0].astype(np.float64)
        residual: Array = target - design @ solution
        used = rows & (np.abs(residual) <= _most(residual[rows]))
    return solution, residual


def _most(residual: Array) -> float:
    """What the errors of most rows do not exceed."""
    return float(np.quantile(np.abs(residual), MIN_RIGHT))
