"""The model of a search: the whole recipe, trained with the settings of a trial within what is left of the time."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ranvier.model.model import Model
from ranvier.model.train import TrainData, train_job
from ranvier.recipes.options import VALIDATION_FRACTION, TrainOptions
from ranvier.training.events import EndEvent, EpochEvent, Event, silent
from ranvier.training.interrupt import latched, stopping_when
from ranvier.tuning.budget import Budget
from ranvier.tuning.space import SEARCHABLE
from ranvier.tuning.study import LAST_RUNG, Trial
from ranvier.tuning.workload import Workload

OWN_OPTIONS = tuple(
    field.name for field in fields(TrainOptions) if field.name not in (*SEARCHABLE, "target", "validation", "test")
)
"""Options of `train` that a search takes and hands on as they are."""
RECIPE_TRIAL = Trial(0, {}, None, LAST_RUNG, 0.0, 0, 0)
"""The recipe's own settings, untried."""
CUT = "The time was over before the whole recipe was trained; give more minutes. {}"
NONE = "The time was over before a model was trained; give more minutes."


class AbandonedError(Exception):
    """A training was broken off, and what it has made is not wanted."""


class WholeRecipe:
    """Trains the model, and trains it again with better settings.

    A first training that the time cuts short gives a model of what it has made, one epoch at least. A later one that
    does not end in time is given up, and the model before stays.

    Parameters:
        work: the data, which are not read again.
        inputs, options: as they were given to `search`.
        path: where the model is saved; None for nowhere.
        budget: says when to stop, and learns how long it took.

    Attributes:
        model: the newest one; None where there is none.
        trial: whose settings it has; None where there is none.
        ended, interrupted: whether the time or Ctrl-C ended a training; whether Ctrl-C did.
        notes: what the time did not suffice for, in sentences.
    """

    def __init__(
        self, work: Workload, inputs: TrainData, options: TrainOptions, path: Path | None, budget: Budget
    ) -> None:
        self._work, self._inputs, self._options, self._path, self._budget = work, inputs, options, path, budget
        self.model: Model | None = None
        self.trial: Trial | None = None
        self.ended = self.interrupted = False
        self.notes: tuple[str, ...] = ()

    def options_of(self, trial: Trial) -> dict[str, Any]:
        """The options of `train` that give the model of a trial."""
        final = {name: getattr(self._options, name) for name in OWN_OPTIONS}
        final |= {"test": self._inputs.test, "sample_weight": self._inputs.sample_weight, **trial.options}
        if self._inputs.validation is not None:
            final["validation"] = self._inputs.validation
        return final

    def train(self, trial: Trial) -> None:
        """Train the model with the settings of a trial.

        Raises:
            TrainingError: training diverged.
        """
        began = self._budget.elapsed
        watch = _Watch(self.model is not None)
        stop = latched(lambda: watch.may_stop and self._budget.cut())
        model: Model | None = None
        try:
            with stopping_when(stop):
                model = self._trained(trial, watch)
        except (AbandonedError, KeyboardInterrupt) as error:
            if isinstance(error, KeyboardInterrupt) and not stop():
                raise
            watch.interrupted = True
        if model is not None:
            self.model, self.trial = model, trial
            self._budget.note_model(trial.number, self._budget.elapsed - began)
        self.ended, self.interrupted = watch.interrupted, watch.interrupted and not stop()
        if self.model is None:
            self.notes = (NONE,)
        elif model is not None and watch.interrupted and stop() and model.report is not None:
            self.notes = (CUT.format(model.report.stop_reason),)

    def _trained(self, trial: Trial, watch: _Watch) -> Model:
        inputs = self._inputs
        validation = VALIDATION_FRACTION if inputs.validation is None else inputs.validation
        settings = {name: getattr(self._options, name) for name in OWN_OPTIONS}
        options = TrainOptions(**settings, **trial.options)
        job = train_job(replace(inputs, validation=validation), options, (), watch, self._path)
        # How targets are encoded depends on the loss.
        ready = None if "loss" in trial.options else self._work.ready.with_options(job.options)
        return job.run(lambda: None, ready)


class _Watch:
    """Listens to a training.

    Parameters:
        has_model: whether there is a model that stays where this one is broken off.
    """

    def __init__(self, has_model: bool) -> None:
        self._has_model = has_model
        self.may_stop = has_model
        self.interrupted = False

    def __call__(self, event: Event) -> None:
        silent(event)
        if isinstance(event, EpochEvent):
            self.may_stop = True
        elif isinstance(event, EndEvent) and event.reason == "interrupted":
            self.interrupted = True
            if self._has_model:
                raise AbandonedError
