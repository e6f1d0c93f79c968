"""The metrics measured after every epoch: the task's own, those requested by name, and functions of the user's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.data.encoders.decoding import class_probabilities
from ranvier.errors import InputError, TrainingError, nearest
from ranvier.network.task import Task
from ranvier.records import record
from ranvier.scalars import as_number
from ranvier.training import metrics
from ranvier.training.quantile_metrics import middle, quantile_metrics
from ranvier.training.temperature import CALIBRATED_D2, calibrated_d2

Array = NDArray[Any]
TRAINING = "training_"
"""Before the name of a metric: measured on a sample of the training rows."""
GREATER_IS_BETTER = ("accuracy", "f1", "auc", "r2", CALIBRATED_D2)
LOWER_IS_BETTER = ("loss", "validation_loss", "log_loss", "brier", "ece", "rmse", "mae", "pinball_loss")
GREATER_ENDINGS, LOWER_ENDINGS = ("_score", "corrcoef"), ("_error", "_loss", "_deviance", "_distance")
"""How the names of scikit-learn's functions end of which a greater value is better, or a lower one."""
NEEDS = ("predictions", "probabilities")
MAX_SAMPLE = 1024
"""Training rows that are measured after an epoch: a pass forward over them takes a small part of its time."""


@record
class Metric:
    """A metric of your own; `rv.metric` makes one.

    Fields:
        name: under which the history has it.
        function: (y_true, y_pred) -> float, as scikit-learn's.
        greater_is_better: what early stopping looks for.
        needs: "predictions" for labels or numbers as `model.predict` gives them, or "probabilities" for y_pred as
            `model.probabilities` gives them, (n, classes), and y_true as labels.

    Raises:
        InputError: a field cannot be used.

    >>> Metric("errors", lambda y_true, y_pred: float(np.sum(y_true != y_pred)), greater_is_better=False).needs
    'predictions'
    """

    name: str
    function: Callable[..., float]
    greater_is_better: bool = True
    needs: str = "predictions"

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.isidentifier()):
            raise InputError(f"metric: name is {self.name!r}; it must be a word such as 'balanced_accuracy'.")
        if not callable(self.function):
            raise InputError(f"metric: function is {self.function!r}; it must be a function (y_true, y_pred) -> float.")
        if self.needs not in NEEDS:
            raise InputError(f"metric: needs is {self.needs!r}. {nearest(str(self.needs), NEEDS)}")

    @classmethod
    def of(cls, function: Callable[..., float]) -> Metric:
        """The metric of a plain function, under the function's name, which says whether a lower value is better."""
        name = getattr(function, "__name__", type(function).__name__)
        name = name if name.isidentifier() else "own_metric"
        return cls(name, function, direction_of(name) is not False)

    @classmethod
    def to_improve(cls, function: Callable[..., float]) -> Metric:
        """The metric of a plain function that is to become better.

        Raises:
            InputError: the function's name does not say whether a greater or a lower value is better.
        """
        metric = cls.of(function)
        if direction_of(metric.name) is None:
            raise InputError(
                f"The name of the metric function {metric.name!r} does not say whether a greater value is better, as "
                f"{GREATER_ENDINGS[0]!r} or {LOWER_ENDINGS[0]!r} at its end would; give rv.metric({metric.name!r}, "
                "function, greater_is_better=True), or False."
            )
        return metric


def metric(
    name: str, function: Callable[..., float], *, greater_is_better: bool = True, needs: str = "predictions"
) -> Metric:
    """A metric of your own, for `fit(metrics=[...])` and `EarlyStopping(metric=...)`.

    Parameters:
        name: under which the history has it.
        function: (y_true, y_pred) -> float, as scikit-learn's metrics: labels for classes, numbers in the target's
            own units for regression, 0/1 rows for multilabel.
        greater_is_better: whether a greater value is better; False for errors. Of a plain function, which is given
            without `rv.metric`, the name says so, as scikit-learn's do: "..._score" or "..._error", "..._loss".
        needs: "predictions", or "probabilities" where y_pred should be `model.probabilities`.

    Raises:
        InputError: an argument cannot be used.

    >>> import numpy as np
    >>> errors = metric("errors", lambda y_true, y_pred: float(np.sum(y_true != y_pred)), greater_is_better=False)
    >>> errors.name
    'errors'
    """
    return Metric(name, function, bool(greater_is_better), needs)


def metric_name(requested: Any) -> str:
    """The name under which the history has a metric."""
    return requested.name if isinstance(requested, Metric) else str(requested)


def greater_is_better(requested: Any) -> bool:
    """Whether a greater value of a metric, given by name or as a `Metric`, is better.

    >>> greater_is_better("auc"), greater_is_better("rmse"), greater_is_better("mean_squared_error")
    (True, False, False)
    """
    return requested.greater_is_better if isinstance(requested, Metric) else direction_of(requested) is not False


def direction_of(name: str) -> bool | None:
    """Whether a greater value of a metric of this name is better; None where the name does not say so.

    scikit-learn's names end in "_score" where a greater value is better, in "_error" or "_loss" where a lower one is.

    >>> direction_of("balanced_accuracy_score"), direction_of("mean_squared_error"), direction_of("money")
    (True, False, None)
    """
    if name in GREATER_IS_BETTER or name.endswith(GREATER_ENDINGS):
        return True
    return False if name in LOWER_IS_BETTER or name.endswith(LOWER_ENDINGS) else None


