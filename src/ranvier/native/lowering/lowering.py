"""From a network to steps: forward layer by layer, the loss, backward, and what changes the parameters.

A training plan runs stages in turn, all threads waiting for each other in between:

    rows      gather, forward, loss, backward     each thread its own rows
    panels    a product of few rows               each thread its own panels of the weight, see `Cuts.across`
    columns   gradients and updates               each thread its own tiles

BatchNorm cuts the first stage where it needs statistics over all rows; clipping by norm cuts the second, and so do
long steps of many rows, which can be given up as long as nothing of the state has moved.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ranvier.engine.problem import Problem, feeds_product
from ranvier.errors import EngineError
from ranvier.native.lowering import sparse
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import BESIDE_PLACES, Buffer
from ranvier.native.lowering.steps import ColumnStep, RowStep, Trained
from ranvier.native.scheduling.blocking import Cuts
from ranvier.native.scheduling.stages import COLUMNS, PANELS, ROWS, Stage, moves
from ranvier.native.scheduling.tiles import PANEL
from ranvier.network.activations import Activation, activation
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, LearnedScale, Residual
from ranvier.network.network import LayerInfo

FROM_OUTPUT = ("identity", "relu", "sigmoid", "tanh")
"""Activations whose slope follows from their output, so that the weighted sums need not be kept."""

SKIPPED_INPUTS = 32
"""The fewest inputs of a layer that looks for zeros among them."""

TRAIN, GRADIENT, PREDICT, WATCH = "train", "gradient", "predict", "watch"
"""What a plan is for: training, one gradient over all rows, outputs only, or what every layer says."""

ROUNDED, TRANSPOSED = "rounded", "transposed"
"""What products read in place of a weight, or beside it; they stand before its name, and slots behind it."""


@dataclass(slots=True)
class Done:
    """What the forward pass of one layer leaves for its backward pass."""

    place: LayerInfo
    x: Buffer
    y: Buffer
    z: Buffer | None = None
    n: Buffer | None = None
    deviation: Buffer | None = None
    statistics: tuple[Buffer, Buffer] | None = None
    inner: list[Done] = field(default_factory=list)


class Lowering:
    """Builds the stages and buffers of one plan.

    Parameters:
        problem: what is to be run.
        purpose: TRAIN, GRADIENT, PREDICT or WATCH.
        cuts: how the work of products is cut.
        stoppable: whether steps may be given up half-way.
        stored: whether gradients are stored before they move anything, as they are anyway to clip by norm.
    """

    def __init__(
        self, problem: Problem, purpose: str, cuts: Cuts, stoppable: bool = False, stored: bool = False
    ) -> None:
        self.problem, self.purpose, self.cuts = problem, purpose, cuts
        self.buffers: dict[str, Buffer] = {}
        self.stages: list[tuple[str, list[RowStep | ColumnStep]]] = []
        self.last: list[ColumnStep] = []
        self.entries = {entry.name: entry for entry in problem.network.parameter_table}
        self.slots = () if problem.optimizer.full_batch or purpose != TRAIN else problem.optimizer.rule().slots
        self.stoppable = stoppable
        self.clips = purpose == TRAIN and problem.optimizer.clip_norm is not None
        self.store = purpose == GRADIENT or stored or self.clips
        self.trained: list[Trained] = []
        self.done: list[Done] = []
        self.table = f"{problem.network.layer_infos[0].path}.weight" if problem.sparse else None
        self.sparse: sparse.SparseGradient | None = None
        self.rounds = problem.precision == "bfloat16"

    @property
    def learns(self) -> bool:
        """Whether there is a backward pass."""
        return self.purpose in (TRAIN, GRADIENT)

    def lower(self) -> tuple[Stage, ...]:
        """The stages, in order."""
        network, problem = self.problem.network, self.problem
        x = self.gathered()
        self.done = self.forward(network.layer_infos, x, output=True)
        final = self.done[-1]
        z = final.z if isinstance(final.place.layer, Dense) and final.z else final.y
        losses = self.buffer("losses", 1, "column")
        shape = network.output_activation
        if self.learns:
            error = self.buffer("error", network.outputs)
            self.rows(s.LossStep(z, error, losses, problem.loss, shape))
            self.last.append(s.LossSum(losses))
            self.backward(self.done, error, isinstance(final.place.layer, Dense), needed=False)
            self.finish()
        else:
            if self.purpose == PREDICT:
                self.rows(s.LossStep(z, None, losses, problem.loss, shape))
            self.rows(s.Answer(z, shape))
        packing = self.cuts.packing_columns(step for _, steps in self.stages for step in steps)
        if packing:
            self.buffer("packed", packing, "packing")
        return tuple(
            Stage(kind, tuple(steps), self.stoppable and not any(map(moves, steps))) for kind, steps in self.stages
        )

    def gathered(self) -> Buffer:
        """The inputs of the batch; without meaning for sparse rows, which the first layer reads where they lie."""
        if self.problem.sparse:
            return Buffer("inputs", -1, "cells", 0)
        x = self.buffer("inputs", self.problem.network.inputs)
        self.rows(s.Gather(x))
        return self.rounded(x, x.name) if feeds_product(self.problem.network.layer_infos[0]) else x

    def skips(self, place: LayerInfo) -> bool:
        """Whether a layer leaves out inputs that are 0, where they are many: the first one, when it predicts."""
        many = place.inputs >= SKIPPED_INPUTS and place.outputs > PANEL
        first = place == self.problem.network.layer_infos[0] and isinstance(place.layer, Dense) and place.groups == 1
        return first and many and not (self.learns or self.rounds or self.problem.sparse)

    # Buffers and stages

    def buffer(self, name: str, columns: int, kind: str = "rows", rows: int = 1, groups: int = 1) -> Buffer:
        """The buffer of this name, made where it does not exist."""
        if name not in self.buffers:
            self.buffers[name] = Buffer(name, len(self.buffers), kind, columns, rows, groups)
        return self.buffers[name]

    def piece(self, name: str, suffix: str = "", copy: str = "") -> Buffer:
        """The buffer of a parameter, of something of its shape, or of a copy of it."""
        shape = self.entries[name].shape
        kind, rows = ("weight", shape[0]) if len(shape) == 2 else ("vector", 1)
        if name == self.table:
            kind = "table"
        groups = self.entries[name].groups
        return self.buffer(f"{copy}.{name}" if copy else name + suffix, shape[-1], kind, rows, groups)

    def rounded(self, x: Buffer, name: str) -> Buffer:
        """The rows that products read: x, or x rounded in the buffer of this name."""
        if not self.rounds:
            return x
        y = self.buffer(name, x.columns)
        self.rows(s.Rounding(x, y))
        return y

    def rows(self, step: RowStep) -> None:
        """Add a row step, after a wait where others came before; a product whose panels are shared is alone."""
        kind = PANELS if isinstance(step, s.Forward | s.Back) and step.across else ROWS
        if not self.stages or self.stages[-1][0] != ROWS or kind == PANELS:
            self.stages.append((kind, []))
        self.stages[-1][1].append(step)

    def columns(self, *steps: ColumnStep) -> None:
        """Add column steps as a stage of their own."""
        self.stages.append((COLUMNS, list(steps)))

    # Forward

    def forward(self, layer_infos: tuple[LayerInfo, ...], x: Buffer, output: bool = False) -> list[Done]:
        """Lower a chain of layers; `output` says whether its last layer is the network's."""
        chain: list[Done] = []
        for position, place in enumerate(layer_infos):
            one = self.layer(place, x, output and position == len(layer_infos) - 1)
            if position + 1 < len(layer_infos) and feeds_product(layer_infos[position + 1]):
                # A layer that hands on what it was given must not change it for others.
                one.y = self.rounded(one.y, f"{place.path}.output" if one.y == x else one.y.name)
            chain.append(one)
            x = one.y
        return chain

    def layer(self, place: LayerInfo, x: Buffer, output: bool) -> Done:
        """Lower one layer, forward."""
        layer, path = place.layer, place.path
        if isinstance(layer, Dense):
            return self.dense(place, layer, x, output)
        if isinstance(layer, Dropout):
            return self.dropout(place, layer, x)
        if isinstance(layer, Residual):
            inner = self.forward(place.children, x)
            y = self.buffer(f"{path}.output", place.outputs)
            self.rows(s.Add(x, inner[-1].y, y))
            return Done(place, x, y, inner=inner)
        y = self.buffer(f"{path}.output", place.outputs)
        if isinstance(layer, LearnedScale):
            self.rows(s.Multiply(x, self.piece(f"{path}.scale"), y))
            return Done(place, x, y)
        if isinstance(layer, LayerNorm):
            gain, shift = self.piece(f"{path}.scale"), self.piece(f"{path}.bias")
            n, deviation = self.buffer(f"{path}.standard", place.outputs), self.buffer(f"{path}.deviation", 1)
            self.rows(s.NormalizeRow(x, gain, shift, n, deviation, y, layer.epsilon))
            return Done(place, x, y, n=n, deviation=deviation)
        if isinstance(layer, BatchNorm):
            return self.batch_norm(place, layer, x, y)
        raise EngineError(f"{path} is a {type(layer).__name__}, which the native engine does not know.")

    def dense(self, place: LayerInfo, layer: Dense, x: Buffer, output: bool) -> Done:
        path, keep = place.path, self.purpose == WATCH
        shape = activation("identity") if output else layer.activation
        needs_z = keep or output or (self.learns and shape.name not in FROM_OUTPUT)
        z = self.buffer(f"{path}.sums", place.outputs) if needs_z else None
        y = None if output else self.buffer(f"{path}.output", place.outputs)
        bias = self.piece(f"{path}.bias") if layer.bias else None
        weight = self.piece(f"{path}.weight", copy=ROUNDED if self.rounds else "")
        if weight.kind == "table":
            self.rows(sparse.SparseForward(path, weight, bias, y, z, shape))
        else:
            places = self.buffer("places", place.inputs + BESIDE_PLACES) if self.skips(place) else None
            self.rows(s.Forward(path, x, weight, bias, y, z, shape, *self.cuts.product(weight), places))
        return Done(place, x, y or z or x, z)

    def dropout(self, place: LayerInfo, layer: Dropout, x: Buffer) -> Done:
        if self.purpose != TRAIN or layer.rate == 0.0:
            return Done(place, x, x)
        y = self.buffer(f"{place.path}.output", place.outputs)
        factors = self.buffer(f"{place.path}.factors", place.outputs)
        self.rows(s.Drop(x, factors, y, layer.rate, place.index))
        return Done(place, x, y, n=factors)

    def batch_norm(self, place: LayerInfo, layer: BatchNorm, x: Buffer, y: Buffer) -> Done:
        path, width = place.path, place.outputs
        gain, shift = self.piece(f"{path}.scale"), self.piece(f"{path}.bias")
        running = self.piece(f"{path}.running_mean"), self.piece(f"{path}.running_var")
        if not self.learns:
            self.rows(s.NormalizeColumn(x, *running, gain, shift, None, y, layer.epsilon))
            return Done(place, x, y)
        mean, variance = (self.buffer(f"{path}.batch_{kind}", width, "vector") for kind in ("mean", "variance"))
        self.columns(s.ColumnStatistics(x, mean, variance))
        n = self.buffer(f"{path}.standard", width)
        self.rows(s.NormalizeColumn(x, mean, variance, gain, shift, n, y, layer.epsilon))
        if self.purpose == TRAIN:
            pairs = zip(running, (mean, variance), strict=True)
            self.last += [s.RunningStatistics(old, new, layer.momentum) for old, new in pairs]
        return Done(place, x, y, n=n, statistics=(mean, variance))

    # Backward

    def backward(self, chain: list[Done], dy: Buffer, is_dz: bool, needed: bool) -> Buffer:
        """Lower the backward pass of a chain.

        Parameters:
            dy: the derivative along what the chain gave, or along its last weighted sums where `is_dz` holds.
            needed: whether somebody before the chain needs the derivative along what went in.

        Returns that derivative, or a buffer without meaning where nobody needs it.
        """
        for index in range(len(chain) - 1, -1, -1):
            one = chain[index]
            wanted = needed or any(self.has_parameters(before) for before in chain[:index])
            if isinstance(one.place.layer, Dense):
                before = chain[index - 1] if index else None
                further = needed or any(self.has_parameters(earlier) for earlier in chain[: max(index - 1, 0)])
                dy, is_dz = self.dense_back(one, before, dy, is_dz, wanted, further)
            else:
                dy, is_dz = self.layer_back(one, dy, wanted), False
        return dy

    def has_parameters(self, one: Done) -> bool:
        """Whether something is trained in a layer."""
        own = any(entry.layer == one.place.index and entry.trainable for entry in self.entries.values())
        return own or any(map(self.has_parameters, one.inner))

    def dense_back(
        self, one: Done, before: Done | None, dy: Buffer, is_dz: bool, wanted: bool, further: bool
    ) -> tuple[Buffer, bool]:
        """Lower the backward pass of a Dense layer; `further` says whether the layer before it has one of its own."""
        place, layer, path = one.place, one.place.layer, one.place.path
        assert isinstance(layer, Dense)
        dz = dy if is_dz else self.slope(one, layer.activation, dy)
        # Without a slope of its own, the error is what others see of the layers after it.
        dz = self.rounded(dz, dz.name if is_dz or dz != dy else f"{path}.error")
        weight = self.train(f"{path}.weight", wanted)
        if weight.value.kind == "table":
            self.last.append(self.sparse_gradient(path, dz, weight))
        else:
            cut = self.cuts.unit(one.x, weight.value)
            self.last.append(s.WeightGradient(path, one.x, dz, weight, self.store, *cut))
        if layer.bias:
            self.last.append(s.VectorGradient(dz, None, self.train(f"{path}.bias"), self.store))
        if not wanted or weight.transposed is None:
            return dz, False
        dx = self.buffer(f"{path}.before", place.inputs, self.errors_kind(one, before, further))
        back = self.cuts.product(weight.transposed)
        if before is not None and isinstance(before.place.layer, Dense):
            shape = before.place.layer.activation
            seen, direct = self.seen(before, shape)
            self.rows(s.Back(path, dz, weight.transposed, dx, shape, seen, direct, *back))
            return dx, True
        self.rows(s.Back(path, dz, weight.transposed, dx, None, None, False, *back))
        return dx, False

    def errors_kind(self, one: Done, before: Done | None, further: bool) -> str:
        """How what a Dense layer hands back lies: by panels where only products of the Dense layer before read it."""
        if before is None or not isinstance(before.place.layer, Dense) or self.rounds or one.place.groups > 1:
            return "rows"
        return self.cuts.errors_kind(before.x, self.piece(f"{before.place.path}.weight"), further)

    def sparse_gradient(self, path: str, dz: Buffer, weight: Trained) -> sparse.SparseGradient:
        """The gradient of a table; where norms are clipped, its squares first."""
        measured = self.clips
        purpose = sparse.MEASURE if measured else sparse.MOVE if self.purpose == TRAIN else sparse.KEEP
        heads = self.buffer("heads", weight.value.rows, "cells")
        links = self.buffer("links", sparse.link_size(self.problem.dtype, measured), "entries")
        squares = self.buffer("entry_squares", 1, "entries") if measured else None
        self.sparse = sparse.SparseGradient(path, dz, weight, purpose, heads, links, squares)
        return self.sparse

    def seen(self, one: Done, shape: Activation) -> tuple[Buffer, bool]:
        """What the slope of an activation is computed from, and whether that is the output."""
        direct = shape.name in FROM_OUTPUT
        return (one.y if direct or one.z is None else one.z), direct

    def slope(self, one: Done, shape: Activation, dy: Buffer) -> Buffer:
        if shape.name == "identity":
            return dy
        dz = self.buffer(f"{one.place.path}.error", one.place.outputs)
        seen, direct = self.seen(one, shape)
        self.rows(s.Slope(dy, seen, dz, shape, direct))
        return dz

    def layer_back(self, one: Done, dy: Buffer, wanted: bool) -> Buffer:
        """Lower the backward pass of a layer that is not Dense."""
        layer, path = one.place.layer, one.place.path
        dx = dy
        if isinstance(layer, Residual):
            inner = self.backward(one.inner, dy, False, wanted)
            if wanted:
                dx = self.buffer(f"{path}.before", one.place.inputs)
                self.rows(s.Add(dy, inner, dx))
            return dx
        if isinstance(layer, Dropout):
            if one.n is not None and wanted:
                dx = self.buffer(f"{path}.before", one.place.inputs)
                self.rows(s.Multiply(dy, one.n, dx))
            return dx
        kept = one.x if isinstance(layer, LearnedScale) or one.n is None else one.n
        self.last.append(s.VectorGradient(dy, kept, self.train(f"{path}.scale"), self.store))
        if not isinstance(layer, LearnedScale):
            self.last.append(s.VectorGradient(dy, None, self.train(f"{path}.bias"), self.store))
        if wanted:
            dx = self.buffer(f"{path}.before", one.place.inputs)
            self.norm_back(one, dy, dx)
        return dx

    def norm_back(self, one: Done, dy: Buffer, dx: Buffer) -> None:
        layer, path, gain = one.place.layer, one.place.path, self.piece(f"{one.place.path}.scale")
        if isinstance(layer, LayerNorm) and one.n and one.deviation:
            self.rows(s.NormalizeRowBack(dy, gain, one.n, one.deviation, dx))
        elif isinstance(layer, BatchNorm) and one.n and one.statistics:
            dgain, dshift = (self.buffer(f"{path}.{name}", one.place.outputs, "vector") for name in ("dgain", "dshift"))
            self.columns(s.ColumnSums(dy, one.n, dgain), s.ColumnSums(dy, None, dshift))
            variance = one.statistics[1]
            self.rows(s.NormalizeColumnBack(dy, one.n, gain, variance, dgain, dshift, dx, layer.epsilon))
        else:
            self.rows(s.Multiply(dy, gain, dx))

    # Parameters

    def train(self, name: str, transposed: bool = False) -> Trained:
        """The state of a trained parameter."""
        entry = self.entries[name]
        copy = None
        if transposed:
            inputs, units = entry.shape[0] * entry.groups, entry.shape[1] // entry.groups
            copy = self.buffer(f"{TRANSPOSED}.{name}", inputs, "weight", units, entry.groups)
        slots = tuple(self.piece(name, f".{slot}") for slot, _ in self.slots)
        stored = self.store and (name != self.table or self.purpose == GRADIENT)
        gradient = self.piece(name, ".gradient") if stored else None
        moves = self.rounds and self.purpose == TRAIN and len(entry.shape) == 2
        rounded = self.piece(name, copy=ROUNDED) if moves else None
        self.trained.append(Trained(entry, self.piece(name), slots, copy, gradient, rounded))
        return self.trained[-1]

    def finish(self) -> None:
        """Add the stages that change the parameters, the largest gradients first."""
        if self.purpose != TRAIN or not self.store:
            self.columns(*self.last)
            return
        moving = [step for step in self.last if moves(step)]
        self.columns(*(step for step in self.last if not moves(step)))
        pieces = tuple(piece for piece in self.trained if piece.value.kind != "table")
        if self.problem.optimizer.clip_norm is None:
            self.columns(s.Update(pieces), *moving)
            return
        partial = self.buffer("squares", sum(piece.value.panels for piece in pieces), "cells")
        self.columns(s.Norm(pieces, partial))
        squares = None if self.sparse is None else self.sparse.squares
        update = s.Update(pieces, partial, float(self.problem.optimizer.clip_norm), squares)
        rest = () if self.sparse is None else (replace(self.sparse, purpose=sparse.MOVE, clipped=update),)
        self.columns(update, *moving, *rest)
