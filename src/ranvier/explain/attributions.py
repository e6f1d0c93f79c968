"""What each column of the user's table adds to an output of a network. n rows, C columns, K inputs, N outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.explain.blocks import NOTHING, InputBlock
from ranvier.explain.integrated_gradients import STEPS, Contributions, Function, integrated_gradients
from ranvier.explain.path import entry_keys
from ranvier.records import record
from ranvier.rows import CSR, Inputs
from ranvier.rows.csr import rows_of_entries
from ranvier.text_table import text_table

Array = NDArray[Any]
NUMBERS_AT_ONCE = 2**23
"""How many products of gradients and inputs are held at once."""
MAX_SHOWN = 20


@record(eq=False)
class Attributions:
    """What each column adds to an output: in each row the values and the base add up to the output.

    Fields:
        columns: the names of the C columns.
        values: what each column adds, (n, C).
        base: the output of the baseline, (n,).
        outputs: the output of each row, (n,).
        error: how far base + sum of the values is from the output, (n,).
        explained: which output it is, for each row: a class, a label, or the name of a target.
        unit: "logit" for classes and labels, else "value", a number in the units of the target.

    >>> import ranvier as rv
    >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
    >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
    >>> added = model.attributions([[3.0, 4.0]])
    >>> added.values.tolist(), added.base.tolist(), added.outputs.tolist()
    ([[6.0, -4.0]], [1.0], [3.0])
    """

    columns: tuple[str, ...]
    values: NDArray[np.float64]
    base: NDArray[np.float64]
    outputs: NDArray[np.float64]
    error: NDArray[np.float64]
    explained: tuple[Any, ...]
    unit: str

    def __len__(self) -> int:
        return len(self.values)

    def largest(self, row: int, count: int | None = None) -> list[tuple[str, float]]:
        """The columns of a row with what they add, the largest in size first.

        Parameters:
            row: its index.
            count: how many; None for all.
        """
        order = np.argsort(-np.abs(self.values[row]), kind="stable")[:count]
        return [(self.columns[at], float(self.values[row, at])) for at in order]

    def to_dict(self, row: int, count: int | None = None) -> dict[str, Any]:
        """One row as plain JSON values, its columns as in `largest`."""
        explained = self.explained[row]
        return {
            "explained": explained if isinstance(explained, (bool, int, float)) else str(explained),
            "unit": self.unit,
            "base": float(self.base[row]),
            "output": float(self.outputs[row]),
            "error": float(self.error[row]),
            "columns": [{"column": name, "value": value} for name, value in self.largest(row, count)],
        }

    def __str__(self) -> str:
        mean = np.abs(self.values).mean(axis=0) if len(self) else np.zeros(len(self.columns))
        order = np.argsort(-mean, kind="stable")[:MAX_SHOWN]
        rows = [(self.columns[at], f"{mean[at]:.4f}") for at in order]
        title = f"What each column adds to the {self.unit}, {len(self):,} rows"
        return f"{title}\n\n{text_table(('Column', 'Mean size'), rows, ('Mean size',))}"

    def __repr__(self) -> str:
        return str(self)


@record(eq=False)
class PartAttributions:
    """What the parts of one column add to an output: the words of a text, the pixels of a picture, bands in time.

    Fields:
        column: its name.
        kind: "text", "image" or "sound".
        words: of each text the pairs (word, what it adds), in reading order; empty for other kinds.
        maps: what each pixel adds, (n, height, width), or each band and frame, (n, bands, frames); None for texts.
        rest: what the column adds beside, such as the mark of a missing text, (n,).
        values: what the column adds altogether, (n,).
        explained, unit: as in `Attributions`.

    >>> import ranvier as rv
    >>> rows = {"note": ["good soup", "bad soup"] * 10, "label": ["up", "down"] * 10}
    >>> options = {"kinds": {"note": "text"}, "recipe": "plain", "hidden": [4], "epochs": 2, "test": 0}
    >>> model = rv.train(rows, target="label", progress=False, engine="reference", **options)
    >>> parts = model.part_attributions({"note": ["bad soup"]})
    >>> parts.column, parts.kind, parts.values.shape, parts.maps
    ('note', 'text', (1,), None)
    """

    column: str
    kind: str
    words: tuple[tuple[tuple[str, float], ...], ...]
    maps: NDArray[np.float64] | None
    rest: NDArray[np.float64]
    values: NDArray[np.float64]
    explained: tuple[Any, ...]
    unit: str


@record(eq=False)
class ColumnSums:
    """What columns add, the mean over the baseline rows.

    Fields:
        values: (n, C).
        start, end, error: the output at the baseline and at the row, and how far the values are from adding up, (n,).
        dense: what each dense input of the column that is kept adds, (n, width).
        csr: what the entries of the rows' CSR block add, in their order, (nnz,); None without one.
    """

    values: NDArray[np.float64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    error: NDArray[np.float64]
    dense: NDArray[np.float64]
    csr: NDArray[np.float64] | None


def column_sums(
    function: Function,
    inputs: Inputs,
    baseline: Inputs,
    blocks: Sequence[InputBlock],
    tolerance: NDArray[np.float64],
    single_inputs: slice = NOTHING,
) -> ColumnSums:
    """The integrated gradients of each column, the mean over the baseline rows.

    Parameters:
        function: the output that is explained.
        inputs: (n, K).
        baseline: rows to compare with, (b, K); of several the mean is taken, which is what expected gradients estimate.
        blocks: of the columns.
        tolerance: for each row, (n,).
        single_inputs: dense inputs each of which is summed by itself.

    Source: Erion, Janizek, Sturmfels, Lundberg, Lee, "Improving performance of deep learning models with axiomatic
    attribution priors and expected gradients", Nature Machine Intelligence 2021.
    """
    n_rows, n_base, entries = len(inputs), len(baseline), inputs.entries
    values, dense = np.zeros((n_rows, len(blocks))), np.zeros((n_rows, single_inputs.stop - single_inputs.start))
    start, end, error = np.zeros(n_rows), np.zeros(n_rows), np.zeros(n_rows)
    csr = None if entries is None else np.zeros(len(entries.data))
    at_once = max(1, NUMBERS_AT_ONCE // (2 * STEPS * max(inputs.n_dense, 64)))
    for first in range(0, n_rows, at_once):
        rows = np.arange(first, min(first + at_once, n_rows))
        part, function_of_part = inputs[first : first + at_once], _of_rows(function, rows)
        for at in range(n_base):
            added = integrated_gradients(function_of_part, part, baseline[np.full(len(part), at)], tolerance[rows])
            values[rows] += block_sums(added, blocks)
            dense[rows] += added.dense[:, single_inputs]
            if csr is not None and entries is not None and added.path.entries is not None and added.csr is not None:
                inside = slice(entries.indptr[rows[0]], entries.indptr[rows[-1] + 1])
                csr[inside] += _at_entries(added.path.entries, added.csr, entries[rows])
            start[rows] += added.start
            end[rows] = added.end
            error[rows] += added.error
    mean_csr = None if csr is None else csr / n_base
    return ColumnSums(values / n_base, start / n_base, end, error / n_base, dense / n_base, mean_csr)


def _of_rows(function: Function, rows: NDArray[np.int64]) -> Function:
    """The function for some of the explained rows, which are counted from 0."""
    return Function(
        lambda x, some: function.values(x, rows[some]),
        lambda x, some: function.gradients(x, rows[some]),
        function.dtype,
    )


def _at_entries(entries: CSR, values: NDArray[np.float64], wanted: CSR) -> NDArray[np.float64]:
    """The values of those entries that other rows have, which are among them, in the order of these."""
    return values[np.searchsorted(entry_keys(entries), entry_keys(wanted))]


def block_sums(contributions: Contributions, blocks: Sequence[InputBlock]) -> NDArray[np.float64]:
    """The contributions of each column, (n, C)."""
    sums = np.zeros((len(contributions.start), len(blocks)))
    for at, block in enumerate(blocks):
        if block.dense != NOTHING:
            sums[:, at] = contributions.dense[:, block.dense].sum(axis=1)
    entries = contributions.path.entries
    if entries is not None and contributions.csr is not None:
        sums += csr_block_sums(entries, contributions.csr, blocks)
    return sums


def csr_block_sums(entries: CSR, values: Array, blocks: Sequence[InputBlock]) -> NDArray[np.float64]:
    """Values of the entries of CSR rows, added up for each column, (n, C)."""
    column = np.zeros(entries.n_columns, np.int64)
    for at, block in enumerate(blocks):
        column[block.csr] = at
    index = rows_of_entries(entries.indptr) * len(blocks) + column[entries.indices]
    sums = np.bincount(index, values, minlength=len(entries) * len(blocks))
    return np.asarray(sums.reshape(len(entries), len(blocks)), np.float64)
