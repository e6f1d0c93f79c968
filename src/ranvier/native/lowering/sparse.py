"""Steps on the CSR block of the inputs, which the first layer reads. K = D + S inputs, N outputs.

The weights of the S columns are a table, whose rows are read one by one: those of the columns that a row of the batch
holds. Those of D dense columns are a weight like any other, with steps of its own. The accumulator of a weighted sum
starts at the bias, goes over the dense columns, is stored, and goes on over the entries of the row in ascending column.
"""

from __future__ import annotations

from dataclasses import replace

from ranvier.engine import CompileSpec
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.steps import ColumnStep, RowStep, Trained, Update
from ranvier.network.activations import Activation
from ranvier.network.parameters import Entry
from ranvier.records import record

UPDATE, MEASURE, KEEP = "update", "measure", "keep"
"""What becomes of the gradient of a table."""


CSR_PART = "_csr"
"""What stands behind the name of the first layer's weight where it is cut: the part of the CSR columns."""


def entries(spec: CompileSpec) -> tuple[Entry, ...]:
    """The pieces of the flat array as compiled code keeps them: the first weight is cut between the inputs' blocks.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> network = Network(5, [Dense(3)])
    >>> spec = CompileSpec(network, loss("squared_error"), SGD(), batch_size=1, mean_nnz=2, n_dense=1)
    >>> [(entry.name, entry.shape, entry.offset) for entry in entries(spec)]
    [('layers.0.weight', (1, 3), 0), ('layers.0.weight_csr', (4, 3), 3), ('layers.0.bias', (3,), 15)]
    """
    first, n_dense = f"{spec.csr_layer.path}.weight", spec.n_dense
    pieces: list[Entry] = []
    for entry in spec.network.parameter_table:
        if not (spec.sparse and n_dense) or entry.name != first:
            pieces.append(entry)
            continue
        columns = entry.shape[1]
        pieces.append(replace(entry, shape=(n_dense, columns)))
        rest = (entry.shape[0] - n_dense, columns)
        pieces.append(replace(entry, name=first + CSR_PART, shape=rest, offset=entry.offset + n_dense * columns))
    return tuple(pieces)


def table_name(spec: CompileSpec) -> str | None:
    """The name of the piece that is a table; None where there is none."""
    first = f"{spec.csr_layer.path}.weight"
    return None if not spec.sparse else first + CSR_PART if spec.n_dense else first


@record
class SparseForward(RowStep):
    """z = x W + b, y = activation(z) for CSR rows x, which are read where they lie; W is a table.

    Where `start` is there, the sums over the dense columns and the bias, accumulators go on from it: z = start + x W.
    `bfloat16` as of a `Forward`.
    """

    path: str
    weight: Buffer
    bias: Buffer | None
    y: Buffer | None
    z: Buffer | None
    activation: Activation
    start: Buffer | None = None
    bfloat16: bool = False


@record
class SparseGradient(ColumnStep):
    """g = x' dz for sparse rows x, for those rows of the table that the batch holds, and what becomes of them.

    Fields:
        purpose: UPDATE updates them, MEASURE writes their squares, KEEP stores g without penalties, which belong to all
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
        return self.purpose == UPDATE
