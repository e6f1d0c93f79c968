"""From a network to steps: forward layer by layer, the loss, backward, and what changes the parameters.

The steps stand in the order in which they may run one after the other. Which of them run side by side, on how many
threads and in which pieces is not said here, but in `scheduling/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ranvier.engine import CompileSpec, feeds_dense
from ranvier.errors import EngineError
from ranvier.native.lowering import first_layer, sparse
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import (
    GRADIENT,
    LEARNING,
    PREDICT,
    ROUNDED,
    STEP_GRADIENT,
    STEPS,
    TRAIN,
    TRANSPOSED,
    UPDATE,
    WATCH,
    Lowered,
    batch_statistic,
)
from ranvier.native.lowering.scalars import LoweredRule, Scalar
from ranvier.native.lowering.steps import Step, Trained
from ranvier.network.activations import Activation, activation
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, LearnedScale, Rescale, Residual
from ranvier.network.network import LayerInfo
from ranvier.network.parameters import Entry

FROM_OUTPUT = ("identity", "relu", "sigmoid", "tanh")
"""Activations whose derivative follows from their output, so that the weighted sums need not be kept."""


@dataclass(slots=True)
class Done:
    """What the forward pass of one layer leaves for its backward pass."""

    info: LayerInfo
    x: Buffer
    y: Buffer
    z: Buffer | None = None
    n: Buffer | None = None
    deviation: Buffer | None = None
    statistics: tuple[Buffer, Buffer] | None = None
    inner: list[Done] = field(default_factory=list)


def lower(spec: CompileSpec, purpose: str, store: bool = False) -> Lowered:
    """Lower a spec for one purpose.

    Parameters:
        purpose: one of those in lowered.py.
        store: whether gradients are stored before they move anything, as they are anyway to clip by norm.

    Raises:
        EngineError: the network has a layer that is not known here, or the halves of a step are asked for where the
            inputs have a CSR block.

    >>> from ranvier.network.losses import loss
    >>> from ranvier.network.network import Network
    >>> from ranvier.network.optimizers import SGD
    >>> lowered = lower(CompileSpec(Network(2, [Dense(1)]), loss("squared_error"), SGD(), batch_size=4), TRAIN)
    >>> [type(step).__name__ for step in lowered.steps]
    ['Gather', 'Forward', 'LossStep', 'LossSum', 'WeightGradient', 'VectorGradient']
    """
    lowering = Lowering(spec, purpose, store)
    lowering.lower()
    buffers, trained = tuple(lowering.buffers.values()), tuple(lowering.trained)
    layers = tuple(_layers(lowering.done))
    return Lowered(spec, purpose, tuple(lowering.steps), buffers, trained, layers, lowering.rule)


def _layers(chain: list[Done]) -> Iterator[tuple[str, Buffer | None, Buffer]]:
    for done in chain:
        yield done.info.path, done.z, done.y
        yield from _layers(done.inner)


class Lowering:
    """Builds the steps and buffers of one spec; see `lower`."""

    def __init__(self, spec: CompileSpec, purpose: str, store: bool = False) -> None:
        self.spec, self.purpose = spec, purpose
        self.buffers: dict[str, Buffer] = {}
        self.steps: list[Step] = []
        self.last: list[Step] = []
        self.entries = {entry.name: entry for entry in sparse.entries(spec)}
        self.rule: LoweredRule | None = None
        if purpose in (TRAIN, UPDATE) and not spec.optimizer.full_batch:
            formula, numbers = spec.optimizer.open_rule()
            named = tuple(Scalar(name, value) for name, value in numbers.items())
            self.rule = LoweredRule(formula, named, Scalar("weight_decay", float(spec.optimizer.weight_decay)))
        self.slots = self.rule.formula.slots if self.rule else ()
        self.clips = purpose in (TRAIN, UPDATE) and spec.optimizer.clip_norm is not None
        self.store = purpose in (GRADIENT, STEP_GRADIENT, UPDATE) or store or self.clips
        self.trained: list[Trained] = []
        self.done: list[Done] = []
        self.table = sparse.table_name(spec)
        self.sparse: sparse.SparseGradient | None = None
        self.rounds = spec.precision == "bfloat16"

    @property
    def learns(self) -> bool:
        """Whether there is a backward pass."""
        return self.purpose in LEARNING

    def lower(self) -> None:
        """Write down the steps, in order."""
        network, spec = self.spec.network, self.spec
        x = first_layer.gathered(self)
        self.done = self.forward(network.layer_infos, x, output=True)
        final = self.done[-1]
        z = final.z if isinstance(final.info.layer, Dense) and final.z else final.y
        losses = self.buffer("losses", 1, "column")
        shape = network.output_activation
        if self.learns:
            error = self.buffer("error", network.outputs)
            self.add(s.LossStep(z, error, losses, spec.loss, shape))
            self.last.append(s.LossSum(losses))
            self.backward(self.done, error, isinstance(final.info.layer, Dense), needed=False)
            self.finish()
        else:
            if self.purpose == PREDICT:
                self.add(s.LossStep(z, None, losses, spec.loss, shape))
            self.add(s.Answer(z, shape))

    # Buffers and steps

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
        self.add(s.Rounding(x, y))
        return y

    def add(self, *steps: Step) -> None:
        """Add steps."""
        self.steps += steps

    # Forward

    def forward(self, layer_infos: tuple[LayerInfo, ...], x: Buffer, output: bool = False) -> list[Done]:
        """Lower a chain of layers; `output` says whether its last layer is the network's."""
        chain: list[Done] = []
        for position, info in enumerate(layer_infos):
            done = self.layer(info, x, output and position == len(layer_infos) - 1)
            if position + 1 < len(layer_infos) and feeds_dense(layer_infos[position + 1]):
                # A layer that hands on what it was given must not change it for others.
                done.y = self.rounded(done.y, f"{info.path}.output" if done.y == x else done.y.name)
            chain.append(done)
            x = done.y
        return chain

    def layer(self, info: LayerInfo, x: Buffer, output: bool) -> Done:
        """Lower one layer, forward."""
        layer, path = info.layer, info.path
        if isinstance(layer, Dense):
            return self.dense(info, layer, x, output)
        if isinstance(layer, Dropout):
            return self.dropout(info, layer, x)
        if isinstance(layer, Residual):
            inner = self.forward(info.children, x)
            y = self.buffer(f"{path}.output", info.outputs)
            self.add(s.Add(x, inner[-1].y, y))
            return Done(info, x, y, inner=inner)
        if isinstance(layer, Rescale) and info == self.spec.network.layer_infos[0]:
            return Done(info, x, x)  # The rows were scaled while they were gathered.
        y = self.buffer(f"{path}.output", x.columns)
        if isinstance(layer, Rescale):
            self.add(s.Rescale(x, y, layer))
            return Done(info, x, y)
        if isinstance(layer, LearnedScale):
            if layer.columns not in (None, x.columns):
                raise EngineError(
                    f"{path} scales {layer.columns} of {x.columns} columns; the native engine scales all columns of "
                    "the dense block, and reads others from a CSR block."
                )
            self.add(s.Multiply(x, self.piece(f"{path}.scale"), y))
            return Done(info, x, y)
        if isinstance(layer, LayerNorm):
            scale, bias = self.piece(f"{path}.scale"), self.piece(f"{path}.bias")
            n, deviation = self.buffer(f"{path}.standard", info.outputs), self.buffer(f"{path}.deviation", 1)
            self.add(s.NormalizeRow(x, scale, bias, n, deviation, y, layer.epsilon))
            return Done(info, x, y, n=n, deviation=deviation)
        if isinstance(layer, BatchNorm):
            return self.batch_norm(info, layer, x, y)
        raise EngineError(f"{path} is a {type(layer).__name__}, which the native engine does not know.")

    def dense(self, info: LayerInfo, layer: Dense, x: Buffer, output: bool) -> Done:
        path, keep = info.path, self.purpose == WATCH
        shape = activation("identity") if output else layer.activation
        needs_z = keep or output or (self.learns and shape.name not in FROM_OUTPUT)
        z = self.buffer(f"{path}.sums", info.outputs) if needs_z else None
        y = None if output else self.buffer(f"{path}.output", info.outputs)
        bias = self.piece(f"{path}.bias") if layer.bias else None
        weight = self.piece(f"{path}.weight", copy=ROUNDED if self.rounds else "")
        if first_layer.reads_csr(self, path):
            first_layer.forward(self, path, x, weight, bias, (y, z, shape))
        else:
            self.add(s.Forward(path, x, weight, bias, y, z, shape))
        return Done(info, x, y or z or x, z)

    def dropout(self, info: LayerInfo, layer: Dropout, x: Buffer) -> Done:
        if self.purpose not in STEPS or layer.rate == 0.0:
            return Done(info, x, x)
        y = self.buffer(f"{info.path}.output", info.outputs)
        factors = self.buffer(f"{info.path}.factors", info.outputs)
        self.add(s.Drop(x, factors, y, Scalar(f"{info.path}.rate", float(layer.rate)), info.index))
        return Done(info, x, y, n=factors)

    def batch_norm(self, info: LayerInfo, layer: BatchNorm, x: Buffer, y: Buffer) -> Done:
        path, width = info.path, info.outputs
        scale, bias = self.piece(f"{path}.scale"), self.piece(f"{path}.bias")
        running = self.piece(f"{path}.running_mean"), self.piece(f"{path}.running_var")
        if not self.learns:
            self.add(s.NormalizeColumn(x, *running, scale, bias, None, y, layer.epsilon))
            return Done(info, x, y)
        mean, variance = (self.buffer(batch_statistic(old.name), width, "vector") for old in running)
        self.add(s.ColumnStatistics(x, mean, variance))
        n = self.buffer(f"{path}.standard", width)
        self.add(s.NormalizeColumn(x, mean, variance, scale, bias, n, y, layer.epsilon))
        if self.purpose in STEPS:
            pairs = zip(running, (mean, variance), strict=True)
            self.last += [s.RunningStatistics(old, new, layer.momentum) for old, new in pairs]
        return Done(info, x, y, n=n, statistics=(mean, variance))

    # Backward

    def backward(self, chain: list[Done], dy: Buffer, is_dz: bool, needed: bool) -> Buffer:
        """Lower the backward pass of a chain.

        Parameters:
            dy: the derivative along what the chain gave, or along its last weighted sums where `is_dz` holds.
            needed: whether somebody before the chain needs the derivative along what went in.

        Returns that derivative, or a buffer without meaning where nobody needs it.
        """
        for index in range(len(chain) - 1, -1, -1):
            done = chain[index]
            wanted = needed or any(self.has_parameters(before) for before in chain[:index])
            if isinstance(done.info.layer, Dense):
                before = chain[index - 1] if index else None
                dy, is_dz = self.dense_back(done, before, dy, is_dz, wanted)
            else:
                dy, is_dz = self.layer_back(done, dy, wanted), False
        return dy

    def has_parameters(self, done: Done) -> bool:
        """Whether something is trained in a layer."""
        own = any(entry.layer == done.info.index and entry.trainable for entry in self.entries.values())
        return own or any(map(self.has_parameters, done.inner))

    def dense_back(self, done: Done, before: Done | None, dy: Buffer, is_dz: bool, wanted: bool) -> tuple[Buffer, bool]:
        """Lower the backward pass of a Dense layer; returns the error before it, and whether that is one of sums."""
        layer, path = done.info.layer, done.info.path
        assert isinstance(layer, Dense)
        dz = dy if is_dz else self.derivative(done, layer.activation, dy)
        # Where the derivative is 1, the error is `dy`, which other layers may share.
        dz = self.rounded(dz, dz.name if is_dz or dz != dy else f"{path}.error")
        weight = self.train(f"{path}.weight", wanted)
        if weight.value.kind != "table":
            self.last.append(s.WeightGradient(path, done.x, dz, weight, self.store))
        if first_layer.reads_csr(self, path):
            self.last.append(first_layer.gradient(self, path, dz, weight))
        if layer.bias:
            self.last.append(s.VectorGradient(dz, None, self.train(f"{path}.bias"), self.store))
        if not wanted or weight.transposed is None:
            return dz, False
        dx = self.buffer(f"{path}.before", done.x.columns)
        if before is not None and isinstance(before.info.layer, Dense):
            shape = before.info.layer.activation
            derivative_input, direct = self.derivative_input(before, shape)
            self.add(s.Back(path, dz, weight.transposed, dx, shape, derivative_input, direct))
            return dx, True
        self.add(s.Back(path, dz, weight.transposed, dx, None, None, False))
        return dx, False

    def derivative_input(self, done: Done, shape: Activation) -> tuple[Buffer, bool]:
        """What the derivative of an activation is computed from, and whether that is the output."""
        direct = shape.name in FROM_OUTPUT
        return (done.y if direct or done.z is None else done.z), direct

    def derivative(self, done: Done, shape: Activation, dy: Buffer) -> Buffer:
        if shape.name == "identity":
            return dy
        dz = self.buffer(f"{done.info.path}.error", done.info.outputs)
        derivative_input, direct = self.derivative_input(done, shape)
        self.add(s.Derivative(dy, derivative_input, dz, shape, direct))
        return dz

    def layer_back(self, done: Done, dy: Buffer, wanted: bool) -> Buffer:
        """Lower the backward pass of a layer that is not Dense."""
        layer, path = done.info.layer, done.info.path
        dx = dy
        if isinstance(layer, Residual):
            inner = self.backward(done.inner, dy, False, wanted)
            if wanted:
                dx = self.buffer(f"{path}.before", done.info.inputs)
                self.add(s.Add(dy, inner, dx))
            return dx
        if isinstance(layer, Dropout):
            if done.n is not None and wanted:
                dx = self.buffer(f"{path}.before", done.info.inputs)
                self.add(s.Multiply(dy, done.n, dx))
            return dx
        if isinstance(layer, Rescale):
            if wanted:
                dx = self.buffer(f"{path}.before", done.info.inputs)
                self.add(s.Rescale(dy, dx, layer))
            return dx
        normalized = done.x if isinstance(layer, LearnedScale) or done.n is None else done.n
        self.last.append(s.VectorGradient(dy, normalized, self.train(f"{path}.scale"), self.store))
        if not isinstance(layer, LearnedScale):
            self.last.append(s.VectorGradient(dy, None, self.train(f"{path}.bias"), self.store))
        if wanted:
            dx = self.buffer(f"{path}.before", done.x.columns)
            self.norm_back(done, dy, dx)
        return dx

    def norm_back(self, done: Done, dy: Buffer, dx: Buffer) -> None:
        layer, path, scale = done.info.layer, done.info.path, self.piece(f"{done.info.path}.scale")
        if isinstance(layer, LayerNorm) and done.n and done.deviation:
            self.add(s.NormalizeRowBack(dy, scale, done.n, done.deviation, dx))
        elif isinstance(layer, BatchNorm) and done.n and done.statistics:
            dscale, dbias = (self.buffer(f"{path}.{name}", done.info.outputs, "vector") for name in ("dscale", "dbias"))
            self.add(s.ColumnSums(dy, done.n, dscale), s.ColumnSums(dy, None, dbias))
            variance = done.statistics[1]
            self.add(s.NormalizeColumnBack(dy, done.n, scale, variance, dscale, dbias, dx, layer.epsilon))
        else:
            self.add(s.Multiply(dy, scale, dx))

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
        moves = self.rounds and self.purpose in STEPS and len(entry.shape) == 2
        rounded = self.piece(name, copy=ROUNDED) if moves else None
        decay = self.rule.decay if self.rule and entry.weight_decay else None
        numbers = (self.penalty(entry, "l1"), self.penalty(entry, "l2"), decay)
        self.trained.append(Trained(entry, self.piece(name), slots, *numbers, copy, gradient, rounded))
        return self.trained[-1]

    def penalty(self, entry: Entry, kind: str) -> Scalar | None:
        """The strength of the penalty "l1" or "l2" of a parameter, where it has one."""
        strength = getattr(entry, kind)
        return Scalar(f"{entry.name}.{kind}", float(strength)) if strength else None

    def finish(self) -> None:
        """Add the steps that change the parameters, and leave out those that belong to the other half of a step."""
        if self.purpose == GRADIENT or not self.store:
            self.add(*self.last)
            return
        moving = [step for step in self.last if step.changes_state]
        self.add(*(step for step in self.last if not step.changes_state))
        if self.purpose == STEP_GRADIENT:
            return
        if self.purpose == UPDATE:
            self.steps.clear()
        pieces = tuple(piece for piece in self.trained if piece.value.kind != "table")
        if self.spec.optimizer.clip_norm is None:
            self.add(s.Update(pieces), *moving)
            return
        partial = self.buffer("squares", 1, "partials")
        squares = None if self.sparse is None else self.sparse.squares
        max_norm = Scalar("clip_norm", float(self.spec.optimizer.clip_norm))
        update = s.Update(pieces, partial, max_norm, squares)
        rest = () if self.sparse is None else (replace(self.sparse, purpose=sparse.UPDATE, clipped=update),)
        self.add(s.Norm(pieces, partial), update, *moving, *rest)
