"""What was the model trained on: how many rows of what, and what is in each column? n rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.table import TableEncoder
from ranvier.view.subject import Subject

MAX_COLUMNS = 60
BINS = 16
MAX_CATEGORIES = 5


def data(subject: Subject) -> dict[str, Any]:
    """Where the rows came from and how they were divided, the classes, and the columns.

    Returns `origin`, `rows` of each part in `split`, `classes` with their numbers of rows, and `columns`, at most 60 of
    `total`, pixels of a picture left out: name, kind, note, missing (cells of the training rows, None where unknown),
    and, over the `shown_rows` known rows, for numbers `counts` and `edges` of a histogram between the 1st and the 99th
    percentile, for categories `top`: the most frequent, each with its fraction.
    """
    report, encoder = subject.model.report, subject.model.encoder
    missing = {}
    if isinstance(encoder, TableEncoder):
        missing = {column.name: column.missing for column in encoder.columns}
    pixels = set(subject.form.pixels)
    described = [column for column in report.columns if column["name"] not in pixels]
    columns = []
    for column in described[:MAX_COLUMNS]:
        name = str(column["name"])
        entry = {"name": name, "kind": column["kind"], "note": column["note"], "missing": missing.get(name)}
        columns.append(entry | _summary(subject, name))
    return {
        "origin": report.origin,
        "split": {part: count for part, count in report.split.items() if count},
        "classes": report.class_counts,
        "columns": columns,
        "total": len(described),
        "pixels": len(pixels),
        "shown_rows": 0 if subject.rows is None else len(subject.rows),
    }


def _summary(subject: Subject, name: str) -> dict[str, Any]:
    """What the cells of a column are in the known rows; nothing for columns that are neither numbers nor categories."""
    rows, encoder = subject.rows, subject.model.encoder
    if rows is None or not isinstance(encoder, TableEncoder) or name not in rows.source.column_names:
        return {}
    part: Any = next((part for part in encoder.encoders if part.column == name), None)
    cells = rows.source.frame[name]
    if part is not None and part.kind == "number":
        return histogram(part.number_format.read(cells)[0])
    if part is not None and part.kind in ("category", "boolean"):
        categories = getattr(part, "categories", None)
        counts = cells.drop_nulls().cast(str).rename("value").value_counts(sort=True).rows()
        fractions = [
            [label, count / len(cells)] for label, count in counts if categories is None or label in categories
        ]
        return {"top": fractions[:MAX_CATEGORIES], "different": len(fractions)}
    return {}


def histogram(numbers: NDArray[Any]) -> dict[str, Any]:
    """Counts and edges of the numbers between the 1st and the 99th percentile; nothing where there is none.

    >>> histogram(np.array([1.0, 2.0, np.nan]))["edges"]
    [1.0, 2.0]
    >>> histogram(np.array([np.nan]))
    {}
    """
    present = np.asarray(numbers, np.float64)
    present = present[np.isfinite(present)]
    if not len(present):
        return {}
    low, high = np.quantile(present, (0.01, 0.99), method="nearest")
    if not low < high:
        low, high = present.min(), present.max()
    inside = present[(present >= low) & (present <= high)]
    counts, _ = np.histogram(inside, BINS, (low, high if low < high else low + 1.0))
    return {"counts": counts.tolist(), "edges": [float(low), float(high)]}
