"""A training that stays open: what runs in an executable finds it as the run before left it.

A `run_training` makes an executable ready, gives it the rows, asks between spans who looks, and tells events; all that
takes longer than the training of a small network on few rows. Where nobody looks, the steps here have the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.engine import RowsHandle, Span, State
from ranvier.network.layers import Dropout
from ranvier.network.network import Network
from ranvier.network.optimizers.base import at_unit_rate
from ranvier.network.structure import network_structure, optimizer_structure
from ranvier.rows import Rows
from ranvier.rows.finite import probably_finite
from ranvier.training import batches, divergence
from ranvier.training.engines import compile_network
from ranvier.training.events import NoteEvent, silent
from ranvier.training.history import Epoch, History
from ranvier.training.loop import SPAN_SECONDS
from ranvier.training.member_stopping import all_early_stopping
from ranvier.training.runner import spec_and_unit
from ranvier.training.settings import TrainSettings
from ranvier.training.state import TrainingState
from ranvier.training.watching import current_watch

if TYPE_CHECKING:
    from ranvier.training.member_checkpoints import MemberCheckpoints
    from ranvier.training.member_states import MemberStates
    from ranvier.training.members import MemberRows

Array = NDArray[Any]
MAX_PARAMETERS = 2**14
"""What is around the steps of larger networks takes a small part of their time."""
MAX_PRODUCTS = 2**26
"""Steps of so many multiplications take some milliseconds: nothing within them has to be broken off."""


class OpenTraining:
    """Trainings on rows of the same kind, one after the other in one executable, with the bits of `run_training`.

    Parameters:
        network, settings, target: as for `run_training`; the settings are checked already.
        rows: those of the first training; others have as many, with weights where these have.
    """

    def __init__(self, network: Network, settings: TrainSettings, target: TargetEncoder, rows: Rows) -> None:
        self._about = settings, target, len(rows), rows.weights is None
        self._spec, self._unit = spec_and_unit(network, settings, rows, target)
        self.engine, self._executable, note = compile_network(settings.engine, self._spec)
        if note is not None:
            silent(NoteEvent(note))
        self._starts = batches.batch_offsets(len(rows), self._spec.batch_size)
        factors = settings.schedule.factors(np.zeros(1, np.int64), 1, 1) * settings.schedule.init_state()["factor"]
        self._rates = settings.optimizer.learning_rate * factors
        self._held: State | None = None
        self._uploaded: tuple[Rows, RowsHandle] | None = None

    def fits(self, settings: TrainSettings, target: TargetEncoder, rows: Rows) -> bool:
        """Whether a step with these settings on these rows is one of this training."""
        known_settings, known_target, count, unweighted = self._about
        same = known_settings is settings and known_target is target
        return same and count == len(rows) and unweighted == (rows.weights is None)

    def step(self, state: TrainingState, rows: Rows) -> TrainingState:
        """Make a step from a state, and give the state after it, as another `fit` of one epoch would.

        Raises:
            TrainingError: the loss or a parameter is no longer a finite number.
        """
        start = time.perf_counter()
        settings, executable, number = self._about[0], self._executable, state.epoch + 1
        if state.engine is not self._held:
            executable.set_state(state.engine)
        # Whatever breaks this off, the executable is not where the caller believes it to be.
        self._held = None
        loss, engine = self._stepped(rows, state.engine.step, number)
        loss *= self._unit
        plateau = settings.schedule.on_epoch_end(settings.schedule.init_state(), loss)
        seconds = max(time.perf_counter() - start, 1e-9)
        record = Epoch(number, loss, None, {}, float(self._rates[0]), seconds, len(rows) / seconds)
        self._held = engine
        return TrainingState(
            engine,
            epoch=number,
            history=state.history.appended(record),
            plateau=plateau,
            first_epoch=state.epoch,
            first_step=state.engine.step,
            loss_unit=self._unit,
        )

    def _stepped(self, rows: Rows, done: int, number: int) -> tuple[float, State]:
        """The loss of a step on rows, made after `done` others, and the state after it; `number` is its epoch's."""
        settings, executable = self._about[0], self._executable
        scalars = settings.optimizer.scalars_from(done + 1, self._rates)
        if len(rows) == 1 and rows.weights is None:
            made = executable.try_fast_step(rows.inputs.dense, rows.targets, scalars)
            if made is not None and isfinite(made[0]) and probably_finite(made[1].parameters):
                return made
            if made is not None:
                self._check(settings, rows, np.array(made[:1]), done, made[1].parameters, number)
                return made
        order = batches.epoch_order(len(rows), number, settings.seed, settings.shuffle)
        losses = executable.run(rows, Span(order, self._starts, scalars))
        engine = executable.get_state()
        self._check(settings, rows, losses, done, engine.parameters, number)
        return batches.mean_loss(losses, batches.batch_weights(order, self._starts, rows.weights)), engine

    def train(
        self,
        settings: TrainSettings,
        rows: Rows,
        initial: Callable[[type], Array],
        stop_requested: Callable[[], bool],
    ) -> TrainingState:
        """Train from initial weights, for all epochs or until the user stops; gives the state then.

        Parameters:
            settings: they may differ from the first ones in what `kind` leaves free.
            rows: those of the training before, or others like them.
            initial: gives the initial weights (P,) in a type.
            stop_requested: asked between spans whether to stop.

        Raises:
            TrainingError: a loss or a parameter is no longer a finite number, or a loss grew beyond all measure.
        """
        executable, optimizer, per_epoch = self._executable, settings.optimizer, len(self._starts) - 1
        handle, parameters = self._resident(rows), initial(executable.dtype)
        self._held = None
        executable.set_state(State.before_training(parameters, optimizer))
        done, history, monitor = 0, History(), divergence.DivergenceMonitor()
        while done < settings.epochs and not stop_requested():
            start = time.perf_counter()
            epoch_seconds = executable.step_seconds * per_epoch
            count = min(settings.epochs - done, max(1, int(SPAN_SECONDS / epoch_seconds)) if epoch_seconds else 1)
            numbers = range(done + 1, done + count + 1)
            orders = batches.epoch_orders(len(rows), numbers, settings.seed, settings.shuffle, executable.random_words)
            since = np.arange(done * per_epoch, (done + count) * per_epoch)
            rates = optimizer.learning_rate * settings.schedule.factors(since, per_epoch, settings.epochs * per_epoch)
            scalars = optimizer.scalars_from(done * per_epoch + 1, rates)
            losses = executable.run(handle, batches.span_over_epochs(orders, self._starts, scalars))
            seconds = max((time.perf_counter() - start) / count, 1e-9)
            executable.step_seconds = seconds / per_epoch
            self._check(settings, rows, losses, done * per_epoch)
            means = batches.mean_losses(losses.reshape(count, per_epoch), orders, self._starts, rows.weights)
            if not monitor.is_calm(means):
                for number, mean in zip(numbers, means, strict=True):
                    self._check_growth(settings, rows, monitor, mean, number)
            columns = {
                "loss": means if self._unit == 1.0 else [mean * self._unit for mean in means],
                "learning_rate": rates[per_epoch - 1 :: per_epoch].tolist(),
                "seconds": [seconds] * count,
                "examples_per_second": [len(rows) / seconds] * count,
            }
            history, done = history.extended(numbers, columns), done + count
        engine = executable.get_state()
        self._check(settings, rows, np.zeros(0), 0, engine.parameters, done)
        plateau = settings.schedule.init_state()
        return TrainingState(engine, epoch=done, history=history, plateau=plateau, loss_unit=self._unit)

    def train_members(
        self,
        members: Sequence[tuple[Network, TrainSettings]],
        rows: MemberRows,
        stop_requested: Callable[[], bool],
        checkpoints: MemberCheckpoints | None = None,
    ) -> MemberStates | None:
        """Train several networks, with the bits of `run_training` for each; None where each is to be trained by itself.

        Parameters:
            members: the network and the settings of each, equal in `structure`, epochs, shuffling and callbacks.
            rows, stop_requested, checkpoints: as for `training.members.train_members`.
        """
        from ranvier.training.members import NO_CHECKPOINTS, train_members  # which the fit of a network does not need

        pairs = [(network, at_unit_rate(settings.optimizer)) for network, settings in members]
        specs = {pair: replace(self._spec, network=pair[0], optimizer=pair[1]) for pair in dict.fromkeys(pairs)}
        # The learning rates are numbers of the steps.
        of_executable = self._spec.network, at_unit_rate(self._spec.optimizer)
        specs_of_all = None if specs.keys() == {of_executable} else [specs[pair] for pair in pairs]
        initial = _initial_weights(members, self._executable.dtype)
        settings = [each_settings for _, each_settings in members]
        about = settings, initial, self._unit, stop_requested, specs_of_all, checkpoints or NO_CHECKPOINTS
        return train_members(self._executable, rows, *about)

    def _resident(self, rows: Rows) -> RowsHandle:
        """The rows as the executable keeps them, which has the latest ones already."""
        if self._uploaded is None or self._uploaded[0] is not rows:
            self._uploaded = rows, self._executable.upload(rows)
        return self._uploaded[1]

    def _check(
        self,
        settings: TrainSettings,
        rows: Rows,
        losses: NDArray[np.float64],
        step: int,
        parameters: Array | None = None,
        epoch: int = 0,
    ) -> None:
        """Raise a `TrainingError` where a loss or a parameter is not a finite number."""
        if np.isfinite(losses).all() and (parameters is None or np.isfinite(parameters).all()):
            return
        spec = replace(self._spec, optimizer=settings.optimizer)
        with divergence.naming_large_inputs(rows):
            divergence.check(losses, step, spec)
            assert parameters is not None
            divergence.check_parameters(parameters, epoch, spec)

    def _check_growth(
        self, settings: TrainSettings, rows: Rows, monitor: divergence.DivergenceMonitor, loss: float, epoch: int
    ) -> None:
        with divergence.naming_large_inputs(rows):
            monitor.check(loss, epoch, replace(self._spec, optimizer=settings.optimizer))

    def close(self) -> None:
        """Free what the engine holds."""
        self._executable.close()


