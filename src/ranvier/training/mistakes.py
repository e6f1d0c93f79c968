"""The worst mistakes on rows that have names, such as those of picture files. n rows, N outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices, class_probabilities
from ranvier.network.task import Task

Array = NDArray[Any]
MAX_MISTAKES = 10


def worst_mistakes(task: Task, outputs: Array, targets: Array, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rows whose true class got the least probability, or whose number is farthest off, the worst first.

    Parameters:
        task: binary, multiclass or regression of one number; others have none.
        outputs, targets: (n, N), as the network has them; those of a regression in its units, also (n,).
        names: of the rows.

    Returns at most ten records: name, actual, predicted and, for classes, probability, that of the actual class.

    >>> task = Task("binary", 1, ("cat", "dog"))
    >>> worst_mistakes(task, np.array([[0.1], [0.25]]), np.array([[0.0], [1.0]]), ["a.png", "b.png"])
    [{'name': 'b.png', 'actual': 'dog', 'predicted': 'cat', 'probability': 0.25}]
    """
    if task.is_classifier:
        actual, predicted = class_indices(task, targets), class_indices(task, outputs)
        chances = class_probabilities(task, outputs)[np.arange(len(actual)), actual]
        order = np.argsort(chances, kind="stable")
        wrong = [int(row) for row in order if actual[row] != predicted[row]][:MAX_MISTAKES]
        return [
            {
                "name": names[row],
                "actual": task.classes[actual[row]],
                "predicted": task.classes[predicted[row]],
                "probability": float(chances[row]),
            }
            for row in wrong
        ]
    if task.kind != "regression" or task.outputs != 1:
        return []
    outputs, targets = outputs.reshape(-1, 1), targets.reshape(-1, 1)
    order = np.argsort(-np.abs(outputs[:, 0] - targets[:, 0]), kind="stable")[:MAX_MISTAKES]
    return [
        {"name": names[row], "actual": float(targets[row, 0]), "predicted": float(outputs[row, 0])} for row in order
    ]
