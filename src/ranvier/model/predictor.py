"""Predictor: parameters and encoders of a network, which take raw rows and give answers. n rows, N outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.data.encoders.decoding import class_probabilities
from ranvier.engine import Executable, LayerValues
from ranvier.errors import InputError
from ranvier.floating_point_mode import in_usual_mode, with_fast_path
from ranvier.model import rows as row_tools
from ranvier.model.targets import target_array
from ranvier.network.network import Network
from ranvier.network.scaled_loss import scaled_loss
from ranvier.network.task import Task
from ranvier.rows import Inputs, Rows, as_inputs
from ranvier.scalars import as_integer
from ranvier.training.inference import compile_for_inference
from ranvier.training.settings import TrainSettings
from ranvier.training.threshold import check_has_threshold, checked_threshold

Array = NDArray[Any]
ExecutableKey: TypeAlias = tuple[int, bool]
"""The number of CSR columns of the inputs, and whether the last layer gives its logits."""
DENSE: ExecutableKey = (0, False)
"""Of inputs without CSR columns, whose outputs are asked for."""
ONE_HOT_NUMBERS = 2**20
"""How many numbers the rows of output gradients take that are made at once."""


AT_ONCE = 2**14
"""How many deferred rows, such as windows of a text, are in memory at once."""


def with_threshold(target: TargetEncoder, threshold: Any) -> TargetEncoder:
    """A target whose second class is predicted from another probability on.

    Raises:
        InputError: there are not two classes, or the threshold is no number between 0 and 1.
    """
    check_has_threshold(target.task, threshold)
    value = checked_threshold(threshold)
    if not isinstance(value, float):
        raise InputError(f"threshold is {threshold!r}; give a probability above 0 and below 1.")
    return target.with_threshold(value)


class Predictor:
    """The part of a model that predicts: it encodes rows and runs the compiled network.

    Parameters:
        network: the description.
        target: from outputs to answers.
        parameters: shape (P,).
        training: the engine, precision and threads to compile for.
        encoder: from raw columns to inputs; None for inputs that come as arrays.
        byte_divisor: what uint8 inputs are divided by; None for models whose network takes them as they are.
    """

    def __init__(
        self,
        network: Network,
        target: TargetEncoder,
        parameters: Array,
        *,
        training: TrainSettings,
        encoder: Any = None,
        byte_divisor: float | None = None,
    ) -> None:
        self.network = network
        self.target = target
        self.encoder = encoder
        self.training = training
        self.byte_divisor = byte_divisor
        self._flat = np.ascontiguousarray(parameters)
        self._executables: dict[ExecutableKey, Executable] = {}

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

    def _fast_outputs(self, X: Any) -> Array | None:
        """The outputs of as few rows, in kind, as before, which need none of the questions that others are asked."""
        ready = self._executables.get(DENSE) if self.encoder is None and type(X) is np.ndarray else None
        return None if ready is None else ready.try_fast_outputs(X)

    @with_fast_path(_fast_outputs)
    def outputs(self, X: Any) -> Array:
        """What the output layer outputs, shape (n, N)."""
        # The engine looks whether they are finite, on its way.
        return self.outputs_of(self._encoded(X, finite=False))

    def outputs_of(self, inputs: Inputs) -> Array:
        """The outputs for rows that are encoded already, (n, K) -> (n, N)."""
        if inputs.is_deferred and len(inputs) > AT_ONCE:
            parts = [inputs[start : start + AT_ONCE] for start in range(0, len(inputs), AT_ONCE)]
            return np.concatenate([self._run(part).outputs(part) for part in parts])
        return self._run(inputs).outputs(inputs)

    @in_usual_mode
    def predict(self, X: Any, threshold: float | None = None) -> Array:
        """Answers in the user's own terms: labels (n,), numbers (n,) or (n, N), or 0/1 rows for multilabel.

        Parameters:
            X: rows.
            threshold: the probability from which on the second of two classes is predicted; None for that of the model,
                `model.task.threshold`: 0.5, or what `ranvier.train` was asked for.

        Raises:
            InputError: a threshold is no number between 0 and 1, or there are not two classes.
        """
        target = self.target if threshold is None else with_threshold(self.target, threshold)
        return target.decode(self.outputs(X))

    @in_usual_mode
    def probabilities(self, X: Any) -> NDArray[np.float64]:
        """The probability of each class, shape (n, classes), or of each label, shape (n, labels).

        Raises:
            InputError: the task is regression.
        """
        if self.task.kind == "regression":
            raise InputError("A regression model predicts numbers; it has no probabilities. Use model.predict(X).")
        return class_probabilities(self.task, self.outputs(X))

    @in_usual_mode
    def activations(self, X: Any) -> tuple[LayerValues, ...]:
        """What every neuron does: for each layer its path, weighted sums and outputs, each (n, units).

        >>> from ranvier.network.layers import Dense
        >>> network = Network(1, [Dense(3, "relu"), Dense(1)])
        >>> model = network.fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, engine="reference")
        >>> [(layer.path, layer.outputs.shape) for layer in model.activations([[0.5]])]
        [('layers.0', (1, 3)), ('layers.1', (1, 1))]
        """
        return self.activations_of(self.inputs(X))

    def activations_of(self, inputs: Inputs) -> tuple[LayerValues, ...]:
        """What every neuron does with rows that are encoded already, (n, K)."""
        return self._run(inputs).activations(inputs)

    @in_usual_mode
    def gradients(self, X: Any, y: Any) -> dict[str, Array]:
        """The gradient of the loss over the rows, penalties included: name -> array of the parameter's shape.

        Dropout is off and BatchNorm uses the statistics of these rows. Gradients of frozen layers are 0.
        """
        inputs, targets = self.inputs(X), row_tools.targets(self.target, target_array(y), dtype=self.training.row_dtype)
        row_tools.check_lengths(inputs, targets)
        return self.gradients_of(Rows(inputs, targets))

    def gradients_of(self, rows: Rows) -> dict[str, Array]:
        """The gradients of rows that are encoded already, as `gradients` gives them."""
        _, gradient = self._run(rows.inputs).loss_and_gradient(rows)
        return self.network.parameter_table.views(gradient)

    @in_usual_mode
    def input_gradients(self, X: Any, output: int | None = None, logits: bool = False) -> Array:
        """How each output changes with each input, row by row: the derivatives of `model.outputs(X)`.

        Formula: gradients[b, j, k] = d y_j / d x_k at row b. Dropout is off and BatchNorm uses its running statistics,
        as in predictions. Inputs are those of the network: for a model with an encoder the encoded columns, whose names
        `model.layer` tells. An input of a sparse matrix has a derivative where it is 0, too, so the result is dense;
        take few rows at once where there are many columns.

        Parameters:
            X: rows, as for `predict`.
            output: the number of one output, from 0; None for all.
            logits: whether to differentiate the weighted sums of the output layer, which stay informative where a
                sigmoid or softmax is close to 0 or 1.

        Returns an array (rows, outputs, inputs), or (rows, inputs) for one output.

        Raises:
            InputError: there is no such output.

        Source: Simonyan, Vedaldi, Zisserman, "Deep inside convolutional networks", 2013.

        >>> from ranvier.network.layers import Dense
        >>> model = Network(2, [Dense(1)]).fit([[0.0, 1.0]], [1.0], epochs=1, engine="reference")
        >>> gradients = model.input_gradients([[3.0, 4.0], [5.0, 6.0]])
        >>> gradients.shape, bool((gradients[1, 0] == model.parameters["layers.0.weight"][:, 0]).all())
        ((2, 1, 2), True)
        """
        n_outputs = self.network.outputs
        index = as_integer(output)
        if output is not None and (index is None or not 0 <= index < n_outputs):
            raise InputError(f"There is no output {output!r}; the network has outputs 0 to {n_outputs - 1}.")
        inputs = self.inputs(X)
        executable = self._run(inputs)
        if output is None:
            return executable.input_gradients(inputs, None, logits)
        gradients: Array = np.empty(inputs.shape, executable.dtype)
        at_once = max(1, ONE_HOT_NUMBERS // n_outputs)
        for start in range(0, len(inputs), at_once):
            part = inputs[start : start + at_once]
            one_hot = np.zeros((len(part), n_outputs), executable.dtype)
            one_hot[:, index] = 1
            gradients[start : start + at_once] = executable.input_gradients(part, one_hot, logits)
        return gradients

    @in_usual_mode
    def inputs(self, X: Any) -> Inputs:
        """X as the network takes it, (n, K): encoded where the model carries an encoder."""
        return self._encoded(X, finite=True)

    def _encoded(self, X: Any, finite: bool) -> Inputs:
        if self.encoder is None:
            inputs = as_inputs(X, self.network.inputs, finite)
            scaled = self.byte_divisor is not None and inputs.dense.dtype == np.uint8
            return as_inputs(inputs.dense / self.byte_divisor) if scaled else inputs
        encoded = self.encoder.transform(X, self.training.row_dtype)
        return Inputs(encoded) if type(encoded) is np.ndarray else as_inputs(encoded)

    def replace_parameters(self, parameters: Array) -> None:
        """Take other parameters (P,) of the same network, such as those that a running training shows."""
        self._flat = np.ascontiguousarray(parameters)
        for executable in self._executables.values():
            executable.restore(self._flat)

    def close(self) -> None:
        """Free what the engine holds; it comes back when next needed."""
        for executable in self._executables.values():
            executable.close()
        self._executables = {}

    def _run(self, inputs: Inputs) -> Executable:
        """The compiled network with these parameters, for inputs with so many CSR columns."""
        # Training in another thread first sets other parameters, then another dictionary.
        executables = self._executables
        executable = executables.get((inputs.n_csr, False))
        if executable is None:
            loss, _ = scaled_loss(self.training.loss, self.target.mean, self.target.scale)
            executable = compile_for_inference(self.network, replace(self.training, loss=loss), self._flat, inputs)
            executables[inputs.n_csr, False] = executable
        return executable
