"""Outputs for rows that a network was not trained on: what probabilities and intervals are calibrated with.

n rows, N outputs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from ranvier.network.task import Task
from ranvier.records import record
from ranvier.training.logits import logits_of, probabilities_of

Array = NDArray[Any]


@record(eq=False)
class HeldOut:
    """Outputs beside the targets of rows that stood outside training.

    Fields:
        outputs: of a network for rows that it was not trained on, (n, N), as the output layer gives them.
        targets: encoded, (n, N), or numbers of classes, (n, 1).
        weights: the weight of each row, (n,); None for equal weights.
        folds: whether each row was left out by some of several networks; else all rows by all networks.
        error_factors: what the absolute errors of these outputs are multiplied by, to be like those of the finished
            model, (n, N); None for 1.
    """

    outputs: Array
    targets: Array
    weights: Array | None = None
    folds: bool = False
    error_factors: Array | None = None

    def __len__(self) -> int:
        return len(self.outputs)

    def calibrated(self, task: Task, inverse_temperature: float) -> HeldOut:
        """The same with the logits multiplied by a factor, as those of the finished model are.

        >>> import numpy as np
        >>> sure = HeldOut(np.array([[0.9]]), np.array([[1.0]]))
        >>> sure.calibrated(Task("binary", 1, (0, 1)), 0.5).outputs.round(2).tolist()
        [[0.75]]
        """
        if task.kind == "regression" or inverse_temperature == 1.0:
            return self
        outputs = probabilities_of(task, inverse_temperature * logits_of(task, self.outputs))
        return replace(self, outputs=outputs)
