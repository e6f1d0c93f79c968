"""From a network to steps: forward layer by layer, the loss, backward, and what changes the parameters.

The steps stand in the order in which they may run one after the other. Which of them run side by side, on how many
threads and in which pieces is not said here, but in `scheduling/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ranvier.engine import CompileSpec, feeds_dense
from ranvier.errors import EngineError
from ranvier.native.lowering import backward, first_layer, sparse
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.backward import FROM_OUTPUT, Done
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import (
    GRADIENT,
    INPUT_GRADIENTS,
    INPUT_JACOBIAN,
    LEARNING,
    LOGIT_GRADIENT,
    LOGIT_JACOBIAN,
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
from ranvier.network.activations import activation
from ranvier.network.constraints import MaxNorm, NonNegative
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, LearnedScale, Rescale, Residual
from ranvier.network.network import LayerInfo
from ranvier.network.parameters import Entry


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
        network = self.spec.network
        x = first_layer.gathered(self)
        self.done = self.forward(network.layer_infos, x, output=True)
        final = self.done[-1]
        z = final.z if isinstance(final.info.layer, Dense) and final.z else final.y
        losses = self.buffer("losses", 1, "column")
        shape = network.output_activation
        if self.learns:
            error = self.buffer("error", network.outputs)
            self.add(self.loss_step(z, error))
            self.last.append(s.LossSum(losses))
            backward.chain_backward(self, self.done, error, isinstance(final.info.layer, Dense), needed=False)
            self.finish()
        elif self.purpose in INPUT_GRADIENTS:
            error = self.buffer("error", network.outputs)
            is_dense = isinstance(final.info.layer, Dense)
            direct = self.purpose in (LOGIT_GRADIENT, LOGIT_JACOBIAN) or not is_dense
            every = self.purpose in (INPUT_JACOBIAN, LOGIT_JACOBIAN)
            for output in range(network.outputs) if every else (None,):
                self.add(s.OutputGradient(z, error, activation("identity") if direct else shape, output))
                dx = backward.chain_backward(self, self.done, error, is_dense, needed=True)
                self.add(*first_layer.input_gradients(self, dx, output))
        else:
            if self.purpose == PREDICT:
                self.add(self.loss_step(z, None))
            self.add(s.Answer(z, shape))

    def loss_step(self, z: Buffer, error: Buffer | None) -> s.LossStep:
        """The step that computes the losses of rows, and their error where one is asked for."""
        loss, shape = self.spec.loss, self.spec.network.output_activation
        smoothing = Scalar("label_smoothing", float(loss.label_smoothing)) if loss.label_smoothing else None
        sharp = replace(loss, label_smoothing=0.0) if smoothing else loss
        return s.LossStep(z, error, self.buffer("losses", 1, "column"), sharp, shape, smoothing)

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
                    "the dense block, and reads others from a CSR block. Choose engine='reference'."
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
        raise EngineError(
            f"{path} is a {type(layer).__name__}, which the native engine does not know. Choose engine='reference'."
        )

    def dense(self, info: LayerInfo, layer: Dense, x: Buffer, output: bool) -> Done:
        path, keep = info.path, self.purpose == WATCH
        shape = activation("identity") if output else layer.activation
        back = self.learns or self.purpose in INPUT_GRADIENTS
        needs_z = keep or output or (back and shape.name not in FROM_OUTPUT)
        z = self.buffer(f"{path}.sums", info.outputs) if needs_z else None
        y = None if output else self.buffer(f"{path}.output", info.outputs)
        bias = self.piece(f"{path}.bias") if layer.bias else None
        weight = self.piece(f"{path}.weight", copy=ROUNDED if self.rounds else "")
        if first_layer.reads_csr(self, path):
            first_layer.forward(self, path, x, weight, bias, (y, z, shape))
        else:
            self.add(s.Forward(path, x, weight, bias, y, z, shape, self.rounds))
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
        if not (self.learns and layer.trainable):
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

    # Parameters

    def transposed(self, name: str) -> Buffer:
        """The transposed copy of a weight, which data gradients read."""
        entry = self.entries[name]
        inputs, units = entry.shape[0] * entry.groups, entry.shape[1] // entry.groups
        return self.buffer(f"{TRANSPOSED}.{name}", inputs, "weight", units, entry.groups)

    def train(self, name: str, copy: Buffer | None = None) -> Trained:
        """The state of a trained parameter; `copy` is the transposed one, where there is one."""
        entry = self.entries[name]
        slots = tuple(self.piece(name, f".{slot}") for slot, _ in self.slots)
        stored = self.store and (name != self.table or self.purpose == GRADIENT)
        gradient = self.piece(name, ".gradient") if stored else None
        moves = self.rounds and self.purpose in STEPS and len(entry.shape) == 2
        rounded = self.piece(name, copy=ROUNDED) if moves else None
        decay = self.rule.decay if self.rule and entry.weight_decay else None
        numbers = (self.penalty(entry, "l1"), self.penalty(entry, "l2"), decay)
        factor = Scalar(f"{entry.name}.learning_rate_factor", entry.learning_rate_factor)
        self.trained.append(
            Trained(
                entry,
                self.piece(name),
                slots,
                *numbers,
                copy,
                gradient,
                rounded,
                None if entry.learning_rate_factor == 1.0 else factor,
                isinstance(entry.constraint, NonNegative),
            )
        )
        return self.trained[-1]

    def penalty(self, entry: Entry, kind: str) -> Scalar | None:
        """The strength of the penalty "l1" or "l2" of a parameter, where it has one."""
        strength = getattr(entry, kind)
        return Scalar(f"{entry.name}.{kind}", float(strength)) if strength else None

    def finish(self) -> None:
        """Add the steps that change the parameters, and leave out those that belong to the other half of a step."""
        if self.purpose == GRADIENT or not self.store:
            self.add(*self.last, *self.limits())
            return
        moving = [step for step in self.last if step.changes_state]
        self.add(*(step for step in self.last if not step.changes_state))
        if self.purpose == STEP_GRADIENT:
            return
        if self.purpose == UPDATE:
            self.steps.clear()
        pieces = tuple(piece for piece in self.trained if piece.value.kind != "table")
        if self.spec.optimizer.clip_norm is None:
            self.add(s.Update(pieces), *moving, *self.limits())
            return
        partial = self.buffer("squares", 1, "partials")
        squares = None if self.sparse is None else self.sparse.squares
        max_norm = Scalar("clip_norm", float(self.spec.optimizer.clip_norm))
        update = s.Update(pieces, partial, max_norm, squares)
        rest = () if self.sparse is None else (replace(self.sparse, purpose=sparse.UPDATE, clipped=update),)
        self.add(s.Norm(pieces, partial), update, *moving, *rest, *self.limits())

    def limits(self) -> Iterator[s.LimitNorms]:
        """The steps that keep the norms of neurons at their limits, after the update."""
        for piece in self.trained if self.purpose in (TRAIN, UPDATE) else ():
            if isinstance(piece.entry.constraint, MaxNorm):
                limit = Scalar(f"{piece.entry.name}.max_norm", piece.entry.constraint.limit)
                averages = [buffer for buffer in piece.slots if buffer.name.endswith(".average")]
                yield s.LimitNorms(piece, limit, averages[0] if averages else None)
