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
        own: NDArray[np.float64] = outputs[np.arange(len(rows)), self.index[rows]].astype(np.float64)
        return own * self.factor[rows] + self.shift[rows]

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
        output: a class, a label, the name of a target or the number of an output. None for the predicted class; the
            second class of two; the most probable label; the only number.

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
    index = logits.argmax(axis=1) if output is None else np.full(n_rows, _position(output, names, "class or label"))
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


def _number(target: TargetEncoder, output: Any) -> int:
    """The output of a regression that is explained."""
    task, n_levels = target.task, max(1, len(target.levels))
    middle = int(np.abs(np.array(target.levels) - 0.5).argmin()) if target.levels else 0
    if output is None and task.outputs == n_levels:
        return middle
    names: tuple[Any, ...] = task.target_names or tuple(range(task.outputs))
    if output is None:
        shown = ", ".join(map(repr, names[:5]))
        raise InputError(f"The model predicts {task.outputs} numbers; choose the one to explain: output={shown}.")
    if isinstance(output, str) and output in names and len(names) * n_levels == task.outputs:
        return names.index(output) * n_levels + middle
    whole = not isinstance(output, bool) and isinstance(output, (int, np.integer))
    if not whole or not 0 <= output < task.outputs:
        shown = ", ".join(map(repr, names[:5]))
        raise InputError(f"There is no output {output!r}; give one of {shown}, or its number.")
    return int(output)


def _number_name(target: TargetEncoder, index: int) -> str:
    names = target.task.target_names
    at = index // max(1, len(target.levels))
    name = str(names[at]) if at < len(names) else f"output {index}"
    return f"{name}, quantile {target.levels[index % len(target.levels)]:g}" if target.levels else name
