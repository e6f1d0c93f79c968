"""A spec planned for this machine, its training state, and the programs made so far: what an executable runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, State, never_cancel, unlimited
from ranvier.engine.serialize import Serialized, changes_state, serialized
from ranvier.errors import EngineError
from ranvier.native.machine import barrier, cpu, floating_point_mode
from ranvier.native.packed_state import PackedState
from ranvier.native.plans import load_plan, plans_of
from ranvier.native.processor import machine
from ranvier.native.program import Few, Program
from ranvier.native.scheduling import cost
from ranvier.native.scheduling.plan import Plan
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
        self.machine = machine(self.target, spec.precision)
        self.available = cpu.threads() if spec.threads else cpu.default_threads()
        self._threads = cost.training_threads(spec, self.available)
        self._plans = plans_of(spec, self.machine, self.threads)
        self._plan = self._plans.training
        self._state = PackedState(self._plans.layout)
        self.dtype = self._state.dtype
        self._weights_checked = False
        self._programs: dict[str, Program] = {}
        self._barrier = barrier.new_state(self._threads)
        self._choosers: dict[str, ThreadChooser] = {}
        self.uses_all_threads = False
        self._few: dict[tuple[tuple[int, ...], np.dtype[Any]], Few] = {}

    @property
    def threads(self) -> int:
        """The largest number of threads for a step; `native.thread_choice` says how many make it."""
        return self._threads

    @threads.setter
    def threads(self, count: int) -> None:
        self._threads = count
        self._plans = plans_of(self.spec, self.machine, count)
        self._barrier = barrier.new_state(count)
        self._choosers.clear()
        self._programs.clear()
        self._few.clear()

    def __reduce__(self) -> NoReturn:
        raise EngineError("Compiled code belongs to its process and cannot be pickled; pickle the state it reads.")

    @contextmanager
    def held(self) -> Iterator[None]:
        """The lock, and our floating-point mode: constants of the code and sums in NumPy depend on it, too."""
        with self.lock, floating_point_mode.own():
            yield

    def after_fork(self, in_use: bool) -> None:
        super().after_fork(in_use)
        if in_use:
            # What a thread of the parent was running or making room for; compiled code itself is kept elsewhere.
            self._programs.clear()
            self._few.clear()

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
        self._programs.clear()
        self._few.clear()
        return self._state.release()

    def _program(self, purpose: str) -> Program:
        """The compiled plan for a purpose, made when it is first asked for."""
        if purpose not in self._programs:
            program = self._programs[purpose] = Program(self._plans.loaded(purpose, self.target), self._state)
            program.set(seed=int(np.array(self.spec.seed, np.uint64).astype(np.int64)))
            self._weights_checked = False
            self._check_weights()
        return self._programs[purpose]

    def _input_program(self, purpose: str) -> Program:
        """The program of derivatives along inputs, its transposed weights as the weights are now."""
        self._state.make_copies(self._plans.plan(purpose))
        return self._program(purpose)

    def _chooser(self, plan: Plan) -> ThreadChooser:
        """Who chooses the number of threads for a plan; it remembers what it measured."""
        if plan.purpose not in self._choosers:
            work = cost.step_work(self.spec) if plan.learns else cost.row_products(self.spec) * plan.rows
            self._choosers[plan.purpose] = ThreadChooser(work / EXPECTED_RATE, self.uses_all_threads)
        return self._choosers[plan.purpose]

    def measured_program(self) -> Program:
        """The program of training steps, compiled so that it measures the time of each of them."""
        self.uses_all_threads = True
        program = Program(load_plan(self._plan, self.target, measured=True), self._state, self.threads)
        return self._programs.setdefault(self._plan.purpose, program)

    @changes_state
    def close(self) -> None:
        """Free what the engine holds."""
        self._programs.clear()
        self._few.clear()
        self._state.clear()

    @property
    def plan(self) -> Plan:
        """What a training step does."""
        return self._plan
