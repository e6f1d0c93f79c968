"""From target values to the targets of the output layer, and back to labels and values.

B is the number of rows, N the number of outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders import json_fields
from ranvier.data.encoders.decoding import class_indices, label_array, label_indicators
from ranvier.data.encoders.scaling import column_mean_std
from ranvier.data.encoders.target_values import Values, first_missing, label_index, not_numbers, plain_values
from ranvier.data.encoders.task_inference import explain_task, infer_task
from ranvier.data.encoders.usual_range import usual_ranges
from ranvier.errors import OR_SKIP, DataError, InputError, ShapeError
from ranvier.network.losses import LOSSES, Loss
from ranvier.network.renamed import renamed_task
from ranvier.network.task import KINDS, USUAL_THRESHOLD, Task
from ranvier.records import record
from ranvier.rows.class_numbers import are_class_numbers, class_targets
from ranvier.rows.row_names import at_row

if TYPE_CHECKING:
    from ranvier.data.cells.number_format import NumberFormat

RowNumbers: TypeAlias = NDArray[np.int64] | None

__all__ = ["TargetEncoder", "explain_task", "fit_target", "infer_task"]


ADVICE = "Correct it, or leave the row out."
TABLE_ADVICE = f"Correct it, {OR_SKIP}."


@record
class TargetEncoder:
    """Encodes target values and decodes outputs.

    Binary labels become 0 and 1, classes one-hot rows, labels 0 and 1 each, numbers (y - mean) / scale.

    Fields:
        task: the task.
        mean, scale: one number for each output of a regression; empty for the other kinds.
        levels: of the quantiles that each target has an output for, target by target; empty for one output a target.
        number_formats: how the numbers of each target column were written, where not plainly; else empty.
        limits: the lowest and the highest number of each output that lie not far from all others in the training rows,
            where some do; else empty. Targets to learn from count as the nearer one beyond them.

    >>> encoder = TargetEncoder(Task("multiclass", 3, ("a", "b", "c"), ("letter",)))
    >>> encoder.transform(["b"]).tolist()
    [[0.0, 1.0, 0.0]]
    >>> encoder.decode(np.array([[0.1, 0.2, 0.7]])).tolist()
    ['c']
    """

    task: Task
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    number_formats: tuple[NumberFormat, ...] = ()
    limits: tuple[tuple[float, float], ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the target columns, each once: several quantiles of a target have one column.

        >>> quantiles = Task("regression", 2, target_names=("price at 0.1", "price at 0.9"))
        >>> TargetEncoder(quantiles, (0.0, 0.0), (1.0, 1.0), (0.1, 0.9)).column_names
        ('price',)
        """
        if not self.levels:
            return self.task.target_names
        suffix = f" at {self.levels[0]:g}"
        return tuple(name.removesuffix(suffix) for name in self.task.target_names[:: len(self.levels)])

    def transform(
        self, values: Any, row_numbers: RowNumbers = None, dtype: Any = np.float32, clip: bool = False
    ) -> NDArray[Any]:
        """Encode target values.

        Parameters:
            values: a list, an array or a series (B,), or numbers (B, N), of which some of a row may be NaN: they do
                not count.
            row_numbers: the numbers of these rows in the user's table, counted from 0, for messages; None for an array.
            dtype: float32 or float64.
            clip: whether numbers beyond the limits count as these, as they do in training.

        Returns a contiguous array (B, N) of that type; for more than 16 classes their numbers (B, 1), see
        `ranvier.rows.class_numbers`.

        Raises:
            DataError: a value is missing, infinite or beyond that type, not a number where one is expected, or a class
                that training did not have.
            ShapeError: the number of columns is not the number of outputs.
        """
        if self.task.is_classifier:
            index = self.class_index(values, row_numbers)
            if self.task.kind == "binary":
                return index.astype(dtype)[:, None]
            return class_targets(index, self.task.outputs, dtype)
        numbers = self._numbers(values, row_numbers)
        if self.task.kind == "multilabel":
            wrong = ~(np.isin(numbers, (0.0, 1.0)) | np.isnan(numbers))
            if wrong.any():
                row, column = (int(index) for index in np.argwhere(wrong)[0])
                raise DataError(
                    f"{self._at(row, column, row_numbers)} is {numbers[row, column]:g}; 0 or 1 was expected. "
                    f"{_advice(row_numbers)}"
                )
            return numbers.astype(dtype)
        if clip and self.limits:
            numbers = np.clip(numbers, *np.array(self.limits).T)
        with np.errstate(over="ignore"):
            scaled = (numbers - np.array(self.mean)) / np.array(self.scale)
        large = np.abs(scaled) > np.finfo(dtype).max
        if large.any():
            row, column = (int(index) for index in np.argwhere(large)[0])
            raise DataError(
                f"{self._at(row, column, row_numbers)} is {numbers[row, column]:g}, which is too large for "
                f"{np.dtype(dtype).name}, in which training computes. Give the target in larger units, or correct it."
            )
        return np.ascontiguousarray(scaled, dtype)

    def class_index(self, values: Any, row_numbers: RowNumbers = None) -> NDArray[np.int64]:
        """The index of each label among the classes, shape (B,); parameters as for `transform`.

        Raises:
            InputError: the task has no classes.
            DataError: a label is missing or was not among the training rows.

        >>> TargetEncoder(Task("binary", 1, ("no", "yes"), ("income",))).class_index(["yes", "no"]).tolist()
        [1, 0]
        """
        if not self.task.is_classifier:
            raise InputError(f"A {self.task.kind} task has no classes.")
        plain = self._plain(values, row_numbers)
        if plain.ndim != 1:
            raise ShapeError(f"The target has shape {plain.shape}; one label for each row was expected.")
        index = label_index(plain, self.task.classes)
        if np.minimum.reduce(index, initial=0) < 0:
            row = int((index < 0).argmax())
            shown = ", ".join(str(label) for label in self.task.classes[:20])
            more = f" and {len(self.task.classes) - 20} more" if len(self.task.classes) > 20 else ""
            raise DataError(
                f'{self._at(row, 0, row_numbers)} is "{plain[row]}", a class that the training rows did not have. '
                f"Known classes: {shown}{more}. {_advice(row_numbers)}"
            )
        return index

    def decode(self, outputs: Any) -> NDArray[Any]:
        """The predictions: labels of their original type, 0 or 1 for each label, or values.

        Parameters:
            outputs: shape (B, N); probabilities, or standardized values of a regression.

        Returns an array (B,), or (B, N) of a multilabel task or a regression with several columns.

        Raises:
            ShapeError: the outputs have another width.
        """
        array = np.asarray(outputs)
        if not (self.task.kind == "multiclass" and are_class_numbers(array)):
            array = self._outputs(outputs)
        if self.task.kind == "regression":
            return self.values(array)
        if self.task.kind == "multilabel":
            return label_indicators(array).astype(np.int64)
        labels: NDArray[Any] = label_array(self.task.classes)[class_indices(self.task, array)]
        return labels

    def with_threshold(self, threshold: float) -> TargetEncoder:
        """The encoder that predicts the second of two classes from this probability on."""
        return replace(self, task=replace(self.task, threshold=threshold))

    def values(self, outputs: Any) -> NDArray[np.float64]:
        """The target values that outputs of a regression predict: outputs * scale + mean.

        Quantiles of a target are sorted, so that they never cross, which does not make their loss larger.

        Parameters:
            outputs: shape (B, N).

        Returns shape (B,) for one output, else (B, N).

        Raises:
            InputError: the task is not a regression.

        >>> TargetEncoder(Task("regression", 1, target_names=("price",)), (10.0,), (2.0,)).values([[1.5]]).tolist()
        [13.0]
        """
        if self.task.kind != "regression":
            raise InputError(f"A {self.task.kind} task has labels, not values; use decode.")
        numbers: NDArray[np.float64] = self._outputs(outputs).astype(np.float64) * np.array(self.scale) + np.array(
            self.mean
        )
        if self.levels:
            numbers = np.sort(numbers.reshape(len(numbers), -1, len(self.levels)), axis=2).reshape(numbers.shape)
        return numbers[:, 0] if self.task.outputs == 1 else numbers

    def numbers(self, values: Any) -> NDArray[np.float64]:
        """The target values of a regression as numbers, shape (B, N); parameters and errors as for `transform`.

        >>> TargetEncoder(Task("regression", 1, target_names=("price",)), (10.0,), (2.0,)).numbers(["1.5"]).tolist()
        [[1.5]]
        """
        return self._numbers(values, None)

    def check_range(self, values: Any, loss: Loss, row_numbers: RowNumbers = None) -> None:
        """Make sure that a loss takes these targets; parameters as for `transform`. Tasks with classes always fit.

        Raises:
            DataError: a target is outside the range of the loss.

        >>> counts = TargetEncoder(Task("regression", 1, target_names=("visits",)), (0.0,), (1.0,))
        >>> counts.check_range([3.0, 0.0], LOSSES["poisson"])
        """
        units = loss.units
        if self.task.kind != "regression" or not units.bounded:
            return
        if units.output == "softmax" and self.task.outputs == 1:
            raise InputError(
                f"The loss {loss.name} compares probabilities of classes, and the target is a number; choose a loss "
                'for numbers, such as "squared_error".'
            )
        numbers = self._numbers(values, row_numbers)
        outside = units.outside(numbers)
        if outside.any():
            rows = np.arange(len(numbers)) if row_numbers is None else row_numbers
            row, column = min(np.argwhere(outside).tolist(), key=lambda at: rows[at[0]])
            raise DataError(
                f"{self._at(row, column, row_numbers)} is {numbers[row, column]:g}, and the loss {loss.name} takes "
                f"targets {units.range_text}. Correct it, leave the row out, or choose another loss."
            )

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        levels = {"levels": list(self.levels)} if self.levels else {}
        formats = {"number_formats": [form.to_dict() for form in self.number_formats]} if self.number_formats else {}
        limits = {"limits": [list(pair) for pair in self.limits]} if self.limits else {}
        scaling = {"mean": list(self.mean), "scale": list(self.scale)}
        return {"kind": "target", "task": self.task.to_dict(), **scaling, **levels, **formats, **limits}

    @classmethod
    def from_dict(cls, data: Any) -> TargetEncoder:
        """The encoder that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent, of another type or length.
        """
        data = json_fields.mapping(data)
        described = json_fields.mapping(json_fields.field(data, "task", dict))
        described = renamed_task({"kind": json_fields.field(described, "kind", str), **described})
        kind, outputs = described["kind"], json_fields.field(described, "outputs", int)
        classes, names = (
            json_fields.field(described, "classes", list),
            json_fields.items(described, "target_names", str),
        )
        if kind not in KINDS or outputs == 0 or not all(isinstance(label, (str, int, float)) for label in classes):
            raise json_fields.damaged(f"its task is {kind[:40]!r} with {outputs} outputs")
        threshold = json_fields.field(described, "threshold", float) if "threshold" in described else USUAL_THRESHOLD
        try:
            task = Task(kind, outputs, tuple(classes), names, threshold)
        except InputError as error:
            raise json_fields.damaged(f"its task does not fit together ({error})") from error
        mean, scale = json_fields.items(data, "mean", float), json_fields.scales(data, "scale")
        expected = outputs if kind == "regression" else 0
        if not len(mean) == len(scale) == expected or 0.0 in scale:
            raise json_fields.damaged(
                f"the target has {len(mean)} means and {len(scale)} scales; {expected} were expected"
            )
        levels = json_fields.items(data, "levels", float) if "levels" in data else ()
        if levels and outputs % len(levels):
            raise json_fields.damaged(f"the target has {outputs} outputs for {len(levels)} quantiles")
        return cls(task, mean, scale, levels, _number_formats(data), _limits(data, expected))

    def _outputs(self, outputs: Any) -> NDArray[Any]:
        array = np.asarray(outputs)
        if array.ndim == 1 and self.task.outputs == 1:
            array = array[:, None]
        if array.ndim != 2 or array.shape[1] != self.task.outputs:
            raise ShapeError(f"The outputs have shape {array.shape}; (rows, {self.task.outputs}) was expected.")
        return array

    def _plain(self, values: Any, row_numbers: RowNumbers) -> Values:
        """The values in plain form, none of them missing."""
        plain = plain_values(values, self.task.target_names)
        row = first_missing(plain, in_any_column=self.task.is_classifier)
        if row is not None:
            raise DataError(f"{self._at(row, 0, row_numbers)} is missing. Leave rows without a target out.")
        return plain

    def _numbers(self, values: Any, row_numbers: RowNumbers) -> NDArray[np.float64]:
        """The values as finite numbers, shape (B, N), or NaN in a row that has others."""
        plain = self._plain(values, row_numbers)
        if plain.dtype.kind == "O":
            plain = self._parsed(plain, row_numbers)
        numbers = plain.astype(np.float64).reshape(len(plain), -1)
        per_target = max(1, len(self.levels))
        if numbers.shape[1] * per_target != self.task.outputs:
            expected = self.task.outputs // per_target
            raise ShapeError(f"The target has {numbers.shape[1]} columns; {expected} were expected.")
        numbers = np.repeat(numbers, per_target, axis=1) if self.levels else numbers
        wrong = np.isinf(numbers)
        if wrong.any():
            row, column = (int(index) for index in np.argwhere(wrong)[0])
            raise DataError(
                f"{self._at(row, column, row_numbers)} is {numbers[row, column]}; a finite number was expected. "
                f"{_advice(row_numbers)}"
            )
        return numbers

    def _parsed(self, strings: Values, row_numbers: RowNumbers) -> NDArray[np.float64]:
        wrong = not_numbers(strings)
        if len(wrong):
            shown = " ".join(strings[wrong[0]].split())[:60]
            raise DataError(
                f'{self._at(int(wrong[0]), 0, row_numbers)} is "{shown}"; a number was expected. {_advice(row_numbers)}'
            )
        return strings.astype(np.float64)

    def _at(self, row: int, column: int, row_numbers: RowNumbers) -> str:
        name = self.task.target_names[column] if column < len(self.task.target_names) else "y"
        where = f"at row index {row}" if row_numbers is None else at_row(row_numbers[row])
        return f'The target "{name}" {where}'


