"""Stages: what threads do between two barriers, what of it is dealt out, and whether it can be given up half-way."""

from __future__ import annotations

from ranvier.native.plan import steps as s
from ranvier.native.plan.sparse import MOVE, SparseGradient
from ranvier.native.plan.steps import ColumnStep, RowStep
from ranvier.records import record

FEWEST_ROWS = 64
"""The rows of the smallest part that is dealt out: fewer would read all weights for little work."""
WORDS_A_SHARE = 16
"""The distance of words that different threads write: pairs of cache lines are fetched together."""


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


def dealt(stages: tuple[Stage, ...]) -> dict[tuple[int, int], int]:
    """What is dealt out among threads, numbered: rows of a stage as (stage, 0), units of a weight as (stage, step)."""
    places = []
    for number, stage in enumerate(stages):
        if stage.rows:
            places.append((number, 0))
        places += [(number, at) for at, step in enumerate(stage.steps) if isinstance(step, s.WeightGradient)]
    return {place: number for number, place in enumerate(places)}
