"""How products are blocked on a machine: K-blocks, blocks of weight gradients and of the batch, packing, shared panels.

It changes no bit of a result. It decides what stays in which cache, and how much a thread computes at once. The terms
are those of scheduled.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from ranvier.engine import CompileSpec
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.steps import Back, Forward, WeightGradient
from ranvier.native.scheduling.layouts import group_panels_of, panels_of
from ranvier.native.scheduling.pairs import half, takes_pairs
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.scheduled import Scheduled, ScheduledProduct, ScheduledWeightGradient
from ranvier.native.scheduling.tiles import FEW_REGISTERS, GRAINS, PANEL, Registers, at_once, exact_heights

MAX_UNBLOCKED_K = 512
"""K is blocked in layers with more inputs, where their rows do not stay in the L2 cache."""

MIN_K_BLOCK, K_BLOCK_STEP = 128, 64
"""The shortest K-block for the L2 cache, and what its length is a multiple of."""
MAX_L2_OF_ROWS = 3 / 4
"""The fraction of the L2 cache that rows may take, beside the panels that each row meets, without blocks of K."""
L1_OF_PANEL = 5 / 8
"""The share of the L1 cache for the K-block of a panel, beside rows."""
REREAD_PANELS = 16
"""The fewest panels of a weight for which K is blocked for the L1 cache, since rows are packed for that."""

BLOCK = 48
"""Rows of a weight in a unit of its gradient: full tiles, and whole panels of the transposed weight."""

L1_OF_ROW, L1_OF_PACKED_ROW = 256, 128
"""Bytes of L1 cache that a unit's batch block has for each of its rows: for errors, inputs and weights, or errors and
packed inputs, which the processor fetches ahead. That is 128 and 256 rows where the cache has 32 KiB."""

PACKED_ROWS, PACKED_PANELS, PACKED_BLOCKS = 64, 8, 4
"""The fewest batch rows, panels of a weight and blocks of its rows for which packing pays."""

MIN_BATCH_BLOCK = 32
"""Batch rows below which a block is not worth storing and loading its sums."""

PACKED_PADDING = 64
"""Numbers that packing may write after the end of what it packs."""

MIN_SPLIT_N_WEIGHTS, MAX_SPLIT_N_WEIGHTS = 2**14, 2**21
"""How large a weight is whose panels threads share: fewer numbers are read soon, and more are in no cache."""
MIN_COLUMNS_PER_ROW = 2
"""Columns that such a weight has for each row of the batch, at least: all threads read the rows."""
MIN_HELPED_WEIGHTS = 2**16
"""How large a weight is whose product with a single row two cores share: smaller ones are read before the other core
has noticed."""
PIECE_REGISTERS, MAX_ROW_PIECES = 8, 2**16 - 1
"""Registers of sums in a piece of the product of a single row: as many as keep the FMA units busy; and how many pieces
there may be."""
MAX_IMBALANCE = 1.15
"""How much more work than the mean a thread may have where panels are shared."""


class Blocking:
    """Decides how the products of one plan are blocked.

    Parameters:
        trains: whether the plan is for training steps; others do not pack.
        any_batch: whether batches may have any number of rows, so that they are always blocked.
        threads: how many share the work.
        rows: how many rows a thread computes at once, through all layers.
    """

    def __init__(
        self, spec: CompileSpec, trains: bool, any_batch: bool, threads: int, rows: int, machine: Machine
    ) -> None:
        self.batch, self.trains, self.any_batch, self.rows = spec.batch_size, trains, any_batch, rows
        self.threads, self.registers, self.l1, self.l2 = threads, machine.registers, machine.l1, machine.l2
        self.pairs = machine.pairs
        self.width = 8 if spec.precision == "float64" else 4

    def beyond_l2(self, numbers: int) -> bool:
        """Whether so many numbers are too many for the L2 cache."""
        return numbers * self.width > self.l2

    def split_n(self, weight: Buffer) -> int:
        """How many panels belong together where threads share the panels of a product; 0 where they share the rows.

        Sharing panels, each reads weights that it updated itself in the step before, which are in its cache. Sharing
        rows, it reads all weights, most of which another core has just written: for small batches that takes as long
        as the product, above all between cores that share no cache. In exchange, each thread reads all rows.
        """
        possible = self.trains and self.threads > 1 and weight.kind in ("weight", "pairs") and weight.groups == 1
        fits = MIN_SPLIT_N_WEIGHTS <= weight.rows * weight.columns <= MAX_SPLIT_N_WEIGHTS
        fits = fits and weight.columns >= MIN_COLUMNS_PER_ROW * self.batch
        if not (possible and fits and self._shared_strip(weight)):
            return 0
        grains = (grain for grain in GRAINS if grain <= self.registers.panels(height=2))
        return next((grain for grain in grains if self._balanced(weight, grain)), 0)

    def _shared_strip(self, weight: Buffer) -> int:
        """How many panels a tile of a weight's gradient takes where threads share them; 0 if none balances the work."""
        widest = gradient_panels(weight, self.registers)
        strips = (widest, *(grain for grain in GRAINS if grain < widest))
        return next((strip for strip in strips if self._balanced(weight, strip)), 0)

    def _balanced(self, weight: Buffer, grain: int) -> bool:
        """Whether threads that share the panels of a weight, `grain` together, have about the same work."""
        pieces = -(-panels_of(weight) // grain)
        return -(-pieces // self.threads) * self.threads <= pieces * MAX_IMBALANCE

    def product(self, step: Forward | Back) -> ScheduledProduct:
        """How a product is blocked."""
        matrix = step.matrix
        blocks = self.k_block(matrix), self.packs_rows(matrix), self.split_n(matrix)
        return ScheduledProduct(step, *blocks, pairs=matrix.kind == "pairs")

    def rows_at_once(self, panels: Buffer) -> int:
        """How many rows of the batch a thread computes at once in a product."""
        return at_once(self.batch) if self.split_n(panels) else self.rows

    def k_block(self, panels: Buffer) -> int:
        """The length of a product's K-blocks; 0 where K is not blocked."""
        length, rows, shared = panels.rows, self.rows_at_once(panels), self.split_n(panels)
        room = self.l2 if shared else self.l2 * MAX_L2_OF_ROWS
        in_l2 = length <= MAX_UNBLOCKED_K or rows * length * self.width <= room
        fitting = self.l2 // 2 // (rows * self.width) // K_BLOCK_STEP * K_BLOCK_STEP
        block = length if in_l2 else max(MIN_K_BLOCK, min(MAX_UNBLOCKED_K, fitting))
        l1_blocks = self._l1_blocks(panels, rows)
        if l1_blocks == 1:
            return 0 if in_l2 else block
        return -(-length // max(l1_blocks, -(-length // block)) // PANEL) * PANEL

    def _l1_blocks(self, panels: Buffer, rows: int) -> int:
        """How many K-blocks of a panel stay in the L1 cache from tile to tile; 1 where that does not pay.

        Without blocks the processor reads the whole panel from the L2 cache for each tile. With them, rows are packed
        and sums wait in memory between blocks.
        """
        reread = self.registers.count <= FEW_REGISTERS and rows >= PACKED_ROWS
        if not (self.trains and reread and group_panels_of(panels) >= REREAD_PANELS):
            return 1
        return max(1, round(panels.rows * PANEL * self.width / (self.l1 * L1_OF_PANEL)))

    def packs_rows(self, panels: Buffer) -> bool:
        """Whether a product packs its rows: where it has K-blocks, and many panels read them."""
        return self.trains and self.k_block(panels) > 0 and group_panels_of(panels) >= PACKED_PANELS

    def weight_gradient(self, step: WeightGradient) -> ScheduledWeightGradient:
        """How the gradient of a weight is blocked."""
        weight, pairs = step.trained.value, self.pairs and takes_pairs(step)
        batch = half(self.batch) if pairs else self.batch
        split_n = self.split_n(weight) > 0
        panels = self._shared_strip(weight) if split_n else gradient_panels(weight, self.registers)
        # Tiles of few rows end before what they prefetch is there, and the processor's own prefetching is quicker.
        prefetched = self.registers.count > FEW_REGISTERS or self.batch >= PACKED_ROWS
        beyond_l2 = self.beyond_l2((step.x.columns + weight.columns) * batch)
        packs = self.trains and weight.groups == 1 and self.batch >= PACKED_ROWS and panels_of(weight) >= PACKED_PANELS
        for block in (2 * BLOCK, BLOCK) if packs else ():
            if weight.rows >= PACKED_BLOCKS * block and not self.beyond_l2(2 * block * batch):
                batch_block = self._batch_block(L1_OF_PACKED_ROW, batch)
                return ScheduledWeightGradient(step, panels, block, batch_block, beyond_l2, True, split_n, pairs=pairs)
        batch_block = self._batch_block(L1_OF_ROW, batch)
        return ScheduledWeightGradient(
            step, panels, BLOCK, batch_block, beyond_l2, False, split_n, prefetched, pairs=pairs
        )

    def errors_by_panels(self, reader: WeightGradient, back: Back | None) -> bool:
        """Whether the errors of a layer are stored by panels: its gradient reads them from beyond the L2 cache, and no
        step reads single rows.

        Parameters:
            reader: the weight gradient of the layer.
            back: its data gradient, where it has one.
        """
        gradient = self.weight_gradient(reader)
        return gradient.beyond_l2 and gradient.packed and (back is None or self.packs_rows(back.transposed))

    def packing_columns(self, steps: Iterable[Scheduled]) -> int:
        """How many numbers a thread packs in these steps at most, for each row of the batch."""
        largest = 0
        for scheduled in steps:
            if isinstance(scheduled, ScheduledWeightGradient) and scheduled.packed:
                batch = half(self.batch) if scheduled.pairs else self.batch
                largest = max(largest, batch * scheduled.row_block)
            if isinstance(scheduled, ScheduledProduct) and scheduled.packed:
                largest = max(largest, self.rows_at_once(scheduled.step.matrix) * scheduled.k_block)
        return -(-(largest + PACKED_PADDING) // self.batch) if largest else 0

    def _batch_block(self, l1_of_row: int, batch: int) -> int:
        rows = max(MIN_BATCH_BLOCK, self.l1 // l1_of_row // PANEL * PANEL)
        return rows if self.any_batch or batch > rows * 5 // 4 else 0


def gradient_panels(weight: Buffer, registers: Registers) -> int:
    """How many panels a tile of a weight's gradient has where threads share its rows, too."""
    return min(registers.panels(exact_heights(weight.rows, registers)[0]), group_panels_of(weight))


def row_pieces(weight: Buffer, registers: Registers) -> int:
    """How many panels a piece of the product of a single row has, if two cores share it; 0 if one computes it."""
    dense = weight.kind in ("weight", "pairs") and weight.groups == 1
    large = dense and weight.rows * weight.columns >= MIN_HELPED_WEIGHTS
    grain = max(1, PIECE_REGISTERS // registers.per_panel)
    return grain if large and panels_of(weight) <= MAX_ROW_PIECES * grain else 0


def shares_row(steps: Iterable[Scheduled], registers: Registers) -> bool:
    """Whether there is a product of a single row among these steps that two cores share."""
    forward = (scheduled.step for scheduled in steps if isinstance(scheduled.step, Forward))
    return any(row_pieces(step.weight, registers) > 0 for step in forward)
