"""Trainings of many small networks, whose steps are made in one call; what lies between the calls is done in arrays.

Around the steps of one small network Python takes longer than the steps. So everything that can be an array over the
networks is one here: orders, learning rates, losses, checks. Each network has the bits of a training of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import Executable, RowsHandle, State
from ranvier.network.optimizers import Optimizer
from ranvier.training import batches
from ranvier.training.divergence import MAX_GROWTH
from ranvier.training.history import History
from ranvier.training.loop import SPAN_SECONDS
from ranvier.training.settings import TrainSettings
from ranvier.training.state import TrainingState

Array = NDArray[Any]


def train_members(
    executable: Executable,
    rows: tuple[RowsHandle, Array | None],
    settings: Sequence[TrainSettings],
    initial: Array,
    loss_unit: float,
    stop_requested: Callable[[], bool],
) -> list[TrainingState] | None:
    """Train M networks of one spec, for all epochs or until the user stops; gives the state of each then.

    None where the engine has no fast path for it, and where a loss or a parameter grew so large that somebody has to
    look at each training by itself.

    Parameters:
        executable: of their spec.
        rows: what `upload` gave for the rows of all, and their weights, (rows,) or None.
        settings: of each; they differ in learning rate, seed and schedule alone, which does not watch the loss.
        initial: the initial weights, (M, P).
        loss_unit: what the losses of the engine are multiplied by for the history.
        stop_requested: asked between spans whether to stop.
    """
    handle, weights = rows
    first, seeds = settings[0], [each_settings.seed for each_settings in settings]
    starts = batches.batch_offsets(len(handle), min(first.batch_size, len(handle)))
    per_epoch, done = len(starts) - 1, 0
    states, made = _before_training(initial, first.optimizer), []
    while done < first.epochs and not stop_requested():
        begun = time.perf_counter()
        seconds = executable.step_seconds * per_epoch * len(settings)
        count = min(first.epochs - done, max(1, int(SPAN_SECONDS / seconds)) if seconds else 1)
        epochs = range(done + 1, done + count + 1)
        orders = batches.population_orders(len(handle), epochs, seeds, first.shuffle, executable.random_words)
        scalars = _scalars(settings, done * per_epoch, count * per_epoch, per_epoch)
        spans = batches.span_over_epochs(orders, starts, scalars)
        result = executable.try_run_members(handle, states, spans, np.array(seeds, np.uint64))
        if result is None:
            return None
        losses, states = result
        seconds = max((time.perf_counter() - begun) / (count * len(settings)), 1e-9)
        executable.step_seconds = seconds / per_epoch
        means = batches.population_means(losses.reshape(len(settings), count, per_epoch), orders, starts, weights)
        # NaN is not smaller.
        if not (np.isfinite(losses).all() and means.max() <= MAX_GROWTH):
            return None
        made.append((means * loss_unit, scalars[:, per_epoch - 1 :: per_epoch, 0], seconds))
        done += count
    if not np.isfinite(states.parameters).all():
        return None
    return _training_states(settings, states, made, len(handle), loss_unit)


def _before_training(initial: Array, optimizer: Optimizer) -> State:
    """The states of M networks before the first step: slots (M, S, P)."""
    slots = optimizer.initial_slots(initial.reshape(-1)).reshape(-1, *initial.shape)
    return State(initial, np.ascontiguousarray(slots.swapaxes(0, 1)), 0)


def _scalars(settings: Sequence[TrainSettings], first: int, count: int, per_epoch: int) -> NDArray[np.float64]:
    """What the optimizers' rules need at some steps of each network, (M, count, H); `first` were made before."""
    since = np.arange(first, first + count)
    factors: dict[Any, NDArray[np.float64]] = {}
    for settings_ in settings:
        if settings_.schedule not in factors:
            total = settings_.epochs * per_epoch
            factors[settings_.schedule] = settings_.schedule.factors(since, per_epoch, total)
    of_one = settings[0].optimizer.scalars_from(first + 1, np.zeros(count))
    scalars = np.empty((len(settings), *of_one.shape))
    scalars[:] = of_one
    for member, settings_ in zip(scalars, settings, strict=True):
        np.multiply(settings_.optimizer.learning_rate, factors[settings_.schedule], out=member[:, 0])
    return scalars


def _training_states(
    settings: Sequence[TrainSettings],
    states: State,
    spans: Sequence[tuple[Array, Array, float]],
    rows: int,
    loss_unit: float,
) -> list[TrainingState]:
    """The state of each network at its end.

    Parameters:
        states: of all networks.
        spans: of each span the losses and learning rates of its epochs, (M, epochs), and the seconds of an epoch.
        rows: how many each epoch saw.
    """
    losses, rates = (
        np.concatenate([np.zeros((len(settings), 0)), *(span[part] for span in spans)], axis=1) for part in (0, 1)
    )
    seconds = np.array([span[2] for span in spans for _ in range(span[0].shape[1])])
    shared = {"seconds": seconds, "examples_per_second": rows / seconds}
    results = []
    for number, settings_ in enumerate(settings):
        columns = {"loss": losses[number], "learning_rate": rates[number], **shared}
        history = History().extended(range(1, len(seconds) + 1), columns)
        engine = State(states.parameters[number].copy(), states.slots[number].copy(), states.step)
        plateau = settings_.schedule.init_state()
        results.append(TrainingState(engine, epoch=len(seconds), history=history, plateau=plateau, loss_unit=loss_unit))
    return results
