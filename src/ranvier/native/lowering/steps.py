"""Steps: what is computed, on the buffers of buffers.py. B rows of a batch, K inputs, N outputs of a layer.

A `RowStep` treats the rows of a batch independently of each other. A `ColumnStep` looks at all of them.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.scalars import Scalar
from ranvier.network.activations import Activation
from ranvier.network.layers import Rescale as RescaleLayer
from ranvier.network.losses import Loss
from ranvier.network.parameters import Entry
from ranvier.records import record


class Step:
    """Base of the steps."""

    __slots__ = ()

    @property
    def changes_state(self) -> bool:
        """Whether the step changes the training state."""
        return False


def fields_of(step: Any) -> list[tuple[str, Any]]:
    """The fields of a step, or of another record: names and values."""
    return [(field.name, getattr(step, field.name)) for field in fields(step)]


class RowStep(Step):
    """A step that treats rows independently."""

    __slots__ = ()


class ColumnStep(Step):
    """A step that looks at all rows."""

    __slots__ = ()


@record
class Gather(RowStep):
    """x[b] = inputs[order[b]], converted, and scaled where the network begins with a Rescale."""

    x: Buffer
    scaling: RescaleLayer | None = None


@record
class Forward(RowStep):
    """z = x W + b, y = activation(z); `y` is None for the last layer, `z` where nobody reads it.

    `bfloat16`: x and W are rounded, and the sums are those of `ranvier.engine.bfloat16`.
    """

    path: str
    x: Buffer
    weight: Buffer
    bias: Buffer | None
    y: Buffer | None
    z: Buffer | None
    activation: Activation
    bfloat16: bool = False

    @property
    def matrix(self) -> Buffer:
        """What rows are multiplied with."""
        return self.weight


@record
class Back(RowStep):
    """dx = dz W', times the derivative of `activation`, if there is one, at its z or y, `derivative_input`."""

    path: str
    dz: Buffer
    transposed: Buffer
    dx: Buffer
    activation: Activation | None
    derivative_input: Buffer | None
    from_output: bool

    @property
    def matrix(self) -> Buffer:
        """What rows are multiplied with."""
        return self.transposed


@record
class Derivative(RowStep):
    """dz = dy times the derivative of the activation, computed from its z or its y."""

    dy: Buffer
    derivative_input: Buffer
    dz: Buffer
    activation: Activation
    from_output: bool


@record
class Drop(RowStep):
    """y = x m with m 0 or 1 / (1 - rate), drawn from (seed, step, layer); m is kept."""

    x: Buffer
    factors: Buffer
    y: Buffer
    rate: Scalar
    layer: int


@record
class Multiply(RowStep):
    """y = a b, element by element, where b is a row buffer or a vector that all rows share."""

    a: Buffer
    b: Buffer
    y: Buffer


@record
class Rescale(RowStep):
    """y = x scaled by a fixed factor."""

    x: Buffer
    y: Buffer
    scaling: RescaleLayer


@record
class Add(RowStep):
    """y = a + b, element by element."""

    a: Buffer
    b: Buffer
    y: Buffer


@record
class NormalizeRow(RowStep):
    """n = (x - mean) / d over each row, y = scale n + bias; n and d are kept."""

    x: Buffer
    scale: Buffer
    bias: Buffer
    n: Buffer
    deviation: Buffer
    y: Buffer
    epsilon: float


@record
class NormalizeRowBack(RowStep):
    """dx = (dn - mean(dn) - n mean(dn n)) / d with dn = dy scale, over each row."""

    dy: Buffer
    scale: Buffer
    n: Buffer
    deviation: Buffer
    dx: Buffer


@record
class NormalizeColumn(RowStep):
    """n = (x - mean) / sqrt(variance + epsilon) column by column, y = scale n + bias; n may be None."""

    x: Buffer
    mean: Buffer
    variance: Buffer
    scale: Buffer
    bias: Buffer
    n: Buffer | None
    y: Buffer
    epsilon: float


@record
class NormalizeColumnBack(RowStep):
    """dx = scale (dy - dbias / B - n dscale / B) / d column by column, with dscale = sum dy n and dbias = sum dy."""

    dy: Buffer
    n: Buffer
    scale: Buffer
    variance: Buffer
    dscale: Buffer
    dbias: Buffer
    dx: Buffer
    epsilon: float


