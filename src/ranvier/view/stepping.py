"""Stepping: a copy of a network trained from its beginning, one step at a time, with all numbers. B rows of a batch."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.context import ContextEncoder
from ranvier.engine import CompileSpec, State
from ranvier.errors import InputError, RanvierError
from ranvier.model.running import data_of_running
from ranvier.network.scaled_loss import scaled_loss
from ranvier.reference.engine import ReferenceEngine
from ranvier.reference.trace import StepTrace, trace_step
from ranvier.rows import Inputs, Rows
from ranvier.training.batches import batch_offsets, epoch_order, span_of
from ranvier.training.state import initial_state
from ranvier.view.known_rows import KnownRows
from ranvier.view.row_form import pixels_of_rows
from ranvier.view.subject import NO_ROWS, Subject

NO_ANSWERS = "The true answers of these rows are not known, so nothing can be learned from them."
MAX_KEPT, MAX_KEPT_BYTES = 200, 2**28
"""How many states are kept to go back to; fewer of a large network, but always one behind another."""
MAX_BATCH = 32
"""So many rows of a batch are shown, and trained on, at most."""
MAX_STEPS = 100_000
MAX_WORK = 4e8
"""Up to so many products of parameters and rows may be made at once, which take seconds."""


class Stepping:
    """The steps of a training with the network, optimizer, loss and seed of a model, on its training rows.

    Attributes:
        rows_name: which rows it trains on.
        per_epoch: how many steps make an epoch.

    Parameters:
        subject: whose network it is; it is not changed.
        seed: of the initial weights and the order of the rows; None for that of the model.
    """

    def __init__(self, subject: Subject, seed: int | None = None) -> None:
        model = subject.model
        settings = model.training if seed is None else replace(model.training, seed=seed)
        self.seed, self.settings, self.network = settings.seed, settings, model.network
        reason = why_no_steps(subject)
        if reason is not None:
            raise InputError(reason)
        self._subject = subject
        self.rows, self.rows_name = rows_to_step_on(subject)
        batch_size = min(settings.batch_size, MAX_BATCH, len(self.rows))
        loss, _ = scaled_loss(settings.loss, model.target.mean, model.target.scale)
        spec = settings.compile_spec(model.network, batch_size, self.rows.weights is not None)
        self.spec: CompileSpec = replace(spec, loss=loss, precision="float64", mean_nnz=None, n_dense=0)
        self.starts = batch_offsets(len(self.rows), batch_size)
        self.per_epoch = len(self.starts) - 1
        first = initial_state(model.network, settings.optimizer, settings.seed).engine
        self._max_kept = max(3, min(MAX_KEPT, MAX_KEPT_BYTES // (first.parameters.nbytes + first.slots.nbytes)))
        self._states: OrderedDict[int, State] = OrderedDict({0: first})
        self._trace: tuple[int, StepTrace] | None = None

    @property
    def may_run_epochs(self) -> bool:
        """Whether an epoch is short enough to be made at once."""
        return self.network.parameter_count * len(self.rows) <= MAX_WORK

    @cached_property
    def _source(self) -> KnownRows | None:
        """The rows that it trains on as the user has them, or the known rows; read when a picture is looked at."""
        rows = self._subject.rows
        try:
            return rows if rows is None or rows.trained_on is None else rows.trained_on()
        except RanvierError:
            return rows

    def picture(self, row: int) -> NDArray[np.uint8] | None:
        """The picture that a row is, (H, W, C), in the user's values, 0 to 255; None where it is none or unknown."""
        subject, numbers = self._subject, self.rows.inputs[row : row + 1].toarray()
        if subject.form.kind != "picture":
            return None
        if numbers.dtype == np.uint8 and numbers.size == math.prod(subject.form.shape):
            return np.asarray(numbers.reshape(subject.form.shape))
        source = self._source
        # Of many rows some are read again: the one with the same numbers is looked for.
        if source is None:
            return None
        same = np.flatnonzero((source.inputs.toarray() == numbers).all(axis=1))
        if not len(same):
            return None
        return np.asarray(pixels_of_rows(subject.form, subject.model, source, same[:1])[0])

    def batch(self, step: int) -> NDArray[np.int64]:
        """The rows of a step, (B,)."""
        epoch, position = divmod(step, self.per_epoch)
        order = epoch_order(len(self.rows), epoch + 1, self.seed, self.settings.shuffle)
        return order[self.starts[position] : self.starts[position + 1]]

    def rows_of(self, step: int) -> Rows:
        """The rows of a step alone, dense, in their order."""
        batch, weights = self.batch(step), self.rows.weights
        inputs = Inputs(np.asarray(self.rows.inputs[batch].toarray()))
        return Rows(inputs, self.rows.targets[batch], None if weights is None else weights[batch])

    def scalars(self, step: int) -> NDArray[np.float64]:
        """What the optimizer needs for a step, (H,): the learning rate of the schedule first."""
        total = self.settings.epochs * self.per_epoch
        factors = self.settings.schedule.factors(np.array([step]), self.per_epoch, total)
        rates = self.spec.optimizer.learning_rate * factors
        return np.asarray(self.spec.optimizer.scalar_values(np.array([step + 1]), rates)[0])

    def state(self, step: int) -> State:
        """The training state before a step.

        Raises:
            InputError: the step is out of range, or too far from those that were made.
        """
        if type(step) is not int or not 0 <= step <= MAX_STEPS:
            raise InputError(f"There is no step {step!r}; steps are integers from 0 to {MAX_STEPS:,}.")
        if step in self._states:
            return self._states[step]
        start = max(number for number in self._states if number < step)
        count = sum(len(self.batch(at)) for at in range(start, min(step, start + self.per_epoch + 1)))
        if step - start > 1 and (count * self.network.parameter_count > MAX_WORK or step - start > self.per_epoch):
            raise InputError("These are more steps than can be made at once; go on step by step.")
        executable = ReferenceEngine().compile(self.spec)
        executable.set_state(self._states[start])
        for at in range(start, step):
            rows = self.rows_of(at)
            span = span_of(np.arange(len(rows)), np.array([0, len(rows)]), 0, 1, self.scalars(at)[None])
            executable.run(rows, span)
            if at + 1 >= step - self._max_kept // 2:
                self._keep(at + 1, executable.get_state())
        return self._states[step]

    def trace(self, step: int) -> StepTrace:
        """A step taken apart.

        Raises:
            InputError: as for `state`.
        """
        if self._trace is None or self._trace[0] != step:
            rows = self.rows_of(step)
            trace = trace_step(self.spec, self.state(step), rows, np.arange(len(rows)), self.scalars(step))
            self._trace = step, trace
            self._keep(step + 1, trace.after)
        return self._trace[1]

    def _keep(self, step: int, state: State) -> None:
        self._states[step] = state
        while len(self._states) > self._max_kept:
            # The beginning stays, so that one can start over.
            oldest = next(number for number in self._states if number)
            del self._states[oldest]


