"""The classifier: one of two labels, one of several, or several labels at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags

from ranvier.data.encoders.decoding import class_indices, class_probabilities, label_indicators
from ranvier.errors import InputError
from ranvier.estimators.base import Array, NetworkEstimator
from ranvier.estimators.targets import TargetSpec, classification_target, plain_labels, target_of_classes
from ranvier.floating_point_mode import in_usual_mode


@dataclass(kw_only=True, eq=False, repr=False)
class Classifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """A neural network that predicts classes, as a scikit-learn estimator over raw tables.

    Formula: p = softmax(z) for several classes, p = sigmoid(z) for two and for labels that are each present or not,
    where z is what the last of the layers computes; trained to make the cross-entropy small.

    Parameters:
        hidden: the widths of the hidden layers, such as (256, 256); () for none.
        activation, dropout: of the hidden layers.
        recipe: chooses everything that is left open here. "table" trains several networks, each with another
            validation fold, and merges them into one; "plain" trains one network; "auto" takes "table" for tables and
            "plain" for a sparse matrix. Or a recipe of your own, see `ranvier.recipe`.
        effort: of a recipe that is given by name: "fast", "default" or "best".
        members: how many networks are trained and merged into one; None leaves it to the recipe.
        kinds: column -> kind, where the kind that would be inferred is not the right one; as for `ranvier.train`. The
            columns of an array are called x0, x1 and so on.
        loss: a name or record; None takes cross-entropy.
        optimizer, learning_rate, schedule, weight_decay, clip_norm: how steps are made; names or records.
        batch_size: rows a step; epochs: at most so many passes over the rows.
        validation: the fraction of the rows that the recipe "plain" takes for validation, to decide when to stop; None
            or 0 for none, and none are taken where that would be fewer than 10. The recipe "table" takes folds.
        patience: how many epochs without improvement are tolerated.
        class_weight: "balanced", or a dictionary of label to weight; it counts for the rows that
            decide when to stop, too.
        threshold: the probability from which on the second of two classes is predicted: a number, "cost:5:1", or "f1",
            "accuracy" or "balanced_accuracy" on rows left out of training; None for 0.5. As for `ranvier.train`.
        callbacks: a list such as [rv.EarlyStopping(metric="accuracy")].
        warm_start: whether a second `fit` goes on from the weights of the first.
        random_state: an integer for the same bits every time, a RandomState, or None for chance.
        verbose: whether training shows its progress.
        engine, precision, threads: what computes, and how; as for `ranvier.fit`.
        image_size, augment: of pictures; as for `ranvier.train`.
        split: "time:COLUMN" takes the latest rows by a column of dates or numbers for validation; None takes them by
            chance. The recipe "table" then has no folds.
        group: a column of X whose equal cells (of a patient, a customer) stay in one part, as for `ranvier.train`; it
            is no input. Or give the groups to `fit`.
        skip_bad_rows: leave out rows whose target is missing or, for numbers, cannot be read, and count them in
            `model_.report.notes`; otherwise they are refused.
        positive: the class of two that f1, precision, recall and auc of `model_` are about; None for the second one.
            `classes_` stay sorted.

    None leaves the choice to the recipe; what is given comes before it.

    Attributes:
        model_: the `ranvier.Model`; `model_.save("x.rv")` writes a file for the command line and every other use.
        classes_: the labels, sorted; the numbers of the labels where y has several columns.
        n_features_in_, feature_names_in_: the columns of X.

    The attributes of scikit-learn's MLPClassifier are there too, see `FittedAttributes`.

    Raises:
        InputError: at `fit`, when a parameter, X or y cannot be used as it is.

    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 1986.

    >>> table = {"size": [1.0, 2.0, 8.0, 9.0] * 5, "colour": ["red", "red", "blue", None] * 5}
    >>> classifier = Classifier(hidden=(8,), epochs=30, random_state=0, engine="reference")
    >>> classifier.fit(table, ["low", "low", "high", "high"] * 5).predict({"size": [1.5], "colour": ["red"]}).tolist()
    ['low']
    """

    class_weight: str | Mapping[Any, float] | None = None
    threshold: float | str | None = None
    positive: Any = None

    @in_usual_mode
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn from some of the rows: one epoch over them.

        The first call learns the kinds of the columns and their categories from its rows; give it enough of them.
        Scales of numbers are learned on until 1000 rows have come, or longer where a column has not varied by then. A
        single network is trained, without the recipe.

        Parameters:
            X, y, sample_weight: as for `fit`.
            classes: every label there is, at the first call; the number of columns of y decides for multilabel.

        Raises:
            InputError: the first call has fewer than two classes, or a label of y is none of them.
        """
        if hasattr(self, "model_"):
            if classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
                raise InputError(
                    f"classes is {list(classes)!r}, and the first call was given {self.classes_.tolist()!r}; "
                    "they cannot change: leave them out, or make a new Classifier."
                )
            return self._partial_fit(X, y, sample_weight, None)
        if np.ndim(y) == 2 and np.shape(y)[1] > 1:
            return self._partial_fit(X, y, sample_weight, classification_target(self, y, len(y), None))
        if classes is None:
            raise InputError(
                "The first call of partial_fit needs all labels there are: partial_fit(X, y, classes=[...])."
            )
        return self._partial_fit(X, y, sample_weight, target_of_classes(self, classes, "classes"))

    @in_usual_mode
    def predict(self, X: Any) -> Array:
        """The most probable label of each row, (n,); 0 and 1 for each label, (n, N), of a multilabel task.

        Parameters:
            X: raw rows, as for `fit`; or a single row as a dictionary of column to value.

        Raises:
            NotFittedError: `fit` was not called before.
            ValueError: the rows are not like those of `fit`: other columns, or cells that are not what theirs were.
        """
        outputs = self._outputs(X)
        if self.model_.task.kind == "multilabel":
            return label_indicators(outputs).astype(np.int64)
        labels: Array = self.classes_[self._order()][class_indices(self.model_.task, outputs)]
        return labels

    @in_usual_mode
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of each class, (n, classes), in the order of `classes_`; of each label for multilabel.

        Those of the classes of a row sum to 1 in float64.

        Parameters:
            X: as for `predict`, which raises the same.
        """
        outputs = self._outputs(X)
        return class_probabilities(self.model_.task, outputs)[:, self._order()]

    @in_usual_mode
    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """The natural logarithm of what `predict_proba` gives of X; minus infinity where a probability is 0."""
        with np.errstate(divide="ignore"):
            logarithms: NDArray[np.float64] = np.log(self.predict_proba(X))
        return logarithms

    @in_usual_mode
    def predict_set(self, X: Any, coverage: float = 0.9) -> list[tuple[Any, ...]]:
        """The labels that a row may have, so that the true one is among them with this probability.

        Parameters:
            X: as for `predict`, which raises the same.
            coverage: as for `ranvier.Model.predict_set`, which says what the probability means.

        Returns a tuple of labels for each row, the most probable first.

        Raises:
            InputError: y had several columns, or there were no validation rows.

        >>> table = {"size": [1.0, 2.0, 8.0, 9.0] * 10}
        >>> classifier = Classifier(hidden=(8,), recipe="plain", epochs=9, validation=0.5, engine="reference")
        >>> sets = classifier.fit(table, ["low", "low", "high", "high"] * 10).predict_set({"size": [1.5]})
        >>> len(sets)
        1
        """
        outputs = self._outputs(X)
        classes = self.classes_.tolist() if self.model_.task.is_classifier else []
        return [tuple(classes[index] for index in numbers) for numbers in self.model_.class_sets(outputs, coverage)]

    @in_usual_mode
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy of the predictions; of several labels a row all have to be right.

        Parameters:
            X, y, sample_weight: as for `fit`.
        """
        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))

    def _learns_numbers(self) -> bool:
        return False

    def _target_spec(self, y: Any, rows: int, weight: Array | None) -> TargetSpec:
        return classification_target(self, y, rows, weight)

    def _order(self) -> Any:
        """Where the classes of the model stand in `classes_`, and the other way round: it has the positive one last."""
        task = self.model_.task
        turned = task.kind == "binary" and task.classes[:1] != plain_labels(self.classes_[:1])
        return slice(None, None, -1) if turned else slice(None)

    def _extra_options(self) -> dict[str, Any]:
        if self.class_weight is None:
            return {}
        weights = self.class_weight
        return {"class_weight": dict(weights) if isinstance(weights, dict) else weights}

    def _options_of_start(self) -> dict[str, Any]:
        positive = {} if self.positive is None else {"positive": self.positive}
        return {"threshold": self.threshold, **positive}

    def __sklearn_tags__(self) -> Tags:
        """Several labels at once are welcome."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
