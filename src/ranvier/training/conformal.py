"""Conformal prediction: intervals and sets that hold the true answer with a chosen probability.

A score says how far an answer is from the true one: for numbers |y - f(x)|, divided by how far off predictions of this
size usually are; for quantiles max(low - y, y - high); for classes 1 - p(true class). The k-th smallest score of n rows
that the model was not trained on, k = ceil((n + 1) * coverage), bounds the score of a new row with at least this
probability, if the new row and these n rows are exchangeable: if any order of them is equally likely, as for rows drawn
by chance from one source. It holds on average over such rows, for each group of rows only as far as errors are alike.

Sources: Vovk, Gammerman, Shafer, "Algorithmic learning in a random world", 2005; Lei, G'Sell, Rinaldo, Tibshirani,
Wasserman, "Distribution-free predictive inference for regression", 2018 (scores divided by a scale); Romano, Patterson,
Candès, "Conformalized quantile regression", 2019; Vovk, "Cross-conformal predictors", 2015; Sadinle, Lei, Wasserman,
"Least ambiguous set-valued classifiers with bounded error levels", 2019.

n rows, N outputs, S series of scores (one a target, or one a pair of quantiles and target).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices, class_probabilities
from ranvier.data.encoders.target import TargetEncoder
from ranvier.errors import InputError
from ranvier.records import record
from ranvier.scalars import as_number
from ranvier.training.held_out import HeldOut

Array = NDArray[Any]
Floats = NDArray[np.float64]
MAX_SCORES = 4_000
"""So many scores of a series a model keeps; of more rows their quantiles."""
MIN_ROWS = 10
SCALE_ROWS, MIN_SCALES, MAX_SCALES = 100, 4, 20
"""Rows for each knot of the scale, and how many knots it has."""
GAIN = 0.99
"""A scale is taken where intervals get narrower than this fraction of what they were."""
CHOICE_COVERAGE = 0.9
"""The coverage at which widths are compared."""


@record(eq=False)
class Conformal:
    """What intervals and sets are made of.

    Fields:
        kind: "residuals", "quantiles" or "classes".
        rows: n, the number of rows that the scores are of.
        folds: whether each was left out by some of several networks (cross-conformal); else by all of them.
        scores: sorted, (at most MAX_SCORES, S).
        knots, scales: predictions, ascending, and the usual error there, each (knots, S); (0, S) for the same
            everywhere.
    """

    kind: str
    rows: int
    folds: bool
    scores: Array
    knots: Array
    scales: Array

    def quantile(self, coverage: float) -> Floats:
        """The score of each series, (S,), that a new row does not exceed with this probability.

        Raises:
            InputError: coverage is no number between 0 and 1, or asks for more rows than there were.

        >>> scores = np.arange(1.0, 20.0)[:, None]
        >>> Conformal("residuals", 19, False, scores, scores[:0], scores[:0]).quantile(0.9).tolist()
        [18.0]
        """
        wanted = checked_coverage(coverage)
        k = math.ceil((self.rows + 1) * wanted - 1e-9)
        if k > self.rows:
            most = math.floor(1000 * self.rows / (self.rows + 1)) / 1000
            raise InputError(
                f"coverage is {coverage:g}, and this model was calibrated on {self.rows:,} rows, which are enough for "
                f"at most {most:g}; ask for less, or train on more rows."
            )
        at = min(max(math.ceil(k * len(self.scores) / self.rows), 1), len(self.scores))
        return np.asarray(self.scores[at - 1], np.float64)

    def scale_at(self, predictions: Floats) -> Floats:
        """The usual error at each prediction, (n, S) -> (n, S); 1 where errors were alike everywhere."""
        if not len(self.knots):
            return np.ones_like(predictions)
        columns = zip(predictions.T, self.knots.T, self.scales.T, strict=True)
        return np.stack([np.interp(values, knots, scales) for values, knots, scales in columns], axis=1)

    def arrays(self) -> dict[str, Array]:
        """The arrays of a model file."""
        return {"scores": self.scores, "knots": self.knots, "scales": self.scales}

    def to_dict(self) -> dict[str, Any]:
        """What a model file says besides."""
        return {"kind": self.kind, "rows": self.rows, "folds": self.folds}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> Conformal:
        """What `to_dict` and `arrays` wrote."""
        scores = arrays["scores"]
        if data["kind"] not in ("residuals", "quantiles", "classes") or scores.ndim != 2 or not len(scores):
            raise InputError("The scores for intervals are damaged.")
        return cls(data["kind"], int(data["rows"]), bool(data["folds"]), scores, arrays["knots"], arrays["scales"])


def checked_coverage(coverage: Any) -> float:
    """A coverage as a number.

    Raises:
        InputError: it is no number between 0 and 1.
    """
    fraction = as_number(coverage)
    if fraction is None or not 0 < fraction < 1:
        raise InputError(f"coverage is {coverage!r}; give a fraction between 0 and 1, such as 0.9.")
    return fraction


def conformal_of(target: TargetEncoder, held_out: HeldOut | None) -> Conformal | None:
    """The scores of rows that stood outside training; None for several labels, or fewer than 10 rows.

    Parameters:
        target: from outputs to numbers or classes.
        held_out: outputs and targets of the finished model, or of one that is as good.
    """
    task = target.task
    if held_out is None or task.kind == "multilabel":
        return None
    usable = np.isfinite(np.column_stack([held_out.outputs, held_out.targets])).all(axis=1)
    weights = None if held_out.weights is None else np.asarray(held_out.weights, np.float64)[usable]
    if weights is not None:
        usable, weights = _with_weight(usable, weights)
    rows = int(usable.sum())
    if rows < MIN_ROWS:
        return None
    outputs, targets = held_out.outputs[usable], held_out.targets[usable]
    if task.is_classifier:
        actual = class_indices(task, targets)
        scores = 1.0 - np.take_along_axis(class_probabilities(task, outputs), actual[:, None], axis=1)
        return _conformal_of("classes", held_out.folds, scores, weights)
    predicted = target.values(outputs).reshape(rows, -1)
    actual_values = (targets.astype(np.float64) * np.array(target.scale) + np.array(target.mean)).reshape(rows, -1)
    if target.levels:
        return _conformal_of(
            "quantiles", held_out.folds, quantile_scores(target.levels, predicted, actual_values), weights
        )
    errors = np.abs(actual_values - predicted)
    if held_out.error_factors is not None:
        errors = errors * held_out.error_factors[usable]
    knots, scales = usual_errors(predicted, errors)
    scores = errors / scales_of_others(predicted, errors) if len(knots) else errors
    return _conformal_of("residuals", held_out.folds, scores, weights, knots, scales)


def _with_weight(usable: NDArray[np.bool_], weights: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Only the rows whose weight is not 0."""
    counted = usable.copy()
    counted[usable] = weights > 0
    return counted, weights[weights > 0]


