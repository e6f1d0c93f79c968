"""What all executables of one spec share: its plans, their compiled code, and how its state lies in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ranvier.engine import CompileSpec
from ranvier.native.compiled import memoize
from ranvier.native.loaded_plan import LoadedPlan, load_plan
from ranvier.native.lowering.lowered import GRADIENT, PREDICT, TRAIN
from ranvier.native.machine import barrier
from ranvier.native.machine.target import Target
from ranvier.native.packed_state import PackedState
from ranvier.native.scheduling import cost
from ranvier.native.scheduling.plan import Plan, make_plan
from ranvier.native.scheduling.processor import Machine
from ranvier.native.state_layout import StateLayout
from ranvier.network.optimizers.base import at_unit_rate

if TYPE_CHECKING:
    from ranvier.native.program import Program
    from ranvier.native.thread_choice import ThreadChooser

RUN_TIME = ("seed", "threads")
"""What of a spec decides no plan: compiled code reads the seed at run time."""
_PLANNED = tuple(field.name for field in fields(CompileSpec) if field.name not in RUN_TIME)
_planned_values = attrgetter(*_PLANNED)
_OPTIMIZER = _PLANNED.index("optimizer")


MAX_IDLE, MAX_IDLE_BYTES = 2, 1 << 18
"""So many memories of one spec wait for the next network, none larger than this."""


class Memory:
    """What a network of a spec computes on: the state, the programs bound to it, where threads meet and how many do.

    Parameters:
        layout, threads: of the state, and the largest number that makes a step.
    """

    def __init__(self, layout: StateLayout, threads: int) -> None:
        self.state = PackedState(layout)
        self.programs: dict[str, Program] = {}
        self.barrier = barrier.new_state(threads)
        self.choosers: dict[str, ThreadChooser] = {}

    @property
    def nbytes(self) -> int:
        """The bytes of a small state and of the programs' workspaces."""
        state = 0 if self.state.arena is None else self.state.arena.nbytes
        return sum((program.nbytes for program in self.programs.values()), state)


class Plans:
    """The plans of a spec, each made and compiled when it is first asked for, and memory that networks have left.

    To make the memory of a small network ready takes longer than many steps, so the next one of its spec takes that of
    one that was closed, with the programs that are bound to it.

    Parameters:
        spec, machine, threads: as for `make_plan`.

    `training` is what one step does; `layout` is that of the state; `step_seconds` as that of
    `ranvier.engine.Executable`; `n_scalars` is how many numbers a step takes.
    """

    def __init__(self, spec: CompileSpec, machine: Machine, threads: int) -> None:
        self.spec, self.machine, self.threads = spec, machine, threads
        self._plans: dict[str, Plan] = {}
        self._loaded: dict[tuple[str, Target], LoadedPlan] = {}
        # The parts that cannot be planned are found before anything runs.
        self.training = self.plan(GRADIENT if spec.optimizer.full_batch else TRAIN)
        self.layout = StateLayout(spec, (self.training, make_plan(spec, PREDICT, machine, 1)))
        self._idle: list[Memory] = []
        self.step_seconds = 0.0
        self.n_scalars = 0 if spec.optimizer.full_batch else len(spec.optimizer.rule().scalars)

    def take_memory(self) -> Memory:
        """Memory for a network, whose contents mean nothing until a state is set."""
        try:
            return self._idle.pop()
        except IndexError:
            return Memory(self.layout, self.threads)

    def give_back(self, memory: Memory) -> None:
        """Keep memory that nobody uses any more, where it is small."""
        if memory.state.arena is not None and len(self._idle) < MAX_IDLE and memory.nbytes <= MAX_IDLE_BYTES:
            self._idle.append(memory)

    def plan(self, purpose: str) -> Plan:
        """The plan for a purpose.

        Raises:
            EngineError: the spec asks for something that this engine does not have.
        """
        plan = self._plans.get(purpose)
        if plan is None:
            plan = self._plans[purpose] = make_plan(self.spec, purpose, self.machine, self.threads)
        return plan

    def numbers_of(self, specs: Sequence[CompileSpec]) -> list[tuple[tuple[str, float], ...]] | None:
        """The hyper-parameters of the training steps of specs; None where they do not share the code of this one.

        Predictions have no hyper-parameters but those of the loss, which must be equal.
        """
        code, numbers = self.training.code, {}
        for spec in specs:
            if id(spec) not in numbers:
                plan = _training_plan(replace(spec, seed=0, threads=None), self.machine, self.threads)
                if spec.loss != self.spec.loss or plan.code != code:
                    return None
                numbers[id(spec)] = plan.numbers
        return [numbers[id(spec)] for spec in specs]

    def loaded(self, purpose: str, target: Target) -> LoadedPlan:
        """The plan for a purpose with its code."""
        plan = self._loaded.get((purpose, target))
        if plan is None:
            plan = self._loaded[purpose, target] = load_plan(self.plan(purpose), target)
        return plan


@memoize
def plans_of(spec: CompileSpec, machine: Machine, available: int, threads: int | None = None) -> Plans:
    """The memoized plans of a spec, for as many threads as a training step is worth.

    Parameters:
        available: how many threads there are.
        threads: another number of threads; None to choose it.

    Raises:
        EngineError: the spec asks for something that this engine does not have.
    """
    values = _planned_values(spec)
    # The learning rate is one of the scalars of each step.
    optimizer = at_unit_rate(values[_OPTIMIZER])
    values = (*values[:_OPTIMIZER], optimizer, *values[_OPTIMIZER + 1 :])
    # Looked up without the seed: the networks of a population differ in it.
    return _plans(values, machine, threads or _training_threads(values, spec.threads, available))


def _spec_of(values: tuple[Any, ...], **run_time: Any) -> CompileSpec:
    return CompileSpec(**dict(zip(_PLANNED, values, strict=True)), **run_time)


@memoize
def _training_plan(spec: CompileSpec, machine: Machine, threads: int) -> Plan:
    return make_plan(spec, TRAIN, machine, threads)


@memoize
def _training_threads(values: tuple[Any, ...], requested: int | None, available: int) -> int:
    return cost.training_threads(_spec_of(values, threads=requested), available)


@memoize
def _plans(values: tuple[Any, ...], machine: Machine, threads: int) -> Plans:
    return Plans(_spec_of(values), machine, threads)
