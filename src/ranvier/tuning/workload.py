"""The workload of a search: the encoded data, and the training of one trial on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ranvier.errors import InputError, TrainingError
from ranvier.model.ready_data import ReadyData
from ranvier.model.rows import left_apart
from ranvier.model.train import TrainJob
from ranvier.network.network import Network
from ranvier.recipes.ensemble import trainings_at_once
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.recipe import Recipe, Trained, TrainingSetup
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.epoch_metrics import EpochMetrics
from ranvier.training.inference import outputs_of
from ranvier.training.interrupt import latched, stopping_when
from ranvier.training.runner import fingerprint
from ranvier.training.settings import TrainSettings
from ranvier.training.threshold import check_has_threshold
from ranvier.tuning.space import Space, make_space, variations
from ranvier.tuning.study import LAST_RUNG

HELD_FRACTION = 0.2
"""The fraction of the training rows that trials are compared on, where no validation rows are there."""


@record(eq=False)
class Workload:
    """What every trial reads: the encoded data, the rows to learn from and those to be compared on, and the space."""

    ready: ReadyData
    recipe: Recipe
    learned: Rows
    validation: Rows
    space: Space

    @classmethod
    def of(cls, job: TrainJob, space: Mapping[str, Any] | None) -> Workload:
        ready = job.ready()
        if ready.recipe.name == "language":
            raise InputError("A search takes tables, pictures, recordings and texts; a language model trains too long.")
        single: Any = ready.recipe
        if hasattr(single, "n_networks"):
            single = replace(single, n_networks=1)
        check_has_threshold(ready.task, ready.options.threshold)
        learned, validation = ready.rows, ready.validation
        if validation is None:
            parts = left_apart(learned, HELD_FRACTION, ready.options.seed, ready.task)
            if parts is None:
                raise InputError(f"{len(learned)} training rows are too few for a search; give more.")
            learned, validation = parts
        work = cls(ready, single, learned, validation, make_space(ready.recipe, space))
        for options in variations(work.space):
            work._network_and_settings(replace(ready.options, **options))
        return work

    @property
    def metric(self) -> str:
        """What trials are compared by."""
        return "rmse" if self.ready.task.kind == "regression" else "log_loss"

    @property
    def final_factor(self) -> float:
        """How many times as long the whole recipe trains as a trial that is trained to the end and alone."""
        networks = getattr(self.ready.recipe, "n_networks", 1)
        together = trainings_at_once(*self._network_and_settings(self.ready.options), networks, self.learned)
        return networks / together * len(self.ready.rows) / len(self.learned)

    def data(self) -> dict[str, Any]:
        """What tells other data from these: how many rows and inputs there are, and a digest of the encoded rows."""
        network, settings = self._network_and_settings(self.ready.options)
        return {
            "rows": len(self.ready.rows),
            "held": len(self.validation),
            "inputs": self.ready.prepared.encoder.width,
            "data": fingerprint(network, settings, self.learned, self.validation),
        }

    def _network_and_settings(self, options: TrainOptions) -> tuple[Network, TrainSettings]:
        return self.ready.network_and_settings(options, (), len(self.learned), True)

    def train(
        self, options: Mapping[str, Any], rung: int, threads: int, stop: Callable[[], bool]
    ) -> tuple[float | None, float, int]:
        """Train settings as long as their rung says; gives the value, the seconds and the epochs.

        The value is None where training diverged, and NaN where it was stopped.
        """
        start = time.monotonic()
        stopped = latched(stop)
        changed = replace(self.ready.options, **options, threads=threads)
        network, settings = self._network_and_settings(changed)
        epochs = max(1, round(settings.epochs / 3 ** (LAST_RUNG - rung)))
        settings = replace(settings, epochs=epochs)
        outside: Any = {"target": self.ready.prepared.target, "encoder": self.ready.prepared.encoder}
        setup = TrainingSetup(network, settings, self.ready.task, self.learned, self.validation, **outside)
        try:
            with stopping_when(stopped):
                trained = self.recipe.train(setup)
        except TrainingError:
            return None, time.monotonic() - start, epochs
        except KeyboardInterrupt:  # a comparison within the recipe was broken off
            if not stopped():
                raise
        if stopped():
            return float("nan"), time.monotonic() - start, epochs
        return self._value(trained, settings), time.monotonic() - start, len(trained.history)

    def _value(self, trained: Trained, settings: TrainSettings) -> float:
        """The metric on the validation rows; the least validation loss of a recipe that learned features of its own."""
        if trained.encoder is not None:
            return min(epoch.validation_loss for epoch in trained.history if epoch.validation_loss is not None)
        outputs = outputs_of(trained.network, settings, trained.parameters, self.validation.inputs)
        metrics = EpochMetrics(self.ready.prepared.target, (self.metric,))
        return float(metrics.measure(outputs, self.validation.targets, self.validation.weights)[self.metric])
