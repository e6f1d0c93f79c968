"""How the work of products is cut: K-blocks of long chains, blocks of weight gradients, parts of the batch; packing.

Nothing of it changes a bit. It decides what stays in which cache, and how much a thread takes at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from ranvier.engine.problem import Problem
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.steps import Back, Forward, Step, WeightGradient
from ranvier.native.scheduling.tiles import GRAINS, Registers, at_once, exact_heights

LONG_CHAIN = 512
"""Layers with more inputs are cut into K-blocks where their rows do not stay in the L2 cache."""

BLOCK = 48
"""Rows of a weight in a unit of its gradient: full tiles, and whole panels of the transposed weight."""

PART, PACKED_PART = 128, 256
"""Batch rows that a unit takes at once, so that its errors stay in the L1 cache, and its inputs where not packed."""

PACKED_ROWS, PACKED_PANELS, PACKED_BLOCKS = 64, 8, 4
"""The fewest batch rows, panels of a weight and blocks of its rows for which packing pays."""

BESIDE_PACKED = 64
"""Numbers that packing may write beyond what it packs."""

SHARED_WEIGHTS = 2**14, 2**21
"""The fewest and the most weights whose panels threads share: few are soon read, and many are in no cache."""
SHARED_COLUMNS = 2
"""The fewest columns of such a weight for each row of the batch, which all threads read."""
SHARED_ROW = 2**16
"""The fewest weights that two cores share for a single row: fewer are read before the other core has noticed."""
CHAINS, MOST_PIECES = 8, 2**16 - 1
"""Registers of chains in a piece of a single row: as many as keep the units busy; and the most pieces there may be."""
EVEN = 1.15
"""How much more than its part of the work a thread may have to do where panels do not come out even."""


class Cuts:
    """Decides the cuts of one plan.

    Parameters:
        trains: whether the plan is for training steps; others do not pack.
        parts: whether batches may have any number of rows, so that they are always taken in parts.
        threads: how many share the work.
        rows: how many rows a thread takes through all layers at once.
        registers, l2: of the processor; bytes of the L2 cache.
    """

    def __init__(
        self, problem: Problem, trains: bool, parts: bool, threads: int, rows: int, registers: Registers, l2: int
    ) -> None:
        self.batch, self.trains, self.parts, self.rows, self.l2 = problem.batch_size, trains, parts, rows, l2
        self.threads, self.registers = threads, registers
        self.width = 8 if problem.precision == "float64" else 4

    def far(self, numbers: int) -> bool:
        """Whether so many numbers are too many for the L2 cache."""
        return numbers * self.width > self.l2

    def across(self, weight: Buffer) -> int:
        """How many panels belong together where threads share the panels of a product; 0 where they share the rows.

        Sharing panels, each reads weights that it moved itself in the step before, which are in its own cache. Sharing
        rows, it reads all weights, most of which another core has just written: for small batches that takes as long
        as the product, above all between cores that share no cache. In exchange, each thread reads all rows.
        """
        known = self.trains and self.threads > 1 and weight.kind == "weight" and weight.groups == 1
        least, most = SHARED_WEIGHTS
        fits = least <= weight.rows * weight.columns <= most and weight.columns >= SHARED_COLUMNS * self.batch
        if not (known and fits and self._even(weight, gradient_panels(weight, self.registers))):
            return 0
        grains = (grain for grain in GRAINS if grain <= self.registers.panels(height=2))
        return next((grain for grain in grains if self._even(weight, grain)), 0)

    def _even(self, weight: Buffer, grain: int) -> bool:
        """Whether threads that share the panels of a weight, so many together, have about the same to do."""
        pieces = -(-weight.panels // grain)
        return -(-pieces // self.threads) * self.threads <= pieces * EVEN

    def product(self, panels: Buffer) -> tuple[int, bool, int]:
        """How a product is cut: `block`, `packed` and `across` of a `Forward` or `Back`."""
        return self.k_block(panels), self.packs_rows(panels), self.across(panels)

    def rows_at_once(self, panels: Buffer) -> int:
        """How many rows of the batch a thread takes at once through a product."""
        return at_once(self.batch) if self.across(panels) else self.rows

    def k_block(self, panels: Buffer) -> int:
        """The length of the K-blocks of a product's chains; 0 for chains that are not cut."""
        length, rows, shared = panels.rows, self.rows_at_once(panels), self.across(panels)
        if length <= LONG_CHAIN or rows * length * self.width <= (self.l2 if shared else self.l2 * 3 // 4):
            return 0
        fitting = self.l2 // 2 // (rows * self.width) // 64 * 64
        return max(128, min(LONG_CHAIN, fitting))

    def packs_rows(self, panels: Buffer) -> bool:
        """Whether a product packs its rows: where it has K-blocks, and many panels read them."""
        return self.trains and self.k_block(panels) > 0 and panels.group_panels >= PACKED_PANELS

    def unit(self, x: Buffer, weight: Buffer) -> tuple[int, int, bool, bool, bool]:
        """How the gradient of a weight is cut: `block`, `part`, `far`, `packed`, `across` of a `WeightGradient`."""
        across = self.across(weight) > 0
        far = self.far((x.columns + weight.columns) * self.batch)
        packs = self.trains and weight.groups == 1 and self.batch >= PACKED_ROWS and weight.panels >= PACKED_PANELS
        for block in (2 * BLOCK, BLOCK) if packs else ():
            if weight.rows >= PACKED_BLOCKS * block and not self.far(2 * block * self.batch):
                return block, self._part(PACKED_PART), far, True, across
        return BLOCK, self._part(PART), far, False, across

    def errors_kind(self, x: Buffer, weight: Buffer, back: bool) -> str:
        """How the errors of a layer lie best: by panels, where its gradient reads them from afar, and no single rows.

        Parameters:
            x, weight: of the layer.
            back: whether its errors go through a data gradient, too.
        """
        _, _, far, packed, _ = self.unit(x, weight)
        if weight.kind == "table" or not (far and packed):
            return "rows"
        transposed = Buffer("transposed", -1, "weight", weight.rows, weight.columns)
        return "rows" if back and not self.packs_rows(transposed) else "panels"

    def packing_columns(self, steps: Iterable[Step]) -> int:
        """Numbers that a thread packs at most in these steps, for each row of the batch."""
        packed = [step for step in steps if isinstance(step, Forward | Back | WeightGradient) and step.packed]
        rows = (
            self.batch if isinstance(step, WeightGradient) else self.rows_at_once(step.panels_of) for step in packed
        )
        most = max((each * step.block for each, step in zip(rows, packed, strict=True)), default=0)
        return -(-(most + BESIDE_PACKED) // self.batch) if packed else 0

    def _part(self, rows: int) -> int:
        return rows if self.parts or self.batch > rows * 5 // 4 else 0


def gradient_panels(weight: Buffer, registers: Registers) -> int:
    """How many panels a tile of a weight's gradient takes."""
    return min(registers.panels(exact_heights(weight.rows, registers)[0]), weight.group_panels)


def row_pieces(weight: Buffer, registers: Registers) -> int:
    """How many panels are a piece of the product of a single row, which two cores share; 0 where one is enough."""
    large = weight.kind == "weight" and weight.groups == 1 and weight.rows * weight.columns >= SHARED_ROW
    grain = max(1, CHAINS // registers.per_panel)
    return grain if large and weight.panels <= MOST_PIECES * grain else 0


def shares_row(steps: Iterable[Step], registers: Registers) -> bool:
    """Whether there is a product of a single row among these steps that two cores share."""
    return any(isinstance(step, Forward) and row_pieces(step.weight, registers) > 0 for step in steps)
