"""Rows divided into training, validation and test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ranvier.data.columns.schema import ColumnSchema
from ranvier.data.encoders.target import TargetEncoder
from ranvier.data.labelled_rows import LabelledRows
from ranvier.data.sources.source import Source
from ranvier.data.splitting.canonical_order import canonical_order
from ranvier.data.splitting.repeated_pictures import joined, picture_codes
from ranvier.data.splitting.repeated_texts import text_codes
from ranvier.data.splitting.split_rule import SplitRule, group_codes, group_pattern, time_order, time_parts
from ranvier.errors import InputError
from ranvier.plural import plural
from ranvier.rows.split import part_sizes, split_groups, split_rows
from ranvier.scalars import as_number

CHANCE = SplitRule()


def checked_fractions(validation: float, test: float) -> tuple[float, float, float]:
    """The fractions of the rows for training, validation and test.

    Raises:
        InputError: a fraction is not a number from 0 to below 1, or none is left for training.

    >>> checked_fractions(0.25, 0.25)
    (0.5, 0.25, 0.25)
    """
    for name, fraction in (("validation", validation), ("test", test)):
        number = as_number(fraction)
        if number is None or not 0.0 <= number < 1.0:
            raise InputError(f"{name} is {fraction!r}; a fraction of the rows from 0 to below 1 was expected.")
    if validation + test >= 1.0:
        raise InputError(f"validation {validation:g} and test {test:g} leave no rows to learn from. Make them smaller.")
    return 1.0 - validation - test, float(validation), float(test)


def partition(
    rows: LabelledRows,
    fractions: tuple[float, float, float],
    seed: int,
    target: TargetEncoder,
    min_rows: int,
    columns: tuple[ColumnSchema, ...] | None,
    rule: SplitRule = CHANCE,
) -> tuple[LabelledRows, LabelledRows | None, LabelledRows | None]:
    """Training, validation and test rows. Test rows are drawn first; the others are put in canonical order.

    Parameters:
        fractions: of the rows for each part.
        target: classes are divided in proportion.
        min_rows: the fewest rows that training needs.
        columns: the columns of a table, empty for arrays; None leaves rows in the order in which they stand.
        rule: what divides the rows, if not chance.

    Raises:
        DataError: a cell of the column that divides the rows is neither a date nor a number.
        InputError: a part is left without rows, or training with fewer than `min_rows`.
    """
    if rule.column is not None:
        parts = _parts_by_rule(rows, fractions, seed, target, min_rows, rule)
        parts[:2] = [_in_canonical_order(part, columns) for part in parts[:2]]
    elif columns is None:
        parts = [rows.take(index) for index in _split(rows, fractions, seed, target, min_rows, ())]
    else:
        others, test = (
            rows.take(index)
            for index in _split(rows, (1.0 - fractions[2], fractions[2]), seed, target, min_rows, columns)
        )
        ordered = _in_canonical_order(others, columns)
        del others  # a copy of most rows
        fraction = fractions[1] / (1.0 - fractions[2])
        learned = _split(ordered, (1.0 - fraction, fraction), seed, target, min_rows, columns)
        parts = [*(ordered.take(at) for at in learned), test]
    training, validation, test = parts
    return training, validation if len(validation.values) else None, test if len(test.values) else None


def _in_canonical_order(rows: LabelledRows, columns: tuple[ColumnSchema, ...] | None) -> LabelledRows:
    """The rows in an order that depends only on what they hold; unchanged where there are none, or no columns."""
    if columns is None or not len(rows.values):
        return rows
    index, weight = canonical_order(rows.source, rows.values, rows.weight, columns or None)
    return replace(rows.take(index), weight=weight)


def _parts_by_rule(
    rows: LabelledRows,
    fractions: tuple[float, float, float],
    seed: int,
    target: TargetEncoder,
    min_rows: int,
    rule: SplitRule,
) -> list[LabelledRows]:
    """Training, validation and test rows by the order of a time column, or with groups together."""
    if rule.time is not None:
        sizes = part_sizes(len(rows.values), np.array(fractions))
        parts = time_parts(time_order(rows.source, rule.time, rule.form), sizes)
        advice = "Make the validation and test fractions smaller, or take a column with more different times."
    else:
        codes = _with_repeats(rows.source, group_codes(rows.source, rule.group or ""))
        labels = target.class_index(rows.values, rows.row_numbers) if target.task.is_classifier else None
        parts = split_groups(codes, fractions, seed, labels)
        n_groups = [len(np.unique(codes[part])) for part in parts]
        if n_groups[0] < 2:
            raise InputError(
                f'The column "{rule.group}" has {plural(len(np.unique(codes)), "group")}, which leaves {n_groups[0]} '
                "to learn from; at least 2 are needed. Take a column with more groups, or give test rows of their own."
            )
        advice = "Make the validation and test fractions smaller, or take a column with more groups."
    short = any(fraction > 0 and len(part) == 0 for fraction, part in zip(fractions, parts, strict=True))
    if short or len(parts[0]) < min_rows:
        sizes_text = ", ".join(f"{len(part):,}" for part in parts)
        raise InputError(
            f'Divided by "{rule.column}", the {len(rows.values):,} rows of {rows.source.origin} give {sizes_text} '
            f"training, validation and test rows; at least {min_rows} training rows are needed, and one of each other "
            f"part. {advice}"
        )
    return [rows.take(index) for index in parts]


def _with_repeats(source: Source, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups in which equal pictures are together, too."""
    repeated = picture_codes(source)
    return codes if repeated is None else joined(codes, repeated)