def _advice(row_numbers: RowNumbers) -> str:
    """What to do about a target of an array or of a table."""
    return ADVICE if row_numbers is None else TABLE_ADVICE


def _limits(data: Mapping[str, Any], outputs: int) -> tuple[tuple[float, float], ...]:
    """The lowest and the highest number of each output that training takes."""
    pairs = json_fields.field(data, "limits", list) if "limits" in data else []
    numbers = [json_fields.items({"limits": pair}, "limits", float) for pair in pairs if isinstance(pair, list)]
    if pairs and not (len(numbers) == outputs and all(len(pair) == 2 and pair[0] <= pair[1] for pair in numbers)):
        raise json_fields.damaged('"limits" must be a lowest and a highest number for each output')
    return tuple((pair[0], pair[1]) for pair in numbers)


def _number_formats(data: Mapping[str, Any]) -> tuple[NumberFormat, ...]:
    """How target columns were written; formats need polars, which few targets do."""
    stored = json_fields.field(data, "number_formats", list) if "number_formats" in data else []
    if not stored:
        return ()
    from ranvier.data.cells.number_format import NumberFormat

    return tuple(NumberFormat.from_dict(form) for form in stored)


def fit_target(
    values: Any,
    task: Task,
    standardize: bool = True,
    row_numbers: RowNumbers = None,
    loss: Loss | None = None,
    number_formats: tuple[NumberFormat, ...] = (),
    validation: Any = None,
    validation_numbers: RowNumbers = None,
) -> TargetEncoder:
    """Learn mean and scale of the targets of a regression; other tasks need nothing but the task.

    Numbers far from all others have no part in mean and scale, and are clipped in training.

    Parameters:
        values: the targets of the training rows, (B,) or (B, N).
        task: the task; of several quantiles as `quantile_task` makes it.
        standardize: whether a regression learns (y - mean) / scale; otherwise y itself.
        row_numbers: as for `TargetEncoder.transform`.
        loss: which says how targets may be scaled; None for the squared error.
        number_formats: how the numbers of each target column were written.
        validation: the targets of the validation rows, some of which may be far; None for none.
        validation_numbers: of these rows, as row_numbers.

    Raises:
        DataError: a value is missing, infinite or not a number.

    >>> fit_target([1.0, 3.0], Task("regression", 1, target_names=("price",))).mean
    (2.0,)
    """
    if task.kind != "regression":
        return TargetEncoder(task, number_formats=number_formats)
    levels = () if loss is None else loss.levels
    unit = TargetEncoder(task, (0.0,) * task.outputs, (1.0,) * task.outputs, levels, number_formats)
    if not standardize:
        return unit
    numbers = unit._numbers(values, row_numbers)
    others = numbers[:0] if validation is None else unit._numbers(validation, validation_numbers)
    limits = usual_ranges(np.concatenate([numbers, others]))
    mean, scale = column_mean_std(np.clip(numbers, *np.array(limits).T) if limits else numbers)
    units = LOSSES["squared_error"].units if loss is None else loss.units
    mean, scale = units.scaling(mean, np.where(scale > 0, scale, 1.0))
    return TargetEncoder(task, tuple(mean.tolist()), tuple(scale.tolist()), levels, number_formats, limits)
