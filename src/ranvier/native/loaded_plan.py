"""A plan with its compiled code, loaded into this process."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ranvier.native.compiled import library
from ranvier.native.machine.target import Target
from ranvier.native.scheduling.plan import Plan
from ranvier.native.scheduling.scheduled import skips_zeros_of
from ranvier.native.scheduling.stages import stealable
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.native.machine.llvm import Library


@record(eq=False)
class LoadedPlan:
    """A plan whose code is loaded into this process.

    Fields:
        plan, code: what it does, and the library with its code.
        entry, call: the address of its entry, and the same as a function of (thread, address of the arguments).
        skipping: the names of the weights whose products leave out inputs that are 0.
        stealable: how many kinds of work idle threads may steal.
        measured: whether it measures the time of each step.
        cancellable: whether a step can be cancelled.
    """

    plan: Plan
    code: Library
    entry: int
    call: Callable[..., Any]
    skipping: tuple[str, ...]
    stealable: int
    measured: bool
    cancellable: bool

    def function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        """A function of the code, by name, as one of Python that takes and gives these types of ctypes."""
        return self.code.function(name, result, *arguments)


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
    return LoadedPlan(plan, loaded, loaded.address(entry), call, tuple(skipping), kinds, measured, plan.cancellable)
