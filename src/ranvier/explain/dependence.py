"""How outputs depend on one column: partial dependence, responses of single rows. n rows, G points, N outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.explain.blocks import NOTHING, ROWS_AT_ONCE, InputBlock
from ranvier.records import record
from ranvier.rows import CSR, Inputs
from ranvier.text_table import text_table

Array = NDArray[Any]


@record(eq=False)
class PartialDependence:
    """How the outputs depend on one column.

    Fields:
        column: its name.
        grid: the cells that it was given, G of them.
        outputs: the names of the N outputs: classes or labels, of two classes the second one alone; or targets.
        average: the mean over the rows, (G, N): probabilities, or numbers in the units of the target.
        ice: of single rows, (rows, G, N): individual conditional expectation; None where they were not requested.
        rows: how many rows the average is over.

    >>> import ranvier as rv
    >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
    >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
    >>> model.partial_dependence("x0", [[0.0, 1.0], [5.0, 3.0]], grid=[0.0, 2.0]).average.tolist()
    [[-1.0], [3.0]]
    """

    column: str
    grid: tuple[Any, ...]
    outputs: tuple[str, ...]
    average: NDArray[np.float64]
    ice: NDArray[np.float64] | None
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        grid = [value if isinstance(value, (bool, int, float, str)) else str(value) for value in self.grid]
        ice = None if self.ice is None else self.ice.tolist()
        head = {"column": self.column, "grid": grid, "outputs": list(self.outputs), "rows": self.rows}
        return {**head, "average": self.average.tolist(), "ice": ice}

    def __str__(self) -> str:
        names = self.outputs[:8]
        rows = [
            (f"{cell:.6g}" if isinstance(cell, float) else str(cell), *(f"{value:.4f}" for value in values[:8]))
            for cell, values in zip(self.grid, self.average, strict=True)
        ]
        return f"Mean output of {self.rows:,} rows\n\n{text_table((self.column, *names), rows, names)}"

    def __repr__(self) -> str:
        return str(self)


def responses(
    outputs_of: Callable[[Inputs], Array], inputs: Inputs, block: InputBlock, dense: Array, csr: CSR | None
) -> Array:
    """The outputs of every row with every one of G cells in a column, (n, G, N), many rows at once.

    Formula: ICE_i(v) = f(x_i with v in column c); the partial dependence is its mean over i.

    Parameters:
        outputs_of: the network, (m, K) -> (m, N).
        inputs: the rows, (n, K).
        block: the column.
        dense, csr: its inputs for each cell, (G, width).

    Sources: Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 2001;
    Goldstein, Kapelner, Bleich, Pitkin, "Peeking inside the black box: visualizing statistical learning with plots of
    individual conditional expectation", 2015.
    """
    n_points, parts = len(dense), []
    entries = inputs.entries
    at_once = max(1, ROWS_AT_ONCE // n_points)
    for first in range(0, len(inputs), at_once):
        rows = np.repeat(np.arange(first, min(first + at_once, len(inputs))), n_points)
        points = np.tile(np.arange(n_points), len(rows) // n_points)
        changed = inputs.dense[rows].astype(np.result_type(inputs.dense, dense), copy=False)
        if block.dense != NOTHING:
            changed[:, block.dense] = dense[points]
        text = None if entries is None else entries[rows]
        if text is not None and csr is not None and block.csr != NOTHING:
            text = text.with_columns(block.csr, csr[points])
        parts.append(outputs_of(Inputs(changed, text)))
    outputs = np.concatenate(parts)
    return outputs.reshape(len(inputs), n_points, -1)