def is_small(network: Network, settings: TrainSettings, rows: Rows) -> bool:
    """Whether a training of a small network is one that nobody looks at before its end."""
    return not settings.callbacks and is_small_member(network, settings, rows)


def is_small_member(network: Network, settings: TrainSettings, rows: Rows) -> bool:
    """Whether a training may be one of those of `OpenTraining.train_members`: between its epochs nobody else looks."""
    return (
        all_early_stopping(settings.callbacks)
        and not settings.optimizer.full_batch
        and network.parameter_count <= MAX_PARAMETERS
        and _facts(network)[0] * min(settings.batch_size, len(rows)) <= MAX_PRODUCTS
        and current_watch() is None
    )


def is_one_step(network: Network, settings: TrainSettings, rows: Rows) -> bool:
    """Whether such a training makes one step."""
    return settings.epochs == 1 and len(rows) <= settings.batch_size and is_small(network, settings, rows)


def structure(network: Network, settings: TrainSettings) -> Any:
    """What the settings of networks must have in common to be trained together in one executable, with their rows."""
    structures = network_structure(network), optimizer_structure(settings.optimizer)
    return *structures, settings.loss, settings.batch_size, settings.mean_nnz, settings.n_dense


def _initial_weights(members: Sequence[tuple[Network, TrainSettings]], dtype: type) -> Array:
    """The initial weights of networks, (M, P), drawn at once for all that are equal."""
    weights: Array = np.empty((len(members), members[0][0].parameter_table.size), dtype)
    positions: dict[Network, list[int]] = {}
    for number, (network, _) in enumerate(members):
        positions.setdefault(network, []).append(number)
    for network, numbers in positions.items():
        seeds = [members[number][1].seed for number in numbers]
        weights[numbers] = network.parameter_table.initial_for_seeds(seeds, dtype)
    return weights


def kind(network: Network, settings: TrainSettings) -> Any:
    """What the settings of trainings of a network must have in common to run in one executable after each other.

    They may differ in learning rate, seed, schedule, epochs and shuffling. None where the seed decides dropout masks,
    or the schedule watches the loss.
    """
    if settings.schedule.watches or _facts(network)[1]:
        return None
    optimizer = at_unit_rate(settings.optimizer)
    return network, settings.loss, optimizer, settings.batch_size, settings.mean_nnz, settings.n_dense


@lru_cache(64)
def _facts(network: Network) -> tuple[int, bool]:
    """The multiplications for one row, and whether there is dropout."""
    return network.macs, any(isinstance(bound.layer, Dropout) for bound in network.iter_layers())
