"""What both estimators share: their parameters, fitting, going on, pickling. n rows, K columns, N outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from ranvier import user_warnings
from ranvier.data import Source
from ranvier.data.columns.column_schema import DROP
from ranvier.data.splitting.canonical_order import canonical_rows
from ranvier.errors import InputError
from ranvier.estimators.attributes import FittedAttributes
from ranvier.estimators.divided_rows import with_groups, without_bad_rows
from ranvier.estimators.locks import training_lock
from ranvier.estimators.next_row import NextRow, next_row, parts_of
from ranvier.estimators.pickling import packed_model, unpacked_model
from ranvier.estimators.rows import (
    as_table,
    column_names_of,
    fitted_column_names,
    rows_for_predict,
    to_source,
    with_names,
)
from ranvier.estimators.running_scales import FirstRows, first_rows, kinds_of_constants, learn_scales
from ranvier.estimators.targets import TargetSpec, plain_labels
from ranvier.estimators.warm_start import changed_settings, check_fixed, fixed_parameters, stopping
from ranvier.floating_point_mode import in_usual_mode
from ranvier.model.train import train
from ranvier.network.activations import Activation
from ranvier.network.losses import Loss
from ranvier.network.optimizers import Optimizer
from ranvier.network.schedules import Schedule
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.recipe import Recipe
from ranvier.rows.weights import weight_array
from ranvier.scalars import as_integer, as_number
from ranvier.training.callbacks import Callback

Array = NDArray[Any]
MIN_VALIDATION_ROWS = 10
OF_FIT = ("target", "task", "validation", "test", "seed", "class_weight", "positive", "threshold")
"""Options of `train` that follow from what `fit` is given or that not every estimator hands on."""
OF_TABLES = ("ignore", "header", "encoding", "skip_bad_rows")
"""Options of how files are read, and of what the estimators themselves leave out."""
TRAIN_OPTIONS = tuple(field.name for field in fields(TrainOptions) if field.name not in (*OF_FIT, *OF_TABLES))
"""Parameters that are handed on to `train` as they are."""


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkEstimator(FittedAttributes, BaseEstimator):  # type: ignore[misc]
    """Base of `Classifier` and `Regressor`; see there. The fields are the parameters."""

    hidden: Sequence[int] | int | None = field(default=None, kw_only=False)
    activation: str | Activation | None = None
    dropout: float | None = None
    recipe: str | Recipe = "auto"
    effort: str = "default"
    members: int | None = None
    kinds: Mapping[str, str] | None = None
    loss: str | Loss | None = None
    optimizer: str | Optimizer | None = None
    learning_rate: float | None = None
    schedule: str | Schedule | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    batch_size: int | None = None
    epochs: int | None = None
    validation: float | None = 0.1
    patience: int | None = None
    callbacks: Sequence[Any] | None = None
    warm_start: bool = False
    random_state: int | np.random.RandomState | None = None
    verbose: bool = False
    engine: str = "auto"
    precision: str = "float32"
    threads: int | None = None
    image_size: int | None = None
    augment: str | None = None
    split: str | None = None
    group: str | None = None
    skip_bad_rows: bool = False

    @in_usual_mode
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation: Any = None, groups: Any = None) -> Self:
        """Learn from rows and targets.

        Parameters:
            X: raw rows (n, K): an array, a data frame, a dictionary of columns or a list of dictionaries; words, dates
                and missing cells may be in it. Or a matrix of scipy.sparse, whose numbers are taken as they are,
                without scaling and without the recipe "table", and whose zeros are never filled in.
            y: the targets, (n,) or (n, N).
            sample_weight: how much each row counts, (n,). An integer w means the same as the row standing there w
                times, as long as all are integers and together at most 8 a row.
            validation: (X, y) or (X, y, weights): validation rows, which decide when to stop, in place of the fraction
                of the rows that the parameter `validation` takes.
            groups: (n,): rows of the same group, of a patient or a customer, stay in one part, for training or for
                validation, and in one fold of the recipe "table".

        The result does not depend on the order of the rows. Ctrl-C ends training with a warning and keeps what has
        been learned; pressed twice, it raises KeyboardInterrupt.

        Raises:
            InputError: X, y, a weight or a parameter cannot be used as it is.
            TrainingError: training diverged.
        """
        with training_lock(self):
            return self._fit(X, y, sample_weight, validation, groups)

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: Any, groups: Any) -> Self:
        again = self.warm_start and hasattr(self, "model_")
        names = fitted_column_names(self) if again else None
        source = to_source(self, X, names)
        self._check_rule(source, groups, again)
        if self.skip_bad_rows and y is not None:
            source, y, beside = without_bad_rows(source, y, (sample_weight, groups), self._learns_numbers())
            sample_weight, groups = beside
        weight = None if sample_weight is None else weight_array(sample_weight, source.rows)
        target = self._fitted_target() if again else self._target_spec(y, source.rows, weight)
        values = target.values(self, y, source.rows)
        validation_rows = (
            None if validation is None else self._validation_rows(validation, target, names or column_names_of(source))
        )
        fraction = self._validation_fraction(canonical_rows(source.rows, weight)) if validation_rows is None else 0.0
        validated_on: Any = fraction if validation_rows is None else validation_rows
        if again:
            epochs = self.epochs or self.model_.training.epochs
            return self._continue_fit(
                source, values, weight, epochs, validated_on, stopping(self, epochs, validated=bool(validated_on))
            )
        table, changes = as_table(source), {}
        if groups is not None:
            table, changes["group"] = with_groups(table, groups)
        self._fit_new(target, table, values, weight, validation=validated_on, **changes)
        return self

    def _check_rule(self, source: Source, groups: Any, again: bool) -> None:
        """Raise an `InputError` where rows cannot be divided as it was asked for."""
        requested = [name for name in ("split", "group") if getattr(self, name) is not None]
        requested += ["groups"] if groups is not None else []
        if len(requested) > 1:
            raise InputError(f"Rows are divided by time or by group; give {' or '.join(requested)}, one of them.")
        if requested and again:
            raise InputError(
                f"{requested[0]} was given, and training that goes on from an earlier fit (warm_start=True) divides "
                "its rows by chance; give validation rows of your own, fit(X, y, validation=(X_val, y_val))."
            )
        if requested == ["group"] and not source.column_names:
            raise InputError(
                f"group is {self.group!r}, and X has no names of columns; give the group of each row, "
                "fit(X, y, groups=[...])."
            )

    def _learns_numbers(self) -> bool:
        """Whether targets are numbers rather than labels."""
        raise NotImplementedError

    def _target_spec(self, y: Any, rows: int, weight: Array | None) -> TargetSpec:
        """What is to be learned from y."""
        raise NotImplementedError

    def _fitted_target(self) -> TargetSpec:
        """What a fitted estimator predicts."""
        task, classes = self.model_.task, getattr(self, "classes_", None)
        if task.is_classifier and classes is not None:
            plain = plain_labels(classes)
            same = plain == task.classes and tuple(map(type, plain)) == tuple(map(type, task.classes))
            task = task if same else replace(task, classes=plain)
        if self.model_.target.levels:
            names = self.model_.target.column_names
            task = replace(task, outputs=len(names), target_names=names)
        return TargetSpec(task, classes)

    def _validation_rows(self, validation: Any, target: TargetSpec, names: Sequence[str]) -> Any:
        """The user's own validation rows, of columns with these names."""
        if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
            raise InputError(
                f"validation is a {type(validation).__name__}; fit takes the tuple (X, y) or (X, y, weights) of "
                "validation rows, and the constructor a fraction such as 0.1."
            )
        source = to_source(self, validation[0], names)
        values = target.values(self, validation[1], source.rows, "y of the validation rows")
        weight = validation[2] if len(validation) == 3 else None
        weights = None if weight is None else weight_array(weight, source.rows, "the weight of validation rows")
        return (source, values, weights)

    def _validation_fraction(self, rows: int) -> float:
        """The fraction of the rows for validation: 0 where that would be too few rows."""
        fraction = 0.0 if self.validation is None or self.validation is False else self.validation
        number = as_number(fraction)
        if number is None or not 0.0 <= number < 1.0:
            value = f"a {type(fraction).__name__}" if isinstance(fraction, (tuple, list)) else repr(fraction)
            raise InputError(
                f"validation is {value}; it must be a fraction of the rows from 0 to below 1. "
                "Rows of your own are given to fit: fit(X, y, validation=(X_val, y_val))."
            )
        return number if number * rows >= MIN_VALIDATION_ROWS else 0.0

    def _fit_new(
        self, target: TargetSpec, source: Source, values: Array, weight: Array | None, validation: Any, **changes: Any
    ) -> None:
        """Train from the start."""
        options = {name: getattr(self, name) for name in TRAIN_OPTIONS}
        self.model_ = train(
            source,
            values,
            task=target.task,
            sample_weight=weight,
            validation=validation,
            test=0.0,
            callbacks=() if self.callbacks is None else self.callbacks,
            progress=bool(self.verbose),
            seed=self._seed(),
            **{**options, **self._extra_options(), **self._options_of_start(), **changes},
        )
        self._made_by = fixed_parameters(self)
        self._first_rows: FirstRows | None = None
        if target.classes is not None:
            self.classes_ = target.classes
        if self.model_.report.interrupted:
            user_warnings.warn(f"{self.model_.report.stop_reason} The estimator is fitted as far as it came.")

    def _extra_options(self) -> dict[str, Any]:
        """Options of training that one of the estimators has alone."""
        return {}

    def _options_of_start(self) -> dict[str, Any]:
        """The same, of a training from the start alone."""
        return {}

    def _continue_fit(
        self,
        source: Source,
        values: Array,
        weight: Array | None,
        epochs: int,
        validation: Any = None,
        callbacks: tuple[Callback, ...] = (),
    ) -> Self:
        """Train on with the parameters as they are now; the encoder, the classes and the optimizer's memory stay."""
        check_fixed(self, getattr(self, "_made_by", {}))
        self.model_.fit(
            source,
            values,
            epochs=epochs,
            validation=validation or None,
            sample_weight=weight,
            callbacks=(*callbacks, *(self.callbacks or ())),
            progress=bool(self.verbose),
            **changed_settings(self, self.model_),
            **self._extra_options(),
        )
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, target: TargetSpec | None) -> Self:
        """One epoch over some rows; `target` says what is to be learned, at the first call."""
        with training_lock(self):
            return self._fit_batch(X, y, sample_weight, target)

    def _fit_batch(self, X: Any, y: Any, sample_weight: Any, target: TargetSpec | None) -> Self:
        ready: NextRow | None = self.__dict__.get("_next_row")
        if ready is not None and sample_weight is None and ready.learn(self, X, y):
            return self
        first = not hasattr(self, "model_")
        source = to_source(self, X, None if first else fitted_column_names(self))
        source = source if first else with_names(source, fitted_column_names(self))
        weight = None if sample_weight is None else weight_array(sample_weight, source.rows)
        spec = self._fitted_target() if target is None else target
        values = spec.values(self, y, source.rows)
        if not first:
            self._first_rows = getattr(self, "_first_rows", None)
            before = parts_of(self)
            part = partial(first_rows, self.model_, source, values)
            self._first_rows = learn_scales(self.model_, self._first_rows, part)
            self._continue_fit(source, values, weight, epochs=1)
            self._next_row = next_row(self, before, source.rows)
            return self
        overrides = dict(self.kinds or {})
        plain: dict[str, Any] = {"recipe": "plain", "effort": "default", "epochs": 1, "split": None, "group": None}
        if self.group in source.column_names:
            overrides[str(self.group)] = DROP
        plain |= {"schedule": self.schedule or "constant", "kinds": kinds_of_constants(source, overrides) | overrides}
        self._fit_new(spec, as_table(source), values, weight, validation=0.0, **plain)
        self._first_rows = first_rows(self.model_, source, values)
        return self

    def _outputs(self, X: Any) -> Array:
        """The outputs of the network for raw rows, (n, N)."""
        if not hasattr(self, "model_"):
            check_is_fitted(self, "model_")
        return self.model_.outputs(rows_for_predict(self, X))

    def _seed(self) -> int:
        """The seed of a run; an integer stands for itself."""
        state = self.random_state
        seed = as_integer(state)
        if seed is not None:
            return seed
        return int(check_random_state(state).randint(2**31 - 1))

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn asks of its estimators: missing cells and sparse matrices are welcome.

        The tag for text stays off although text is welcome, since it would promise that any object is.
        """
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Plain values; the model as the bytes of its file, which hold no code, and its training state."""
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_next_row", None)
        if "model_" in state:
            state["model_"], state["_training"] = packed_model(self.model_)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read the model back from the bytes of its file."""
        state = dict(state)
        training = state.pop("_training", None)
        if isinstance(state.get("model_"), bytes):
            state["model_"] = unpacked_model(state["model_"], training)
        super().__setstate__(state)
