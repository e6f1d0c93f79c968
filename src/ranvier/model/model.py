"""Model: a trained network with what it needs to take raw rows and give answers. n rows, K inputs, N outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.data.encoders.decoding import class_probabilities
from ranvier.display.progress import sink_for
from ranvier.engine import Executable, LayerValues, State
from ranvier.errors import InputError
from ranvier.model import inspect
from ranvier.model import rows as row_tools
from ranvier.model.description import description_of
from ranvier.model.evaluation import outputs_and_targets
from ranvier.model.inspect import LayerView, ModelSummary, NeuronView
from ranvier.model.parameters import flat_parameters, parts_without_training
from ranvier.model.targets import target_array
from ranvier.network.layers import Dense
from ranvier.network.losses import Loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer
from ranvier.network.scaled_loss import scaled_loss
from ranvier.network.schedules import Schedule
from ranvier.network.task import Task
from ranvier.rows import Inputs, Rows, as_inputs
from ranvier.training import metrics
from ranvier.training.engines import plan_text
from ranvier.training.epoch_metrics import as_metrics
from ranvier.training.history import Epoch, History
from ranvier.training.inference import compile_for_inference
from ranvier.training.loop import final_parameters
from ranvier.training.report import TrainReport
from ranvier.training.runner import RunResult, best_epoch, run_training
from ranvier.training.settings import TrainSettings, override_settings
from ranvier.training.state import TrainingState, initial_slots, state_at_best, state_for_next_fit

Array = NDArray[Any]


class Model:
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
    ) -> None:
        self.network = network
        self.target = target
        self.encoder = encoder
        self.training = training
        self.engine = engine
        self.report = report or TrainReport()
        self.history = History(history if state is None else state.history)
        self._flat = np.ascontiguousarray(parameters)
        self._state = state
        self._executables: dict[int, Executable] = {}
        # Models of the first files took bytes as 0 to 1, whatever their network.
        self._byte_divisor: float | None = None

    @property
    def task(self) -> Task:
        """What the outputs mean."""
        return self.target.task

    @property
    def parameters(self) -> Mapping[str, Array]:
        """Name -> view of the parameter, such as "layers.0.weight" with shape (inputs, units). Read only."""
        frozen = self._flat.view()
        frozen.flags.writeable = False
        return MappingProxyType(self.network.parameter_table.views(frozen))

    @classmethod
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

    def with_parameters(self, parameters: Mapping[str, Any]) -> Model:
        """A model with a copy of other parameters; network, encoders and settings are those of this one.

        Raises:
            InputError: a parameter is missing or unknown, or has another shape.
        """
        flat = flat_parameters(self.network, parameters).astype(self._flat.dtype)
        parts: dict[str, Any] = {"training": self.training, "engine": self.engine, "encoder": self.encoder}
        return Model(self.network, self.target, flat, **parts)

    def outputs(self, X: Any) -> Array:
        """What the output layer outputs, shape (n, N)."""
        # The same few rows as before, in kind, need none of the questions that others are asked.
        ready = self._executables.get(0) if self.encoder is None and type(X) is np.ndarray else None
        if ready is not None:
            outputs = ready.try_fast_outputs(X)
            if outputs is not None:
                return outputs
        # The engine looks whether they are finite, on its way.
        return self.outputs_of(self._encoded(X, finite=False))

    def outputs_of(self, inputs: Inputs) -> Array:
        """What the output layer says of rows that are encoded already, (n, K) -> (n, N)."""
        return self._run(inputs).outputs(inputs)

    def predict(self, X: Any) -> Array:
        """Answers in the user's own terms: labels (n,), numbers (n,) or (n, N), or 0/1 rows for multilabel."""
        return self.target.decode(self.outputs(X))

    def probabilities(self, X: Any) -> NDArray[np.float64]:
        """The probability of each class, shape (n, classes), or of each label, shape (n, labels).

        Raises:
            InputError: the task is regression.
        """
        if self.task.kind == "regression":
            raise InputError("A regression model predicts numbers; it has no probabilities. Use model.predict(X).")
        return class_probabilities(self.task, self.outputs(X))

    def evaluate(self, X: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """How good the predictions are: accuracy, log_loss, f1, auc; or r2, rmse, mae.

        Parameters:
            X: rows, or a table or file that holds the target too.
            y: the true labels or values; None takes them from X, and leaves rows out whose target is missing.
            sample_weight: the weight of each row of X, shape (n,); None for equal weights.

        Raises:
            InputError: rows, targets or weights cannot be used, or do not fit together.
            TrainingError: an output is not a finite number, so nothing can be measured.

        >>> from ranvier.network.layers import Dense
        >>> model = Network(1, [Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> sorted(model.evaluate([[0.0], [1.0]], [1.0, 3.0], sample_weight=[1, 2]))
        ['mae', 'r2', 'rmse']
        """
        outputs, targets, weights = outputs_and_targets(self, X, y, sample_weight)
        return metrics.all_metrics(self.task, outputs, targets, weights)

    def activations(self, X: Any) -> tuple[LayerValues, ...]:
        """What every neuron does: for each layer its path, weighted sums and outputs, each (n, units).

        >>> from ranvier.network.layers import Dense
        >>> network = Network(1, [Dense(3, "relu"), Dense(1)])
        >>> model = network.fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> [(layer.path, layer.outputs.shape) for layer in model.activations([[0.5]])]
        [('layers.0', (1, 3)), ('layers.1', (1, 1))]
        """
        inputs = self.inputs(X)
        return self._run(inputs).activations(inputs)

    def gradients(self, X: Any, y: Any) -> dict[str, Array]:
        """The gradient of the loss over the rows, penalties included: name -> array of the parameter's shape.

        Dropout is off and BatchNorm uses the statistics of these rows.
        """
        inputs, targets = self.inputs(X), row_tools.targets(self.target, target_array(y))
        row_tools.check_lengths(inputs, targets)
        _, gradient = self._run(inputs).loss_and_gradient(Rows(inputs, targets))
        return self.network.parameter_table.views(gradient)

    def summary(self) -> ModelSummary:
        """What the model predicts, its columns and its layers: a record that prints as tables, in notebooks too.

        >>> from ranvier.network.layers import Dense
        >>> model = Network(1, [Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> model.summary().network.parameters
        2
        """
        return inspect.summary(self)

    def layer(self, path: str | int) -> LayerView:
        """The neurons of a layer: weights, biases, names of the inputs, what output neurons stand for.

        Parameters:
            path: such as "layers.0", or the number of the layer from 0.

        Raises:
            InputError: there is no such layer, or it has no neurons.

        >>> from ranvier.network.layers import Dense
        >>> model = Network(1, [Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> model.layer("layers.0").weights.shape
        (1, 1)
        """
        return inspect.layer(self, path)

    def neuron(self, path: str | int, number: int) -> NeuronView:
        """One neuron of a layer: its weights by the names of its inputs, its bias and its activation.

        Parameters:
            path: of the layer, such as "layers.0", or its number from 0.
            number: of the neuron, from 0.

        Raises:
            InputError: there is no such layer or neuron.

        >>> from ranvier.network.layers import Dense
        >>> model = Network(1, [Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> model.neuron("layers.0", 0).inputs
        ('x0',)
        """
        return inspect.neuron(self, path, number)

    def plan(self, threads: int | None = None, measure: bool = False) -> str:
        """What the native engine does in a step of training this model, as text, whatever engine trained it.

        A loop nest with its buffers and their sizes, FLOPs, and the share of the processor's peak to expect.

        Parameters:
            threads: how many; None for as many as training takes.
            measure: add the time that each step takes on this machine, measured for half a second on random rows, and
                the share of the processor's peak that its products reach.

        Raises:
            EngineError: the native engine cannot run here.
        """
        problem = self.training.compile_spec(self.network)
        return plan_text(problem if threads is None else replace(problem, threads=threads), measure)

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
        None stay as they were; callbacks, metrics, validation rows and weights must be passed again.

        Parameters:
            X, y and the settings: as for `ranvier.fit`.
            epochs: how many more epochs.

        Raises:
            InputError: a setting cannot be used; the model stays as it was.
            TrainingError: the loss or a parameter is no longer a finite number; the model stays as it was.
        """
        changes = {"loss": loss, "optimizer": optimizer, "schedule": schedule, "batch_size": batch_size, "seed": seed}
        changes |= {"engine": engine, "precision": precision, "threads": threads, "shuffle": shuffle}
        changed = override_settings(self.training, epochs, callbacks, changes)
        rows, validation_rows = row_tools.resident_rows(
            self.inputs, self.target, X, y, validation, sample_weight, class_weight, changed.seed, changed.loss
        )
        training = changed.on(rows.inputs)
        result = run_training(
            self.network,
            training,
            self.task,
            rows,
            validation_rows,
            state=self._resumable(training),
            sinks=(sink_for(progress),),
            checkpoint=checkpoint,
            target=self.target,
            metrics=as_metrics(metrics),
        )
        self._take(training, result)
        return self

    def save(self, path: str | Path) -> None:
        """Write the model to one file, atomically. The optimizer's memory stays out; checkpoints hold it.

        Raises:
            InputError: the path cannot be written.
        """
        from ranvier.storage.model_file import write_model

        arrays = {name: np.ascontiguousarray(array) for name, array in self.parameters.items()}
        write_model(path, arrays, description_of(self, self._byte_divisor))

    def inputs(self, X: Any) -> Inputs:
        """X as the network takes it, (n, K): encoded where the model carries an encoder."""
        return self._encoded(X, finite=True)

    def _encoded(self, X: Any, finite: bool) -> Inputs:
        if self.encoder is None:
            inputs = as_inputs(X, self.network.inputs, finite)
            scaled = self._byte_divisor is not None and inputs.dense.dtype == np.uint8
            return as_inputs(inputs.dense / self._byte_divisor) if scaled else inputs
        return as_inputs(self.encoder.transform(X))

    def close(self) -> None:
        """Free what the engine holds; it comes back when next needed."""
        for executable in self._executables.values():
            executable.close()
        self._executables = {}

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the compiled network and the callbacks, which may be functions of the program."""
        return {**self.__dict__, "_executables": {}, "training": replace(self.training, callbacks=())}

    def __repr__(self) -> str:
        layers = "-".join(
            str(size)
            for size in (
                self.network.inputs,
                *(p.outputs for p in self.network.iter_layers() if isinstance(p.layer, Dense)),
            )
        )
        return f"<ranvier.Model {layers}, {self.task.kind}, {self.network.parameter_count:,} parameters>"

    def _run(self, inputs: Inputs) -> Executable:
        """The compiled network with these parameters, for inputs with so many CSR columns."""
        known = self._executables.get(inputs.n_csr)
        if known is None:
            loss, _ = scaled_loss(self.training.loss, self.target.mean, self.target.scale)
            known = compile_for_inference(self.network, replace(self.training, loss=loss), self._flat, inputs)
            self._executables[inputs.n_csr] = known
        return known

    def _resumable(self, training: TrainSettings) -> TrainingState:
        """The state from which training goes on: these weights, and the optimizer's memory if it is the same one."""
        if self._state is not None and training.optimizer == self.training.optimizer:
            return state_for_next_fit(replace(self._state, engine=state_at_best(self._state, training.optimizer)))
        state = TrainingState(
            State(self._flat, initial_slots(training.optimizer, self._flat), 0),
            epoch=len(self.history),
            history=tuple(self.history),
        )
        return state_for_next_fit(state)

    def _take(self, training: TrainSettings, result: RunResult) -> None:
        self.close()
        self.training, self.engine = training, result.engine
        self._state = result.outcome.state
        self.history = History(self._state.history)
        self._flat = np.ascontiguousarray(final_parameters(self._state, training.optimizer, self.network))

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights these are."""
        if self._state is not None:
            return best_epoch(self._state)
        kept = [epoch.epoch for epoch in self.history if epoch.best]
        return kept[-1] if kept else len(self.history)
