"""What does the model predict for this row, and what does every neuron do? K inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_probabilities
from ranvier.rows import Inputs
from ranvier.view.subject import Subject

Array = NDArray[Any]


def answer(subject: Subject, inputs: Inputs) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The answer for one row, and the outputs of the inputs and of every layer with neurons, one after the other.

    Parameters:
        inputs: the row, encoded, (1, K).

    Returns `predicted`, a label or a number or a list of them; `probabilities` in the order of the classes or labels,
    or None; `parts`, for the inputs and each layer with neurons its path, start and length in the array.
    """
    values = subject.values_of(inputs)
    layers = [values[info.path].outputs[0] for info in subject.dense_layers]
    return answer_of(subject, shown_inputs(subject, inputs), layers, next(reversed(values.values())).outputs)


def answer_of(
    subject: Subject, inputs: Array, layers: Sequence[Array], outputs: Array
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """What `answer` gives, from the `shown_inputs` of the row, (K,), and outputs for it: of layers with neurons, (N,)
    each, and of the network, (1, N)."""
    model = subject.model
    predicted = np.asarray(model.target.decode(outputs)[0]).tolist()
    task = model.task
    chances = None if task.kind == "regression" else class_probabilities(task, outputs)[0].tolist()
    arrays = [("inputs", inputs)]
    arrays += [(info.path, layer) for info, layer in zip(subject.dense_layers, layers, strict=True)]
    parts, start = [], 0
    for path, array in arrays:
        parts.append({"path": path, "start": start, "length": len(array)})
        start += len(array)
    shown = predicted if isinstance(predicted, (float, list)) else str(predicted)
    head = {"predicted": shown, "probabilities": chances, "parts": parts}
    return head, np.concatenate([np.asarray(array, np.float32) for _, array in arrays])


def shown_inputs(subject: Subject, inputs: Inputs) -> Array:
    """The inputs of a row as the page shows them, (K,): bytes of a picture from 0 to 1."""
    rows = subject.rows
    is_bytes = subject.form.kind == "picture" and rows is not None and rows.inputs.dense.dtype == np.uint8
    shown: Array = inputs.toarray()[0] * (1.0 / 255.0 if is_bytes else 1.0)
    return shown
