"""The training loop: epochs are cut into spans, the engine runs a span at a time, and in between Python watches.

A span lasts about 50 ms, so progress, Ctrl-C, checkpoints and callbacks cost next to nothing. Epochs that are much
shorter than that share a span where nothing happens between them. k steps of a span.

When the user interrupts, an engine may break a span off between two steps, and a step or a validation in the middle.
What was not made whole was not made, so a run that goes on later has the bits of one that was never interrupted.
"""

from __future__ import annotations

import math
import time
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import Cancelled, Executable, RowsHandle, State, never_cancel
from ranvier.network.network import Network
from ranvier.network.optimizers import LBFGS, Optimizer
from ranvier.rows import Inputs
from ranvier.training import batches, divergence, lbfgs
from ranvier.training.callbacks import CallbackResult, epoch_context
from ranvier.training.events import EpochEvent, ProgressEvent, silent
from ranvier.training.history import Epoch, History
from ranvier.training.loop_config import LoopConfig, LoopResult
from ranvier.training.save_timer import SaveTimer
from ranvier.training.shown_values import shown_values
from ranvier.training.state import TrainingState, inference_parameters
from ranvier.training.watching import status_of

Array = NDArray[Any]
SPAN_SECONDS = 0.05
AHEAD, MAX_AHEAD = 8, 2**14
"""Orders are made for so many epochs at once, as long as they are at most so many numbers."""


def train(executable: Executable, config: LoopConfig, state: TrainingState) -> LoopResult:
    """Train until the epochs are made, a callback stops, or the user interrupts; the executable gives its state away.

    The arrays of `state` are not kept: where the caller keeps none of them either, their memory is free meanwhile.

    Raises:
        TrainingError: the loss or a parameter is no longer a finite number, or the loss grew beyond all measure.
    """
    run = TrainingLoop(executable, config, state)
    del state
    executable.should_cancel = config.stop_requested
    try:
        return run.run()
    finally:
        executable.should_cancel = never_cancel


