"""Which output of a network is explained: the logit of a class or label, or a number in the units of the target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.target import TargetEncoder
from ranvier.errors import InputError, nearest
from ranvier.network.activations import activation
from ranvier.network.layers import Dense
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.records import record
from ranvier.scalars import as_integer

Array = NDArray[Any]


def logit_network(network: Network, task: Task) -> Network:
    """The network whose outputs are the weighted sums of the output layer, for tasks with classes or labels.

    >>> logit_network(Network(2, [Dense(1, "sigmoid")]), Task("binary", 1, (0, 1)))
    Network(2, [Dense(1)])
    """
    last = network.layers[-1]
    if task.kind == "regression" or not isinstance(last, Dense):
        return network
    return Network(network.inputs, [*network.layers[:-1], replace(last, activation=activation("identity"))])


@record(eq=False)
class ExplainedOutput:
    """One output for each row, as a multiple of an output of the logit network and a number.

    Fields:
        index: which output, (n,).
        factor, shift: the explained number is factor * output + shift, (n,) each.
        labels: what it is called, for each row.
        unit: "logit" or "value".
    """

    index: NDArray[np.int64]
    factor: NDArray[np.float64]
    shift: NDArray[np.float64]
    labels: tuple[Any, ...]
    unit: str

    def values(self, outputs: Array, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The explained numbers in outputs (m, N) of some of the rows, (m,)."""
        explained_outputs: NDArray[np.float64] = outputs[np.arange(len(rows)), self.index[rows]].astype(np.float64)
        return explained_outputs * self.factor[rows] + self.shift[rows]

    def directions(self, n_outputs: int, rows: NDArray[np.int64], dtype: Any) -> Array:
        """Their derivatives along the outputs, (m, N)."""
        directions = np.zeros((len(rows), n_outputs), dtype)
        directions[np.arange(len(rows)), self.index[rows]] = self.factor[rows]
        return directions


def explained_output(target: TargetEncoder, logits: Array, output: Any = None) -> ExplainedOutput:
    """The output to explain.

    Parameters:
        target: what the outputs mean.
        logits: of the rows, (n, N).
        output: a class, a label, the name of a target (of quantiles the one nearest to 0.5), or of a label or number
            the number of the output. None for the predicted class; the second class of two; the most probable label;
            the only number.

    Raises:
        InputError: there is no such output, or there are several numbers and none is chosen.
    """
    task, n_rows = target.task, len(logits)
    if task.kind == "binary":
        at = 1 if output is None else _position(output, task.classes, "class")
        sign = np.full(n_rows, 1.0 if at else -1.0)
        index = np.zeros(n_rows, np.int64)
        return ExplainedOutput(index, sign, np.zeros(n_rows), (task.classes[at],) * n_rows, "logit")
    if task.kind == "regression":
        index = np.full(n_rows, _number(target, output))
        scale, mean = np.array(target.scale)[index], np.array(target.mean)[index]
        labels: tuple[Any, ...] = (_number_name(target, int(index[0])),) * n_rows if n_rows else ()
        return ExplainedOutput(index, scale, mean, labels, "value")
    names: tuple[Any, ...] = task.classes if task.kind == "multiclass" else task.target_names
    position = as_integer(output)
    if output is None:
        index = logits.argmax(axis=1)
    elif task.kind == "multilabel" and position is not None and 0 <= position < task.outputs:
        index = np.full(n_rows, position)
    else:
        index = np.full(n_rows, _position(output, names, "class or label"))
    labels = tuple(names[at] if names else at for at in index.tolist())
    return ExplainedOutput(index.astype(np.int64), np.ones(n_rows), np.zeros(n_rows), labels, "logit")


def _position(output: Any, names: tuple[Any, ...], what: str) -> int:
    for at, name in enumerate(names):
        if name == output and isinstance(name, bool) == isinstance(output, bool):
            return at
    for at, name in enumerate(names):
        if str(name) == output:
            return at
    raise InputError(f"There is no {what} {output!r}. {nearest(str(output), list(map(str, names)))}")


def outputs_to_explain(target: TargetEncoder) -> tuple[Any, ...]:
    """What stands for `output` where a row is explained as a whole: the number of an output for each of several
    numbers; else None, the one that is predicted.

    >>> outputs_to_explain(TargetEncoder(Task("regression", 2, (), ("a", "b")), (0.0, 0.0), (1.0, 1.0)))
    (0, 1)
    """
    n_levels = max(1, len(target.levels))
    if target.task.kind != "regression" or target.task.outputs == n_levels:
        return (None,)
    return tuple(range(_middle_level(target), target.task.outputs, n_levels))


def _middle_level(target: TargetEncoder) -> int:
    """Which of the quantiles is nearest to 0.5; 0 without quantiles."""
    return int(np.abs(np.array(target.levels) - 0.5).argmin()) if target.levels else 0


def _number(target: TargetEncoder, output: Any) -> int:
    """The output of a regression that is explained: by the name of a target, by that of an output, by its number."""
    columns, names = target.column_names, target.task.target_names
    every = outputs_to_explain(target)
    if output is None and len(every) == 1:
        return _middle_level(target)
    shown = ", ".join(map(repr, (columns or range(target.task.outputs))[:5]))
    if output is None:
        raise InputError(f"The model predicts {len(every)} numbers; choose the one to explain: output={shown}.")
    if isinstance(output, str) and output in columns and len(columns) * max(1, len(target.levels)) == len(names):
        return columns.index(output) * max(1, len(target.levels)) + _middle_level(target)
    if isinstance(output, str) and output in names and len(names) == target.task.outputs:
        return names.index(output)
    index = as_integer(output)
    if index is None or not 0 <= index < target.task.outputs:
        raise InputError(f"There is no output {output!r}; give one of {shown}, or its number.")
    return index


def _number_name(target: TargetEncoder, index: int) -> str:
    names = target.task.target_names
    return names[index] if len(names) == target.task.outputs else f"output {index}"
