"""A spec planned for this machine, its training state, and the programs made so far: what an executable runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, State, never_cancel, unlimited
from ranvier.engine.serialize import Serialized, changes_state, serialized
from ranvier.errors import EngineError
from ranvier.native.loaded_plan import load_plan
from ranvier.native.machine import cpu
from ranvier.native.packed_state import PackedState
from ranvier.native.plans import Memory, plans_of
from ranvier.native.program import Few, Program
from ranvier.native.ready_step import ReadyStep
from ranvier.native.scheduling import cost
from ranvier.native.scheduling.plan import Plan
from ranvier.native.this_machine import this_machine
from ranvier.native.thread_choice import ThreadChooser

Array = NDArray[Any]


EXPECTED_RATE = 2e10
"""FLOPs a second that are expected of a thread before any are measured: few, so that the first piece is short."""


class PreparedNetwork(Serialized):
    """The state of one network, and its compiled plans, each made when it is first asked for."""

    def __init__(self, spec: CompileSpec) -> None:
        super().__init__()
        self.spec = spec
        self.should_cancel: Callable[[], bool] = never_cancel
        self.thread_limit: Callable[[], int] = unlimited
        self.target = cpu.target()
        self.available = cpu.threads() if spec.threads else cpu.default_threads()
        self.machine = this_machine(self.target, spec.precision)
        self._plans = plans_of(spec, self.machine, self.available)
        self.dtype = self._plans.layout.dtype
        self._weights_checked = False
        self._memory: Memory | None = None
        self.uses_all_threads = False
        self._few: dict[tuple[tuple[int, ...], np.dtype[Any]], Few] = {}
        self._ready_step: ReadyStep | None = None

    @property
    def threads(self) -> int:
        """The largest number of threads for a step; `native.thread_choice` says how many make it."""
        return self._plans.threads

    @threads.setter
    def threads(self, count: int) -> None:
        before, self._memory = self._memory, None
        self._plans = plans_of(self.spec, self.machine, self.available, count)
        self._few.clear()
        if before is not None and before.state.loaded:
            self._state.set(before.state.get())

    @property
    def step_seconds(self) -> float:
        """As in `ranvier.engine.Executable`, for all networks of this spec."""
        return self._plans.step_seconds

    @step_seconds.setter
    def step_seconds(self, seconds: float) -> None:
        self._plans.step_seconds = seconds

    def __reduce__(self) -> NoReturn:
        raise EngineError("Compiled code belongs to its process and cannot be pickled; pickle the state it reads.")

    def copy_for_handler(self) -> Self:
        """Another executable of this network with the state that it has now."""
        copy = type(self)(self.spec)
        copy.should_cancel, copy.thread_limit = self.should_cancel, self.thread_limit
        copy.set_state(self._state.get())
        return copy

    def after_fork(self, in_use: bool) -> None:
        super().after_fork(in_use)
        if in_use:
            # What a thread of the parent was running or making room for; compiled code itself is kept elsewhere.
            self._programs.clear()
            self._few.clear()
            self._ready_step = None

    def _own_memory(self) -> Memory:
        """The memory of this network, taken when it is first needed."""
        if self._memory is None:
            self._memory = self._plans.take_memory()
            for program in self._memory.programs.values():
                program.set(seed=self._seed)
        return self._memory

    @property
    def _state(self) -> PackedState:
        return self._own_memory().state

    @property
    def _programs(self) -> dict[str, Program]:
        return self._own_memory().programs

    @property
    def _choosers(self) -> dict[str, ThreadChooser]:
        return self._own_memory().choosers

    @property
    def _seed(self) -> int:
        """The seed as compiled code reads it."""
        return self.spec.seed - (1 << 64) * (self.spec.seed >> 63)

    def _check_loaded(self) -> None:
        self.check_complete()
        self._state.check_loaded()

    @changes_state
    def set_state(self, state: State) -> None:
        """Take a copy of a training state.

        Raises:
            ShapeError: the state does not belong to this network and optimizer.
        """
        self._state.set(state)
        self.incomplete = self._weights_checked = False
        self._few.clear()

    @changes_state
    def restore(self, parameters: Array) -> None:
        """Take a copy of parameters, shape (P,); the optimizer's slots and the step stay.

        Raises:
            ShapeError: they do not belong to this network.
        """
        self._check_loaded()
        self._state.restore(parameters)
        self._weights_checked = False
        self._few.clear()

    def _check_weights(self) -> None:
        """Before predictions: look whether the weights, if they changed, are still finite."""
        if not self._weights_checked:
            for program in self._programs.values():
                program.check_weights()
            for few in self._few.values():
                few.check_weights()
            self._weights_checked = True

    @serialized
    def get_state(self) -> State:
        """Give a copy of the training state."""
        self._check_loaded()
        return self._state.get()

    @serialized
    def snapshot(self, averaged: bool = False) -> Array:
        """A copy of the parameters alone, (P,), of `dtype`; `averaged` as in `ranvier.engine.Executable`."""
        self._check_loaded()
        return self._state.snapshot(averaged and self.spec.optimizer.ema_decay is not None)

    @changes_state
    def release(self) -> State:
        """Give the training state and free everything else; each piece is freed as soon as it is unpacked.

        `set_state` comes before anything else again.
        """
        self._check_loaded()
        memory = self._own_memory()
        self._few.clear()
        if memory.state.arena is None:
            memory.programs.clear()
        return memory.state.release()

    def _program(self, purpose: str) -> Program:
        """The compiled plan for a purpose, made when it is first asked for; its transposed weights are up to date."""
        programs = self._programs
        if purpose not in programs:
            programs[purpose] = Program(self._plans.loaded(purpose, self.target), self._state)
            programs[purpose].set(seed=self._seed)
            self._weights_checked = False
            self._check_weights()
        self._state.update_copies(programs[purpose].plan)
        return programs[purpose]

    @contextmanager
    def _with_averages(self, program: Program) -> Iterator[None]:
        """Let a program compute with the averages of the optimizer, where it keeps some, in the body."""
        buffers = {buffer.name: buffer for buffer in program.plan.buffers}
        instead = self._state.averages(program.plan)
        trained = {name: program.arrays[name] for name in instead}
        try:
            for name, array in instead.items():
                program.point(buffers[name], array)
            program.check_weights()
            yield
        finally:
            for name, array in trained.items():
                program.point(buffers[name], array)
            program.check_weights()

    def _input_program(self, purpose: str) -> Program:
        """The program of derivatives along inputs, its transposed weights as the weights are now."""
        self._state.make_copies(self._plans.plan(purpose))
        return self._program(purpose)

    def _chooser(self, plan: Plan) -> ThreadChooser:
        """Who chooses the number of threads for a plan; it remembers what it measured."""
        choosers = self._choosers
        if plan.purpose not in choosers:
            work = cost.step_work(self.spec) if plan.learns else cost.row_products(self.spec) * plan.rows
            choosers[plan.purpose] = ThreadChooser(work / EXPECTED_RATE, self.uses_all_threads)
        return choosers[plan.purpose]

    def measured_program(self) -> Program:
        """The program of training steps, compiled so that it measures the time of each of them."""
        self.uses_all_threads = True
        program = Program(load_plan(self.plan, self.target, measured=True), self._state, self.threads)
        self._programs[program.plan.purpose] = program
        return program

    @changes_state
    def close(self) -> None:
        """Free what the engine holds."""
        self._few.clear()
        self._ready_step = None
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.state.clear()
            if not self.uses_all_threads:
                self._plans.give_back(memory)

    @property
    def plan(self) -> Plan:
        """What a training step does."""
        return self._plans.training