def _conformal_of(
    kind: str, folds: bool, scores: Floats, weights: Floats | None, knots: Array | None = None, scales: Any = None
) -> Conformal:
    """The scores as a model keeps them: sorted, and of many their quantiles."""
    rows, series = scores.shape
    if weights is None and rows <= MAX_SCORES:
        quantiles = np.sort(scores, axis=0)
    else:
        levels = np.arange(1, min(rows, MAX_SCORES) + 1) / min(rows, MAX_SCORES)
        quantiles = np.stack([_weighted_quantiles(column, weights, levels) for column in scores.T], axis=1)
    empty = np.empty((0, series))
    parts = (quantiles, empty if knots is None else knots, empty if scales is None else scales)
    return Conformal(kind, rows, folds, *(np.ascontiguousarray(part, np.float32) for part in parts))


def _weighted_quantiles(values: Floats, weights: Floats | None, levels: Floats) -> Floats:
    """The smallest values with at least these fractions of the weight at or below them."""
    order = np.argsort(values, kind="stable")
    weight = np.ones(len(values)) if weights is None else weights[order]
    fraction = np.cumsum(weight) / weight.sum()
    at = np.searchsorted(fraction, levels - 1e-12)
    return np.asarray(values[order][np.minimum(at, len(values) - 1)], np.float64)


