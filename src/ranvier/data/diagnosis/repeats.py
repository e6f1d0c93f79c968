"""Rows that stand in several parts of the data, and equal rows with different labels. B rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.diagnosis.finding import Finding
from ranvier.data.diagnosis.table import plain_columns
from ranvier.data.encoders.target_values import Values, label_index
from ranvier.network.task import Task
from ranvier.plural import plural

MIN_ROWS, MIN_FRACTION = 3, 0.02
"""So many rows, and such a fraction of the rows of a part, must be repeated."""
MIN_CONFLICTS, MIN_CONFLICT_FRACTION = 5, 0.02
MAX_ROWS = 200_000
"""More rows are not compared with each other."""


def hashes(frame: pl.DataFrame) -> NDArray[np.uint64] | None:
    """A number for each row, the same for equal rows, (B,); None where cells cannot be compared.

    >>> hashed = hashes(pl.DataFrame({"a": [1, 1, 2]}))
    >>> bool(hashed[0] == hashed[1]), bool(hashed[0] == hashed[2])
    (True, False)
    """
    plain = plain_columns(frame)
    return plain.hash_rows(seed=0).to_numpy() if plain.width == frame.width and plain.width else None


def repeated_across(parts: Mapping[str, pl.DataFrame]) -> list[Finding]:
    """A finding where rows of a part stand among the training rows, too.

    Parameters:
        parts: the input columns and the target of "training" and of other parts, the same columns in each.

    >>> rows = pl.DataFrame({"a": range(10), "y": range(10)})
    >>> [finding.kind for finding in repeated_across({"training": rows, "test": rows})]
    ['duplicates']
    """
    if sum(len(frame) for frame in parts.values()) > MAX_ROWS:
        return []
    training_hashes = hashes(parts["training"])
    findings = []
    for name, frame in parts.items():
        row_hashes = None if name == "training" else hashes(frame)
        if row_hashes is None or training_hashes is None or not len(row_hashes):
            continue
        count = int(np.isin(row_hashes, training_hashes).sum())
        if count >= max(MIN_ROWS, MIN_FRACTION * len(row_hashes)):
            findings.append(
                Finding(
                    "duplicates",
                    None,
                    f"{count:,} of the {plural(len(row_hashes), f'{name} row')} stand among the training rows, too.",
                    f"The metrics on the {name} rows are too good, as far as rows are memorised.",
                    "Remove the copies, or keep them in one part: --group COLUMN.",
                )
            )
    return findings


def repeated_within(frame: pl.DataFrame) -> list[Finding]:
    """A finding where rows of one table repeat others, target included: a split by chance would put copies apart."""
    row_hashes = hashes(frame) if len(frame) <= MAX_ROWS else None
    if row_hashes is None or not len(row_hashes):
        return []
    count = len(row_hashes) - len(np.unique(row_hashes))
    if count < max(MIN_ROWS, MIN_FRACTION * len(row_hashes)):
        return []
    what = plural(count, "row repeats an earlier one", "rows repeat earlier ones")
    return [
        Finding(
            "duplicates",
            None,
            f"{what}, of {len(row_hashes):,}.",
            "Divided by chance, copies stand in training and test rows, and the metrics on the test rows are too good.",
            "Remove the copies, or keep them in one part: --group COLUMN.",
        )
    ]


def conflicting_labels(frame: pl.DataFrame, values: Values, task: Task) -> list[Finding]:
    """A finding where rows with equal inputs have different labels.

    Parameters:
        frame: the input columns.
        values: the labels, (B,).
        task: their classes.

    >>> rows = pl.DataFrame({"a": [1, 1] * 10})
    >>> labels = np.array(["x", "y"] * 10, object)
    >>> conflicting_labels(rows, labels, Task("binary", 1, ("x", "y"), ("label",)))[0].evidence
    '20 of 20 rows have the same inputs as others and another label; nothing can be right about more than 50.0 %.'
    """
    row_hashes = hashes(frame) if task.is_classifier and len(frame) <= MAX_ROWS else None
    if row_hashes is None or not len(row_hashes):
        return []
    group = np.unique(row_hashes, return_inverse=True)[1].reshape(-1)
    classes = len(task.classes)
    cells, counts = np.unique(group * classes + label_index(values, task.classes), return_counts=True)
    groups = cells // classes
    sizes, kinds = np.bincount(groups, counts), np.bincount(groups)
    most = np.zeros(len(sizes))
    np.maximum.at(most, groups, counts)
    rows = int(sizes[kinds > 1].sum())
    if rows < max(MIN_CONFLICTS, MIN_CONFLICT_FRACTION * len(row_hashes)):
        return []
    best = 100 * float(most.sum()) / len(row_hashes)
    return [
        Finding(
            "conflicting_labels",
            None,
            f"{rows:,} of {plural(len(row_hashes), 'row')} have the same inputs as others and another label; nothing "
            f"can be right about more than {best:.1f} %.",
            "The labels are partly wrong, or the columns do not say what makes the difference.",
            "Look at these rows, correct their labels, or add a column that tells them apart.",
        )
    ]
