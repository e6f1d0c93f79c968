"""Steps of many small networks of one spec, each from a state of its own, in one call of compiled code.

A call from Python takes longer than many steps of a small network. The call runs an entry of the spec once for each
network, on a table of arguments that says where its numbers are, so every network has the bits of a run of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, RowsHandle, Span, State
from ranvier.engine.serialize import Serialized, serialized
from ranvier.errors import ShapeError
from ranvier.native.lowering.lowered import PREDICT, TRAIN
from ranvier.native.machine import barrier, memory
from ranvier.native.machine.call_for_tables import call_for_tables
from ranvier.native.machine.philox_words import philox_words
from ranvier.native.plans import Plans
from ranvier.native.prepared import PreparedNetwork
from ranvier.native.program import INDICES, Program, check_span, with_hyper_parameters
from ranvier.native.resident import ResidentRows, layout_of
from ranvier.native.scheduling.arguments import ARGUMENTS
from ranvier.native.scheduling.binding import number_row
from ranvier.native.scheduling.packing import pairs_of
from ranvier.native.scheduling.stages import COUNTER_STRIDE
from ranvier.native.state_layout import StateLayout, StateMap
from ranvier.rows.weights import weighted_means

Array = NDArray[Any]
Numbers = NDArray[np.int64]


class NetworkWithMembers(PreparedNetwork):
    """A network ready to run, beside which others of its spec make steps, too."""

    def random_words(self, keys: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
        """The random words of keys, (n, 2) -> (n, count); see `ranvier.engine.Executable`."""
        return philox_words(keys, count)

    def try_members(
        self,
        rows: Sequence[RowsHandle],
        states: State,
        seeds: NDArray[np.uint64],
        specs: Sequence[CompileSpec] | None = None,
    ) -> NativeMembers | None:
        """M networks like this one, each with a state of its own; see `ranvier.engine.Executable`."""
        with self.lock:
            loaded, layout = self._plans.loaded(TRAIN, self.target), self._plans.layout
            if layout.map is None or loaded.cancellable or loaded.stealable:
                return None
            resident = self.resident_rows(rows)
            numbers = [loaded.plan.numbers] if specs is None else self._plans.numbers_of(specs)
            if resident is None or numbers is None:
                return None
            return NativeMembers(self, layout.map, resident, states, seeds, np.stack(list(map(number_row, numbers))))

    def resident_rows(self, rows: Sequence[RowsHandle]) -> list[ResidentRows] | None:
        """Rows that the tables of members can name, one where all have the same; None where some are no such rows."""
        layout, count = layout_of(self.spec), len(rows[0])
        distinct = rows[:1] if all(handle is rows[0] for handle in rows) else rows
        resident = [handle for handle in distinct if type(handle) is ResidentRows]
        fit = len(resident) == len(distinct) and all(
            handle.layout == layout and len(handle) == count for handle in resident
        )
        return resident if fit else None

    def members_program(self, purpose: str) -> Program:
        """The program whose table those of members are copies of."""
        return self._program(purpose)

    @property
    def members_plans(self) -> Plans:
        """The plans of the spec."""
        return self._plans


class NativeMembers(Serialized):
    """Networks that make their steps in one call; see `ranvier.engine.Members`.

    Parameters:
        network: beside which they run, on its workspace.
        state_map: of its states.
        rows: those that each is trained on, or one where all are trained on the same.
        states, seeds: as for `try_members`.
        hyper_parameters: of all, (1, number of them), or of each, (M, number of them), as compiled code reads them.
    """

    def __init__(
        self,
        network: NetworkWithMembers,
        state_map: StateMap,
        rows: list[ResidentRows],
        states: State,
        seeds: NDArray[np.uint64],
        hyper_parameters: NDArray[np.float64],
    ) -> None:
        super().__init__()
        # They share the workspace of the network, and so its lock.
        self.lock, self._network = network.lock, network
        self._layout, self._map, self._before = network.members_plans.layout, state_map, states
        self._rows, self._n_rows = rows, len(rows[0])
        self._hyper_parameters = np.broadcast_to(hyper_parameters, (len(seeds), hyper_parameters.shape[1]))
        with self.lock:
            program = network.members_program(TRAIN)
            # A workspace that grows later would move: the tables of members say where it is.
            entries = max(handle.most_entries(network.spec.batch_size) for handle in rows)
            program.reserve(network.spec.batch_size, entries, 1)
            self._arenas = _arenas(self._layout, state_map, np.asarray(states.parameters), np.asarray(states.slots))
            self._program, self._keep = program, (*program.arrays.values(),)
            self._tables = _tables(program, state_map, self._arenas)
        self._steps_done = np.full(len(seeds), states.step, np.int64)
        self._barrier = barrier.new_state(1)
        self._predict_tables: NDArray[np.int64] | None = None
        _set(self._tables, _words_of(rows))
        _set(
            self._tables,
            {
                "threads": 1,
                "barrier": memory.address(self._barrier),
                "steps_done": memory.address(self._steps_done) + np.arange(len(seeds)) * self._steps_done.itemsize,
                "seed": np.asarray(seeds, np.uint64).astype(np.int64),
            },
        )

    @serialized
    def run(self, numbers: Numbers, spans: Span) -> NDArray[np.float64]:
        """The steps of some of them; gives the losses, (m, k)."""
        count, length = spans.order.shape
        order, starts = np.ascontiguousarray(spans.order, np.int64), np.ascontiguousarray(spans.starts, np.int64)
        if starts[-1] != length or spans.scalars.shape[0] != count or count != len(numbers):
            raise ShapeError(
                f"The order of the rows has shape {spans.order.shape}, and the batches end at {starts[-1]}."
            )
        program = self._program
        n_scalars = self._network.members_plans.n_scalars
        largest = check_span(Span(order.reshape(-1), starts, spans.scalars[0]), self._n_rows, n_scalars)
        if largest > self._network.spec.batch_size:
            raise ShapeError(f"A batch holds {largest} rows; these networks take {self._network.spec.batch_size}.")
        scalars = with_hyper_parameters(self._hyper_parameters[numbers][:, None], spans.scalars)
        losses, at = np.zeros((count, len(starts) - 1)), np.arange(count)
        tables = self._tables[numbers]
        words: dict[str, Any] = {
            "steps": len(starts) - 1,
            "order": memory.address(order) + at * order.strides[0],
            "starts": memory.address(starts),
            "scalars": memory.address(scalars) + at * scalars.strides[0],
            "results": memory.address(losses) + at * losses.strides[0],
            "first_step": self._steps_done[numbers],
        }
        _set(tables, words)
        call_for_tables()(program.loaded.entry, memory.address(tables), tables.strides[0], count)
        return losses

    @serialized
    def try_evaluate(self, numbers: Numbers, rows: Sequence[RowsHandle]) -> tuple[NDArray[np.float64], Array] | None:
        """The loss of the rows of some of them, (m,), and their outputs, (m, n, N)."""
        resident = self._network.resident_rows(rows) if len(rows) == len(numbers) else None
        if resident is None:
            return None
        program, count, n_rows = self._network.members_program(PREDICT), len(rows), len(rows[0])
        program.reserve(program.plan.rows)
        if self._network.spec.optimizer.ema_decay is None:
            if self._predict_tables is None:
                self._predict_tables = _tables(program, self._map, self._arenas)
                self._keep += (*program.arrays.values(),)
            tables = self._predict_tables[numbers]
        else:
            averaged = self._averaged(numbers)
            empty = np.zeros((count, len(self._layout.slots), self._layout.size), averaged.dtype)
            arenas = _arenas(self._layout, self._map, averaged, empty)
            tables = _tables(program, self._map, arenas)
        outputs = np.empty((count, n_rows, self._network.spec.network.outputs), self._layout.dtype)
        losses = np.empty((count, n_rows), self._layout.dtype)
        counters, at = memory.zeros((count, 2 * program.loaded.stealable * COUNTER_STRIDE), np.int64), np.arange(count)
        _set(tables, _words_of(resident))
        _set(
            tables,
            {
                "threads": 1,
                "rows": n_rows,
                "may_skip_zeros": 0,
                "outputs": memory.address(outputs) + at * outputs.strides[0],
                "results": memory.address(losses) + at * losses.strides[0],
                "chunk_counters": memory.address(counters) + at * counters.strides[0],
            },
        )
        call_for_tables()(program.loaded.entry, memory.address(tables), tables.strides[0], count)
        nonfinite = program.saw_nonfinite.value
        for handle in resident if nonfinite else ():
            program.saw_nonfinite.value = nonfinite
            program.check_seen(handle.inputs.dense)
        return _mean_losses(losses.astype(np.float64), resident), outputs

    @serialized
    def parameters(self, numbers: Numbers) -> Array:
        """The parameters of some of them as predictions use them, (m, P)."""
        if self._network.spec.optimizer.ema_decay is not None:
            return self._averaged(numbers)
        return self._arenas[numbers[:, None], self._map.positions[: self._layout.size]]

    def _averaged(self, numbers: Numbers) -> Array:
        """The parameters of some of them, (m, P), the averages in place of what is trained."""
        size, layout = self._layout.size, self._layout
        positions = self._map.positions[:size].copy()
        slot = layout.slots.index("average")
        of_slot = self._map.positions[(1 + slot) * size : (2 + slot) * size]
        for entry in layout.table:
            if entry.trainable:
                positions[entry.slice] = of_slot[entry.slice]
        return self._arenas[numbers[:, None], positions]

    @serialized
    def states(self) -> tuple[Array, Array, NDArray[np.int64]]:
        """Parameters (M, P), slots (M, S, P) and numbers of steps (M,); slots of what is not trained stay as given."""
        layout = self._layout
        numbers = self._arenas.take(self._map.positions, axis=1)
        slots = numbers[:, layout.size :].reshape(len(numbers), len(layout.slots), layout.size)
        for entry in layout.stored_entries:
            slots[:, :, entry.slice] = self._before.slots[:, :, entry.slice]
        return numbers[:, : layout.size], slots, self._steps_done.copy()


def _words_of(rows: list[ResidentRows]) -> dict[str, Any]:
    """The words that say where the rows of each network are: one number where all have the same ones."""
    if len(rows) == 1:
        return dict(rows[0].words)
    return {name: np.array([handle.words[name] for handle in rows]) for name in rows[0].words}


def _set(tables: NDArray[np.int64], words: dict[str, Any]) -> None:
    """Fill words of tables, each with a number or one for each table."""
    for name, word in words.items():
        tables[:, INDICES[name]] = word


def _mean_losses(losses: NDArray[np.float64], rows: list[ResidentRows]) -> NDArray[np.float64]:
    """The mean over the rows of each network, (m, n) -> (m,), as the evaluation of one computes it."""
    count = losses.shape[1]
    weights = [np.ones(count) if handle.weights is None else handle.weights for handle in rows]
    return weighted_means(losses, np.array(weights))


def _arenas(layout: StateLayout, state_map: StateMap, parameters: Array, slots: Array) -> Array:
    """The states of M networks as compiled code keeps them, (M, size of an arena)."""
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
