"""Rows as compiled code reads them, and the few of them that an executable remembers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, RowsHandle
from ranvier.errors import EngineError, ShapeError
from ranvier.native.machine import memory
from ranvier.native.scheduling.arguments import KINDS
from ranvier.native.scheduling.packing import bfloat16_of
from ranvier.rows import Inputs, Rows

Array = NDArray[Any]
MAX_ENTRIES = 2**31 - 1
MAX_REMEMBERED = 3
"""How many sets of rows an executable remembers that were not uploaded: those of training, validation and test."""


class ResidentRows:
    """Rows as compiled code reads them: contiguous, targets in the plan's format, weights in float64.

    Raises:
        ShapeError: they are not as wide as the network.
    """

    def __init__(self, rows: Rows, spec: CompileSpec) -> None:
        check_shape("inputs", rows.inputs, spec.network.inputs)
        check_shape("targets", rows.targets, spec.network.outputs)
        self.layout = layout_of(spec)
        self.inputs, self.input_words = readable_rows(rows.inputs, spec)
        self.targets = np.ascontiguousarray(rows.targets, spec.dtype)
        self.weights = None if rows.weights is None else np.ascontiguousarray(rows.weights, np.float64)
        self.words = {
            **self.input_words,
            "targets": memory.address(self.targets),
            "weights": 0 if self.weights is None else memory.address(self.weights),
        }

    def __len__(self) -> int:
        return len(self.inputs)

    def entries(self, order: Array, starts: Array) -> int:
        """The entries of the batch that has most of them, and one; 0 where rows have no CSR block.

        Raises:
            EngineError: they are more than compiled code counts.
        """
        if self.inputs.csr is None or len(starts) < 2:
            return 0
        lengths = np.diff(self.inputs.csr.indptr)[order[: starts[-1]]]
        most = int(np.add.reduceat(lengths, starts[:-1]).max())
        if most >= MAX_ENTRIES:
            raise EngineError(f"A batch holds {most:,} entries; at most {MAX_ENTRIES - 1:,} fit. Take smaller batches.")
        return most + 1


class RowCache:
    """The rows of one executable: uploaded ones are taken as they are, of others the latest few are remembered.

    Rows are the same where their arrays are the same objects.
    """

    def __init__(self, spec: CompileSpec) -> None:
        self._spec = spec
        self._latest: list[tuple[Rows, ResidentRows]] = []

    def resident(self, rows: Rows | RowsHandle) -> ResidentRows:
        """The rows as compiled code reads them.

        Raises:
            EngineError: they were uploaded by an executable that reads rows in another layout.
        """
        if isinstance(rows, ResidentRows):
            if rows.layout != layout_of(self._spec):
                raise EngineError(
                    f"These rows were uploaded for {rows.layout}; this executable needs {layout_of(self._spec)}. "
                    "Upload them with its own upload(rows)."
                )
            return rows
        if not isinstance(rows, Rows):
            raise EngineError(
                f"A {type(rows).__name__} does not belong to the native engine. Give Rows, or what upload(rows) gave."
            )
        match = next((pair for pair in self._latest if _same(pair[0], rows)), None)
        if match is None:
            match = rows, ResidentRows(rows, self._spec)
        else:
            self._latest.remove(match)
        self._latest = [*self._latest[1 - MAX_REMEMBERED :], match]
        return match[1]

    def clear(self) -> None:
        """Forget all rows; those that were uploaded live on with their handles."""
        self._latest.clear()


def _same(one: Rows, other: Rows) -> bool:
    same = one.inputs.dense is other.inputs.dense and one.inputs.csr is other.inputs.csr
    return same and one.targets is other.targets and one.weights is other.weights


def layout_of(spec: CompileSpec) -> str:
    """What decides how rows lie in memory, as words.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> layout_of(CompileSpec(Network(5, [Dense(3)]), loss("squared_error"), SGD(), batch_size=1))
    '5 dense and 0 CSR inputs, 3 outputs, float32'
    """
    n_inputs = spec.network.inputs
    n_dense = spec.n_dense if spec.sparse else n_inputs
    return f"{n_dense} dense and {n_inputs - n_dense} CSR inputs, {spec.network.outputs} outputs, {spec.precision}"


def check_shape(name: str, array: Array | Inputs, columns: int) -> None:
    """Raise a ShapeError where rows are not as wide as the network; compiled code would read foreign memory."""
    if len(array.shape) != 2 or array.shape[1] != columns:
        raise ShapeError(f"The {name} have shape {array.shape}; this network needs (rows, {columns}).")


def readable_rows(inputs: Inputs, spec: CompileSpec) -> tuple[Inputs, dict[str, int]]:
    """Inputs as the code of a spec reads them, and the words of the argument table that say where they are."""
    inputs = inputs.with_blocks(spec.n_dense, spec.sparse)
    dense, words = inputs.dense, {}
    if inputs.n_dense or inputs.csr is None:
        words = {"inputs": dense.ctypes.data, "kind": list(KINDS).index(dense.dtype.name)}
    if inputs.csr is None:
        return inputs, words
    csr = inputs.csr.astype(spec.dtype)
    if spec.precision == "bfloat16":
        csr = replace(csr, data=bfloat16_of(csr.data))
    parts = {"data": csr.data, "columns": csr.indices, "row_starts": csr.indptr}
    return Inputs(dense, csr), {**words, **{name: memory.address(part) for name, part in parts.items()}}
