"""Permutation importance: how much worse a model predicts without a column. n rows, K inputs, N outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.target import TargetEncoder
from ranvier.errors import InputError, nearest
from ranvier.explain.grouping import ColumnGroup
from ranvier.explain.permuted import permuted_outputs
from ranvier.random import SAMPLE, permutation
from ranvier.records import record
from ranvier.rows import Inputs
from ranvier.text_table import html_table, text_table
from ranvier.training.epoch_metrics import EpochMetrics, Metric, as_metrics, greater_is_better, metric_name, names_for
from ranvier.training.metrics import headline_metric_name
from ranvier.training.quantile_metrics import quantile_metrics

Array = NDArray[Any]
QUANTILE_METRICS = ("pinball_loss", "r2", "rmse", "mae")
MAX_SHOWN = 40


@record
class Importance:
    """How much a model needs a column.

    Fields:
        column: its name, or that of a group of columns.
        importance: how much worse the metric is without it, in the units of the metric.
        standard_error: of the importance over the repeats; NaN for a single one.
        columns: the columns that were permuted or left out together; one where there are no groups.

    >>> import ranvier as rv
    >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
    >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
    >>> entry = model.importances([[0.0, 5.0], [1.0, 6.0], [2.0, 7.0]], [-4.0, -3.0, -2.0])[0]
    >>> entry.column, entry.columns, entry.importance > entry.standard_error
    ('x0', ('x0',), True)
    """

    column: str
    importance: float
    standard_error: float
    columns: tuple[str, ...]


@record(eq=False)
class Importances(Sequence[Importance]):
    """The importances of all columns: a sequence of `Importance`, the most important first, that prints as a table.

    Fields:
        metric: the name of what was measured.
        score: the metric of the rows as they are.
        rows: how many rows it was measured on.
        repeats: how often each column was permuted, or left out.
        records: one `Importance` for each column or group.
        retrained: whether networks were trained without each column; else it was permuted.

    >>> import ranvier as rv
    >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
    >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
    >>> result = model.importances([[0.0, 5.0], [1.0, 6.0], [2.0, 7.0]], [-4.0, -3.0, -2.0])
    >>> result.metric, result.score, result.rows, len(result)
    ('r2', 1.0, 3, 2)
    """

    metric: str
    score: float
    rows: int
    repeats: int
    records: tuple[Importance, ...]
    retrained: bool = False

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, index: int) -> Importance: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Importance, ...]: ...
    def __getitem__(self, index: int | slice) -> Importance | tuple[Importance, ...]:
        return self.records[index]

    def __iter__(self) -> Iterator[Importance]:
        return iter(self.records)

    def to_dict(self) -> dict[str, Any]:
        """The importances as plain JSON values; a standard error that is not known is None."""
        records = [asdict(entry) | {"columns": list(entry.columns)} for entry in self.records]
        for entry in records:
            entry["standard_error"] = None if math.isnan(entry["standard_error"]) else entry["standard_error"]
        names = ("metric", "score", "rows", "repeats", "retrained")
        return {**{name: getattr(self, name) for name in names}, "columns": records}

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Titles and rows, as text."""
        shown = self.records[:MAX_SHOWN]
        rows: list[tuple[str, ...]] = [
            (entry.column, f"{entry.importance:+.4f}", f"{entry.standard_error:.4f}") for entry in shown
        ]
        return ("Column", "Importance", "± standard error"), rows

    def __str__(self) -> str:
        more = len(self.records) - MAX_SHOWN
        rest = f"\nand {more:,} more columns" if more > 0 else ""
        return f"{self._title()}\n\n{text_table(*self.table(), ('Importance', '± standard error'))}{rest}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{self._title()}</p>{html_table(*self.table(), ('Importance', '± standard error'))}"

    def _title(self) -> str:
        return f"How much worse {self.metric} ({self.score:.4f} on {self.rows:,} rows) is without a column"


