"""Trainings of many small networks, whose steps are made in one call; what lies between the calls is done in arrays.

Around the steps of one small network Python takes longer than the steps. So everything that can be an array over the
networks is one here: orders, learning rates, losses, metrics, early stopping. Each network has the bits of a training
of its own. Networks that stop early leave the calls, while their states stay where they are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, Executable, Members, RowsHandle, State
from ranvier.network.optimizers.base import at_unit_rate
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.some_rows import random_rows
from ranvier.training import batches
from ranvier.training.divergence import MAX_GROWTH
from ranvier.training.epoch_columns import BEST, VALIDATION_LOSS
from ranvier.training.epoch_metrics import EpochMetrics
from ranvier.training.loop import SPAN_SECONDS
from ranvier.training.loop_config import Upload, upload
from ranvier.training.member_checkpoints import MemberCheckpoints
from ranvier.training.member_epochs import MemberEpochs
from ranvier.training.member_metrics import MemberMetrics, as_columns
from ranvier.training.member_outputs import MemberOutputs
from ranvier.training.member_rates import MemberRates
from ranvier.training.member_states import MemberStates
from ranvier.training.member_stopping import Mask, StoppingOfMembers, Values
from ranvier.training.settings import TrainSettings
from ranvier.training.state import TrainingState

Array = NDArray[Any]
T = TypeVar("T")
AHEAD, MAX_AHEAD = 8, 2**19
"""Orders are made for so many epochs at once, as long as they are at most so many numbers."""
NO_CHECKPOINTS = MemberCheckpoints(())


class NoFastPathError(Exception):
    """The networks cannot be trained together, or somebody has to look at each training by itself."""


@record(eq=False)
class MemberRows:
    """What M networks learn from.

    Fields:
        rows: of each, as many of all, all with weights or all without, (M,).
        validation: of each, as many of all, (M,); None for none.
        measured: what is measured after each epoch.
        upload: gives rows to an executable.
    """

    rows: Sequence[Rows]
    validation: Sequence[Rows] | None
    measured: EpochMetrics
    upload: Upload


def train_members(
    executable: Executable,
    rows: MemberRows,
    settings: Sequence[TrainSettings],
    initial: Array,
    loss_unit: float,
    stop_requested: Callable[[], bool],
    specs: Sequence[CompileSpec] | None = None,
    checkpoints: MemberCheckpoints = NO_CHECKPOINTS,
) -> MemberStates | None:
    """Train M networks of one structure, for all epochs or until the user stops; gives the state of each then.

    None where the engine has no fast path for it, and where a loss or a parameter grew so large that somebody has to
    look at each training by itself.

    Parameters:
        executable: of a spec of their structure.
        rows: what they learn from.
        settings: of each; they differ in optimizer, seed and schedule alone. Callbacks are those of
            `member_stopping.all_early_stopping`.
        initial: the initial weights, (M, P).
        loss_unit: what the losses of the engine are multiplied by for the history.
        stop_requested: asked between spans whether to stop.
        specs: of each; None where all have that of the executable.
        checkpoints: saves the states of all; those that it has stored are where they go on.
    """
    try:
        training = _Training(executable, rows, settings, initial, loss_unit, specs, checkpoints.stored)
        return training.run(stop_requested, checkpoints)
    except NoFastPathError:
        return None


class _Training:
    """One call of `train_members`."""

    def __init__(
        self,
        executable: Executable,
        rows: MemberRows,
        settings: Sequence[TrainSettings],
        initial: Array,
        loss_unit: float,
        specs: Sequence[CompileSpec] | None,
        begin: Sequence[TrainingState],
    ) -> None:
        self.executable, self.settings, self.rows, self.unit = executable, settings, rows, loss_unit
        self.total, self.n_rows = settings[0].epochs, len(rows.rows[0])
        self.seeds = np.array([settings_.seed for settings_ in settings], np.uint64)
        self.starts = batches.batch_offsets(self.n_rows, min(settings[0].batch_size, self.n_rows))
        self.per_epoch = len(self.starts) - 1
        self.weights = _weights_of(rows.rows)
        states = _together(begin) if begin else _before_training(initial, settings)
        members = executable.try_members(self._handles(rows.rows, rows.upload), states, self.seeds, specs)
        if members is None:
            raise NoFastPathError
        self.members: Members = members
        self.validation = None if rows.validation is None else self._handles(rows.validation, rows.upload)
        self.metrics = None if rows.validation is None else MemberMetrics(rows.measured, rows.validation)
        self.samples = self._samples()
        self.sample = self._handles(self.samples, upload)
        count = len(settings)
        self.rates = MemberRates(settings, self.per_epoch, [state.plateau for state in begin])
        self.stopping = [
            StoppingOfMembers(callback, count, [state.callbacks[at] for state in begin])
            for at, callback in enumerate(settings[0].callbacks)
        ]
        self.looks = self.validation is not None or bool(self.samples or self.stopping) or self.rates.watch
        self.epochs = MemberEpochs(count, [state.history for state in begin])
        self.numbers = np.arange(count)
        self.outputs = MemberOutputs(count, [state.best for state in begin])
        self.reasons: list[str | None] = [None] * count

    def _handles(self, rows: Sequence[Rows], give: Upload) -> list[RowsHandle]:
        """What the executable made of the rows of each network; those that several share it was given once."""
        return _once_each(rows, partial(give, self.executable))

    def _samples(self) -> list[Rows]:
        """The training rows of each network that are measured after every epoch; empty where nobody asks."""
        count = self.rows.measured.sample_size(self.n_rows)
        if not count:
            return []
        return _once_each(self.rows.rows, lambda part: part.take(random_rows(len(part), count)))

    def run(self, stop_requested: Callable[[], bool], checkpoints: MemberCheckpoints) -> MemberStates:
        done, interrupted = self.epochs.made, stop_requested()
        if not done and not interrupted:
            self._show_start()
        while done < self.total and len(self.numbers) and not interrupted:
            count, numbers = min(self.total - done, self._epochs_at_once()), self.numbers
            numbered, seeds = range(done + 1, done + count + 1), self.seeds[numbers].tolist()
            words, shuffle = self.executable.random_words, self.settings[0].shuffle
            orders = batches.population_orders(self.n_rows, numbered, seeds, shuffle, words)
            scalars = self.rates.scalars(numbers, done, count)
            together = 1 if self.looks else count
            for first in range(0, count, together):
                # Those that are left of the networks whose orders these are.
                at = np.searchsorted(numbers, self.numbers)
                steps = slice(first * self.per_epoch, (first + together) * self.per_epoch)
                self._span(orders[at, first : first + together], scalars[at, steps])
                done += together
                interrupted = stop_requested()
                if interrupted or not len(self.numbers):
                    break
                if checkpoints.due():
                    checkpoints.save(self._states())
        states = self._states()
        checkpoints.save(states)
        return states

    def _epochs_at_once(self) -> int:
        """For how many epochs orders are made: those of a span, or some spans of an epoch each."""
        if self.looks:
            return max(1, min(AHEAD, MAX_AHEAD // (self.n_rows * len(self.numbers))))
        seconds = self.executable.step_seconds * self.per_epoch * len(self.numbers)
        return max(1, int(SPAN_SECONDS / seconds)) if seconds else 1

    def _span(self, orders: Array, scalars: NDArray[np.float64]) -> None:
        """Make the steps of some epochs of all networks that are left, (m, epochs, rows), and look at them."""
        start, numbers, count = time.perf_counter(), self.numbers, orders.shape[1]
        self.rates.follow(numbers, scalars)
        losses = self.members.run(numbers, batches.span_over_epochs(orders, self.starts, scalars))
        trained = max((time.perf_counter() - start) / (count * len(numbers)), 1e-9)
        self.executable.step_seconds = trained / self.per_epoch
        weights = self.weights if self.weights is None or len(self.weights) == 1 else self.weights[numbers]
        losses = losses.reshape(len(numbers), count, self.per_epoch)
        means = batches.population_means(losses, orders, self.starts, weights)
        # NaN is not smaller.
        if not (np.isfinite(losses).all() and means.max() <= MAX_GROWTH):
            raise NoFastPathError
        columns: dict[str, Any] = {"loss": means * self.unit}
        columns["learning_rate"] = scalars[:, self.per_epoch - 1 :: self.per_epoch, 0]
        columns["examples_per_second"] = self.n_rows / trained
        if self.looks:
            columns |= self._look(columns["loss"][:, 0])
        columns["seconds"] = max((time.perf_counter() - start) / (count * len(numbers)), 1e-9)
        self.epochs.append(numbers, count, columns)

    def _look(self, losses: NDArray[np.float64]) -> dict[str, Array]:
        """Measure after an epoch, and let networks stop; gives what the history has of it, (m, 1) each."""
        numbers, number = self.numbers, self.epochs.made + 1
        outputs, measured = self._measure()
        values = {"loss": losses, **measured}
        best, stopped = self._judge(number, values, self.stopping)
        self.rates.after_epoch(numbers, values.get(VALIDATION_LOSS, losses))
        if best.any():
            self._keep(best, outputs)
        if stopped.any():
            self.numbers = numbers[~stopped]
        if outputs is not None:
            self.outputs.after_epoch(numbers, outputs, stopped | (number == self.total))
        return {name: column[:, None] for name, column in (*measured.items(), (BEST, best))}

    def _measure(self) -> tuple[Array | None, dict[str, NDArray[np.float64]]]:
        """The outputs for the validation rows, and what was measured on these and on samples of the training rows."""
        numbers, outputs, values = self.numbers, None, {}
        if self.validation is not None and self.metrics is not None:
            loss, outputs = self._evaluate(self.validation)
            values = {VALIDATION_LOSS: loss * self.unit, **self.metrics.measure(numbers, outputs)}
        if self.samples:
            of_samples = zip(numbers.tolist(), self._evaluate(self.sample)[1], strict=True)
            measure = self.rows.measured.measure_training
            values |= as_columns([measure(of_one, self.samples[at].targets) for at, of_one in of_samples])
        return outputs, values

    def _evaluate(self, rows: Sequence[RowsHandle]) -> tuple[NDArray[np.float64], Array]:
        result = self.members.try_evaluate(self.numbers, [rows[number] for number in self.numbers.tolist()])
        if result is None:
            raise NoFastPathError
        return result

    def _judge(self, epoch: int, values: Values, stopping: Sequence[StoppingOfMembers]) -> tuple[Mask, Mask]:
        """Which networks are the best so far, and which are to stop."""
        best, stopped = np.zeros((2, len(self.numbers)), np.bool_)
        for rule in stopping:
            better, at_end = rule.after_epoch(self.numbers, epoch, values)
            for number in self.numbers[at_end & ~stopped].tolist():
                self.reasons[number] = rule.reason(number)
            best, stopped = best | better, stopped | at_end
        return best, stopped

    def _keep(self, best: Mask, outputs: Array | None) -> None:
        """Keep the weights of the networks that are the best so far."""
        numbers = self.numbers[best]
        self.outputs.keep(numbers, self.members.parameters(numbers), None if outputs is None else outputs[best])

    def _show_start(self) -> None:
        """Show the weights before the first epoch to the callbacks that ask for them."""
        watching = [rule for rule in self.stopping if rule.callback.watches_start]
        if self.validation is None or not watching:
            return
        outputs, measured = self._measure()
        nothing = np.full(len(self.numbers), math.nan)
        best, _ = self._judge(0, {"loss": nothing, **measured}, watching)
        self.reasons = [None] * len(self.reasons)
        self._keep(best, outputs)

    def _states(self) -> MemberStates:
        """The complete state of each network."""
        parameters, slots, steps = self.members.states()
        if not np.isfinite(parameters).all():
            raise NoFastPathError
        histories, plateaus = self.epochs.histories(), self.rates.plateaus
        engine = parameters, slots, steps
        return MemberStates(engine, histories, plateaus, self.outputs, self.stopping, self.reasons, self.unit)


def _together(states: Sequence[TrainingState]) -> State:
    """Where M networks go on that made as many steps: slots (M, S, P)."""
    engines = [state.engine for state in states]
    parameters = np.stack([engine.parameters for engine in engines])
    return State(parameters, np.stack([engine.slots for engine in engines]), engines[0].step)


def _once_each(rows: Sequence[Rows], make: Callable[[Rows], T]) -> list[T]:
    """What is made of the rows of each network, once of those that several share."""
    distinct = {id(part): part for part in rows}
    made = {key: make(part) for key, part in distinct.items()}
    return [made[id(part)] for part in rows]


def _weights_of(rows: Sequence[Rows]) -> NDArray[Any] | None:
    """The weights of the rows: of all networks, (1, n), or of each, (M, n); None where they count alike."""
    distinct = rows[:1] if all(part is rows[0] for part in rows) else rows
    weights = [part.weights for part in distinct if part.weights is not None]
    return np.array(weights) if weights else None


def _before_training(initial: Array, settings: Sequence[TrainSettings]) -> State:
    """The states of M networks before the first step: slots (M, S, P)."""
    optimizers = [at_unit_rate(settings_.optimizer) for settings_ in settings]
    if any(optimizer != optimizers[0] for optimizer in optimizers):
        pairs = zip(optimizers, initial, strict=True)
        return State(initial, np.stack([optimizer.initial_slots(flat) for optimizer, flat in pairs]), 0)
    slots = optimizers[0].initial_slots(initial.reshape(-1)).reshape(-1, *initial.shape)
    return State(initial, np.ascontiguousarray(slots.swapaxes(0, 1)), 0)
