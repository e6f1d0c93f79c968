"""Stages: what threads do between two barriers, what of it is dealt out, and whether it can be given up half-way."""

from __future__ import annotations

from ranvier.native.lowering import steps as s
from ranvier.native.lowering.sparse import MOVE, SparseGradient
from ranvier.native.lowering.steps import ColumnStep, RowStep
from ranvier.records import record

ROWS, PANELS, COLUMNS = "rows", "panels", "columns"
"""What threads share in a stage: the rows of the batch, the panels of a weight with all rows, or what columns need."""

FEWEST_ROWS = 64
"""The rows of the smallest part that is dealt out: fewer would read all weights for little work."""
FEWEST_PACKED = 4
"""Of how many grains the smallest part of panels is that is dealt out, where each part packs the rows again."""
WORDS_A_SHARE = 16
"""The distance of words that different threads write: pairs of cache lines are fetched together."""


@record
class Stage:
    """Steps that run without waiting: RowSteps where rows are shared, one product for panels, else ColumnSteps.

    Fields: `kind`, what threads share. `stoppable`: the stage moves nothing of the state, and may be given up, and with
    it the whole step of training.
    """

    kind: str
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
    """What is dealt out among threads, numbered.

    Rows or panels of a stage as (stage, 0), units of a weight as (stage, step).
    """
    places = []
    for number, stage in enumerate(stages):
        if stage.kind != COLUMNS:
            places.append((number, 0))
        places += [(number, at) for at, step in enumerate(stage.steps) if isinstance(step, s.WeightGradient)]
    return {place: number for number, place in enumerate(places)}
