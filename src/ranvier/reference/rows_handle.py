"""Rows in the blocks that one executable reads, checked and converted once."""

from __future__ import annotations

from ranvier.engine import CompileSpec, RowsHandle
from ranvier.errors import EngineError, ShapeError
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.class_numbers import check_targets


@record(eq=False)
class ReferenceRows:
    """What `ReferenceExecutable.upload` gives.

    Fields: `rows`; `layout`, how many of their inputs are dense and how many are in the CSR block.
    """

    rows: Rows
    layout: tuple[int, int]

    def __len__(self) -> int:
        return len(self.rows)


def upload(rows: Rows, spec: CompileSpec) -> ReferenceRows:
    """Rows in the blocks that a spec says.

    Raises:
        ShapeError: they are not as wide as the network.
    """
    network = spec.network
    if rows.inputs.shape[1] != network.inputs:
        raise ShapeError(f"The rows have {rows.inputs.shape[1]} inputs; this network has {network.inputs}.")
    check_targets(rows.targets, network.outputs)
    inputs = rows.inputs.with_blocks(spec.n_dense, spec.sparse)
    return ReferenceRows(Rows(inputs, rows.targets, rows.weights), spec.input_blocks)


def rows_of(rows: Rows | RowsHandle, spec: CompileSpec) -> Rows:
    """The rows of a handle, or rows as they are.

    Raises:
        EngineError: they were uploaded by an executable that reads rows in another layout.
    """
    if isinstance(rows, Rows):
        return rows
    if not isinstance(rows, ReferenceRows):
        raise EngineError(
            f"A {type(rows).__name__} does not belong to the reference engine. Give Rows, or what upload(rows) gave."
        )
    if rows.layout != spec.input_blocks:
        raise EngineError(
            f"These rows were uploaded as {rows.layout} dense and CSR inputs; this executable needs "
            f"{spec.input_blocks}. Upload them with its own upload(rows)."
        )
    return rows.rows