def groups_of_rows(
    source: Source, group: str | None, columns: tuple[ColumnSchema, ...] = ()
) -> NDArray[np.int64] | None:
    """The number of the group of each row, of which equal pictures or texts are one; None where all rows are apart."""
    if group is None:
        codes = picture_codes(source)
        return text_codes(source, columns) if codes is None else codes
    return _with_repeats(source, group_codes(source, group))


def rule_notes(rule: SplitRule, parts: Sequence[LabelledRows | None]) -> list[str]:
    """How the rows were divided, in a sentence; nothing where chance divided them.

    Parameters:
        parts: the training, validation and test rows.

    >>> rule_notes(CHANCE, ())
    []
    """
    names = ("training", "validation", "test")
    there = [(name, part) for name, part in zip(names, parts, strict=False) if part is not None]
    if rule.column is None:
        return []
    column = rule.time or group_pattern(there[0][1].source, rule.group or "")[0]
    if any(column not in part.source.column_names for _, part in there):
        return []
    if rule.group is not None:
        no_input = "" if column != rule.group else " It is no input."
        counts_text = ", ".join(
            f"{len(np.unique(group_codes(part.source, rule.group))):,} in {name}" for name, part in there
        )
        return [f'Rows of the same "{rule.group}" stay together: {counts_text}.{no_input}']
    spans, times_of_parts = [], [time_order(part.source, column, rule.form) for _, part in there]
    for (name, part), times in zip(there, times_of_parts, strict=True):
        cells = part.source.frame[column]
        if not np.isnan(times).all():
            spans.append(f"{name} {cells[int(np.nanargmin(times))]} to {cells[int(np.nanargmax(times))]}")
    missing = int(np.isnan(times_of_parts[0]).sum())
    untimed = f" {plural(missing, 'training row has', 'training rows have')} no time." if missing else ""
    return [f'Rows are divided by "{rule.time}": {", ".join(spans)}.{untimed}']


def _split(
    rows: LabelledRows,
    fractions: tuple[float, ...],
    seed: int,
    target: TargetEncoder,
    min_rows: int,
    columns: tuple[ColumnSchema, ...],
) -> tuple[NDArray[np.int64], ...]:
    """Row numbers of the parts; the first one needs at least `min_rows` rows. Equal pictures or texts are together."""
    labels = target.class_index(rows.values, rows.row_numbers) if target.task.is_classifier else None
    divided = np.count_nonzero(fractions) > 1  # else all rows are of one part, whatever their groups
    codes = groups_of_rows(rows.source, None, columns) if divided else None
    if codes is None:
        parts = split_rows(len(rows.values), fractions, seed, labels)
    else:
        parts = split_groups(codes, fractions, seed, labels)
    short = any(fraction > 0 and len(part) == 0 for fraction, part in zip(fractions, parts, strict=True))
    if short or len(parts[0]) < min_rows:
        raise InputError(
            f"{rows.source.origin} has {plural(len(rows.values), 'row')} with a target, which leaves {len(parts[0])} "
            f"to learn from; at least {min_rows} are needed. Give more rows, or make the validation and test fractions "
            "smaller."
        )
    return parts
