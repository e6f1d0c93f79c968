"""Rows as engines take them: inputs, targets and weights. n rows, K inputs, N outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import ShapeError
from ranvier.rows.inputs import Inputs, as_inputs


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Rows:
    """Encoded rows.

    Parameters:
        inputs: (n, K), whatever `as_inputs` takes.
        targets: (n, N).
        weights: how much each row counts, (n,); None where all count the same.
        groups: the number of each row's group, (n,); rows of a group stay together where rows are divided. None for no
            groups.

    Raises:
        ShapeError: the shapes do not fit together.

    >>> rows = Rows(np.zeros((3, 2)), np.array([[1.0], [2.0], [3.0]]))
    >>> len(rows), rows.take(np.array([2, 0])).targets.tolist()
    (3, [[3.0], [1.0]])
    """

    inputs: Inputs
    targets: NDArray[Any]
    weights: NDArray[Any] | None = None
    groups: NDArray[np.int64] | None = None

    def __init__(
        self,
        inputs: Any,
        targets: NDArray[Any],
        weights: NDArray[Any] | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> None:
        inputs = as_inputs(inputs)
        if targets.ndim != 2 or len(targets) != len(inputs):
            raise ShapeError(
                f"X and y have shapes {inputs.shape} and {targets.shape}; (rows, inputs) and (rows, outputs) were "
                "expected."
            )
        for name, values in (("weights", weights), ("groups", groups)):
            if values is not None and values.shape != (len(inputs),):
                raise ShapeError(f"The {name} have shape {values.shape}; ({len(inputs)},) was expected.")
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "targets", targets)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "groups", groups)

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, index: NDArray[np.int64] | slice) -> Rows:
        """Some of the rows, in the order that `index` says."""
        weights, groups = (None if values is None else values[index] for values in (self.weights, self.groups))
        return Rows(self.inputs[index], self.targets[index], weights, groups)
