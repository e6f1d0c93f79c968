"""Steps on sparse rows: the first layer of a plan whose inputs are mostly zeros. K inputs, N outputs.

Its weight is a table, whose rows are read one by one: those of the inputs that a row of the batch holds.
"""

from __future__ import annotations

from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.steps import ColumnStep, RowStep, Trained, Update
from ranvier.network.activations import Activation
from ranvier.records import record

MOVE, MEASURE, KEEP = "move", "measure", "keep"
"""What becomes of the gradient of a table."""


@record
class SparseForward(RowStep):
    """z = x W + b, y = activation(z) for sparse rows x, which are read where they lie; W is a table."""

    path: str
    weight: Buffer
    bias: Buffer | None
    y: Buffer | None
    z: Buffer | None
    activation: Activation


@record
class SparseGradient(ColumnStep):
    """g = x' dz for sparse rows x, for those rows of the table that the batch holds, and what becomes of them.

    Fields:
        purpose: MOVE updates them, MEASURE writes their squares, KEEP stores g without penalties, which belong to all
            rows.
        squares: the sum of squares of each row's gradient, where norms are clipped.
        clipped: what gradients are scaled by before they move something, where norms are clipped.
    """

    path: str
    dz: Buffer
    trained: Trained
    purpose: str
    squares: Buffer | None = None
    clipped: Update | None = None

    @property
    def changes_state(self) -> bool:
        """Whether the update follows at once."""
        return self.purpose == MOVE
