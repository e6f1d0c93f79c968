"""How the work of products is cut: K-blocks of long chains, blocks of weight gradients, parts of the batch; packing.

Nothing of it changes a bit. It decides what stays in which cache, and how much a thread takes at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from ranvier.engine.problem import Problem
from ranvier.native.plan.steps import Back, Buffer, Forward, Step, WeightGradient

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


class Cuts:
    """Decides the cuts of one plan.

    Parameters:
        trains: whether the plan is for training steps; others do not pack.
        parts: whether batches may have any number of rows, so that they are always taken in parts.
        rows: how many rows a thread takes through all layers at once.
        l2: bytes of the L2 cache.
    """

    def __init__(self, problem: Problem, trains: bool, parts: bool, rows: int, l2: int) -> None:
        self.batch, self.trains, self.parts, self.rows, self.l2 = problem.batch_size, trains, parts, rows, l2
        self.width = 8 if problem.precision == "float64" else 4

    def far(self, numbers: int) -> bool:
        """Whether so many numbers are too many for the L2 cache."""
        return numbers * self.width > self.l2

    def k_block(self, length: int) -> int:
        """The length of the K-blocks of chains of this length; 0 for chains that are not cut."""
        if length <= LONG_CHAIN or self.rows * length * self.width <= self.l2 * 3 // 4:
            return 0
        fitting = self.l2 // 2 // (self.rows * self.width) // 64 * 64
        return max(128, min(LONG_CHAIN, fitting))

    def packs_rows(self, panels: Buffer) -> bool:
        """Whether a product packs its rows: where it has K-blocks, and many panels read them."""
        block = self.k_block(panels.rows)
        return self.trains and block > 0 and panels.group_panels >= PACKED_PANELS

    def unit(self, x: Buffer, weight: Buffer) -> tuple[int, int, bool, bool]:
        """How the gradient of a weight is cut: `block`, `part`, `far` and `packed` of a `WeightGradient`."""
        far = self.far((x.columns + weight.columns) * self.batch)
        packs = self.trains and weight.groups == 1 and self.batch >= PACKED_ROWS and weight.panels >= PACKED_PANELS
        for block in (2 * BLOCK, BLOCK) if packs else ():
            if weight.rows >= PACKED_BLOCKS * block and not self.far(2 * block * self.batch):
                return block, self._part(PACKED_PART), far, True
        return BLOCK, self._part(PART), far, False

    def errors_kind(self, x: Buffer, weight: Buffer, back: bool) -> str:
        """How the errors of a layer lie best: by panels, where its gradient reads them from afar, and no single rows.

        Parameters:
            x, weight: of the layer.
            back: whether its errors go through a data gradient, too.
        """
        _, _, far, packed = self.unit(x, weight)
        if weight.kind == "table" or not (far and packed):
            return "rows"
        transposed = Buffer("transposed", -1, "weight", weight.rows, weight.columns)
        return "rows" if back and not self.packs_rows(transposed) else "panels"

    def bench(self, steps: Iterable[Step]) -> int:
        """Numbers that a thread packs at most in these steps, for each row of the batch."""
        packed = [step for step in steps if isinstance(step, Forward | Back | WeightGradient) and step.packed]
        rows = (self.batch if isinstance(step, WeightGradient) else self.rows for step in packed)
        most = max((each * step.block for each, step in zip(rows, packed, strict=True)), default=0)
        return -(-(most + BESIDE_PACKED) // self.batch) if packed else 0

    def _part(self, rows: int) -> int:
        return rows if self.parts or self.batch > rows * 5 // 4 else 0