@record
class Score:
    """A metric by its name, of encoded targets.

    Fields:
        target: how targets are encoded.
        name: of the metric.
        sign: 1 where a greater value is better, else -1.
        measured: the metric of the user's own, or None.
    """

    target: TargetEncoder
    name: str
    sign: int
    measured: Metric | None = None

    @classmethod
    def of(cls, target: TargetEncoder, metric: Any = None) -> Score:
        """The score for what a user gave as a metric; None for accuracy or r2, for quantiles for pinball_loss.

        Raises:
            InputError: there is no such metric for this task.
        """
        names = QUANTILE_METRICS if target.levels else names_for(target.task)
        if metric is None:
            metric = names[0] if target.levels else headline_metric_name(target.task)
        if callable(metric) and not isinstance(metric, Metric):
            metric = Metric.to_improve(metric)
        (metric,) = as_metrics([metric])
        name = metric_name(metric)
        if isinstance(metric, Metric):
            if target.levels:
                raise InputError(f"A model of quantiles has the metrics {', '.join(names)}; {name} was given.")
            return cls(target, name, 1 if metric.greater_is_better else -1, metric)
        if name not in names:
            raise InputError(f"There is no metric {name!r} of {target.task.kind} tasks. {nearest(name, names)}")
        return cls(target, name, 1 if greater_is_better(name) else -1)

    def __call__(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        """The metric of outputs and targets, (n, N), in the units of the network; weights (n,) or None."""
        if self.target.levels:
            values = [self.target.values(part).reshape(len(part), -1) for part in (outputs, targets)]
            return quantile_metrics(self.target.levels, values[0], values[1], weights)[self.name]
        measures = EpochMetrics(self.target, (self.measured or self.name,))
        return measures.measure(outputs, targets, weights)[self.name]


def permutation_importances(
    outputs_of: Callable[[Inputs], Array],
    inputs: Inputs,
    targets: Array,
    groups: Sequence[ColumnGroup],
    score: Score,
    *,
    repeats: int = 5,
    seed: int = 0,
    weights: Array | None = None,
) -> Importances:
    """How much worse a metric is where a column has the cells of other rows, drawn at random without repetition.

    Formula: I_c = 1/R sum_r (s(X, y) - s(X with column c in the order pi_r, y)) for metrics of which more is better,
    and the negative of it for losses; its standard error is the standard deviation over the R repeats / sqrt(R). All
    columns see the same orders pi_r. The rows are encoded once, and the inputs of a column are permuted together.

    Parameters:
        outputs_of: the network, (n, K) -> (n, N).
        inputs: encoded rows, (n, K).
        targets: encoded, (n, N) or class numbers (n, 1).
        groups: what is permuted together.
        score: what is measured.
        repeats: R.
        seed: of the orders.
        weights: of the rows in the metric, (n,), none of them 0; None for equal ones.

    Raises:
        InputError: the metric is not defined on these rows.

    Sources: Breiman, "Random forests", Machine Learning 2001; Fisher, Rudin, Dominici, "All models are wrong, but many
    are useful: learning a variable's importance by studying an entire class of prediction models simultaneously",
    JMLR 2019.
    """
    outputs = outputs_of(inputs)
    full_score = score(outputs, targets, weights)
    if not math.isfinite(full_score):
        raise InputError(f"{score.name} is not defined on these {len(inputs):,} rows; give more rows, or other ones.")
    losses = np.empty((len(groups), repeats))
    orders = [permutation(seed, SAMPLE, repeat, len(inputs)) for repeat in range(repeats)]
    for at, group in enumerate(groups):
        changed = permuted_outputs(outputs_of, inputs, group.blocks, outputs, orders)
        for repeat, without in enumerate(changed):
            losses[at, repeat] = score.sign * (full_score - score(without, targets, weights))
    mean = losses.mean(axis=1)
    error = losses.std(axis=1, ddof=1) / math.sqrt(repeats) if repeats > 1 else np.full(len(groups), math.nan)
    records = [
        Importance(group.name, value, deviation, group.columns)
        for group, value, deviation in zip(groups, mean.tolist(), error.tolist(), strict=True)
    ]
    records.sort(key=lambda entry: -entry.importance)
    return Importances(score.name, full_score, len(inputs), repeats, tuple(records))
