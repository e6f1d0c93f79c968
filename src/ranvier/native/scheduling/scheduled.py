"""A step and how it runs on one machine. B rows of a batch, K inputs, N outputs of a layer.

Nothing here changes a bit of a result. A product C = A B of M x K times K x N is computed in tiles of h rows by v
panels of 16 columns, which stay in registers while the processor walks along K:

                       N, panel by panel                       forward and data gradient:
                     +----+----+----+----+                         A: rows of the batch, B: panels of the weight
                   K |    |  B |    |    |                         `k_block`: so much of K before the next rows
                     +----+----+----+----+                         `split_n`: threads share N, else M
        K                                                      weight gradient:
    +---------+      +----+----+----+----+                         A: inputs, transposed; B: errors; K: the batch
    |    A    |  h > |    |tile|    |    | M                       `row_block`: so much of M is a unit of work
    +---------+      +----+----+----+----+                         `batch_block`: so much of the batch at once
"""

from __future__ import annotations

from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.sparse import SparseGradient
from ranvier.native.lowering.steps import Back, Forward, Gather, LossStep, Rounding, Step, WeightGradient
from ranvier.records import record


@record
class Scheduled:
    """A step, and how it runs; steps of other kinds than those below leave nothing to decide."""

    step: Step


@record
class ScheduledProduct(Scheduled):
    """A `Forward` or `Back`.

    Fields:
        k_block: the length of the blocks that K is cut into, or 0.
        packed: rows are packed before they are read.
        split_n: how many panels of the weight belong together where threads share those; 0 where they share the rows.
        nonzeros: where the indices of the inputs that are not 0 are noted; None where zeros are never left out.
        pairs: rows and weight hold pairs, see pairs.py.
    """

    step: Forward | Back
    k_block: int
    packed: bool
    split_n: int = 0
    nonzeros: Buffer | None = None
    pairs: bool = False

    @property
    def length(self) -> int:
        """The terms of each sum, K; of pairs with the one that fills up the last."""
        return self.step.matrix.rows * (2 if self.pairs else 1)


@record
class ScheduledWeightGradient(Scheduled):
    """A `WeightGradient`.

    Fields:
        panels: how many panels of the weight a tile takes.
        row_block: the rows of the weight that a unit of work takes.
        batch_block: the rows of the batch that it takes at once, so that their errors stay in the L1 cache; 0 for all.
        beyond_l2: what the batch left for it does not stay in the L2 cache.
        packed: the inputs of a block are packed before they are read.
        split_n: a thread's share is some panels with all their rows, those that it reads in the forward pass.
        prefetched: what an update reads is prefetched with its tile.
        next_row: how many numbers a row of the next batch has, if those rows are prefetched on the way; else 0.
        pairs: inputs and errors hold pairs of rows, see pairs.py; their rows are half as many.
    """

    step: WeightGradient
    panels: int
    row_block: int
    batch_block: int
    beyond_l2: bool
    packed: bool
    split_n: bool = False
    prefetched: bool = True
    next_row: int = 0
    pairs: bool = False


@record
class ScheduledGather(Scheduled):
    """A `Gather` that makes pairs of the rows in place of x: `columns` and `rows` as of a `ScheduledRounding`."""

    step: Gather
    columns: Buffer | None
    rows: Buffer


@record
class ScheduledRounding(Scheduled):
    """A `Rounding` that also makes pairs.

    Fields:
        writes_y: y is written, too.
        columns: where pairs of columns go, (B, K / 2); None where nobody reads them.
        rows: where pairs of rows go, (B / 2, K); None where nobody reads them.
    """

    step: Rounding
    writes_y: bool
    columns: Buffer | None
    rows: Buffer | None


@record
class ScheduledLoss(Scheduled):
    """A `LossStep`. `together`: 16 rows are computed at once."""

    step: LossStep
    together: bool


@record
class ScheduledSparseGradient(Scheduled):
    """A `SparseGradient`: each thread chains the entries of its columns into lists.

    Fields:
        heads: for each of the K columns, where its list of entries begins; 0 between steps.
        links: room of each thread for the entries of its columns.
    """

    step: SparseGradient
    heads: Buffer
    links: Buffer


def skips_zeros_of(scheduled: Scheduled) -> Buffer | None:
    """The weight of a product that leaves out inputs that are 0; None for every other step."""
    if isinstance(scheduled, ScheduledProduct) and scheduled.nonzeros is not None:
        assert isinstance(scheduled.step, Forward)
        return scheduled.step.weight
    return None
