"""How far the columns of a table are spelled out for a network: the choice, and the encoder of each column for it."""

from __future__ import annotations

import polars as pl

from ranvier.data.encoders.basis import BasisEncoder
from ranvier.data.encoders.boolean import BooleanEncoder
from ranvier.data.encoders.category import CategoryEncoder
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.date import DateEncoder
from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.schema import ColumnPlan
from ranvier.records import record

Encoders = type[NumberEncoder] | type[BooleanEncoder] | type[CategoryEncoder] | type[DateEncoder]
COLUMN_ENCODERS: dict[str, Encoders] = {
    "number": NumberEncoder,
    "boolean": BooleanEncoder,
    "category": CategoryEncoder,
    "date": DateEncoder,
}
"""The encoder of a column of each kind, where it is not spelled out."""
ROWS_A_WAVE, ROWS_A_RAMP = 100, 50


@record
class Features:
    """What a column of numbers and a column of categories become.

    Fields:
        waves: pairs of cosine and sine for a number.
        bins: ramps between quantiles for a number.
        most: the inputs that all numbers together may become; with many columns each gets fewer ramps, then fewer
            waves.
        fewest: rows that a category needs for a place of its own; rarer ones share one.

    >>> Features(waves=4, bins=32, most=400, fewest=2).shared(20, rows=5_000)
    Features(waves=4, bins=11, most=400, fewest=2)
    >>> Features(waves=4, bins=32, most=400, fewest=2).shared(3, rows=300)
    Features(waves=3, bins=6, most=400, fewest=2)
    """

    waves: int
    bins: int
    most: int
    fewest: int

    def shared(self, columns: int, rows: int) -> Features:
        """The same with as many ramps and waves as so many columns of numbers leave room for, and so many rows bear.

        A ramp needs 50 rows and a wave 100, so that few rows are not learned by heart.
        """
        each = self.most // max(columns, 1)
        waves = max(min(self.waves, rows // ROWS_A_WAVE, (each - 1) // 2), 0)
        bins = max(min(self.bins, rows // ROWS_A_RAMP, each - 1 - 2 * waves), 0)
        return Features(waves, bins, self.most, self.fewest)

    def spells(self, plan: ColumnPlan) -> bool:
        """Whether a column is spelled out: numbers of more than two values."""
        return plan.kind == "number" and plan.distinct > 2

    def encoder(self, plan: ColumnPlan, cells: pl.Series) -> ColumnEncoder:
        """The encoder of one column, learned from its cells in the training rows.

        Raises:
            DataError: a cell is not what the column's kind asks for.
        """
        if self.spells(plan):
            return BasisEncoder.fit(cells, self.waves, self.bins)
        if plan.kind == "category":
            return CategoryEncoder.fit(cells, self.fewest)
        return COLUMN_ENCODERS[plan.kind].fit(cells)
