"""A training step on a single row that is made ready once: whoever learns row by row makes many of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.native.machine import memory
from ranvier.native.plans import Memory
from ranvier.native.program import INDICES, Program
from ranvier.native.resident import ResidentRows

Array = NDArray[Any]


class ReadyStep:
    """Steps on single rows of one kind without weights, by the caller's thread, with little around the compiled call.

    It has its own table of arguments, and room for a row and its target. Not for two threads at once.

    Parameters:
        program: of training steps, with room for a row.
        network_memory: the memory of the network, on which the program computes.
        row: the first row; others have arrays of the same types and shapes.
    """

    def __init__(self, program: Program, network_memory: Memory, row: ResidentRows) -> None:
        self.memory = network_memory
        self._steps_done, self._numbers = network_memory.state.steps_done, len(program.numbers)
        inputs, self._target = row.inputs.dense, _room(row.targets)
        self._row, self._loss = _room(inputs), memory.zeros(1, np.float64)
        width = self._numbers + len(program.plan.rule.rule.scalars if program.plan.rule else ())
        self._scalars = memory.zeros((1, width), np.float64)
        self._scalars[0, : self._numbers] = program.numbers
        order, starts = memory.zeros(1, np.int64), memory.zeros(2, np.int64)
        starts[1] = 1
        self._words = program.words.copy()
        numbered = row.words["class_numbers"] != 0
        words = {
            **row.words,
            "inputs": memory.address(self._row),
            "targets": 0 if numbered else memory.address(self._target),
            "class_numbers": memory.address(self._target) if numbered else 0,
            "threads": 1,
            "steps": 1,
            "barrier": memory.address(network_memory.barrier),
            "order": memory.address(order),
            "starts": memory.address(starts),
            "scalars": memory.address(self._scalars),
            "results": memory.address(self._loss),
            "steps_done": memory.address(self._steps_done),
        }
        for name, word in words.items():
            self._words[INDICES[name]] = word
        # The workspace of the program may move; this one stays where it is.
        self._keep = program, order, starts, (*program.arrays.values(), program.chunk_counters)
        self._call, self._table = program.call, memory.address(self._words)

    def takes(self, row: Array, target: Array) -> bool:
        """Whether arrays of inputs and targets are of the types and shapes that this step reads."""
        same_row = row.dtype is self._row.dtype and row.shape == self._row.shape
        return same_row and target.dtype is self._target.dtype and target.shape == self._target.shape

    def __call__(self, row: Array, target: Array, scalars: NDArray[np.float64]) -> float:
        """Make a step on a row, (1, K), with its target, (1, N), and scalars (1, H); gives the loss before it."""
        self._row[:], self._target[:] = row, target
        self._scalars[0, self._numbers :] = scalars[0]
        # A forked child may have the count of a step that its parent was making.
        self.memory.barrier[0] = 0
        self._words[_FIRST_STEP] = self._steps_done[0]
        self._call(0, self._table)
        return float(self._loss[0])


_FIRST_STEP = INDICES["first_step"]


def _room(array: Array) -> Array:
    return memory.zeros(array.shape, array.dtype)
