"""The training state as compiled code keeps it: every parameter and slot in the layout that its kernels read.

Weights have copies beside them: the transposed one that data gradients read, and the rounded one of bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import State
from ranvier.errors import EngineError, ShapeError
from ranvier.native.lowering.lowered import ROUNDED, TRANSPOSED
from ranvier.native.machine import memory
from ranvier.native.scheduling.layouts import size_of
from ranvier.native.scheduling.packing import pairs_of, unpack
from ranvier.native.scheduling.plan import Plan
from ranvier.native.state_layout import StateLayout, StateMap
from ranvier.network.parameters import Entry

Array = NDArray[Any]


class PackedState:
    """The state of one executable.

    `arrays` are what programs compute on, by the names of their buffers; `arena` is the memory of all of them where
    the layout has a map, else None; `steps_done` is one number, in which compiled code goes on counting.
    """

    def __init__(self, layout: StateLayout) -> None:
        self.layout, self.dtype, self.size = layout, layout.dtype, layout.size
        self.arrays: dict[str, Array] = {}
        self.arena: Array | None = None
        self.steps_done = memory.zeros(1, np.int64)
        self.loaded = False
        self._untouched: set[str] = set()
        self._stored_slots: dict[str, Array] = {}
        self._slot_rows = 0
        # Copies of weights that training does not keep up to date: made again after the weights have changed.
        self._copies: set[str] = set()
        self._stale_copies: set[str] = set()
        self._buffers = layout.buffers
        self._reserve()

    def _reserve(self) -> None:
        state_map = self.layout.map
        if state_map is None:
            self.arrays.update({name: memory.zeros(size_of(buf, 1), self.dtype) for name, buf in self._buffers.items()})
        else:
            self.arena = memory.zeros(state_map.size, self.dtype)
            self.arrays.update({name: self.arena[part] for name, part in state_map.pieces.items()})
            made = self._buffers.keys() - state_map.pieces
            self.arrays.update({name: memory.zeros(size_of(self._buffers[name], 1), self.dtype) for name in made})
        self._untouched = set(self.arrays)

    def set(self, state: State) -> None:
        """Take a copy of a training state.

        Raises:
            ShapeError: the state does not belong to this network and optimizer.
        """
        layout, slots, parameters = self.layout, np.asarray(state.slots), np.asarray(state.parameters)
        rows = len(slots) if layout.spec.optimizer.full_batch else len(layout.slots)
        if parameters.shape != (self.size,) or slots.shape != (rows, self.size):
            raise ShapeError(
                f"The state has parameters of shape {np.shape(state.parameters)} and slots of shape {slots.shape}; "
                f"this network and optimizer need {(self.size,)} and {(rows, self.size)}. Load a matching state."
            )
        if not self.arrays:
            self._reserve()
        self._slot_rows, self.steps_done[0] = rows, state.step
        self.loaded = True
        self._stored_slots = {
            entry.name: np.array(slots[:, entry.slice], self.dtype) for entry in layout.stored_entries
        }
        if layout.map is not None:
            self._set_mapped(layout.map, parameters, slots[: len(layout.slots)])
            return
        for entry in layout.table:
            for name, slot in zip(layout.slots, slots, strict=False):
                self._pack(f"{entry.name}.{name}", slot[entry.slice].reshape(entry.shape))
        self._set_parameters(parameters)

    def _set_mapped(self, state_map: StateMap, parameters: Array, slots: Array) -> None:
        assert self.arena is not None
        numbers = np.empty(1 + parameters.size + slots.size, self.dtype)
        numbers[0] = 0
        numbers[1 : 1 + self.size] = parameters
        numbers[1 + self.size :] = slots.reshape(-1)
        numbers.take(state_map.sources, out=self.arena, mode="clip")
        if self.layout.spec.precision == "bfloat16":
            copies = self.arena[state_map.first_copy :]
            copies[:] = pairs_of(copies, numbers.take(state_map.seconds, mode="clip"))
        self._stale_copies.clear()
        self.touch()

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
        parameters = np.asarray(parameters)
        for entry in self.layout.table:
            values = parameters[entry.slice].reshape(entry.shape)
            self._pack(entry.name, values)
            if f"{ROUNDED}.{entry.name}" in self.arrays:
                self._pack(*next(self.layout.copies_of(entry, values)))
            # Predictions read no transposed weight: it is made when a plan asks for it.
            if f"{TRANSPOSED}.{entry.name}" in self.arrays:
                self._stale_copies.add(f"{TRANSPOSED}.{entry.name}")

    def _set_parameters(self, parameters: Array) -> None:
        for entry in self.layout.table:
            values = parameters[entry.slice].reshape(entry.shape)
            self._pack(entry.name, values)
            for name, copied in self.layout.copies_of(entry, values):
                self._pack(name, copied)
        self._stale_copies.clear()

    def _pack(self, name: str, values: Array) -> None:
        # Memory that nobody wrote to is zero and takes no room yet.
        if name in self.arrays and not (name in self._untouched and not values.any()):
            self._untouched.discard(name)
            self.layout.pack(name, values, self._buffers[name], self.arrays[name])

    def touch(self) -> None:
        """Say that compiled code is about to change the state."""
        self._untouched.clear()
        self._stale_copies |= self._copies

    def make_copies(self, plan: Plan) -> None:
        """Make the transposed weights of a plan that other plans do not have, up to date; its program finds them."""
        for buffer in plan.buffers:
            if buffer.name not in self._buffers and self.layout.owns(buffer):
                self._buffers = {**self._buffers, buffer.name: buffer}
                self.arrays[buffer.name] = memory.zeros(size_of(buffer, 1), self.dtype)
                self._copies.add(buffer.name)
                self._stale_copies.add(buffer.name)
        self.update_copies(plan)

    def update_copies(self, plan: Plan) -> None:
        """Bring the transposed weights of a plan up to date, where the weights have changed since they were made."""
        if not self._stale_copies:
            return
        stale = self._stale_copies.intersection(buffer.name for buffer in plan.buffers)
        for entry in self.layout.table:
            if f"{TRANSPOSED}.{entry.name}" in stale:
                values = np.empty(entry.shape, self.dtype)
                unpack(self.arrays[entry.name], self._buffers[entry.name], values)
                for name, copied in self.layout.copies_of(entry, values):
                    if name in stale:
                        self._pack(name, copied)
        self._stale_copies -= stale

    def get(self) -> State:
        """Give a copy of the training state."""
        return self._unpacked(self.arrays.get)

    def release(self) -> State:
        """Give the training state; each piece of a large one is freed as soon as it is unpacked."""
        if self.arena is None:
            for name in [name for name in self.arrays if self.layout.copies(name)]:
                del self.arrays[name]
        state = self._unpacked(lambda name: self.arrays.pop(name, None))
        self.clear()
        return state

    def snapshot(self, averaged: bool = False) -> Array:
        """A copy of the parameters, (P,), with `averaged` of their average in place of what is trained."""
        self.check_loaded()
        if self.arena is not None and self.layout.map is not None and not averaged:
            return self.arena.take(self.layout.map.positions[: self.size])
        parameters = np.empty(self.size, self.dtype)
        for entry in self.layout.table:
            name = f"{entry.name}.average" if averaged and entry.trainable else entry.name
            self._unpack(name, entry, self.arrays[name], parameters)
        return parameters

    def averages(self, plan: Plan) -> dict[str, Array]:
        """What a plan reads in place of each weight, by the name of its buffer, to compute with the averages."""
        instead, read = {}, {buffer.name: buffer for buffer in plan.buffers}
        for entry in self.layout.table:
            name = f"{entry.name}.average"
            if not entry.trainable or name not in self.arrays:
                continue
            copies = {f"{ROUNDED}.{entry.name}", f"{TRANSPOSED}.{entry.name}"} & read.keys()
            stored, weight = self._buffers[name], read.get(entry.name)
            if weight is not None and replace(stored, name=weight.name, index=weight.index) == weight:
                instead[entry.name] = self.arrays[name]
            elif weight is not None:
                copies.add(entry.name)
            if copies:
                values = np.empty(entry.shape, self.dtype)
                unpack(self.arrays[name], stored, values)
                for copy, content in ((entry.name, values), *self.layout.copies_of(entry, values)):
                    if copy in copies:
                        instead[copy] = memory.zeros(size_of(read[copy], 1), self.dtype)
                        self.layout.pack(copy, content, read[copy], instead[copy])
        return instead

    def _unpacked(self, take: Callable[[str], Array | None]) -> State:
        self.check_loaded()
        if self.arena is not None and self.layout.map is not None:
            numbers = self.arena.take(self.layout.map.positions)
            parameters, slots = numbers[: self.size], numbers[self.size :].reshape(-1, self.size)
            if len(slots) != self._slot_rows:
                slots = np.empty((self._slot_rows, self.size), self.dtype)
        else:
            parameters = np.empty(self.size, self.dtype)
            slots = np.empty((self._slot_rows, self.size), self.dtype)
            for entry in self.layout.table:
                pieces = {entry.name: parameters}
                pieces |= {f"{entry.name}.{name}": slot for name, slot in zip(self.layout.slots, slots, strict=False)}
                for name, flat in pieces.items():
                    packed = take(name)
                    if packed is not None:
                        self._unpack(name, entry, packed, flat)
                    del packed
        for entry in self.layout.stored_entries:
            slots[:, entry.slice] = self._stored_slots[entry.name]
        return State(parameters, slots, int(self.steps_done[0]))

    def _unpack(self, name: str, entry: Entry, packed: Array, flat: Array) -> None:
        unpack(packed, self._buffers[name], flat[entry.slice].reshape(entry.shape))

    def check_loaded(self) -> None:
        """Raise an EngineError where there is no state yet."""
        if not self.loaded:
            raise EngineError("No training state is loaded; call set_state(state) first.")

    def clear(self) -> None:
        """Free the arrays; those of a small state wait for the next one."""
        if self.arena is None:
            self.arrays.clear()
        self._untouched.clear()
        self._stored_slots.clear()
        self.loaded = False
