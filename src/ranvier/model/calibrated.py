"""CalibratedPredictor: predictions with how sure they are, by rows that the model was not trained on. n rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_probabilities
from ranvier.errors import InputError
from ranvier.floating_point_mode import in_usual_mode
from ranvier.model.evaluation import outputs_and_targets
from ranvier.model.predictor import Predictor
from ranvier.model.trained_predictor import TrainedPredictor
from ranvier.rows import Rows
from ranvier.training.conformal import Conformal, class_sets, intervals
from ranvier.training.held_out import HeldOut
from ranvier.training.reliability import Reliability, reliability

if TYPE_CHECKING:
    from ranvier.data.diagnosis.finding import Finding

NO_ROWS = (
    "This model was not calibrated, because it was trained without validation rows, with fewer than 10 of them, or its "
    "parameters were changed since; train it with validation rows, such as validation=0.2."
)


def held_out_by(model: Predictor, rows: Rows, outputs: NDArray[Any] | None = None) -> HeldOut:
    """Outputs for encoded rows that a model was not trained on, beside their targets; (n, N) where they are known."""
    outputs = model.outputs_of(rows.inputs) if outputs is None else outputs
    return HeldOut(outputs, rows.targets, rows.weights)


class CalibratedPredictor(TrainedPredictor):
    """A predictor that tells how sure it is: intervals, sets of labels, calibrated probabilities.

    Attributes:
        conformal: the scores of rows that stood outside training, from which intervals and sets are made; None where
            there were none.
    """

    @in_usual_mode
    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Bounds between which the true number of a new row lies with this probability.

        Formula: f(x) -/+ q s(x), with q the k-th smallest of the scores |y - f(x)| / s(x) of n rows that the model was
        not trained on, k = ceil((n + 1) * coverage); s(x) is the usual error of predictions of this size, or 1 where
        that makes intervals no narrower. A network of quantiles gives its lower and upper quantile, each moved by the
        k-th smallest of max(low - y, y - high).

        The probability is that over all rows. It holds where new rows are like those of the calibration: drawn from the
        same source, in no particular order (exchangeable). It does not hold for each group of rows, and not after the
        source has changed.

        Parameters:
            X: rows, as for `predict`.
            coverage: the fraction of new rows whose target lies between the bounds, above 0 and below 1.

        Returns lower and upper bounds, (n, 2); for several targets (n, targets, 2).

        Raises:
            InputError: the task is not regression, the model was not calibrated, or coverage needs more rows.

        Sources: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, "Distribution-free predictive inference for regression",
        2018; Vovk, "Cross-conformal predictors", 2015; Romano, Patterson, Candès, "Conformalized quantile regression",
        2019.

        >>> import numpy as np
        >>> from ranvier.network.layers import Dense
        >>> from ranvier.network.network import Network
        >>> x = np.linspace(0, 1, 100)[:, None]
        >>> model = Network(1, [Dense(1)]).fit(x, 2 * x[:, 0], validation=0.3, epochs=5, engine="reference")
        >>> bounds = model.predict_interval(x, coverage=0.9)
        >>> bounds.shape, bool((bounds[:, 0] < bounds[:, 1]).all())
        ((100, 2), True)
        """
        return self.interval_of(self.outputs(X), coverage)

    def interval_of(self, outputs: Any, coverage: float) -> NDArray[np.float64]:
        """The same for outputs, (n, N)."""
        if self.task.kind != "regression":
            what = "classes; use model.predict_set(X) (--set)" if self.task.is_classifier else "several labels a row"
            raise InputError(f"An interval is one of numbers, and this model predicts {what}.")
        return intervals(self._calibration(), self.target, outputs, coverage)

    @in_usual_mode
    def predict_set(self, X: Any, coverage: float = 0.9) -> list[tuple[Any, ...]]:
        """The labels that a row may have, so that the true one is among them with this probability.

        Formula: {c : p(c) >= 1 - q}, and the most probable label in any case, with q the k-th smallest of the scores
        1 - p(true label) of n rows that the model was not trained on, k = ceil((n + 1) * coverage). Of all sets with
        this coverage these have the fewest labels on average. Where the model is more often right than the coverage
        asks for, most sets have one label. The probability is over all rows, as for `predict_interval`.

        Parameters:
            X: rows, as for `predict`.
            coverage: the fraction of new rows whose label is in the set, above 0 and below 1.

        Returns a tuple of labels for each row, the most probable first.

        Raises:
            InputError: the task has no classes, the model was not calibrated, or coverage needs more rows.

        Source: Sadinle, Lei, Wasserman, "Least ambiguous set-valued classifiers with bounded error levels", 2019.

        >>> import ranvier as rv
        >>> model = rv.train("iris", recipe="plain", epochs=5, validation=0.3, engine="reference")
        >>> sets = model.predict_set("iris", coverage=0.9)
        >>> len(sets), sets[0][0]
        (150, 'setosa')
        """
        classes = self.task.classes
        return [tuple(classes[index] for index in numbers) for numbers in self.class_sets(self.outputs(X), coverage)]

    def class_sets(self, outputs: Any, coverage: float) -> list[list[int]]:
        """The numbers of the classes in the set of each row, for outputs (n, N)."""
        if not self.task.is_classifier:
            what = (
                "numbers; use model.predict_interval(X) (--interval)"
                if self.task.kind == "regression"
                else "several labels a row"
            )
            raise InputError(f"A set is one of classes, and this model predicts {what}.")
        sets = class_sets(self._calibration(), class_probabilities(self.task, outputs), coverage)
        return [numbers.tolist() for numbers in sets]

    @in_usual_mode
    def calibration(self, X: Any, y: Any = None, sample_weight: Any = None, bins: int = 15) -> Reliability:
        """The reliability curve: how often the most probable class is the true one, by its probability.

        Formula: expected calibration error = sum over bins of (fraction of rows) * |fraction right - mean probability|.

        Parameters:
            X, y, sample_weight: as for `Model.evaluate`; rows that the model was not trained on.
            bins: how many equally wide bins from 0 to 1.

        Raises:
            InputError: the task has no classes, or rows and targets cannot be used.

        Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.

        >>> import ranvier as rv
        >>> model = rv.train("iris", recipe="plain", epochs=5, engine="reference")
        >>> curve = model.calibration("iris", bins=5)
        >>> sum(entry.rows for entry in curve.bins), 0 <= curve.expected_calibration_error <= 1
        (150, True)
        """
        outputs, targets, weights = outputs_and_targets(self, X, y, sample_weight)
        return reliability(self.task, outputs, targets, weights, bins)

    @in_usual_mode
    def diagnose(self, X: Any = None, y: Any = None, *, learning_curve: bool = False) -> list[Finding]:
        """What is wrong with the data or the model: records of kind, column, evidence, meaning and advice.

        Without rows these are the findings of training. With rows: columns that give the target away, identifiers,
        repeated rows, conflicting labels, unbalanced classes, drift since training, unscaled inputs, dead and other
        idle neurons, and whether a linear model or guessing would do as well.

        Parameters:
            X, y: as for `evaluate`; None for the findings of training.
            learning_curve: whether to train on half of the rows and on all, to see if more rows would help.

        >>> import ranvier as rv
        >>> rv.train("iris", recipe="plain", epochs=40, engine="reference").diagnose("iris")
        []
        """
        from ranvier.model.diagnosis.diagnose import diagnose

        return diagnose(cast(Any, self), X, y, learning_curve)

    def _calibration(self) -> Conformal:
        if self.conformal is None:
            raise InputError(NO_ROWS)
        return self.conformal
