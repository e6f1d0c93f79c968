"""Stages: what threads do between two barriers, what idle threads may steal, and whether it can be cancelled.

A training step runs its stages one after the other:

    rows      gather, forward, loss, backward     each thread its own rows
    panels    a product of few rows               each thread its own panels of the weight, see `Blocking.split_n`;
                                                  before it, all rows that each gathers for itself
    columns   gradients and updates               each thread its own tiles

BatchNorm cuts the first stage where it needs statistics over all rows; clipping by norm cuts the last one, and so do
long steps of many rows, which can be cancelled until the state is written.
"""

from __future__ import annotations

from collections.abc import Iterable

from ranvier.native.lowering import steps as s
from ranvier.native.lowering.steps import RowStep
from ranvier.native.scheduling.scheduled import Scheduled, ScheduledProduct, ScheduledWeightGradient
from ranvier.records import record

ROWS, PANELS, COLUMNS = "rows", "panels", "columns"
"""What threads share in a stage: the rows of the batch, the panels of a weight with all rows, or what columns need."""

MIN_CHUNK_ROWS = 64
"""Rows of the smallest chunk: for fewer, a thread would read all weights for little work."""
MIN_PACKED_GRAINS = 4
"""Grains of the smallest chunk of panels where each chunk packs the rows again."""
COUNTER_STRIDE = 16
"""Words from the counter of one thread to that of the next: pairs of cache lines are fetched together."""


@record
class Stage:
    """Steps that run without waiting: RowSteps where rows are shared, ColumnSteps where columns are.

    For panels it is one product, or the gathering of all rows by each thread and the product that reads them.

    Fields: `kind`, what threads share. `cancellable`: the stage writes no state and can be cancelled, together with
    the training step.
    """

    kind: str
    steps: tuple[Scheduled, ...]
    cancellable: bool = False


def in_stages(steps: Iterable[Scheduled], cancellable: bool) -> tuple[Stage, ...]:
    """Cut steps into stages: a wait wherever a step needs what other threads compute.

    That is where row steps follow column steps or the other way round, around products whose panels are shared, before
    the sum of squares of all gradients, before an update that waits for all of them, and before norms are limited.

    Parameters:
        cancellable: whether stages that write nothing of the state can be cancelled.
    """
    stages: list[tuple[str, list[Scheduled]]] = []
    for scheduled in steps:
        step = scheduled.step
        kind = ROWS if isinstance(step, RowStep) else COLUMNS
        gathers_all = isinstance(step, s.Gather) and step.x.kind == "copies"
        shares_panels = isinstance(scheduled, ScheduledProduct) and scheduled.split_n > 0
        if gathers_all or shares_panels:
            kind = PANELS
        own_rows = shares_panels and bool(stages) and stages[-1][0] == PANELS and _gathers(stages[-1][1])
        waits = (kind == PANELS and not own_rows) or isinstance(step, s.Norm | s.Update)
        if isinstance(step, s.LimitNorms):
            waits = not isinstance(stages[-1][1][-1].step, s.LimitNorms)
        if not stages or stages[-1][0] != kind or waits:
            stages.append((kind, []))
        stages[-1][1].append(scheduled)
    return tuple(
        Stage(kind, tuple(steps), cancellable and not any(scheduled.step.changes_state for scheduled in steps))
        for kind, steps in stages
    )


def _gathers(steps: list[Scheduled]) -> bool:
    """Whether these steps of a stage are the gathering of rows, and nothing yet that reads them."""
    return isinstance(steps[-1].step, s.Gather)


def stealable(stages: tuple[Stage, ...]) -> dict[tuple[int, int], int]:
    """The work that idle threads may steal from others, numbered.

    Rows or panels of a stage as (stage, 0), units of a weight as (stage, step).
    """
    stealing = []
    for number, stage in enumerate(stages):
        if stage.kind != COLUMNS:
            stealing.append((number, 0))
        stealing += [(number, at) for at, step in enumerate(stage.steps) if isinstance(step, ScheduledWeightGradient)]
    return {work: number for number, work in enumerate(stealing)}
