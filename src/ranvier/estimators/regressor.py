"""The regressor: a number, or several."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags

from ranvier.estimators.base import Array, NetworkEstimator
from ranvier.estimators.rows import to_source
from ranvier.estimators.targets import TargetSpec, regression_target
from ranvier.floating_point_mode import in_usual_mode


class Regressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """A neural network that predicts numbers, as a scikit-learn estimator over raw tables.

    Formula: y = shift + scale * z, where z is what the last of the layers computes; shift and scale follow from the
    training targets and the loss. Trained to make the mean of the squared errors, or of another loss, small.

    Parameters are those of `Classifier`, class_weight, positive and threshold left out; loss None takes the squared
    error. A loss is that of predictions and targets in your units: `rv.loss("huber", delta=30)` counts errors beyond 30
    linearly, whatever the scale of y. With "poisson" outputs are exponentials, above 0; with "binary_cross_entropy"
    they lie between 0 and 1; targets that such a loss does not take are refused. Attributes are those of `Classifier`,
    classes_ left out.

    Raises:
        InputError: at `fit`, when a parameter, X or y cannot be used as it is.

    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 1986.

    >>> table = {"size": [1.0, 2.0, 3.0, 4.0] * 10}
    >>> regressor = Regressor(hidden=(), optimizer="lbfgs", recipe="plain", epochs=50, engine="reference")
    >>> regressor.fit(table, [10.0, 20.0, 30.0, 40.0] * 10).predict({"size": [2.5]}).round(1).tolist()
    [25.0]
    """

    @in_usual_mode
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from some of the rows: one epoch over them.

        The first call learns the kinds of the columns and their categories from its rows; give it enough of them.
        Scales of numbers and of y are learned on until 1000 rows have come, or longer where a column has not varied by
        then.

        Parameters:
            X, y, sample_weight: as for `fit`.

        Raises:
            InputError: X or y cannot be used as it is.
        """
        if hasattr(self, "model_"):
            return self._partial_fit(X, y, sample_weight, None)
        return self._partial_fit(X, y, sample_weight, regression_target(self, y, to_source(self, X, None).rows))

    @in_usual_mode
    def predict(self, X: Any) -> Array:
        """The predicted numbers, (n,), or (n, N) for several, and for several quantiles in ascending order.

        Parameters:
            X: as for `Classifier.predict`, which raises the same.
        """
        outputs = self._outputs(X)
        return self.model_.target.values(outputs)

    @in_usual_mode
    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Bounds between which the true number of a new row lies with this probability, (n, 2) or (n, targets, 2).

        Parameters:
            X: as for `predict`.
            coverage: as for `ranvier.Model.predict_interval`, which says what the probability means.

        Raises:
            InputError: there were no validation rows.

        >>> table = {"size": [1.0, 2.0, 3.0, 4.0] * 10}
        >>> regressor = Regressor(hidden=(), recipe="plain", epochs=9, validation=0.5, engine="reference")
        >>> regressor.fit(table, [10.0, 20.0, 30.0, 40.0] * 10).predict_interval({"size": [2.5]}).shape
        (1, 2)
        """
        return self.model_.interval_of(self._outputs(X), coverage)

    @in_usual_mode
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R2 of the predictions; of several quantiles that nearest to 0.5 counts.

        Parameters:
            X, y, sample_weight: as for `fit`.
        """
        predicted, levels = self.predict(X), self.model_.target.levels
        if levels:
            middle = int(np.abs(np.array(levels) - 0.5).argmin())
            predicted = predicted[:, middle :: len(levels)]
        return float(r2_score(y, predicted, sample_weight=sample_weight))

    def _learns_numbers(self) -> bool:
        return True

    def _target_spec(self, y: Any, rows: int, weight: Array | None) -> TargetSpec:
        return regression_target(self, y, rows)

    def __sklearn_tags__(self) -> Tags:
        """Several numbers at once are welcome."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