def usual_errors(predicted: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Predictions (knots, S) and the mean error around each, where dividing by it makes intervals narrower.

    The knots are the medians of groups of rows with neighbouring predictions. Widths are compared on rows that the
    means are not of.

    Parameters:
        predicted, errors: predictions and absolute errors, (n, S).

    Returns arrays (0, S) where one width for all is as good.

    >>> predicted = np.linspace(1.0, 10.0, 1000)[:, None]
    >>> errors = predicted * np.random.default_rng(0).random((1000, 1))
    >>> knots, scales = usual_errors(predicted, errors)
    >>> bool(scales[-1, 0] > 4 * scales[0, 0])
    True
    """
    rows, series = errors.shape
    nothing = np.empty((0, series))
    count = min(rows // SCALE_ROWS, MAX_SCALES)
    if count < MIN_SCALES:
        return nothing, nothing
    order = np.argsort(predicted, axis=0, kind="stable")
    halves = [np.arange(rows) % 2 == part for part in (0, 1)]
    plain, scaled = 0.0, 0.0
    for column in range(series):
        values, error = predicted[order[:, column], column], errors[order[:, column], column]
        if error.mean() == 0:
            return nothing, nothing
        unit = error.mean()
        for fitted, evaluation in (halves, halves[::-1]):
            scale = np.interp(values[evaluation], *_means(values[fitted], error[fitted], count))
            plain += float(np.quantile(error[evaluation], CHOICE_COVERAGE)) / unit
            scaled += float(np.quantile(error[evaluation] / scale, CHOICE_COVERAGE) * scale.mean()) / unit
    if not scaled < GAIN * plain:
        return nothing, nothing
    parts = [
        _means(predicted[order[:, column], column], errors[order[:, column], column], count) for column in range(series)
    ]
    return np.stack([knots for knots, _ in parts], axis=1), np.stack([scales for _, scales in parts], axis=1)


def scales_of_others(predicted: Floats, errors: Floats) -> Floats:
    """The usual error at each prediction, (n, S), as the other half of the rows tells it.

    A row's own error would make its scale larger, and so its score too small.
    """
    rows, series = errors.shape
    count = min(rows // SCALE_ROWS, MAX_SCALES)
    scales = np.empty((rows, series))
    for column in range(series):
        order = np.argsort(predicted[:, column], kind="stable")
        for part in (0, 1):
            half, others = order[part::2], order[1 - part :: 2]
            means = _means(predicted[others, column], errors[others, column], count)
            scales[half, column] = np.interp(predicted[half, column], *means)
    return scales


def _means(values: Floats, errors: Floats, count: int) -> tuple[Floats, Floats]:
    """The median prediction and the mean error of groups of rows that are sorted by prediction, each (count,)."""
    groups = [np.array_split(part, count) for part in (values, errors)]
    means = np.array([group.mean() for group in groups[1]])
    # A group without errors has an interval, too.
    floor = max(0.05 * float(errors.mean()), float(np.finfo(np.float32).tiny))
    return np.array([np.median(group) for group in groups[0]]), np.maximum(means, floor)


def quantile_pairs(levels: tuple[float, ...]) -> list[tuple[int, int]]:
    """Which levels make an interval: the lowest with the highest, the second lowest with the second highest, ...

    >>> quantile_pairs((0.05, 0.25, 0.5, 0.75, 0.95))
    [(0, 4), (1, 3), (2, 2)]
    """
    return [(low, len(levels) - 1 - low) for low in range((len(levels) + 1) // 2)]


def quantile_scores(levels: tuple[float, ...], predicted: Floats, actual: Floats) -> Floats:
    """How far each row lies outside each pair of quantiles; negative inside. (n, pairs * targets), target by target."""
    by_target = predicted.reshape(len(predicted), -1, len(levels))
    actual_numbers = actual.reshape(by_target.shape)[:, :, 0]
    scores = [
        np.maximum(
            by_target[:, target, low] - actual_numbers[:, target],
            actual_numbers[:, target] - by_target[:, target, high],
        )
        for target in range(by_target.shape[1])
        for low, high in quantile_pairs(levels)
    ]
    return np.stack(scores, axis=1)


def intervals(conformal: Conformal, target: TargetEncoder, outputs: Array, coverage: float) -> Floats:
    """Lower and upper bounds, (n, 2), or (n, targets, 2) for several targets.

    Parameters:
        outputs: of a regression, as the output layer gives them, (n, N).
        coverage: the fraction of new rows whose target lies between the bounds.
    """
    predicted = target.values(outputs).reshape(len(outputs), -1)
    widths = conformal.quantile(coverage)
    if conformal.kind == "quantiles":
        bounds = _around_quantiles(target.levels, predicted, widths, checked_coverage(coverage))
    else:
        half = widths * conformal.scale_at(predicted)
        bounds = np.stack([predicted - half, predicted + half], axis=2)
    return bounds[:, 0] if bounds.shape[1] == 1 else bounds


def _around_quantiles(levels: tuple[float, ...], predicted: Floats, widths: Floats, coverage: float) -> Floats:
    """The pair of quantiles that is nearest to the coverage, moved outward or inward, (n, targets, 2)."""
    pairs = quantile_pairs(levels)
    index = min(range(len(pairs)), key=lambda at: abs(levels[pairs[at][1]] - levels[pairs[at][0]] - coverage))
    by_target = predicted.reshape(len(predicted), -1, len(levels))
    moved = widths.reshape(by_target.shape[1], len(pairs))[:, index]
    bounds = np.stack([by_target[:, :, pairs[index][0]] - moved, by_target[:, :, pairs[index][1]] + moved], axis=2)
    middle = bounds.mean(axis=2, keepdims=True)
    crossed = bounds[:, :, :1] > bounds[:, :, 1:]
    return np.where(crossed, middle, bounds)


def class_sets(conformal: Conformal, probabilities: Floats, coverage: float) -> list[NDArray[np.int64]]:
    """The classes that each row may have, the most probable first; at least one.

    Taken are the classes whose probability is at least 1 - q, with q the quantile of the scores. Among sets of the same
    coverage these have the fewest classes on average (Sadinle, Lei, Wasserman 2019). A row without such a class gets
    its most probable one, which only adds to the coverage.

    Parameters:
        probabilities: (n, classes).

    >>> scores = np.linspace(0.0, 0.8, 99)[:, None]
    >>> conformal = Conformal("classes", 99, False, scores, scores[:0], scores[:0])
    >>> [label_set.tolist() for label_set in class_sets(conformal, np.array([[0.3, 0.6, 0.1], [0.05, 0.05, 0.9]]), 0.9)]
    [[1, 0], [2]]
    """
    # Scores are kept as float32, and so rounded.
    least = 1.0 - float(conformal.quantile(coverage)[0]) - 1e-6
    order = np.argsort(-probabilities, axis=1, kind="stable")
    counts = np.maximum((probabilities >= least).sum(axis=1), 1)
    return [row[:count] for row, count in zip(order, counts.tolist(), strict=True)]
