"""How far off are predicted numbers? N outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.rows.some_rows import evenly
from ranvier.view.subject import Subject

MAX_POINTS = 2000
BINS = 31


def residuals(subject: Subject, output: int | None = None) -> dict[str, Any]:
    """Predicted and true numbers of at most 2,000 rows, and a histogram of predicted - true over all.

    Parameters:
        output: which of several numbers; None for the first, of quantiles that one nearest to the median.

    Returns `target`, its name; `row`, `actual` and `predicted` of the points; `counts` and `edges` of the histogram;
    and `quantiles` of the residuals at 5, 25, 50, 75 and 95 %.

    Raises:
        InputError: the task is not regression, the truth is not known, or there is no such output.
    """
    if subject.model.task.kind != "regression":
        raise InputError("Only predicted numbers have residuals.")
    levels = subject.model.target.levels
    if output is None:
        output = int(np.argmin(np.abs(np.asarray(levels) - 0.5))) if levels else 0
    if type(output) is not int or not 0 <= output < subject.outputs.shape[1]:
        raise InputError(f"There is no output {output!r}.")
    predicted, actual = subject.outputs[:, output], subject.targets[:, output]
    finite = np.flatnonzero(np.isfinite(actual))
    difference = (predicted - actual)[finite]
    counts, edges = np.histogram(difference, BINS)
    shown = finite[evenly(len(finite), MAX_POINTS)]
    return {
        "target": subject.model.task.target_names[output],
        "row": shown.tolist(),
        "actual": actual[shown].tolist(),
        "predicted": predicted[shown].tolist(),
        "counts": counts.tolist(),
        "edges": edges.tolist(),
        "quantiles": np.quantile(difference, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist(),
    }