@record
class ScaleColumn(RowStep):
    """dx = dy scale / sqrt(variance + epsilon) column by column: back through running statistics."""

    dy: Buffer
    scale: Buffer
    variance: Buffer
    dx: Buffer
    epsilon: float


@record
class Rounding(RowStep):
    """y = x rounded to bfloat16; both may be one buffer."""

    x: Buffer
    y: Buffer


@record
class LossStep(RowStep):
    """Row losses from z (or y where the last layer has no activation), and dz of each row times its normalized weight.

    `loss` says nothing of label smoothing: `smoothing` does, where there is any.
    """

    z: Buffer
    dz: Buffer | None
    losses: Buffer
    loss: Loss
    activation: Activation
    smoothing: Scalar | None = None


@record
class Answer(RowStep):
    """outputs[b] = activation(z[b]), packed without padding."""

    z: Buffer
    activation: Activation


@record
class OutputGradient(RowStep):
    """dz from z and v: dz = v times the derivative of `activation`.

    v stands in place of the targets of each row; where `output` is given, it is 1 for this output and 0 for others.
    """

    z: Buffer
    dz: Buffer
    activation: Activation
    output: int | None = None


@record
class InputAnswer(RowStep):
    """outputs[b, first:] = dx[b], packed without padding, in rows of `total` numbers."""

    dx: Buffer
    first: int
    total: int


@record
class ColumnStatistics(ColumnStep):
    """Mean and biased variance of every column over the batch, summed in row order."""

    x: Buffer
    mean: Buffer
    variance: Buffer


@record
class ColumnSums(ColumnStep):
    """sums = sum over the rows of a, or of a b, in row order."""

    a: Buffer
    b: Buffer | None
    sums: Buffer


@record
class Trained:
    """A trained piece of the state: its table entry and buffers.

    `l1` and `l2` are the strengths of its penalties, `decay` of its weight decay, each None where there is none.
    `transposed` is the copy that data gradients read; `gradient` where the gradient goes when it is not used at once;
    `rounded` what products read where that is not the value itself, and what the transposed copy then copies.
    `factor` multiplies the learning rate, where it has one of its own; `non_negative`: no number falls below 0.
    """

    entry: Entry
    value: Buffer
    slots: tuple[Buffer, ...]
    l1: Scalar | None = None
    l2: Scalar | None = None
    decay: Scalar | None = None
    transposed: Buffer | None = None
    gradient: Buffer | None = None
    rounded: Buffer | None = None
    factor: Scalar | None = None
    non_negative: bool = False


@record
class WeightGradient(ColumnStep):
    """g = x' dz, summed in row order, plus penalties; then the update, or g is stored."""

    path: str
    x: Buffer
    dz: Buffer
    trained: Trained
    store: bool

    @property
    def changes_state(self) -> bool:
        """Whether the update follows at once."""
        return not self.store


@record
class VectorGradient(ColumnStep):
    """g = sum over the rows of a, or of a b; then the update, or g is stored."""

    a: Buffer
    b: Buffer | None
    trained: Trained
    store: bool

    @property
    def changes_state(self) -> bool:
        """Whether the update follows at once."""
        return not self.store


@record
class Norm(ColumnStep):
    """The sum of squares of all gradients, in parts."""

    trained: tuple[Trained, ...]
    partial: Buffer


@record
class Update(ColumnStep):
    """The update from stored gradients, scaled down so that their norm is at most `max_norm`, where there is one.

    `partial` are the parts of their sum of squares; `squares` those of a weight of sparse rows, where there is one.
    """

    trained: tuple[Trained, ...]
    partial: Buffer | None = None
    max_norm: Scalar | None = None
    squares: Buffer | None = None

    @property
    def changes_state(self) -> bool:
        """It moves the trained numbers."""
        return True


@record
class LimitNorms(ColumnStep):
    """w_n <- w_n min(1, limit / norm of w_n) for the weights of each neuron n, and for their average."""

    trained: Trained
    limit: Scalar
    average: Buffer | None = None

    @property
    def changes_state(self) -> bool:
        """It moves the trained numbers."""
        return True


@record
class RunningStatistics(ColumnStep):
    """running = momentum running + (1 - momentum) batch, for a mean or a variance."""

    running: Buffer
    batch: Buffer
    momentum: float

    @property
    def changes_state(self) -> bool:
        """Running statistics belong to the state."""
        return True


@record
class LossSum(ColumnStep):
    """The loss of the batch: the weighted mean of the row losses, in row order, in float64."""

    losses: Buffer
