"""Columns that give the target away: copies, row numbers of a sorted table, what is known after it, parts of a total.

Each column alone predicts the target of every row from the other rows with the same or the nearest cells. A column that
is nearly always right that way is named; whether it is known when predictions are made is for the user to say. Where no
column alone does, a sum or a product of some may (`ranvier.data.formulas`).

B is the number of rows, N the number of target columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.columns.row_numbers import COUNTING, FIRST, LEFT_BY_INDEX
from ranvier.data.diagnosis.finding import Finding
from ranvier.data.encoders.target_values import Values, label_index
from ranvier.data.formulas import formula_of
from ranvier.data.sources.source import Source
from ranvier.network.task import Task
from ranvier.rows.some_rows import random_rows

MAX_ROWS, MAX_CELLS = 4_000, 2_000_000
"""So many rows are looked at, by chance, and so many cells in all."""
MIN_ROWS = 40
MAX_ERROR = 0.02
"""A column that gives classes away is wrong in at most this fraction of the rows,"""
MAX_RELATIVE_ERROR = 0.1
"""and in at most this fraction of the rows in which the most frequent class is wrong."""
MAX_UNEXPLAINED = 0.003
"""A column that gives numbers away leaves at most this fraction of their variance."""
MAX_NAMED = 5


def leaking_columns(
    source: Source, values: Values, task: Task, targets: Sequence[str], columns: Sequence[str]
) -> list[Finding]:
    """A finding for each input column that alone gives a target away, the first five; else for each formula of some.

    Parameters:
        source: the rows, a table.
        values: their targets, (B,) or (B, N).
        task: what is asked for.
        targets: the names of the target columns.
        columns: the names of the input columns.

    >>> from ranvier.data.sources import open_source
    >>> y = np.random.default_rng(0).normal(size=100)
    >>> task = Task("regression", 1)
    >>> [finding.evidence for finding in leaking_columns(open_source({"a": y, "b": y[::-1]}), y, task, "y", ["a", "b"])]
    ['Column "a" is a copy of the target "y".']
    """
    if source.rows < MIN_ROWS or not columns:
        return []
    count = min(source.rows, max(MAX_ROWS // 8, min(MAX_ROWS, MAX_CELLS // len(columns))))
    index = random_rows(source.rows, count, 1)
    frame, table = source.frame.select(columns)[index], values[index].reshape(count, -1)
    findings: list[Finding] = []
    coded = [(cells, _codes(cells)) for cells in frame.iter_columns()]
    for cells, codes in coded:
        for target, name in zip(table.T, targets, strict=False):
            finding = None if codes is None else _finding(cells, codes, target, name, task, len(columns))
            if finding is not None:
                findings.append(finding)
                break
        if len(findings) == MAX_NAMED:
            break
    return findings or _formulas({str(cells.name): codes for cells, codes in coded}, table, targets, task)


def _formulas(
    codes: Mapping[str, NDArray[np.float64] | None], table: NDArray[Any], targets: Sequence[str], task: Task
) -> list[Finding]:
    """A finding for each target that is a sum or a product of columns."""
    numbers = {name: column for name, column in codes.items() if column is not None}
    if task.kind != "regression" or len(numbers) < 2:
        return []
    names, columns = list(numbers), np.column_stack(list(numbers.values()))
    findings: list[Finding] = []
    for target, name in zip(table.T.astype(np.float64), targets, strict=False):
        present = np.isfinite(target)
        if present.sum() < MIN_ROWS:
            continue
        formula = formula_of(columns[present], target[present])
        if formula is None:
            continue
        used = [names[column] for column in formula.columns]
        evidence = f'"{name}" is {formula.text(names)} in {100 * formula.right:.4g} % of the rows.'
        advice = f"Leave out what is known only together with it: --ignore {quote(','.join(used))}."
        findings.append(Finding("leaking_column", used[0], evidence, "A model would only repeat this formula.", advice))
    return findings[:MAX_NAMED]


def _finding(
    cells: pl.Series, codes: NDArray[Any], target: NDArray[Any], name: str, task: Task, columns: int
) -> Finding | None:
    """What to say of a column and a target; nothing where it does not give the target away."""
    numbers = target.astype(np.float64) if target.dtype.kind in "bif" else None
    if numbers is not None and np.isnan(numbers).any():  # one of several targets, which a row may lack
        present = ~np.isnan(numbers)
        cells, codes, target, numbers = cells.filter(present), codes[present], target[present], numbers[present]
        if len(numbers) < MIN_ROWS:
            return None
    how = _right_classes(codes, target, task) if task.is_classifier else _explained(codes, numbers)
    if not how:
        return None
    column, advice = f'Column "{cells.name}"', f"--ignore {quote(cells.name)}."
    if (numbers is not None and np.array_equal(codes, numbers)) or _same_text(cells, target):
        evidence, meaning = f'{column} is a copy of the target "{name}".', "A model would only repeat it."
        advice = f"Leave it out unless it is known before the target: {advice}"
    elif looks_like_row_numbers(cells.name, codes):
        evidence = f'{column} looks like row numbers and alone predicts "{name}" {how}.'
        meaning = "The table seems to be sorted by its target, and new rows have no such numbers."
        advice = f"Leave it out: {advice}"
    elif columns == 1:
        return None
    else:
        evidence = f'{column} alone predicts "{name}" {how}.'
        meaning = "It may be made of the target, or known only after it."
        advice = f"Leave it out in that case: {advice}"
    return Finding("leaking_column", str(cells.name), evidence, meaning, advice)


def _codes(cells: pl.Series) -> NDArray[np.float64] | None:
    """A number for each cell, in the order of the cells, NaN where missing; None for cells that have no order."""
    if cells.dtype.is_nested() or cells.dtype in (pl.Object, pl.Binary):
        return None
    if not parsing.is_string(cells):
        return cells.to_physical().cast(pl.Float64).to_numpy(writable=True)
    strings = parsing.clean_strings(cells)
    numbers = strings.cast(pl.Float64, strict=False)
    if 10 * (numbers.null_count() - strings.null_count()) <= len(strings):
        return numbers.to_numpy(writable=True)
    return strings.rank("dense").cast(pl.Float64).to_numpy(writable=True)


def _from_other_rows(codes: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean target (B, N) of the other rows with the same code; without such rows, of the codes next to it."""
    different, group = np.unique(codes, return_inverse=True, equal_nan=True)
    group = group.reshape(-1)
    counts = np.bincount(group).astype(np.float64)
    sums = np.stack([np.bincount(group, column) for column in targets.T], axis=1)
    means = sums / counts[:, None]
    last = len(different) - 1 - int(np.isnan(different[-1]))
    at = np.arange(len(different))
    beside = (means[np.clip(at - 1, 0, max(last, 0))] + means[np.clip(at + 1, 0, max(last, 0))]) / 2
    if last > 0:
        beside[0], beside[last] = means[1], means[last - 1]
    others = np.maximum(counts[group] - 1, 1)[:, None]
    return np.where(counts[group, None] > 1, (sums[group] - targets) / others, beside[group])


