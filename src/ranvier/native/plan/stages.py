"""Stages: what threads do between two barriers, and whether a step can be given up in the middle of one."""

from __future__ import annotations

from ranvier.native.plan import steps as s
from ranvier.native.plan.sparse import MOVE, SparseGradient
from ranvier.native.plan.steps import ColumnStep, RowStep
from ranvier.records import record


@record
class Stage:
    """Steps that run without waiting: all of them RowSteps, or all of them ColumnSteps.

    `stoppable`: the stage moves nothing of the state, and may be given up, and with it the whole step of training.
    """

    rows: bool
    steps: tuple[RowStep | ColumnStep, ...]
    stoppable: bool = False


def moves(step: RowStep | ColumnStep) -> bool:
    """Whether a step changes the training state."""
    if isinstance(step, SparseGradient):
        return step.purpose == MOVE
    if isinstance(step, s.WeightGradient | s.VectorGradient):
        return not step.store
    return isinstance(step, s.Update | s.RunningStatistics)
