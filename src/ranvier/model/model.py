"""Model: a trained network that answers, goes on training, shows what is inside it and is saved. n rows, N outputs."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier import user_warnings
from ranvier.data import TargetEncoder
from ranvier.display.progress import sink_for
from ranvier.engine import State
from ranvier.floating_point_mode import in_usual_mode
from ranvier.model import rows as row_tools
from ranvier.model.calibrated import CalibratedPredictor, held_out_by
from ranvier.model.description import description_of, other_arrays
from ranvier.model.evaluation import all_metrics, measured_levels, outputs_and_targets
from ranvier.model.explorer import Explorer
from ranvier.model.parameters import flat_parameters, parts_without_training
from ranvier.model.shown import Shown
from ranvier.network.losses import Loss
from ranvier.network.network import Network, dense_layers
from ranvier.network.optimizers import Optimizer
from ranvier.network.schedules import Schedule
from ranvier.network.task import Task
from ranvier.rows import Rows
from ranvier.training.conformal import Conformal, conformal_of
from ranvier.training.epoch_metrics import as_metrics
from ranvier.training.events import silent
from ranvier.training.history import Epoch, History
from ranvier.training.loop import final_parameters
from ranvier.training.open_training import OpenTraining, is_one_step
from ranvier.training.report import TrainReport
from ranvier.training.runner import best_epoch, run_training
from ranvier.training.settings import TrainSettings, override_settings
from ranvier.training.state import TrainingState, state_at_best, state_for_next_fit
from ranvier.training.watching import current_watch

Array = NDArray[Any]


class Model(Shown, Explorer, CalibratedPredictor):
    """A trained network.

    Made by `Network.fit`, `ranvier.train` or `ranvier.load`. Where it was trained from a raw table it carries the
    encoder, and X below may be a data frame, a dictionary of columns or a file; otherwise X is an array (n, K).

    Attributes:
        network: the description.
        task: what the outputs mean.
        encoder: from raw columns to inputs; None for a model trained on arrays.
        history: one record an epoch, and their numbers as arrays: `history.loss`, `history.validation_loss`.
        report: an `rv.TrainReport`: what `ranvier.train` read and measured; empty for a model trained on arrays.
        engine: the name of the engine that trained it.

    >>> from ranvier.network.layers import Dense
    >>> model = Network(1, [Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
    >>> sorted(model.parameters)
    ['layers.0.bias', 'layers.0.weight']
    """

    def __init__(
        self,
        network: Network,
        target: TargetEncoder,
        parameters: Array,
        *,
        training: TrainSettings,
        state: TrainingState | None = None,
        history: Iterable[Epoch] = (),
        engine: str = "reference",
        encoder: Any = None,
        report: TrainReport | None = None,
        byte_divisor: float | None = None,
        conformal: Conformal | None = None,
    ) -> None:
        super().__init__(
            network,
            target,
            parameters,
            training=training,
            history=History(history) if state is None else state.history,
            engine=engine,
            encoder=encoder,
            report=report,
            byte_divisor=byte_divisor,
            conformal=conformal,
        )
        self._state = state
        self._open: OpenTraining | None = None
        self._lock = threading.RLock()

    @classmethod
    @in_usual_mode
    def from_parameters(
        cls, network: Network, parameters: Mapping[str, Any], task: Task | None = None, *, engine: str = "auto"
    ) -> Model:
        """A model of a network with existing parameters, such as those of another library.

        Parameters:
            parameters: name -> array, as `model.parameters` has them; "layers.0.weight" has shape (inputs, units).
            task: what the outputs mean; None takes it from the output layer, with classes numbered from 0.

        Raises:
            InputError: a parameter is missing or unknown, or has another shape.

        >>> from ranvier.network.layers import Dense
        >>> parameters = {"layers.0.weight": [[2.0]], "layers.0.bias": [1.0]}
        >>> Model.from_parameters(Network(1, [Dense(1)]), parameters, engine="reference").predict([[3.0]]).tolist()
        [7.0]
        """
        target, settings = parts_without_training(network, task, engine)
        return cls(network, target, flat_parameters(network, parameters), training=settings, engine=engine)

    @in_usual_mode
    def with_parameters(self, parameters: Mapping[str, Any]) -> Model:
        """A model with a copy of other parameters; network, encoders and settings are those of this one.

        Raises:
            InputError: a parameter is missing or unknown, or has another shape.
        """
        flat = flat_parameters(self.network, parameters).astype(self._flat.dtype)
        parts: dict[str, Any] = {"training": self.training, "engine": self.engine, "encoder": self.encoder}
        return Model(self.network, self.target, flat, **parts, byte_divisor=self.byte_divisor)

    @in_usual_mode
    def evaluate(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, skip_bad_rows: bool = False
    ) -> dict[str, float]:
        """How good the predictions are: accuracy, log_loss, brier, ece, f1, auc; or r2, rmse, mae.

        Targets that are NaN beside others do not count. For rows of class probabilities, log_loss is the cross-entropy
        and the class is the most probable one. A model of quantiles adds pinball_loss and coverage. A language model
        takes a text as X, and gives log_loss in nats, bits_per_character, perplexity and accuracy.

        Parameters:
            X: rows, or a table or file that holds the target too.
            y: the true labels or values; None takes them from X, and leaves rows out whose target is missing.
            sample_weight: the weight of each row of X, shape (n,); None for equal weights.
            skip_bad_rows: leave out rows of X whose target cannot be used, such as an unknown class, with a warning.

        Raises:
            InputError: rows, targets or weights cannot be used, or do not fit together.
            TrainingError: an output is not a finite number, so nothing can be measured.

        >>> from ranvier.network.layers import Dense
        >>> model = Network(1, [Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> sorted(model.evaluate([[0.0], [1.0]], [1.0, 3.0], sample_weight=[1, 2]))
        ['mae', 'r2', 'rmse']
        """
        if y is None and self.encoder is not None:
            from ranvier.data.encoders.context import ContextEncoder
            from ranvier.model import language

            if isinstance(self.encoder, ContextEncoder):
                return language.text_metrics(self, language.text_rows(self.encoder, X))
        measured = outputs_and_targets(self, X, y, sample_weight, skip_bad_rows)
        return all_metrics(self.task, *measured, measured_levels(self))

    @in_usual_mode
    def write(
        self, start: str = "", length: int = 400, temperature: float = 0.8, seed: int = 0, stream: Any = None
    ) -> str:
        """Write with a language model: each character is drawn from the probabilities after those before it.

        Formula: p_i^(1/T) / sum_j p_j^(1/T), with T the temperature.

        Parameters:
            start: the text to go on from.
            length: how many characters to write.
            temperature: T; 1 draws as the probabilities say, less takes more probable characters, 0 always the most
                probable one.
            seed: the same seed writes the same.
            stream: an open text file, such as sys.stdout, that gets the start and then each character as it is written;
                None for none.

        Returns the start and what was written.

        Raises:
            InputError: the model was not trained on a plain text, or an argument cannot be used.

        >>> import ranvier as rv
        >>> names = {"name": ["Ada", "Ida", "Ava", "Eva", "Eda"] * 4}
        >>> model = rv.train(names, recipe="language", hidden=[8], epochs=1, engine="reference")
        >>> len(model.write("A", length=10))
        11
        """
        from ranvier.model import writing

        writing.check_writing(length, temperature, seed)
        note = writing.start_note(writing.check_writes(self), start)
        if note:
            user_warnings.warn(note)
        return writing.written_text(self, start, int(length), float(temperature), int(seed), stream)

    @in_usual_mode
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        epochs: int = 10,
        loss: str | Loss | None = None,
        optimizer: str | Optimizer | None = None,
        schedule: str | Schedule | None = None,
        batch_size: int | None = None,
        validation: Any = None,
        callbacks: Sequence[Any] = (),
        metrics: Sequence[Any] = (),
        seed: int | None = None,
        engine: str | None = None,
        precision: str | None = None,
        threads: int | None = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        shuffle: bool | None = None,
        progress: Any = None,
        checkpoint: str | Path | None = None,
    ) -> Model:
        """Go on training this model, with the optimizer state where it is still there, and return it.

        An epoch that was interrupted is not finished; early stopping goes on from the best weights. Settings that are
        None stay as they were; callbacks, metrics, validation rows and weights must be passed again. Another optimizer
        of the same kind, such as one with a lower learning rate, goes on with the memory of the one before (moments,
        momentum, number of steps); one of another kind begins with none.

        Parameters:
            X, y and the settings: as for `ranvier.fit`.
            epochs: how many more epochs.

        Threads that call it together train one after the other; those that predict meanwhile get answers of the model
        of before or after.

        Raises:
            InputError: a setting cannot be used; the model stays as it was.
            TrainingError: the loss or a parameter is no longer a finite number; the model stays as it was.
        """
        changes = {"loss": loss, "optimizer": optimizer, "schedule": schedule, "batch_size": batch_size, "seed": seed}
        changes |= {"engine": engine, "precision": precision, "threads": threads, "shuffle": shuffle}
        sink, measured = sink_for(progress), as_metrics(metrics)
        with self._lock:
            changed = override_settings(self.training, epochs, callbacks, changes)
            weighting = (validation, sample_weight, class_weight, changed.seed, changed.loss, changed.row_dtype)
            rows, validation_rows = row_tools.prepare_rows(self.inputs, self.target, X, y, *weighting)
            training, unseen = (
                changed.on(rows.inputs),
                validation_rows is None and checkpoint is None and sink is silent,
            )
            state = self._state_to_continue(training)
            if unseen and not measured and training is self.training and is_one_step(self.network, training, rows):
                self._step(state, rows)
                return self
            asides: dict[str, Any] = {"sinks": (sink,), "checkpoint": checkpoint, "target": self.target}
            parts: dict[str, Any] = {"state": state, "metrics": measured, **asides}
            result = run_training(self.network, training, self.task, rows, validation_rows, **parts)
            self._adopt(training, result.outcome.state, result.engine)
            held_outputs = result.outcome.held_outputs
            self.conformal = (
                None
                if validation_rows is None
                else conformal_of(self.target, held_out_by(self, validation_rows, held_outputs))
            )
        return self

    def learn_on(self, rows: Rows) -> bool:
        """Go on by one step on encoded rows, as `fit` would with the settings as they are.

        Returns whether it did: only where the `fit` before made such a step on rows of the same kind.
        """
        with self._lock:
            if not self.can_learn_on(rows):
                return False
            self._step(self._state_to_continue(self.training), rows)
        return True

    def can_learn_on(self, rows: Rows) -> bool:
        """Whether `learn_on` would go on by a step on such rows."""
        opened = self._open
        return opened is not None and opened.fits(self.training, self.target, rows) and current_watch() is None

    def _step(self, state: TrainingState, rows: Rows) -> None:
        """Go on by one step, with the settings as they are."""
        opened = self._open
        if opened is None or not opened.fits(self.training, self.target, rows):
            if opened is not None:
                opened.close()
            opened = self._open = OpenTraining(self.network, self.training, self.target, rows)
        self._adopt(self.training, opened.step(state, rows), opened.engine)
        self.conformal = None

    def close(self) -> None:
        """Free what the engine holds; it comes back when next needed."""
        with self._lock:
            super().close()
            opened, self._open = self._open, None
            if opened is not None:
                opened.close()

    @in_usual_mode
    def save(self, path: str | Path) -> None:
        """Write the model to one file, atomically. The optimizer's memory stays out; checkpoints hold it.

        Raises:
            InputError: the path cannot be written.
        """
        from ranvier.storage.model_file import write_model

        arrays = {name: np.ascontiguousarray(array) for name, array in self.parameters.items()}
        arrays |= other_arrays(self)
        write_model(path, arrays, description_of(self))

    @property
    def training_state(self) -> TrainingState | None:
        """Where training goes on: with it the optimizer's memory; None for a model from a file or of several networks.

        It is made of plain arrays, `training_state.arrays()`, and JSON values, `training_state.to_dict()`.
        """
        return self._state

    def restore_training(self, arrays: dict[str, Array], data: dict[str, Any]) -> None:
        """Let a model that was loaded go on with the training state of the one that was saved.

        Parameters:
            arrays, data: the two parts of `training_state`.
        """
        self._state = TrainingState.restore(arrays, data)
        self.history = self._state.history

    def rescale(self, encoder: Any, target: TargetEncoder) -> None:
        """Take encoders that scale otherwise, of as many inputs and outputs; the parameters stay."""
        with self._lock:
            self.encoder, self.target, self.conformal = encoder, target, None
            self._executables = {}

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the compiled network and the callbacks, which may be functions of the program."""
        with self._lock:
            state = {
                **self.__dict__,
                "_executables": {},
                "_open": None,
                "training": replace(self.training, callbacks=()),
            }
        return {name: value for name, value in state.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the values of a pickle or a copy."""
        self.__dict__.update(state)
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        dense = (info.outputs for info in dense_layers(self.network))
        layers = "-".join(map(str, (self.network.inputs, *dense)))
        return f"<ranvier.Model {layers}, {self.task.kind}, {self.network.parameter_count:,} parameters>"

    def _state_to_continue(self, training: TrainSettings) -> TrainingState:
        """The state from which training goes on: these weights, and the optimizer's memory if it can take it."""
        if self._state is not None and training.optimizer.takes_state_of(self.training.optimizer):
            engine = state_at_best(self._state, training.optimizer)
            return state_for_next_fit(engine, self._state.epoch, self._state.history)
        flat = self.network.parameter_table.constrained(self._flat)
        engine = State.before_training(flat, training.optimizer)
        return state_for_next_fit(engine, self.history[-1].epoch if self.history else 0, self.history)

    def _adopt(self, training: TrainSettings, state: TrainingState, engine: str) -> None:
        self.training, self.engine, self._state = training, engine, state
        self.history = self._state.history
        self._flat = np.ascontiguousarray(final_parameters(self._state, training.optimizer, self.network))
        # Another thread may be using the compiled networks of before: they are freed when nobody does.
        self._executables = {}

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights these are."""
        if self._state is not None:
            return best_epoch(self._state)
        return self.history.best_epoch or (self.history[-1].epoch if self.history else 0)
