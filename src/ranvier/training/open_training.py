"""A training that stays open: calls that make one step each find its state where the step before left it.

A `run_training` of one step moves the state into an executable and back, asks whether Ctrl-C was pressed, and tells
events; all that takes longer than the step of a small network.
"""

from __future__ import annotations

import time

import numpy as np

from ranvier.data import TargetEncoder
from ranvier.engine import Span, State
from ranvier.errors import TrainingError
from ranvier.network.network import Network
from ranvier.rows import Rows
from ranvier.training import batches, divergence
from ranvier.training.engines import compile_network
from ranvier.training.history import Epoch
from ranvier.training.runner import spec_and_unit
from ranvier.training.settings import TrainSettings
from ranvier.training.state import TrainingState
from ranvier.training.watching import current_watch

MAX_PARAMETERS = 2**14
"""Moving the state of larger networks takes a small part of their step."""


class OpenTraining:
    """Trainings of one step each on rows of the same kind, with the bits that `run_training` gives.

    Parameters:
        network, settings, target: as for `run_training`; the settings are checked already.
        rows: those of the first step; others have as many, with weights where these have.
    """

    def __init__(self, network: Network, settings: TrainSettings, target: TargetEncoder, rows: Rows) -> None:
        self._about = settings, target, len(rows), rows.weights is None
        self._settings = settings
        self._spec, self._unit = spec_and_unit(network, settings, rows, target)
        self.engine, self._executable, _ = compile_network(settings.engine, self._spec)
        self._starts = np.array([0, len(rows)], np.int64)
        factors = settings.schedule.factors(np.zeros(1, np.int64), 1, 1) * settings.schedule.init_state()["factor"]
        self._rates = settings.optimizer.learning_rate * factors
        self._held: State | None = None

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
        begun = time.perf_counter()
        settings, executable, number = self._settings, self._executable, state.epoch + 1
        if state.engine is not self._held:
            executable.set_state(state.engine)
        # Whatever breaks this off, the executable is not where the caller believes it to be.
        self._held = None
        order = batches.epoch_order(len(rows), number, settings.seed, settings.shuffle)
        scalars = settings.optimizer.scalars_from(state.engine.step + 1, self._rates)
        losses = executable.run(rows, Span(order, self._starts, scalars))
        engine = executable.get_state()
        try:
            divergence.check(losses, state.engine.step, self._spec)
            divergence.check_parameters(engine.parameters, number, self._spec)
        except TrainingError:
            with divergence.naming_large_inputs(rows):
                raise
        loss = batches.mean_loss(losses, batches.batch_weights(order, self._starts, rows.weights)) * self._unit
        plateau = settings.schedule.on_epoch_end(settings.schedule.init_state(), loss)
        seconds = max(time.perf_counter() - begun, 1e-9)
        record = Epoch(number, loss, None, {}, float(self._rates[0]), seconds, len(rows) / seconds)
        self._held = engine
        history = state.history.appended(record)
        return TrainingState(
            engine,
            epoch=number,
            history=history,
            plateau=plateau,
            first_epoch=state.epoch,
            first_step=state.engine.step,
            loss_unit=self._unit,
        )

    def close(self) -> None:
        """Free what the engine holds."""
        self._executable.close()


def is_one_step(network: Network, settings: TrainSettings, rows: Rows) -> bool:
    """Whether a training is a step of a small network between which and the next nobody looks."""
    return (
        settings.epochs == 1
        and len(rows) <= settings.batch_size
        and not settings.callbacks
        and not settings.optimizer.full_batch
        and network.parameter_count <= MAX_PARAMETERS
        and current_watch() is None
    )