def as_metrics(requested: Any) -> tuple[str | Metric, ...]:
    """Metrics from a sequence of names, functions and `Metric` records.

    Raises:
        InputError: it is no sequence, or holds something else.
    """
    if type(requested) is tuple and not requested:
        return ()
    if isinstance(requested, (str, Metric)) or callable(requested) or not isinstance(requested, Iterable):
        raise InputError(f'metrics is {requested!r}; it must be a list, such as ["f1", rv.metric("name", function)].')
    values = tuple(
        entry if isinstance(entry, (str, Metric)) else Metric.of(entry) if callable(entry) else entry
        for entry in requested
    )
    for entry in values:
        if not isinstance(entry, (str, Metric)):
            raise InputError(f'metrics holds {entry!r}; each must be a name such as "f1", a function or an rv.metric.')
    return values


def names_for(task: Task) -> tuple[str, ...]:
    """The metrics of a task that are known by name, the one that is always measured first.

    >>> names_for(Task("regression", 1))
    ('r2', 'rmse', 'mae')
    """
    if task.kind == "regression":
        return ("r2", "rmse", "mae")
    of_classes = () if task.kind == "multilabel" else ("auc", "ece")
    return ("accuracy", "log_loss", "f1", "brier", *of_classes, CALIBRATED_D2)


@record
class EpochMetrics:
    """Measures, after an epoch, the task's first metric and those that were requested. n rows, N outputs.

    Fields:
        target: how targets are encoded.
        requested: names, "training_" names, and `Metric` records.
    """

    target: TargetEncoder
    requested: tuple[str | Metric, ...] = ()

    def __post_init__(self) -> None:
        if not self.requested:
            return
        names = names_for(self.target.task)
        names += tuple(TRAINING + name for name in names)
        for entry in self.requested:
            if isinstance(entry, str) and entry not in names:
                raise InputError(
                    f"There is no metric {entry!r} of {self.target.task.kind} tasks. {nearest(entry, names)}"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what is measured on validation rows."""
        names = [metric_name(entry) for entry in self.requested if not metric_name(entry).startswith(TRAINING)]
        return tuple(dict.fromkeys((metrics.headline_metric_name(self.target.task), *names)))

    @property
    def training_names(self) -> tuple[str, ...]:
        """The names, without "training_", of the metrics requested of the training rows."""
        return tuple(
            entry.removeprefix(TRAINING)
            for entry in self.requested
            if isinstance(entry, str) and entry.startswith(TRAINING)
        )

    @property
    def directions(self) -> dict[str, bool]:
        """Of each metric of the user's own whether a greater value is better."""
        return {entry.name: entry.greater_is_better for entry in self.requested if isinstance(entry, Metric)}

    def measure(self, outputs: Array, targets: Array, weights: Array | None = None) -> dict[str, float]:
        """The metrics of validation rows: outputs and encoded targets (n, N), weights (n,) or None."""
        metrics_of_user = {entry.name: entry for entry in self.requested if isinstance(entry, Metric)}
        named = tuple(name for name in self.names if name not in metrics_of_user)
        values = self._named(named, outputs, targets, weights)
        for name, entry in metrics_of_user.items():
            values[name] = self._value_of(entry, outputs, targets)
        return values

    def measure_training(self, outputs: Array, targets: Array) -> dict[str, float]:
        """The metrics of a sample of the training rows, named "training_..."."""
        values = self._named(self.training_names, outputs, targets, None)
        return {TRAINING + name: value for name, value in values.items()}

    def sample_size(self, rows: int) -> int:
        """How many training rows are measured after every epoch: up to MAX_SAMPLE where requested, else 0."""
        return min(rows, MAX_SAMPLE) if self.training_names else 0

    def _named(self, names: tuple[str, ...], outputs: Array, targets: Array, weights: Array | None) -> dict[str, float]:
        task, levels = self.target.task, self.target.levels
        if levels:
            # The values of quantiles are in order, which outputs need not be.
            shown = middle(levels, self._values(outputs)), middle(levels, self._values(targets))
            values = metrics.headline_metric(task, *shown, weights)
        else:
            values = metrics.headline_metric(task, outputs, targets, weights)
        if CALIBRATED_D2 in names:
            values[CALIBRATED_D2] = calibrated_d2(task, outputs, targets, weights)
        if any(name not in values for name in names):
            values = self._all(outputs, targets, weights) | values
        return {name: values.get(name, math.nan) for name in names}

    def _all(self, outputs: Array, targets: Array, weights: Array | None) -> dict[str, float]:
        outputs, targets = self._values(outputs), self._values(targets)
        try:
            if self.target.levels:
                return quantile_metrics(self.target.levels, outputs, targets, weights)
            return metrics.all_metrics(self.target.task, outputs, targets, weights)
        except TrainingError:
            # An output is no number; the loss says so, too.
            return {}

    def _values(self, outputs: Array) -> Array:
        """Numbers in the units of the target; of the network where the target has none of its own."""
        return self.target.values(outputs) if self.target.scale else outputs

    def _value_of(self, entry: Metric, outputs: Array, targets: Array) -> float:
        task = self.target.task
        if entry.needs == "probabilities":
            predicted: Array = class_probabilities(task, outputs)
        else:
            predicted = self._decoded(outputs)
        value: Any = entry.function(self._decoded(targets), predicted)
        number = as_number(value)
        if number is None:
            raise InputError(f"The metric {entry.name!r} returned {value!r}; it must return a number.")
        return number

    def _decoded(self, outputs: Array) -> Array:
        """Labels or numbers; numbers in the units of the network where the target has none of its own."""
        if self.target.task.kind == "regression" and not self.target.scale:
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        return self.target.decode(outputs)