def why_no_steps(subject: Subject) -> str | None:
    """Why no training of a copy can be shown, in a sentence; None where nothing speaks against it."""
    model, rows = subject.model, subject.rows
    if isinstance(model.encoder, ContextEncoder):
        return "A language model learns from the windows of a text, which are not taken apart step by step."
    if model.training.optimizer.full_batch:
        return (
            "L-BFGS looks at all rows several times in each step, along a direction made of its last gradients, so no "
            "update comes from one gradient that could be taken apart. Train with another optimizer, such as Adam."
        )
    if rows is None:
        return None if model.report.run is not None and Path(model.report.run).is_dir() else NO_ROWS
    return NO_ANSWERS if rows.targets is None else None


def rows_to_step_on(subject: Subject) -> tuple[Rows, str]:
    """The training rows of the model's run where they can be read, else the known rows, and what they are.

    Raises:
        InputError: no rows are known, or their answers are not.
    """
    model, run = subject.model, subject.model.report.run
    if run is not None:
        try:
            prepared, _ = data_of_running(run)
        except (RanvierError, KeyError, OSError):
            prepared = None
        if prepared is not None and prepared.train.inputs.shape[1] == model.network.inputs:
            rows = prepared.train
            return Rows(rows.inputs, rows.targets), f"the {len(rows):,} training rows"
    known_rows = subject.known_rows()
    if known_rows.targets is None:
        raise InputError(NO_ANSWERS)
    return Rows(known_rows.inputs, known_rows.targets), f"the {known_rows.name}"
