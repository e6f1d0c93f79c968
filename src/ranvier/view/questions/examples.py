"""Which of the known rows are worth showing one by one?"""

from __future__ import annotations

import numpy as np

from ranvier.view.subject import Subject

MAX_EXAMPLES = 8


def example_rows(subject: Subject) -> list[int]:
    """Rows to show running through the network: of each class the surest right one, then the most wrong ones.

    For numbers: the nearest, the median and the farthest off. Without true answers: the first.
    """
    if subject.rows is None or not len(subject.rows):
        return []
    if subject.rows.targets is None:
        return list(range(min(len(subject.rows), MAX_EXAMPLES)))
    order = np.argsort(subject.losses, kind="stable")
    if subject.model.task.kind not in ("binary", "multiclass"):
        indices = [order[0], order[len(order) // 2], *order[::-1][: MAX_EXAMPLES - 2]]
        return list(dict.fromkeys(int(row) for row in indices))
    right = order[subject.actual[order] == subject.predicted[order]]
    _, first = np.unique(subject.actual[right], return_index=True)
    best = right[np.sort(first)][: MAX_EXAMPLES // 2]
    return list(dict.fromkeys(int(row) for row in (*best, *order[::-1][: MAX_EXAMPLES - len(best)])))