def _right_classes(codes: NDArray[np.float64], target: NDArray[Any], task: Task) -> str:
    """For how many rows the column is right, in words; nothing where that is not nearly always."""
    actual = label_index(target, task.classes)
    predicted = _from_other_rows(codes, np.eye(len(task.classes))[actual]).argmax(axis=1)
    rows, errors = len(actual), int((predicted != actual).sum())
    usual = rows - int(np.bincount(actual).max())
    if (errors + 1) / (rows + 2) > MAX_ERROR or errors + 1 > MAX_RELATIVE_ERROR * usual:
        return ""
    return f"in {100 * (1 - errors / rows):.4g} % of the rows"


def _explained(codes: NDArray[np.float64], target: NDArray[np.float64] | None) -> str:
    """How much of the variance the column explains, in words; nothing where that is not nearly all of it."""
    if target is None:
        return ""
    ranks = np.unique(target, return_inverse=True)[1].astype(np.float64)
    best = max(_r_squared(codes, values) for values in (target, ranks))
    present = ~np.isnan(codes)
    if present.all() and np.ptp(codes) > 0 and np.ptp(target) > 0:
        scaled = codes / np.abs(codes).max()  # squares of numbers such as 1e300 overflow
        best = max(best, float(np.corrcoef(scaled, target)[0, 1] ** 2))
    return f"with R² {min(best, 0.9999):.4f}" if 1 - best <= MAX_UNEXPLAINED else ""


def _r_squared(codes: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    residual = target - _from_other_rows(codes, target[:, None])[:, 0]
    variance = float(np.var(target))
    return 1.0 - float(np.mean(residual**2)) / variance if variance > 0 else 0.0


def _same_text(cells: pl.Series, target: NDArray[Any]) -> bool:
    """Whether the cells are written as the target is."""
    if target.dtype.kind != "O" or not parsing.is_string(cells):
        return False
    return bool(parsing.clean_strings(cells).to_list() == target.tolist())


def looks_like_row_numbers(name: str, codes: NDArray[np.float64]) -> bool:
    """Whether these are different integers, as dense as numbers of rows or named like them."""
    if np.isnan(codes).any() or (codes != np.floor(codes)).any() or len(np.unique(codes)) < len(codes):
        return False
    called = name.strip()
    named_so = called.lower() in {*COUNTING, FIRST, "id"} or LEFT_BY_INDEX.fullmatch(called) is not None
    return named_so or float(np.ptp(codes)) < 2 * len(codes)
