"""Columns that should not be inputs, and classes with few rows. B rows."""

from __future__ import annotations

from shlex import quote

import numpy as np
import polars as pl

from ranvier.data.diagnosis.finding import Finding
from ranvier.data.diagnosis.table import as_numbers, plain_columns
from ranvier.data.encoders.target_values import Values, label_index
from ranvier.data.leakage import looks_like_row_numbers
from ranvier.network.task import Task
from ranvier.plural import plural

MIN_ROWS = 40
MIN_FRACTION = 0.08
"""The fraction of the rarest of two classes below which they are called unbalanced,"""
MAX_RATIO = 20
"""and of several classes how many times as many rows the most frequent one may have."""


def identifiers(frame: pl.DataFrame) -> list[Finding]:
    """A finding for each input column that numbers the rows.

    >>> rows = pl.DataFrame({"customer": np.random.default_rng(0).permutation(50) + 1000, "age": [20.5, 31.0] * 25})
    >>> [finding.column for finding in identifiers(rows)]
    ['customer']
    """
    if len(frame) < MIN_ROWS:
        return []
    findings = []
    for cells in plain_columns(frame).iter_columns():
        numbers = as_numbers(cells)
        if numbers is None or cells.dtype == pl.Boolean or not looks_like_row_numbers(cells.name, numbers):
            continue
        findings.append(
            Finding(
                "identifier",
                cells.name,
                f'Column "{cells.name}" is an input and holds {len(numbers):,} different integers, one for each row.',
                "It names rows and says nothing about new ones, so that what is learned from it is chance.",
                f"Leave it out: --ignore {quote(cells.name)}.",
            )
        )
    return findings


def imbalance(values: Values, task: Task) -> list[Finding]:
    """A finding where a class has few rows beside the others.

    >>> task = Task("binary", 1, ("no", "yes"), ("label",))
    >>> [finding.kind for finding in imbalance(np.array(["no"] * 97 + ["yes"] * 3, object), task)]
    ['class_imbalance']
    """
    if not task.is_classifier or len(values) < MIN_ROWS:
        return []
    counts = np.bincount(label_index(values, task.classes), minlength=len(task.classes))
    rare, most = int(counts.argmin()), int(counts.argmax())
    fraction = counts[rare] / len(values)
    if fraction >= MIN_FRACTION if task.kind == "binary" else counts[most] <= MAX_RATIO * max(counts[rare], 1):
        return []
    meaning = "Accuracy says little here: always predicting the most frequent class is right about "
    meaning += f"{100 * counts[most] / len(values):.0f} %."
    if 2 * counts[most] < len(values):
        meaning = "Accuracy says little about the rare classes: few rows teach them, and few measure them."
    advice = "Look at F1, AUC and the table of classes; weigh rare classes (--class-weight balanced)"
    return [
        Finding(
            "class_imbalance",
            None,
            f'"{task.classes[rare]}" has {plural(int(counts[rare]), "row")} of {len(values):,} '
            f'({100 * fraction:.2g} %), "{task.classes[most]}" {counts[most]:,}.',
            meaning,
            f"{advice} or move the threshold (--threshold f1)." if task.kind == "binary" else f"{advice}.",
        )
    ]
