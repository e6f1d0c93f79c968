"""Rows divided into training, validation and test rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ranvier.data.canonical_order import canonical_order
from ranvier.data.encoders.target import TargetEncoder
from ranvier.data.labelled_rows import LabelledRows
from ranvier.data.schema import ColumnSchema
from ranvier.errors import InputError
from ranvier.rows.split import split_rows


def checked_fractions(validation: float, test: float) -> tuple[float, float, float]:
    """The fractions of the rows for training, validation and test.

    Raises:
        InputError: a fraction is not a number from 0 to below 1, or none is left for training.

    >>> checked_fractions(0.25, 0.25)
    (0.5, 0.25, 0.25)
    """
    for name, fraction in (("validation", validation), ("test", test)):
        if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0.0 <= fraction < 1.0:
            raise InputError(f"{name} is {fraction!r}; a fraction of the rows from 0 to below 1 was expected.")
    if validation + test >= 1.0:
        raise InputError(f"validation {validation:g} and test {test:g} leave no rows to learn from.")
    return 1.0 - validation - test, float(validation), float(test)


def partition(
    rows: LabelledRows,
    fractions: tuple[float, float, float],
    seed: int,
    target: TargetEncoder,
    min_rows: int,
    columns: tuple[ColumnSchema, ...] | None,
) -> tuple[LabelledRows, LabelledRows | None, LabelledRows | None]:
    """Training, validation and test rows. Test rows are drawn first; the others are put in canonical order.

    Parameters:
        fractions: of the rows for each part.
        target: classes are divided in proportion.
        min_rows: the fewest rows that training needs.
        columns: the columns of a table, empty for arrays; None leaves rows in the order in which they stand.

    Raises:
        InputError: a part is left without rows, or training with fewer than `min_rows`.
    """
    if columns is None:
        parts = [rows.take(index) for index in _split(rows, fractions, seed, target, min_rows)]
    else:
        others, test = (
            rows.take(index) for index in _split(rows, (1.0 - fractions[2], fractions[2]), seed, target, min_rows)
        )
        index, weight = canonical_order(others.source, others.values, others.weight, columns or None)
        ordered = replace(others.take(index), weight=weight)
        fraction = fractions[1] / (1.0 - fractions[2])
        parts = [ordered.take(at) for at in _split(ordered, (1.0 - fraction, fraction), seed, target, min_rows)] + [
            test
        ]
    training, validation, test = parts
    return training, validation if len(validation.values) else None, test if len(test.values) else None


def _split(
    rows: LabelledRows, fractions: tuple[float, ...], seed: int, target: TargetEncoder, min_rows: int
) -> tuple[NDArray[np.int64], ...]:
    """Row numbers of the parts; the first one needs at least `min_rows` rows."""
    labels = target.class_index(rows.values, rows.row_numbers) if target.task.is_classifier else None
    parts = split_rows(len(rows.values), fractions, seed, labels)
    short = any(fraction > 0 and len(part) == 0 for fraction, part in zip(fractions, parts, strict=True))
    if short or len(parts[0]) < min_rows:
        raise InputError(
            f"{rows.source.origin} has {len(rows.values)} rows with a target, which leaves {len(parts[0])} to learn "
            f"from; at least {min_rows} are needed. Give more rows, or make the validation and test fractions smaller."
        )
    return parts
