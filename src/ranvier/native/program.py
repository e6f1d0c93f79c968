"""A compiled plan with its memory, and rows as compiled code reads them.

What needs llvmlite is imported when a plan is compiled, so that the engine can say that llvmlite is missing.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine.problem import Problem, Rows
from ranvier.errors import ShapeError
from ranvier.native.kernels.gather import KINDS
from ranvier.native.kernels.module import ARGUMENTS, plan_ir
from ranvier.native.machine import memory
from ranvier.native.machine.target import Target
from ranvier.native.plan.plan import Plan
from ranvier.native.plan.steps import Buffer
from ranvier.native.plan.tiles import PANEL

if TYPE_CHECKING:
    from ranvier.native.machine.team import Team

Array = NDArray[Any]


@cache
def team(threads: int) -> Team:
    """The team of so many threads, shared by all executables of this process."""
    from ranvier.native.machine.team import Team

    return Team(threads)


class Program:
    """A plan compiled and loaded, its workspace, and the table of arguments of its entry."""

    def __init__(self, plan: Plan, target: Target, state: dict[str, Array]) -> None:
        from ranvier.native.machine import cache as objects
        from ranvier.native.machine import llvm

        self.plan = plan
        image = objects.compile_cached(plan_ir(plan, target), target)
        name = f"{plan.purpose} plan"
        self.library = llvm.load_object(image, name)
        entry = "span" if plan.learns else "predict"
        self.entry = self.library.address(entry)
        self.call = self.library.function(entry, None, ctypes.c_int64, ctypes.c_void_p)
        self.words = memory.zeros(len(ARGUMENTS) + len(plan.buffers), np.int64)
        self.address = memory.address(self.words)
        self.places = {name: number for number, name in enumerate(ARGUMENTS)}
        self.arrays: dict[str, Array] = {}
        self.capacity = 0
        self._few: Few | None = None
        for buffer in plan.buffers:
            if buffer.name in state:
                self.point(buffer, state[buffer.name])

    def point(self, buffer: Buffer, array: Array) -> None:
        """Let a buffer be an array."""
        self.arrays[buffer.name] = array
        self.words[len(ARGUMENTS) + buffer.index] = memory.address(array)

    def reserve(self, rows: int) -> None:
        """Have room for so many rows; what stood there is lost where there was too little."""
        if rows <= self.capacity:
            return
        self.capacity = rows
        batched = [b for b in self.plan.buffers if b.kind in ("rows", "column")]
        rest = [b for b in self.plan.buffers if b.kind not in ("rows", "column") and b.name not in self.arrays]
        sizes = [-(-b.size(rows) // PANEL) * PANEL for b in (*batched, *rest)]
        # A wide load at the end of the last buffer stays inside.
        arena = memory.zeros(sum(sizes) + PANEL, self.plan.dtype)
        place = 0
        for buffer, size in zip((*batched, *rest), sizes, strict=True):
            self.point(buffer, arena[place : place + size])
            place += size

    def few(self, inputs: Array) -> Array:
        """Predict a few rows, at most as many as the plan takes at once, on this thread and without asking addresses.

        The rows are copied to where the code expects them, and the outputs from where it leaves them.
        """
        if self._few is None or self._few.capacity != self.capacity:
            self.reserve(self.plan.rows)
            self._few = Few(self)
        few, rows = self._few, len(inputs)
        np.copyto(few.inputs[:rows], inputs)
        few.words[few.rows_place] = rows
        self.call(0, few.address)
        return few.outputs[:rows].copy()

    def set(self, **words: int) -> None:
        """Fill words of the argument table."""
        for name, value in words.items():
            self.words[self.places[name]] = value

    def run(self, threads: int) -> None:
        """Run the entry on so many threads."""
        if threads == 1:
            self.call(0, self.address)
        else:
            team(threads).run(self.entry, self.address)


class Few:
    """A table of arguments for predictions of a few rows, with room for them."""

    def __init__(self, program: Program) -> None:
        plan = program.plan
        network, dtype = plan.problem.network, np.dtype(plan.dtype)
        self.capacity = program.capacity
        self.inputs = memory.zeros((plan.rows, network.inputs), dtype)
        self.outputs = memory.zeros((plan.rows, network.outputs), dtype)
        self.words = memory.zeros(len(program.words), np.int64)
        self.words[:] = program.words
        places = program.places
        self.rows_place = places["rows"]
        self.words[places["threads"]] = 1
        self.words[places["inputs"]] = memory.address(self.inputs)
        self.words[places["kind"]] = list(KINDS).index(dtype.name)
        self.words[places["outputs"]] = memory.address(self.outputs)
        self.words[places["results"]] = self.words[places["targets"]] = 0
        self.address = memory.address(self.words)


class Resident:
    """Rows as compiled code reads them: contiguous, targets in the plan's format, weights in float64."""

    def __init__(self, rows: Rows, problem: Problem) -> None:
        dtype, network = problem.precision, problem.network
        check_shape("inputs", rows.inputs, network.inputs)
        check_shape("targets", rows.targets, network.outputs)
        if len(rows.targets) != len(rows) or (rows.weights is not None and rows.weights.shape != (len(rows),)):
            raise ShapeError(f"There are {len(rows)} rows of inputs; targets and weights need as many.")
        self.keep = rows
        self.inputs, self.kind = readable(rows.inputs)
        self.targets = np.ascontiguousarray(rows.targets, dtype)
        self.weights = None if rows.weights is None else np.ascontiguousarray(rows.weights, np.float64)
        self.words = {
            "inputs": memory.address(self.inputs),
            "kind": self.kind,
            "targets": memory.address(self.targets),
            "weights": 0 if self.weights is None else memory.address(self.weights),
        }

    def holds(self, rows: Rows) -> bool:
        """Whether these are the same arrays."""
        kept = self.keep
        return kept.inputs is rows.inputs and kept.targets is rows.targets and kept.weights is rows.weights


def check_shape(name: str, array: Array, columns: int) -> None:
    """Raise a ShapeError where rows are not as wide as the network; compiled code would read foreign memory."""
    if array.ndim != 2 or array.shape[1] != columns:
        raise ShapeError(f"The {name} have shape {array.shape}; this network needs (rows, {columns}).")


def readable(inputs: Array) -> tuple[Array, int]:
    """Inputs as compiled code reads them, copied only where it must be, and the number of their kind."""
    kinds = list(KINDS)
    if inputs.dtype.name not in kinds or not inputs.dtype.isnative:
        inputs = inputs.astype(np.float64)
    return np.ascontiguousarray(inputs), kinds.index(inputs.dtype.name)
