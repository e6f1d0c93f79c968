"""Rows as compiled code reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, RowsHandle, Span
from ranvier.errors import EngineError, ShapeError
from ranvier.native.machine import memory
from ranvier.native.scheduling.arguments import KIND_NUMBERS
from ranvier.native.scheduling.packing import bfloat16_of
from ranvier.records import record
from ranvier.rows import Inputs, Rows
from ranvier.rows.class_numbers import MAX_ONE_HOT, are_class_numbers, check_targets, one_hot
from ranvier.rows.inputs import DEFERRED

Array = NDArray[Any]
MAX_ENTRIES = 2**31 - 1
AT_ONCE = 2**14
"""How many deferred rows are resident at once outside a span."""


class ResidentRows:
    """Rows as compiled code reads them: contiguous, targets in the plan's format, weights in float64.

    Raises:
        ShapeError: they are not as wide as the network.
    """

    def __init__(self, rows: Rows, spec: CompileSpec) -> None:
        check_shape("inputs", rows.inputs, spec.network.inputs)
        outputs = spec.network.outputs
        check_targets(rows.targets, outputs)
        self.layout = layout_of(spec)
        self.inputs, self.input_words = readable_rows(rows.inputs, spec)
        numbered = outputs > MAX_ONE_HOT and are_class_numbers(rows.targets)
        targets = rows.targets if numbered else one_hot(rows.targets, outputs, spec.dtype)
        self.targets = np.ascontiguousarray(targets)
        self.weights = None if rows.weights is None else np.ascontiguousarray(rows.weights, np.float64)
        self.words = {
            **self.input_words,
            **target_words(self.targets),
            "weights": 0 if self.weights is None else memory.address(self.weights),
        }

    def __len__(self) -> int:
        return len(self.inputs)

    def entries(self, order: Array, starts: Array) -> int:
        """The entries of the batch that has most of them, and one; 0 where rows have no CSR block.

        Raises:
            EngineError: they are more than compiled code counts.
        """
        csr = self.inputs.entries
        if csr is None or len(starts) < 2:
            return 0
        lengths = np.diff(csr.indptr)[order[: starts[-1]]]
        return _links(int(np.add.reduceat(lengths, starts[:-1]).max()))

    def most_entries(self, batch_size: int) -> int:
        """As `entries`, of any batch of so many different rows.

        Raises:
            EngineError: as `entries`.
        """
        csr = self.inputs.entries
        return 0 if csr is None else _links(int(np.sort(np.diff(csr.indptr))[-batch_size:].sum()))


@record(eq=False)
class DeferredRows:
    """Rows with deferred columns, or windows of a text: what is read next becomes resident for as long as it is read.

    Fields: `rows`; `layout`, as that of `ResidentRows`.
    """

    rows: Rows
    layout: str

    def __len__(self) -> int:
        return len(self.rows)

    def blocks(self, spec: CompileSpec) -> Iterator[ResidentRows]:
        """All rows, `AT_ONCE` at a time."""
        for start in range(0, max(len(self), 1), AT_ONCE):
            yield ResidentRows(self.rows.take(slice(start, start + AT_ONCE)), spec)


def _links(entries: int) -> int:
    """How many links a batch of so many entries needs: one more."""
    if entries >= MAX_ENTRIES:
        raise EngineError(f"A batch holds {entries:,} entries; at most {MAX_ENTRIES - 1:,} fit. Take smaller batches.")
    return entries + 1


def uploaded(rows: Rows, spec: CompileSpec) -> ResidentRows | DeferredRows:
    """Rows as the executable of a spec keeps them for many calls.

    Raises:
        ShapeError: they are not as wide as the network.
    """
    inputs = rows.inputs
    if not inputs.is_deferred or (isinstance(inputs.csr, DEFERRED) and not spec.sparse):
        return ResidentRows(rows, spec)
    check_shape("inputs", rows.inputs, spec.network.inputs)
    check_targets(rows.targets, spec.network.outputs)
    return DeferredRows(rows, layout_of(spec))


def rows_of_span(rows: Rows | RowsHandle, span: Span, spec: CompileSpec) -> tuple[ResidentRows, Array]:
    """Resident rows that hold those of a span, and the order in which the span reads them."""
    order = np.ascontiguousarray(span.order, np.int64)
    if isinstance(rows, DeferredRows) and rows.layout == layout_of(spec):
        return ResidentRows(rows.rows.take(order), spec), np.arange(len(order), dtype=np.int64)
    return resident_rows(rows, spec), order


def target_words(targets: Array | None) -> dict[str, int]:
    """The words of the argument table that say where targets are: values, or class numbers."""
    address = 0 if targets is None else memory.address(targets)
    numbered = targets is not None and are_class_numbers(targets)
    return {"targets": 0 if numbered else address, "class_numbers": address if numbered else 0}


def resident_rows(rows: Rows | RowsHandle, spec: CompileSpec) -> ResidentRows:
    """The rows as the code of a spec reads them: uploaded ones as they are, others converted.

    Raises:
        EngineError: they were uploaded for rows in another layout, or by another engine.
        ShapeError: they are not as wide as the network.
    """
    if isinstance(rows, Rows):
        return ResidentRows(rows, spec)
    if isinstance(rows, DeferredRows) and rows.layout == layout_of(spec):
        return ResidentRows(rows.rows, spec)
    if not isinstance(rows, (ResidentRows, DeferredRows)):
        raise EngineError(
            f"A {type(rows).__name__} does not belong to the native engine. Give Rows, or what upload(rows) gave."
        )
    if isinstance(rows, DeferredRows) or rows.layout != layout_of(spec):
        raise EngineError(
            f"These rows were uploaded for {rows.layout}; this executable needs {layout_of(spec)}. "
            "Upload them with its own upload(rows)."
        )
    return rows


@lru_cache(64)
def layout_of(spec: CompileSpec) -> str:
    """What decides how rows lie in memory, as words.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> layout_of(CompileSpec(Network(5, [Dense(3)]), loss("squared_error"), SGD(), batch_size=1))
    '5 dense and 0 CSR inputs, 3 outputs, float32'
    """
    n_dense, n_csr = spec.input_blocks
    return f"{n_dense} dense and {n_csr} CSR inputs, {spec.network.outputs} outputs, {spec.precision}"


def check_shape(name: str, array: Array | Inputs, columns: int) -> None:
    """Raise a ShapeError where rows are not as wide as the network; compiled code would read foreign memory."""
    if len(array.shape) != 2 or array.shape[1] != columns:
        raise ShapeError(f"The {name} have shape {array.shape}; this network needs (rows, {columns}).")


def readable_rows(inputs: Inputs, spec: CompileSpec) -> tuple[Inputs, dict[str, int]]:
    """Inputs as the code of a spec reads them, and the words of the argument table that say where they are."""
    inputs = inputs.with_blocks(spec.n_dense, spec.sparse).in_memory()
    dense, words = inputs.dense, {}
    if inputs.n_dense or inputs.csr is None:
        words = {"inputs": memory.address(dense), "kind": KIND_NUMBERS[dense.dtype]}
    csr = inputs.entries
    if csr is None:
        return inputs, words
    csr = csr.astype(spec.dtype)
    if spec.precision == "bfloat16":
        csr = replace(csr, data=bfloat16_of(csr.data))
    parts = {"data": csr.data, "columns": csr.indices, "row_starts": csr.indptr}
    return Inputs(dense, csr), {**words, **{name: memory.address(part) for name, part in parts.items()}}
