"""What all executables of one spec share: its plans, their compiled code, and how its state lies in memory."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ranvier.engine import CompileSpec
from ranvier.native.compiled import library, memoize
from ranvier.native.lowering.lowered import GRADIENT, PREDICT, TRAIN
from ranvier.native.machine import floating_point_mode
from ranvier.native.machine.target import Target
from ranvier.native.scheduling.plan import Plan, make_plan
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.scheduled import skips_zeros_of
from ranvier.native.scheduling.stages import stealable
from ranvier.native.state_layout import StateLayout
from ranvier.network.optimizers.base import at_unit_rate
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.native.machine.llvm import Library

RUN_TIME = ("seed", "threads")
"""What of a spec decides no plan: compiled code reads the seed at run time."""
_PLANNED = tuple(field.name for field in fields(CompileSpec) if field.name not in RUN_TIME)
_planned_values = attrgetter(*_PLANNED)
_OPTIMIZER = _PLANNED.index("optimizer")


@record(eq=False)
class LoadedPlan:
    """A plan whose code is loaded into this process.

    Fields:
        plan, library: what it does, and the code.
        entry, call: the address of its entry, and the same as a function of (thread, address of the arguments).
        skipping: the names of the weights whose products leave out inputs that are 0.
        stealable: how many kinds of work idle threads may steal.
        measured: whether it measures the time of each step.
    """

    plan: Plan
    library: Library
    entry: int
    call: Callable[..., Any]
    skipping: tuple[str, ...]
    stealable: int
    measured: bool


def load_plan(plan: Plan, target: Target, measured: bool = False) -> LoadedPlan:
    """Compile a plan, or take the code that was compiled before.

    Raises:
        EngineError: LLVM refuses the code, or it cannot be loaded.
    """
    loaded = library(replace(plan.code, measured=measured), target)
    entry = "span" if plan.learns else "predict"
    skipping = [weight.name for stage in plan.stages for weight in map(skips_zeros_of, stage.steps) if weight]
    kinds = 1 if not plan.learns else len(stealable(plan.stages)) if plan.steals else 0
    call = loaded.function(entry, None, ctypes.c_int64, ctypes.c_void_p)
    return LoadedPlan(plan, loaded, loaded.address(entry), call, tuple(skipping), kinds, measured)


class Plans:
    """The plans of a spec, each made and compiled when it is first asked for.

    Parameters:
        spec, machine, threads: as for `make_plan`.

    `training` is what one step does; `layout` is that of the state.
    """

    def __init__(self, spec: CompileSpec, machine: Machine, threads: int) -> None:
        self.spec, self.machine, self.threads = spec, machine, threads
        self._plans: dict[str, Plan] = {}
        self._loaded: dict[tuple[str, Target], LoadedPlan] = {}
        # The parts that cannot be planned are found before anything runs.
        self.training = self.plan(GRADIENT if spec.optimizer.full_batch else TRAIN)
        with floating_point_mode.own():
            self.layout = StateLayout(spec, (self.training, make_plan(spec, PREDICT, machine, 1)))

    def plan(self, purpose: str) -> Plan:
        """The plan for a purpose.

        Raises:
            EngineError: the spec asks for something that this engine does not have.
        """
        known = self._plans.get(purpose)
        if known is None:
            # Constants of the code are rounded here.
            with floating_point_mode.own():
                known = self._plans[purpose] = make_plan(self.spec, purpose, self.machine, self.threads)
        return known

    def loaded(self, purpose: str, target: Target) -> LoadedPlan:
        """The plan for a purpose with its code."""
        known = self._loaded.get((purpose, target))
        if known is None:
            with floating_point_mode.own():
                known = self._loaded[purpose, target] = load_plan(self.plan(purpose), target)
        return known


def plans_of(spec: CompileSpec, machine: Machine, threads: int) -> Plans:
    """The memoized plans of a spec.

    Raises:
        EngineError: the spec asks for something that this engine does not have.
    """
    values = _planned_values(spec)
    # The learning rate is one of the scalars of each step.
    optimizer = at_unit_rate(values[_OPTIMIZER])
    return _plans((*values[:_OPTIMIZER], optimizer, *values[_OPTIMIZER + 1 :]), machine, threads)


@memoize
def _plans(values: tuple[Any, ...], machine: Machine, threads: int) -> Plans:
    return Plans(CompileSpec(**dict(zip(_PLANNED, values, strict=True))), machine, threads)
