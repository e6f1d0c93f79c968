"""How the training state of a network lies in memory: which pieces there are, and where each number of them goes.

A small state has one piece of memory, an arena, and a map from it to the flat arrays: one indexing moves all numbers
at once. The map comes from the packing itself, of numbered numbers. A large state has memory for each piece, which can
be freed piece by piece, and is packed by slices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import ROUNDED, TRANSPOSED
from ranvier.native.lowering.sparse import entries, table_name
from ranvier.native.scheduling.layouts import padded, size_of
from ranvier.native.scheduling.packing import bfloat16_of, half_of_pairs, pack, pairs_of, transposed, unpack
from ranvier.native.scheduling.plan import Plan
from ranvier.network.parameters import Entry
from ranvier.records import record

Array = NDArray[Any]
MAX_MAPPED = 2**14
"""Up to so many numbers have one arena and a map. A map takes eight bytes a number."""


@record(eq=False)
class StateMap:
    """Where the numbers of an arena come from, and where those of the flat arrays are.

    Fields:
        pieces: the slice of each piece, by name.
        size: how many numbers the arena has.
        first_copy: where the rounded and transposed copies of weights begin.
        sources: for each number of the arena its index in (0, parameters, slots), shape (size,).
        seconds: for each number of the copies, which may be a pair, the index of the second one; 0 where it is none,
            shape (size - first_copy,).
        positions: for each number of (parameters, slots) its index in the arena, shape ((1 + S) P,).
    """

    pieces: dict[str, slice]
    size: int
    first_copy: int
    sources: NDArray[np.intp]
    seconds: NDArray[np.intp]
    positions: NDArray[np.intp]


def _buffer_of(entry: Entry, table: str | None) -> Buffer:
    """The buffer of a piece that no plan names."""
    kind, rows = ("weight", entry.shape[0]) if len(entry.shape) == 2 else ("vector", 1)
    return Buffer(entry.name, -1, "table" if entry.name == table else kind, entry.shape[-1], rows, entry.groups)


class StateLayout:
    """The pieces of a state: every parameter and slot, and copies of weights beside them.

    Parameters:
        spec: of the network.
        plans: which decide the buffers of the pieces.
    """

    def __init__(self, spec: CompileSpec, plans: Iterable[Plan]) -> None:
        self.spec = spec
        self.dtype: type[np.floating[Any]] = np.float64 if spec.dtype == "float64" else np.float32
        self.size, self.table = spec.network.parameter_table.size, entries(spec)
        full_batch = spec.optimizer.full_batch
        self.slots = () if full_batch else tuple(name for name, _ in spec.optimizer.rule().slots)
        self.stored_entries = tuple(entry for entry in self.table if full_batch or not entry.trainable)
        self._names = {entry.name for entry in self.table}
        self.buffers = {buffer.name: buffer for plan in plans for buffer in plan.buffers if self.owns(buffer)}
        for entry in self.table:
            # Of a weight that nothing moves, products of bfloat16 read the rounded copy alone.
            self.buffers.setdefault(entry.name, _buffer_of(entry, table_name(spec)))
        numbers = sum(padded(size_of(buffer, 1)) for buffer in self.buffers.values())
        self.map = self._mapped() if numbers <= MAX_MAPPED else None

    def owns(self, buffer: Buffer) -> bool:
        """Whether a buffer is a parameter, a slot, or a copy of a weight."""
        owner, _, suffix = buffer.name.rpartition(".")
        is_piece = buffer.name in self._names or (owner in self._names and suffix in self.slots)
        return is_piece or self.copies(buffer.name)

    def copies(self, name: str) -> bool:
        """Whether a buffer of this name is a rounded or transposed copy of a weight."""
        copy, _, copied = name.partition(".")
        return copied in self._names and copy in (ROUNDED, TRANSPOSED)

    def copies_of(self, entry: Entry, values: Array) -> Iterator[tuple[str, Array]]:
        """What products read in place of a weight (K, N), or beside it, by name; nothing of a vector."""
        if len(entry.shape) == 2:
            yield f"{ROUNDED}.{entry.name}", values
            yield f"{TRANSPOSED}.{entry.name}", transposed(values, entry.groups)

    def pack(self, name: str, values: Array, buffer: Buffer, out: Array) -> None:
        """Write a parameter, a slot or a copy of a weight into memory; copies of bfloat16 are rounded."""
        if self.spec.precision == "bfloat16" and self.copies(name):
            pairs = buffer.kind == "pairs"
            values = pairs_of(*(half_of_pairs(values, half) for half in (0, 1))) if pairs else bfloat16_of(values)
        pack(values, buffer, out)

    def _mapped(self) -> StateMap:
        pieces, size, first_copy = {}, 0, 0
        for name in sorted(self.buffers, key=self.copies):
            numbers = size_of(self.buffers[name], 1)
            pieces[name] = slice(size, size + numbers)
            size += padded(numbers)
            first_copy = first_copy if self.copies(name) else size
        rows = 1 + len(self.slots)
        numbered = np.arange(1, rows * self.size + 1, dtype=np.intp).reshape(rows, self.size)
        sources, seconds = np.zeros((2, size), np.intp)
        positions = np.zeros((rows, self.size), np.intp)
        indices = np.arange(size, dtype=np.intp)
        suffixes = ("", *(f".{slot}" for slot in self.slots))
        for entry in self.table:
            for suffix, flat, homes in zip(suffixes, numbered, positions, strict=True):
                name, values = entry.name + suffix, flat[entry.slice].reshape(entry.shape)
                packed = {name: values, **dict(() if suffix else self.copies_of(entry, values))}
                for name_, content in packed.items():
                    if name_ not in pieces:
                        continue
                    buffer, part = self.buffers[name_], pieces[name_]
                    pairs = buffer.kind == "pairs"
                    pack(half_of_pairs(content, 0) if pairs else content, buffer, sources[part])
                    if pairs:
                        pack(half_of_pairs(content, 1), buffer, seconds[part])
                if name in pieces:
                    unpack(indices[pieces[name]], self.buffers[name], homes[entry.slice].reshape(entry.shape))
        return StateMap(pieces, size, first_copy, sources, seconds[first_copy:], positions.reshape(-1))
