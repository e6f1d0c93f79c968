"""The training state as compiled code keeps it: every parameter and slot in the layout that its kernels read.

Weights have copies beside them: the transposed one that data gradients read, and the rounded one of bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, State
from ranvier.errors import EngineError, ShapeError
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import ROUNDED, TRANSPOSED
from ranvier.native.lowering.sparse import entries
from ranvier.native.machine import memory
from ranvier.native.scheduling.layouts import size_of
from ranvier.native.scheduling.packing import bfloat16_of, pack, transposed, unpack
from ranvier.native.scheduling.plan import Plan
from ranvier.network.parameters import Entry

Array = NDArray[Any]


class PackedState:
    """The state of one executable.

    `arrays` are what programs compute on, by the names of their buffers; `steps_done` is one number, in which compiled
    code goes on counting.
    """

    def __init__(self, spec: CompileSpec, plans: Iterable[Plan]) -> None:
        self.spec = spec
        self.dtype: type[np.floating[Any]] = np.float64 if spec.dtype == "float64" else np.float32
        self.size, self.table = spec.network.parameter_table.size, entries(spec)
        full_batch = spec.optimizer.full_batch
        self.slots = () if full_batch else tuple(name for name, _ in spec.optimizer.rule().slots)
        self.arrays: dict[str, Array] = {}
        self.steps_done = memory.zeros(1, np.int64)
        self.loaded = False
        self._untouched: set[str] = set()
        self._kept_slots: dict[str, Array] = {}
        self._slot_rows = 0
        # Copies of weights that training does not keep up to date: made again after the weights have changed.
        self._copies: set[str] = set()
        self._stale_copies: set[str] = set()
        self._buffers = {buffer.name: buffer for plan in plans for buffer in plan.buffers if self._owns(buffer)}
        self._reserve()

    def _owns(self, buffer: Buffer) -> bool:
        """Whether a buffer is a parameter, a slot, or a copy of a weight."""
        names = {entry.name for entry in self.table}
        owner, _, suffix = buffer.name.rpartition(".")
        copy, _, copied = buffer.name.partition(".")
        own = buffer.name in names or (owner in names and suffix in self.slots)
        return own or (copied in names and copy in (ROUNDED, TRANSPOSED))

    def _reserve(self) -> None:
        self.arrays.update({name: memory.zeros(size_of(buf, 1), self.dtype) for name, buf in self._buffers.items()})
        self._untouched = set(self.arrays)

    def set(self, state: State) -> None:
        """Take a copy of a training state.

        Raises:
            ShapeError: the state does not belong to this network and optimizer.
        """
        slots = np.asarray(state.slots)
        rows = len(slots) if self.spec.optimizer.full_batch else len(self.slots)
        if np.shape(state.parameters) != (self.size,) or slots.shape != (rows, self.size):
            raise ShapeError(
                f"The state has parameters of shape {np.shape(state.parameters)} and slots of shape {slots.shape}; "
                f"this network and optimizer need {(self.size,)} and {(rows, self.size)}. Load a matching state."
            )
        if not self.arrays:
            self._reserve()
        self._slot_rows, self.steps_done[0] = rows, state.step
        self.loaded = True
        kept = [entry for entry in self.table if self.spec.optimizer.full_batch or not entry.trainable]
        self._kept_slots = {entry.name: np.array(slots[:, entry.slice], self.dtype) for entry in kept}
        for entry in self.table:
            for name, slot in zip(self.slots, slots, strict=False):
                self._pack(f"{entry.name}.{name}", slot[entry.slice].reshape(entry.shape))
        self._set_parameters(np.asarray(state.parameters))

    def restore(self, parameters: Array) -> None:
        """Take a copy of parameters (P,); slots and steps stay.

        Raises:
            ShapeError: they do not belong to this network.
        """
        self.check_loaded()
        if np.shape(parameters) != (self.size,):
            raise ShapeError(
                f"The parameters have shape {np.shape(parameters)}; this network has {self.size}, shape (P,)."
            )
        self._set_parameters(np.asarray(parameters))

    def _set_parameters(self, parameters: Array) -> None:
        for entry in self.table:
            values = parameters[entry.slice].reshape(entry.shape)
            self._pack(entry.name, values)
            if len(entry.shape) == 2:
                rounded = bfloat16_of(values) if self.spec.precision == "bfloat16" else values
                self._pack(f"{ROUNDED}.{entry.name}", rounded)
                self._pack(f"{TRANSPOSED}.{entry.name}", transposed(rounded, entry.groups))

    def _pack(self, name: str, values: Array) -> None:
        # Memory that nobody wrote to is zero and takes no room yet.
        if name in self.arrays and not (name in self._untouched and not values.any()):
            self._untouched.discard(name)
            pack(values, self._buffers[name], self.arrays[name])

    def touch(self) -> None:
        """Say that compiled code is about to change the state."""
        self._untouched.clear()
        self._stale_copies = set(self._copies)

    def make_copies(self, plan: Plan) -> None:
        """Have the transposed weights of a plan that other plans do not have, up to date; its program finds them."""
        for buffer in plan.buffers:
            if self._owns(buffer) and buffer.name not in self._buffers:
                self._buffers[buffer.name] = buffer
                self.arrays[buffer.name] = memory.zeros(size_of(buffer, 1), self.dtype)
                self._copies.add(buffer.name)
                self._stale_copies.add(buffer.name)
        for entry in self.table:
            if f"{TRANSPOSED}.{entry.name}" in self._stale_copies:
                values = np.empty(entry.shape, self.dtype)
                unpack(self.arrays[entry.name], self._buffers[entry.name], values)
                rounded = bfloat16_of(values) if self.spec.precision == "bfloat16" else values
                self._pack(f"{TRANSPOSED}.{entry.name}", transposed(rounded, entry.groups))
        self._stale_copies.clear()

    def get(self) -> State:
        """Give a copy of the training state."""
        return self._unpacked(self.arrays.get)

    def release(self) -> State:
        """Give the training state; each piece is freed as soon as it is unpacked."""
        for name in [name for name in self.arrays if name.startswith((f"{ROUNDED}.", f"{TRANSPOSED}."))]:
            del self.arrays[name]
        state = self._unpacked(lambda name: self.arrays.pop(name, None))
        self.clear()
        return state

    def snapshot(self, averaged: bool = False) -> Array:
        """A copy of the parameters, (P,), with `averaged` of their average in place of what is trained."""
        self.check_loaded()
        parameters = np.empty(self.size, self.dtype)
        for entry in self.table:
            name = f"{entry.name}.average" if averaged and entry.trainable else entry.name
            self._unpack(name, entry, self.arrays[name], parameters)
        return parameters

    def _unpacked(self, take: Callable[[str], Array | None]) -> State:
        self.check_loaded()
        parameters = np.empty(self.size, self.dtype)
        slots = np.empty((self._slot_rows, self.size), self.dtype)
        for entry in self.table:
            if entry.name in self._kept_slots:
                slots[:, entry.slice] = self._kept_slots[entry.name]
            pieces = {entry.name: parameters}
            pieces |= {f"{entry.name}.{name}": slot for name, slot in zip(self.slots, slots, strict=False)}
            for name, flat in pieces.items():
                packed = take(name)
                if packed is not None:
                    self._unpack(name, entry, packed, flat)
                del packed
        return State(parameters, slots, int(self.steps_done[0]))

    def _unpack(self, name: str, entry: Entry, packed: Array, flat: Array) -> None:
        unpack(packed, self._buffers[name], flat[entry.slice].reshape(entry.shape))

    def check_loaded(self) -> None:
        """Raise an EngineError where there is no state yet."""
        if not self.loaded:
            raise EngineError("No training state is loaded; call set_state(state) first.")

    def clear(self) -> None:
        """Free all arrays."""
        self.arrays.clear()
        self._untouched.clear()
        self._kept_slots.clear()
        self.loaded = False
