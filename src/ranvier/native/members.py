"""Steps of many small networks of one spec, each from a state of its own, in one call of compiled code.

A call from Python takes longer than many steps of a small network. The call runs the entry of the spec once for each
network, on a table of arguments that says where its numbers are, so every network has the bits of a run of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import RowsHandle, Span, State
from ranvier.engine.serialize import serialized
from ranvier.errors import ShapeError
from ranvier.native.lowering.lowered import TRAIN
from ranvier.native.machine import memory
from ranvier.native.machine.call_for_tables import call_for_tables
from ranvier.native.machine.philox_words import philox_words
from ranvier.native.prepared import PreparedNetwork
from ranvier.native.program import INDICES, Program, check_span
from ranvier.native.resident import ResidentRows, layout_of
from ranvier.native.scheduling.arguments import ARGUMENTS
from ranvier.native.scheduling.packing import pairs_of
from ranvier.native.state_layout import StateLayout, StateMap

Array = NDArray[Any]


class NetworkWithMembers(PreparedNetwork):
    """A network ready to run, beside which others of its spec make steps, too."""

    def random_words(self, keys: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
        """The random words of keys, (n, 2) -> (n, count); see `ranvier.engine.Executable`."""
        return philox_words(keys, count)

    @serialized
    def try_run_members(
        self, rows: RowsHandle, states: State, spans: Span, seeds: NDArray[np.uint64]
    ) -> tuple[NDArray[np.float64], State] | None:
        """Steps of M networks on the same rows, each from its own state; see `ranvier.engine.Executable`."""
        loaded, layout = self._plans.loaded(TRAIN, self.target), self._plans.layout
        if layout.map is None or loaded.cancellable or loaded.stealable or type(rows) is not ResidentRows:
            return None
        if rows.inputs.csr is not None or rows.layout != layout_of(self.spec):
            return None
        count, length = spans.order.shape
        order, starts = np.ascontiguousarray(spans.order, np.int64), np.ascontiguousarray(spans.starts, np.int64)
        if starts[-1] != length or spans.scalars.shape[0] != count:
            raise ShapeError(
                f"The order of the rows has shape {spans.order.shape}, and the batches end at {starts[-1]}."
            )
        largest = check_span(Span(order.reshape(-1), starts, spans.scalars[0]), len(rows), self._plans.n_scalars)
        program = self._program(TRAIN)
        program.reserve(max(largest, self.spec.batch_size), 0, 1)
        arenas = _arenas(layout, layout.map, states)
        scalars = program.number_rows(spans.scalars)
        losses, steps_done = np.zeros((count, len(starts) - 1)), np.full(count, states.step, np.int64)
        barrier = self._own_memory().barrier
        tables = _tables(program, layout.map, arenas)
        numbers = np.arange(count)
        words: dict[str, Any] = {
            **rows.words,
            "barrier": memory.address(barrier),
            "threads": 1,
            "steps": len(starts) - 1,
            "order": memory.address(order) + numbers * order.strides[0],
            "starts": memory.address(starts),
            "scalars": memory.address(scalars) + numbers * scalars.strides[0],
            "results": memory.address(losses) + numbers * losses.strides[0],
            "first_step": states.step,
            "steps_done": memory.address(steps_done) + numbers * steps_done.itemsize,
            "seed": np.asarray(seeds, np.uint64).astype(np.int64),
        }
        for name, word in words.items():
            tables[:, INDICES[name]] = word
        # A forked child may have the count of a step that its parent was making.
        barrier[0] = 0
        call_for_tables()(loaded.entry, memory.address(tables), tables.strides[0], count)
        return losses, _states(layout, layout.map, arenas, states, int(steps_done[0]))


def _arenas(layout: StateLayout, state_map: StateMap, states: State) -> Array:
    """The states of M networks as compiled code keeps them, (M, size of an arena)."""
    parameters, slots = np.asarray(states.parameters), np.asarray(states.slots)
    count = len(parameters)
    if parameters.shape != (count, layout.size) or slots.shape != (count, len(layout.slots), layout.size):
        raise ShapeError(f"The states have parameters of shape {parameters.shape} and slots of shape {slots.shape}.")
    numbers = np.empty((count, 1 + (1 + len(layout.slots)) * layout.size), layout.dtype)
    numbers[:, 0] = 0
    numbers[:, 1 : 1 + layout.size] = parameters
    numbers[:, 1 + layout.size :] = slots.reshape(count, -1)
    arenas = memory.zeros((count, state_map.size), layout.dtype)
    numbers.take(state_map.sources, axis=1, out=arenas, mode="clip")
    if layout.spec.precision == "bfloat16":
        copies = arenas[:, state_map.first_copy :]
        copies[:] = pairs_of(copies, numbers.take(state_map.seconds, axis=1, mode="clip"))
    return arenas


def _tables(program: Program, state_map: StateMap, arenas: Array) -> NDArray[np.int64]:
    """A table of arguments for each network, in which its state is its own."""
    tables = memory.zeros((len(arenas), len(program.words)), np.int64)
    tables[:] = program.words
    first = memory.address(arenas) + np.arange(len(arenas)) * arenas.strides[0]
    for buffer in program.plan.buffers:
        piece = state_map.pieces.get(buffer.name)
        if piece is not None:
            tables[:, len(ARGUMENTS) + buffer.index] = first + piece.start * arenas.itemsize
    return tables


def _states(layout: StateLayout, state_map: StateMap, arenas: Array, before: State, step: int) -> State:
    """The states that arenas hold; slots of what is not trained stay as they were before."""
    numbers = arenas.take(state_map.positions, axis=1)
    slots = numbers[:, layout.size :].reshape(len(arenas), len(layout.slots), layout.size)
    for entry in layout.kept:
        slots[:, :, entry.slice] = before.slots[:, :, entry.slice]
    return State(numbers[:, : layout.size], slots, step)
