"""How long one raw row takes, as a dictionary, in a list and in a frame, and 10,000 of them; encoding included.

Run as a process of its own: prints one JSON line. A form that the model does not take is reported as failed. Before a
form is timed, its probabilities must be those that the same rows get in one large frame.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from installed import versions

from .answering import answer
from .ours import EFFORTS, fitted
from .sets import TABLES, problem

SET = "adult"
MANY, DIFFERENT, CALLS = 10_000, 500, 4
ASKED = {1: 100e-6, MANY: 30e-3}
"""Rows -> seconds that are asked for."""
TOLERANCE = 1e-6


def result(options: argparse.Namespace) -> dict[str, Any]:
    """The seconds of every form."""
    task = problem(TABLES[SET], options.data, 0, options.threads)
    model = fitted(task, EFFORTS[options.method])
    frame = task.test[task.columns].iloc[:MANY]
    forms = {name: timed(model, frame, inputs, count) for name, (inputs, count) in forms_of(frame).items()}
    return {"forms": forms, "versions": versions(("ranvier", "numpy", "pandas", "polars"))}


def forms_of(frame: Any) -> dict[str, tuple[Sequence[Any], int]]:
    """Name -> inputs, each of so many rows: those of one row are different rows in turn."""
    import polars

    rows = [{name: plain(cell) for name, cell in row.items()} for row in frame.iloc[:DIFFERENT].to_dict("records")]
    columns = {name: [plain(cell) for cell in frame[name]] for name in frame.columns}
    other = polars.DataFrame(columns, infer_schema_length=None)
    return {
        "one row, dictionary": (rows, 1),
        "one row, list of a dictionary": ([[row] for row in rows], 1),
        "one row, list of a list": ([[list(row.values())] for row in rows], 1),
        "one row, pandas": ([frame.iloc[[row]] for row in range(DIFFERENT)], 1),
        "one row, polars": ([other[row] for row in range(DIFFERENT)], 1),
        "10,000 rows, pandas": ([frame] * CALLS, MANY),
        "10,000 rows, polars": ([other] * CALLS, MANY),
    }


def plain(cell: Any) -> Any:
    """A cell as Python's own number or word, None where it is missing."""
    value = cell.item() if hasattr(cell, "item") else cell
    return None if value is None or value != value else value


def timed(model: Any, frame: Any, inputs: Sequence[Any], count: int) -> dict[str, Any]:
    """Check, then the median seconds of a call."""
    try:
        outputs = [np.atleast_2d(model.probabilities(rows)) for rows in inputs[: 1 if count > 1 else None]]
        wanted = np.asarray(model.probabilities(frame))[: len(outputs) * count]
        worst = float(np.abs(np.concatenate(outputs) - wanted).max())
    except Exception as error:  # noqa: BLE001 - the reason is part of the report
        return {"rows": count, "failed": f"{type(error).__name__}: {error}"[:300]}
    if not worst <= TOLERANCE:
        return {"rows": count, "failed": f"probabilities differ by {worst:.2g} from those of a large frame"}
    seconds = []
    for _ in range(CALLS):
        for rows in inputs:
            start = time.perf_counter()
            model.probabilities(rows)
            seconds.append(time.perf_counter() - start)
    return {"rows": count, "median": median(seconds), "best": min(seconds), "calls": len(seconds)}


if __name__ == "__main__":
    answer(result)
