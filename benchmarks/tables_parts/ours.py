"""Ranvier on tables, at each effort, through `ranvier.train`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sets import Frame, SplitTable

EFFORTS: dict[str, str | None] = {
    "ranvier-plain": None,
    "ranvier-fast": "fast",
    "ranvier-default": "default",
    "ranvier-best": "best",
}
"""Method -> effort of the recipe for tables; None is the recipe "plain"."""
Predict = Callable[[Frame], NDArray[Any]]


def fitted(problem: SplitTable, effort: str | None) -> Any:
    """A model trained on all training rows: no test rows are kept for a report."""
    from ranvier import train

    choices = {"recipe": "plain"} if effort is None else {"recipe": "table", "effort": effort}
    return train(
        problem.train,
        problem.table.target,
        task=problem.table.kind,
        test=0.0,
        seed=problem.seed,
        threads=problem.threads,
        progress=False,
        **choices,
    )


def ranvier(effort: str | None) -> Callable[[SplitTable], Predict]:
    """The method with this effort."""

    def fit(problem: SplitTable) -> Predict:
        model = fitted(problem, effort)
        if not problem.classification:
            return lambda frame: np.asarray(model.predict(frame[problem.columns]), np.float64).reshape(-1)
        order = [list(map(str, model.task.classes)).index(str(label)) for label in problem.classes]
        return lambda frame: np.asarray(model.probabilities(frame[problem.columns]), np.float64)[:, order]

    return fit
