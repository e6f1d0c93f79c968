"""From a network to steps: forward layer by layer, the loss, backward, and what changes the parameters.

The steps stand in the order in which they may run one after the other. Which of them run side by side, on how many
threads and in which pieces is not said here, but in `scheduling/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ranvier.engine import CompileSpec
from ranvier.native.lowering import backward, first_layer, sparse
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.builder import Builder
from ranvier.native.lowering.forward import Done, forward
from ranvier.native.lowering.lowered import (
    GRADIENT,
    INPUT_GRADIENTS,
    INPUT_JACOBIAN,
    LOGIT_GRADIENT,
    LOGIT_JACOBIAN,
    PREDICT,
    STEP_GRADIENT,
    TRAIN,
    UPDATE,
    Lowered,
)
from ranvier.native.lowering.scalars import Scalar
from ranvier.network.activations import activation
from ranvier.network.constraints import MaxNorm
from ranvier.network.layers import Dense


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
    lowering = Builder(spec, purpose, store)
    done = _write(lowering)
    buffers, trained = tuple(lowering.buffers.values()), tuple(lowering.trained)
    layers = tuple(_layers(done))
    return Lowered(spec, purpose, tuple(lowering.steps), buffers, trained, layers, lowering.rule)


def _layers(chain: list[Done]) -> Iterator[tuple[str, Buffer | None, Buffer]]:
    for done in chain:
        yield done.info.path, done.z, done.y
        yield from _layers(done.inner)


def _write(lowering: Builder) -> list[Done]:
    """Write down the steps, in order; gives what the forward pass left."""
    network = lowering.spec.network
    x = first_layer.gathered(lowering)
    done = forward(lowering, network.layer_infos, x, output=True)
    final = done[-1]
    z = final.z if isinstance(final.info.layer, Dense) and final.z else final.y
    losses = lowering.buffer("losses", 1, "column")
    shape = network.output_activation
    if lowering.learns:
        error = lowering.buffer("error", network.outputs)
        lowering.add(_loss_step(lowering, z, error))
        lowering.last.append(s.LossSum(losses))
        backward.chain_backward(lowering, done, error, isinstance(final.info.layer, Dense), needed=False)
        _finish(lowering)
    elif lowering.purpose in INPUT_GRADIENTS:
        error = lowering.buffer("error", network.outputs)
        is_dense = isinstance(final.info.layer, Dense)
        direct = lowering.purpose in (LOGIT_GRADIENT, LOGIT_JACOBIAN) or not is_dense
        every = lowering.purpose in (INPUT_JACOBIAN, LOGIT_JACOBIAN)
        for output in range(network.outputs) if every else (None,):
            lowering.add(s.OutputGradient(z, error, activation("identity") if direct else shape, output))
            dx = backward.chain_backward(lowering, done, error, is_dense, needed=True)
            lowering.add(*first_layer.input_gradients(lowering, dx, output))
    else:
        if lowering.purpose == PREDICT:
            lowering.add(_loss_step(lowering, z, None))
        lowering.add(s.Answer(z, shape))
    return done


def _loss_step(lowering: Builder, z: Buffer, error: Buffer | None) -> s.LossStep:
    """The step that computes the losses of rows, and their error where one is asked for."""
    loss, shape = lowering.spec.loss, lowering.spec.network.output_activation
    smoothing = Scalar("label_smoothing", float(loss.label_smoothing)) if loss.label_smoothing else None
    sharp = replace(loss, label_smoothing=0.0) if smoothing else loss
    return s.LossStep(z, error, lowering.buffer("losses", 1, "column"), sharp, shape, smoothing)


def _finish(lowering: Builder) -> None:
    """Add the steps that change the parameters, and leave out those that belong to the other half of a step."""
    if lowering.purpose == GRADIENT or not lowering.store:
        lowering.add(*lowering.last, *_limits(lowering))
        return
    moving = [step for step in lowering.last if step.changes_state]
    lowering.add(*(step for step in lowering.last if not step.changes_state))
    if lowering.purpose == STEP_GRADIENT:
        return
    if lowering.purpose == UPDATE:
        lowering.steps.clear()
    pieces = tuple(piece for piece in lowering.trained if piece.value.kind != "table")
    if lowering.spec.optimizer.clip_norm is None:
        lowering.add(s.Update(pieces), *moving, *_limits(lowering))
        return
    partial = lowering.buffer("squares", 1, "partials")
    squares = None if lowering.sparse is None else lowering.sparse.squares
    max_norm = Scalar("clip_norm", float(lowering.spec.optimizer.clip_norm))
    update = s.Update(pieces, partial, max_norm, squares)
    rest = () if lowering.sparse is None else (replace(lowering.sparse, purpose=sparse.UPDATE, clipped=update),)
    lowering.add(s.Norm(pieces, partial), update, *moving, *rest, *_limits(lowering))


def _limits(lowering: Builder) -> Iterator[s.LimitNorms]:
    """The steps that keep the norms of neurons at their limits, after the update."""
    for piece in lowering.trained if lowering.purpose in (TRAIN, UPDATE) else ():
        if isinstance(piece.entry.constraint, MaxNorm):
            limit = Scalar(f"{piece.entry.name}.max_norm", piece.entry.constraint.limit)
            averages = [buffer for buffer in piece.slots if buffer.name.endswith(".average")]
            yield s.LimitNorms(piece, limit, averages[0] if averages else None)