class TrainingLoop:
    """One call of `train`. The executable owns the engine's state while this object lives."""

    def __init__(self, executable: Executable, config: LoopConfig, state: TrainingState) -> None:
        self.executable = executable
        self.config = config
        rows = len(config.rows)
        self.starts = batches.batch_offsets(rows, rows if config.spec.optimizer.full_batch else config.spec.batch_size)
        self.steps_per_epoch = len(self.starts) - 1
        self.epoch, self.position, self.seconds = state.epoch, state.position, state.seconds
        self.first_epoch, self.first_step = state.first_epoch, state.first_step
        self.best, self.factor = state.best, state.factor
        self.stop_reason, self.ends_run = state.stop_reason, state.ends_run
        self.callback_states = state.callbacks or tuple(callback.init_state() for callback in config.callbacks)
        self.plateau = state.plateau or config.schedule.init_state()
        self.loss_unit = state.loss_unit
        self.step_seconds = executable.step_seconds
        self.orders: dict[int, NDArray[np.int64]] = {}
        self.last_outputs: Array | None = None
        self.best_outputs: Array | None = None
        self.save_timer = SaveTimer()
        self.step_losses = [state.partial_losses] if state.position else []
        self.history = state.history
        made = range(len(self.history) - (state.epoch - state.first_epoch), len(self.history))
        losses = [self.history[index].loss / config.loss_unit for index in made]
        self.divergence_monitor = divergence.DivergenceMonitor(losses)
        self.begins = not state.callbacks
        self.rows = config.upload(executable, config.rows)
        self.validation = None if config.validation is None else config.upload(executable, config.validation)
        self.sample = None if config.sample is None else executable.upload(config.sample)
        executable.set_state(state.engine)

    def run(self) -> LoopResult:
        last = self.first_epoch + self.config.epochs
        interrupted = self.config.stop_requested()
        if self.begins:
            self._show_start()
        if self.epoch < last and self.config.watch is not None:
            self._look(float(self._scalars(self.epoch + 1)[0, 0]))
        while self.epoch < last and self.stop_reason is None:
            if interrupted:
                after = f"after epoch {self.epoch}" if self.epoch else "before the first step was made"
                when = f"in epoch {self.epoch + 1}" if self.position else after
                return self._end("interrupted", f"Interrupted {when}.")
            together = self._epochs_per_span(last)
            interrupted = self._run_whole_epochs(together) if together > 1 else self._one_epoch()
        if self.stop_reason is not None:
            return self._end("stopped", self.stop_reason)
        done = self.epoch - self.first_epoch
        return self._end("finished", f"All {done:,} epochs are done." if done != 1 else "The epoch is done.")

    def _end(self, reason: str, text: str) -> LoopResult:
        state = self._with_engine(self.executable.release())
        if self.config.save is not None:
            self.config.save(state)
        return LoopResult(state, reason, text, self.last_outputs if self.best is None else self.best_outputs)

    def _with_engine(self, engine: State) -> TrainingState:
        """The complete state, to be kept: never one that is no longer a number."""
        divergence.check_parameters(engine.parameters, self.epoch + bool(self.step_losses), self.config.spec)
        losses = np.concatenate(self.step_losses) if self.step_losses else np.zeros(0)
        now = (self.epoch, self.position, losses, self.seconds, self.best, self.callback_states, self.plateau)
        start = (self.first_epoch, self.first_step, self.stop_reason, self.loss_unit, self.ends_run)
        return TrainingState(engine, *now, self.factor, self.history, *start)

    def _epochs_per_span(self, last: int) -> int:
        """How many epochs the next span may hold: more than one only where nobody looks in between."""
        watches = self.config.validation is not None or self.config.sample is not None
        watches = watches or bool(self.config.callbacks) or self.config.schedule.watches
        watches = watches or (self.config.watch is not None and self.config.watch.holds)
        if watches or self.position or not self.step_seconds or self.config.spec.optimizer.full_batch:
            return 1
        return max(1, min(int(SPAN_SECONDS / (self.step_seconds * self.steps_per_epoch)), last - self.epoch))

    def _scalars(self, epoch: int, count: int = 1) -> NDArray[np.float64]:
        """The optimizer's scalars for every step of some epochs; they do not depend on how many are computed at once.

        Parameters:
            epoch: the first of them.
        """
        since = np.arange(count * self.steps_per_epoch, dtype=np.int64)
        since += (epoch - 1 - self.first_epoch) * self.steps_per_epoch
        optimizer, total = self.config.spec.optimizer, self.config.epochs * self.steps_per_epoch
        factors = self.config.schedule.factors(since, self.steps_per_epoch, total)
        rates = optimizer.learning_rate * factors * self.factor * self.plateau.get("factor", 1.0)
        return optimizer.scalars_from(self.first_step + int(since[0]) + 1, rates)

    def _step(self) -> int:
        """How many steps were made before the next one."""
        return self.first_step + (self.epoch - self.first_epoch) * self.steps_per_epoch + self.position

    def _run_whole_epochs(self, count: int) -> bool:
        start = time.perf_counter()
        config, numbers = self.config, range(self.epoch + 1, self.epoch + count + 1)
        orders = batches.epoch_orders(
            len(config.rows), numbers, config.seed, config.shuffle, self.executable.random_words
        )
        scalars = self._scalars(numbers[0], count)
        losses = self.executable.run(self.rows, batches.span_over_epochs(orders, self.starts, scalars))
        seconds = time.perf_counter() - start
        self._update_step_time(seconds, len(losses))
        epochs, rest = divmod(len(losses), self.steps_per_epoch)
        self._record_epochs(numbers[:epochs], orders, losses, scalars, seconds / max(len(losses), 1))
        self._record_steps(losses[len(losses) - rest :], 0.0)
        self._maybe_checkpoint()
        self._look(float(scalars[-1, 0]))
        return self.config.stop_requested()

    def _record_epochs(self, numbers: range, orders: Array, losses: Array, scalars: Array, step_seconds: float) -> None:
        """Write the records of whole epochs that shared a span."""
        steps, config, done = self.steps_per_epoch, self.config, 0
        by_epoch = losses[: len(numbers) * steps].reshape(len(numbers), steps)
        finite = np.isfinite(by_epoch).all(axis=1)
        good = len(numbers) if finite.all() else int(finite.argmin())
        means = batches.mean_losses(by_epoch[:good], orders[:good], self.starts, config.rows.weights)
        try:
            done = good if self.divergence_monitor.is_calm(means) else 0
            for number, mean in zip(numbers[done:good], means[done:], strict=True):
                self.divergence_monitor.check(mean, number, config.spec)
                done += 1
            if good < len(numbers):
                divergence.check(by_epoch[good], self._step() + good * steps, config.spec)
        finally:
            means = [mean * config.loss_unit for mean in means[:done]]
            self._append_epochs(numbers[:done], means, scalars, step_seconds * steps)

    def _append_epochs(self, numbers: range, losses: list[float], scalars: Array, seconds: float) -> None:
        """Append epochs to the history, each of so many seconds, and tell of them."""
        speed, count = len(self.config.rows) / max(seconds, 1e-9), len(numbers)
        rates = scalars[self.steps_per_epoch - 1 :: self.steps_per_epoch, 0][:count].tolist()
        columns = {"loss": losses, "learning_rate": rates}
        columns |= {"seconds": [seconds] * count, "examples_per_second": [speed] * count}
        self.history = self.history.extended(numbers, columns)
        if self.config.sink is not silent:
            for number, loss, rate in zip(numbers, losses, rates, strict=True):
                self.config.sink(EpochEvent(Epoch(number, loss, None, {}, rate, seconds, speed)))
        self.epoch += count

    def _order(self, number: int) -> NDArray[np.int64]:
        """The order of an epoch; those of few rows are made for several epochs at once."""
        if number not in self.orders:
            last, rows = self.first_epoch + self.config.epochs, len(self.config.rows)
            numbers = range(number, min(number + max(1, min(AHEAD, MAX_AHEAD // rows)), last + 1))
            orders = batches.epoch_orders(
                rows, numbers, self.config.seed, self.config.shuffle, self.executable.random_words
            )
            self.orders = dict(zip(numbers, orders, strict=True))
        return self.orders[number]

    def _one_epoch(self) -> bool:
        """Run what is left of the next epoch, or as much as the user lets run. Gives whether the user interrupted."""
        number = self.epoch + 1
        start = time.perf_counter() - self.seconds
        rows_in_order, scalars, factor = self._order(number), self._scalars(number), self.factor
        while (done := self.position) < self.steps_per_epoch:
            steps = self._span_steps(self.steps_per_epoch - done)
            span_start = time.perf_counter()
            losses = self._run_span(rows_in_order, done, steps, scalars[done : done + steps])
            self._update_step_time(time.perf_counter() - span_start, len(losses))
            self._record_steps(losses, time.perf_counter() - start)
            done = self.position
            if self.config.sink is not silent:
                self.config.sink(ProgressEvent(number, done, self.steps_per_epoch))
            if done < self.steps_per_epoch:
                self._maybe_checkpoint()
                start += self._look(float(scalars[max(done, 1) - 1, 0]))
                if self.config.stop_requested() or self.stop_reason is not None:
                    return self.config.stop_requested()
                scalars = scalars if self.factor == factor else self._scalars(number)
        trained = time.perf_counter() - start
        losses = np.concatenate(self.step_losses)
        try:
            self._end_epoch(number, losses, rows_in_order, float(scalars[-1, 0]), trained)
        except Cancelled:
            return True
        self._maybe_checkpoint()
        self._look(float(scalars[-1, 0]))
        return self.config.stop_requested()

    def _look(self, rate: float) -> float:
        """Let viewers see the state, at this learning rate, and steer; gives the seconds of a pause."""
        if self.config.watch is None or self.stop_reason is not None:
            return 0.0
        last = self.first_epoch + self.config.epochs
        speed = self.config.spec.batch_size / self.step_seconds if self.step_seconds else 0.0
        at = status_of(self._step(), self.epoch, last, self.position, self.steps_per_epoch, False, rate, speed)
        request = self.config.watch.look(at, self._snapshot, self._values, self.config.stop_requested, self.config.sink)
        self.factor *= request.factor
        self.stop_reason = request.stop_reason
        return request.seconds

    def _snapshot(self) -> Array:
        return self.executable.snapshot(averaged=True)

    def _values(self, rows: Inputs) -> Array | None:
        return shown_values(self.config.spec, self.executable, rows)

    def _record_steps(self, losses: NDArray[np.float64], seconds: float) -> None:
        """Count the steps that were made of an epoch, `seconds` after it began."""
        if len(losses):
            divergence.check(losses, self._step(), self.config.spec)
            self.step_losses.append(losses)
            self.last_outputs = None
            self.position, self.seconds = self.position + len(losses), seconds

    def _run_span(self, rows: NDArray[np.int64], first: int, steps: int, scalars: Array) -> NDArray[np.float64]:
        network, optimizer = self.config.spec.network, self.config.spec.optimizer
        if optimizer.full_batch:
            added = network.parameter_table.penalty(self.executable.snapshot())
            try:
                rate, table = float(scalars[0, 0]), network.parameter_table
                loss = lbfgs.step(self.executable, self.rows, cast(LBFGS, optimizer), rate, table)
            except Cancelled:
                return np.zeros(0)
            return np.array([loss - added])
        return self.executable.run(self.rows, batches.span_of(rows, self.starts, first, first + steps, scalars))

    def _span_steps(self, left: int) -> int:
        if self.config.spec.optimizer.full_batch or not self.step_seconds:
            return 1
        wanted = None if self.config.watch is None else self.config.watch.steps_left(self._step())
        return max(1, min(left, int(SPAN_SECONDS / self.step_seconds), wanted or left))

    def _update_step_time(self, seconds: float, steps: int) -> None:
        """Learn how long a step takes; a slow first call (compiling) is forgotten quickly."""
        if not steps:
            return
        latest = max(seconds / steps, 1e-9)
        self.step_seconds = min(2 * self.step_seconds, latest) if self.step_seconds else latest
        self.executable.step_seconds = self.step_seconds

    def _epoch_loss(self, number: int, losses: NDArray[np.float64], rows_in_order: NDArray[np.int64]) -> float:
        """The loss of a complete epoch, for the history."""
        counts = batches.batch_weights(rows_in_order, self.starts, self.config.rows.weights)
        loss = batches.mean_loss(losses, counts)
        self.divergence_monitor.check(loss, number, self.config.spec)
        return loss * self.config.loss_unit

    def _end_epoch(
        self, number: int, losses: NDArray[np.float64], rows_in_order: NDArray[np.int64], rate: float, trained: float
    ) -> None:
        """Write the record of a complete epoch and call the callbacks."""
        start = time.perf_counter()
        loss = self._epoch_loss(number, losses, rows_in_order)
        validation_loss, metrics = self._validate()
        seconds = trained + time.perf_counter() - start
        speed = len(self.config.rows) / max(trained, 1e-9)
        record = Epoch(number, loss, validation_loss, metrics, rate, seconds, speed)
        history = self.history.appended(record)
        states, results = self._call_callbacks(record, history)
        best = any(result.save_best for result in results)
        if best:
            history.mark_best()
            record = Epoch(number, loss, validation_loss, metrics, rate, seconds, speed, best)
        plateau = self._updated_plateau(record)
        if best:
            self.best, self.best_outputs = self.executable.snapshot(averaged=True), self.last_outputs
        for callback, result in zip(self.config.callbacks, results, strict=True):
            self.ends_run = self.ends_run or (callback.ends_run and result.stop_reason is not None)
            self.factor *= 1.0 if result.learning_rate_factor is None else result.learning_rate_factor
            self.stop_reason = self.stop_reason or result.stop_reason
        self.step_losses, self.history, self.plateau, self.callback_states = [], history, plateau, states
        self.epoch, self.position, self.seconds = number, 0, 0.0
        if self.config.sink is not silent:
            self.config.sink(EpochEvent(record))

    def _show_start(self) -> None:
        """Show the weights before the first epoch to the callbacks that ask for them."""
        if self.config.validation is None or not any(callback.watches_start for callback in self.config.callbacks):
            return
        try:
            validation_loss, metrics = self._validate()
        except Cancelled:
            return
        record = Epoch(self.epoch, math.nan, validation_loss, metrics)
        states = list(self.callback_states)
        with epoch_context(record, self.history, self._read_parameters) as context:
            for index, callback in enumerate(self.config.callbacks):
                if callback.watches_start:
                    states[index], result = callback.on_epoch_end(states[index], context)
                    if result.save_best:
                        self.best, self.best_outputs = self.executable.snapshot(averaged=True), self.last_outputs
        self.callback_states = tuple(states)

    def _read_parameters(self) -> dict[str, Array]:
        """The parameters as predictions use them, name -> view."""
        return self.config.spec.network.parameter_table.views(self._snapshot())

    def _validate(self) -> tuple[float | None, dict[str, float]]:
        """The loss of the validation rows, and the metrics of these and of the sample of the training rows."""
        config = self.config
        loss, metrics = None, {}
        if config.validation is not None and self.validation is not None:
            loss, outputs = self._evaluate(self.validation)
            self.last_outputs = outputs
            loss *= config.loss_unit
            metrics = {} if config.metrics is None else config.metrics(outputs, config.validation.targets)
        if config.sample is not None and self.sample is not None and config.sample_metrics is not None:
            _, outputs = self._evaluate(self.sample)
            metrics = metrics | config.sample_metrics(outputs, config.sample.targets)
        return loss, metrics

    def _evaluate(self, rows: RowsHandle) -> tuple[float, Array]:
        """Loss and outputs of rows, with the parameters that predictions use."""
        if self.config.spec.optimizer.ema_decay is None:
            return self.executable.evaluate(rows)
        trained = self.executable.snapshot()
        self.executable.restore(self.executable.snapshot(averaged=True))
        try:
            return self.executable.evaluate(rows)
        finally:
            self.executable.restore(trained)

    def _call_callbacks(
        self, record: Epoch, history: History
    ) -> tuple[tuple[dict[str, Any], ...], list[CallbackResult]]:
        if not self.config.callbacks:
            return (), []
        states, results = [], []
        with epoch_context(record, history, self._read_parameters) as context:
            for callback, state in zip(self.config.callbacks, self.callback_states, strict=True):
                following, result = callback.on_epoch_end(state, context)
                states.append(following)
                results.append(result)
        return tuple(states), results

    def _updated_plateau(self, record: Epoch) -> dict[str, Any]:
        score = record.loss if record.validation_loss is None else record.validation_loss
        return self.config.schedule.on_epoch_end(self.plateau, score)

    def _maybe_checkpoint(self) -> None:
        save = self.config.save
        if save is not None and self.save_timer.due():
            self.save_timer.run(lambda: save(self._with_engine(self.executable.get_state())))


def final_parameters(state: TrainingState, optimizer: Optimizer, network: Network) -> Array:
    """The parameters that training gives back: the best ones where a callback kept some, else the last ones."""
    return inference_parameters(state.engine, optimizer, network) if state.best is None else state.best
