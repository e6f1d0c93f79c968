"""Infer the task from target values, binary, multiclass, multilabel or regression; and the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.cells.alike import alike_note, written_alike
from ranvier.data.encoders.dates_as_labels import ADVICE, are_dates, dates_note
from ranvier.data.encoders.target_values import (
    Values,
    empty_rows,
    label_counts,
    missing_rows,
    not_numbers,
    plain_values,
)
from ranvier.errors import OR_SKIP, DataError, InputError, nearest
from ranvier.network.task import KINDS, Label, Task
from ranvier.plural import plural
from ranvier.rows.row_names import at_row

MAX_CLASSES = 20
MIN_ROWS_PER_CLASS = {"i": 5, "f": 10}
"""Rows for each different value, on average, from which on integers are classes; more where they are floating point."""
WORD = re.compile(r"\w")
MAX_MARKS = 0.02
"""Up to this fraction of the labels, texts without a letter or digit are marks of something unknown."""
MAX_NAMED = 5


def infer_task(values: Any, kind: str | None = None, names: tuple[str, ...] = ()) -> Task:
    """Infer the task from target values.

    Two different values are a binary task; other strings are multiclass; at most 20 different integers with enough rows
    of each are multiclass, unless one of them has a single row; other numbers are regression; several columns of 0 and
    1 are multilabel.

    Parameters:
        values: a list, an array or a series (B,), or numbers (B, N); rows with a missing value are left out.
        kind: "binary", "multiclass", "multilabel" or "regression", where the user knows better.
        names: the names of the target columns.

    Raises:
        InputError: the values do not allow this kind, are all equal, or are numbers of which a class would have one
            row; a target that is nearly all numbers is refused with its first cell that is none.

    >>> infer_task(["yes", "no", "no", "yes"]).kind
    'binary'
    >>> infer_task([0.1, 2.5, 3.7]).kind
    'regression'
    """
    return explain_task(values, kind, names)[0]


def explain_task(
    values: Any, kind: str | None = None, names: tuple[str, ...] = (), row_numbers: NDArray[np.int64] | None = None
) -> tuple[Task, str]:
    """The inferred task and the reason in words; parameters and errors as for `infer_task`.

    Parameters:
        row_numbers: the numbers of the values in the user's data, counted from 0, for messages; None for 0, 1, ....

    >>> explain_task(["a", "b", "c"] * 10, names=("species",))[1]
    'text with 3 different values: one class each'
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f'There is no task of kind "{kind}". {nearest(str(kind), KINDS)}')
    plain = plain_values(values, names)
    columns = plain.shape[1] if plain.ndim == 2 else 1
    names = names or (("y",) if columns == 1 else tuple(f"y{column}" for column in range(columns)))
    if len(names) != columns:
        raise InputError(
            f"The target has {plural(columns, 'column')} and {plural(len(names), 'name was', 'names were')} given: "
            f"{', '.join(names)}."
        )
    index = np.flatnonzero(~empty_rows(plain))
    present, rows = plain[index], index if row_numbers is None else row_numbers[index]
    if len(present) == 0:
        _refuse_empty(present.reshape(-1), names)
    if columns > 1 or kind == "multilabel":
        return _several_columns(present.reshape(len(present), -1), kind, names, rows)
    return _one_column(present, kind, names, rows)


def _called(names: tuple[str, ...]) -> str:
    return f'column "{names[0]}"' if len(names) == 1 else f"columns {', '.join(names)}"


def _several_columns(
    values: Values, kind: str | None, names: tuple[str, ...], rows: NDArray[np.int64]
) -> tuple[Task, str]:
    """The task of several target columns."""
    if kind in ("binary", "multiclass"):
        raise InputError(f"A {kind} task has one target column; {len(names)} were given: {', '.join(names)}.")
    if values.dtype.kind not in "bif":
        if len(not_numbers(values[:, 0])):
            raise not_a_number(values[:, 0], names[0], rows, "0 or 1 was expected")
        raise InputError(f"The target {_called(names)} holds text; numbers were expected, 0 or 1 for labels.")
    are_labels = np.isin(values, (0, 1)) | (values != values)  # of several targets some may be missing
    labels = bool(are_labels.all())
    if kind == "multilabel" and not labels:
        row, column = (int(index) for index in np.argwhere(~are_labels)[0])
        raise InputError(
            f'The label column "{names[column]}" holds {values[row, column]} {at_row(rows[row])}; 0 or 1 was '
            f"expected. Correct it, {OR_SKIP}."
        )
    if kind == "multilabel" or (kind is None and labels):
        for column, name in enumerate(names):
            _refuse_single(values[:, column], (name,))
        return Task(
            "multilabel", len(names), target_names=names
        ), f"{len(names)} columns of 0 and 1: labels, each present or not"
    for column, name in enumerate(names):
        _refuse_empty(values[:, column], (name,))
        _check_numbers(values[:, column], name, rows)
    return Task("regression", len(names), target_names=names), f"{len(names)} columns of numbers"


def _one_column(values: Values, kind: str | None, names: tuple[str, ...], rows: NDArray[np.int64]) -> tuple[Task, str]:
    """The task of one target column without missing values."""
    name = names[0]
    _refuse_single(values, names)
    form = values.dtype.kind
    if kind == "regression":
        if len(not_numbers(values)):
            raise not_a_number(values, name, rows)
        _check_numbers(values.astype(np.float64) if form == "O" else values, name, rows)
        return Task("regression", 1, target_names=names), "as requested"
    if form == "f":
        _check_numbers(values, name, rows)
    counts = label_counts(values)
    if kind is None and form in "if":
        reason = _numbers_reason(counts, len(values), form)
        if reason:
            return Task("regression", 1, target_names=names), reason
    _check_classes(values, counts, kind, name, rows)
    classes: tuple[Label, ...] = tuple(counts)
    what = {"b": "true and false", "O": "text"}.get(form, "integers")
    if len(classes) == 2 and kind != "multiclass":
        reason = f'two different values, "{classes[0]}" and "{classes[1]}"'
        return Task("binary", 1, classes, names), "as requested" if kind else reason
    reason = f"{what} with {len(classes):,} different values: one class each"
    if form in "if":
        reason += "; --task regression takes them as numbers"
    return Task("multiclass", len(classes), classes, names), "as requested" if kind else reason


def _numbers_reason(counts: dict[Label, int], rows: int, form: str) -> str:
    """Why numbers are taken for numbers; empty where they are taken for classes.

    Few different integers are classes. That guess is taken back where a class would have a single row: counts and
    grades have such tails, and names of classes rarely do.
    """
    few = len(counts) <= MAX_CLASSES and all(label == int(label) for label in counts)
    different = f"numbers with {len(counts):,} different values"
    if not few or (len(counts) > 2 and rows < MIN_ROWS_PER_CLASS[form] * len(counts)):
        return different
    single = next((label for label, count in counts.items() if count == 1), None)
    if len(counts) > 2 and single is not None:
        return f"{different}, of which {single:g} stands in one row only, so that they are no classes"
    return ""


def not_a_number(
    values: Values, name: str, rows: NDArray[np.int64], expected: str = "a number was expected"
) -> InputError:
    """The error for a target with cells that are text, of which the first is named.

    Parameters:
        values: the target, some of it text.
        name: of the target column.
        rows: the number of each value in the user's data, counted from 0.

    >>> print(str(not_a_number(plain_values(["1", "2", "unknown"]), "price", np.arange(3))).split(";")[0])
    The target column "price" has "unknown" in row 3, where a number was expected
    """
    wrong = not_numbers(values)
    shown = " ".join(str(values[wrong[0]]).split())[:60]
    others = len(values) - len(wrong)
    cells = "that cell" if len(wrong) == 1 else f"that cell and {len(wrong) - 1:,} more that are no numbers"
    what = "the other cell is a number" if others == 1 else f"the other {others:,} cells are numbers"
    if len(wrong) > 1 and others:
        what = f"{others:,} of {len(values):,} cells are numbers"
    advice = f"Correct {cells}, leave {'it' if len(wrong) == 1 else 'them'} empty, {OR_SKIP}."
    if 2 * others < len(values):
        what, advice = f"{len(wrong):,} of {len(values):,} cells are text", "Choose another target column, or task."
        if are_dates(dict.fromkeys(values[wrong].tolist())):
            what, advice = f"{len(wrong):,} of {len(values):,} cells are text that reads as dates", f"{ADVICE}."
    return DataError(
        f'The target column "{name}" has "{shown}" {at_row(rows[wrong[0]])}, where {expected}; {what}. {advice}'
    )


def _refuse_empty(values: Values, names: tuple[str, ...]) -> Values:
    """The values that are not missing, of which there must be some."""
    present = values[~missing_rows(values)]
    if not len(present):
        raise InputError(f"Every row of the target {_called(names)} is missing. Choose another target column.")
    return present


def _refuse_single(values: Values, names: tuple[str, ...]) -> None:
    values = _refuse_empty(values, names)
    first = values[0]
    if all(value == first for value in values.tolist()):
        shown = f'"{first}"' if isinstance(first, str) else str(first)
        raise InputError(
            f"The target {_called(names)} has the value {shown} in every row, so there is nothing to learn. "
            "Choose another target column or add rows with other values."
        )


def _check_numbers(values: Values, name: str, rows: NDArray[np.int64]) -> None:
    wrong = np.isinf(values)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f'The target column "{name}" has {values[row]} {at_row(rows[row])}; a finite number was '
            f"expected. Correct it, {OR_SKIP}."
        )


def _check_classes(
    values: Values, counts: dict[Label, int], kind: str | None, name: str, rows: NDArray[np.int64]
) -> None:
    """Refuse labels that are nearly all numbers or all different, and numbers as classes of a single row."""
    texts = not_numbers(values)
    nearly_numbers = 2 * len(texts) < len(values) and len(texts) > 0
    different = len(set(counts) - set(values[texts].tolist())) if nearly_numbers else 0
    if nearly_numbers and kind is None and different > MAX_CLASSES:
        raise not_a_number(values, name, rows)
    numbers = values.dtype.kind in "if"
    problem = _class_problem(counts, len(values), kind, name, numbers or (values.dtype.kind == "O" and not len(texts)))
    single = [label for label, count in counts.items() if count == 1]
    if nearly_numbers and (problem or single):
        raise not_a_number(values, name, rows)
    if not problem and single and (numbers or len(single) == len(counts)):
        problem = _single_problem(single, name, numbers)
    if problem:
        raise InputError(problem)


def stray_labels(values: Values, kind: str | None = None) -> NDArray[np.int64]:
    """The indices of the values without which a target of one column is better learned.

    They are texts among numbers and classes of a single row for which `infer_task` refuses the target; and marks
    without a letter or digit among words, such as "??", in few rows.

    Parameters:
        values: some of which may be missing.
        kind: as for `infer_task`.

    >>> stray_labels(plain_values(["yes", "no", "yes", "no", "??", None])).tolist()
    [4]
    """
    present = np.flatnonzero(~missing_rows(values))
    labels = values[present]
    marks = _marks(labels)
    if 0 < len(marks) <= max(1.0, MAX_MARKS * len(labels)) and not _is_refused(np.delete(labels, marks), kind):
        return present[marks]
    if not len(labels) or not _is_refused(labels, kind):
        return present[:0]
    for wrong in (not_numbers(labels), _single_labels(labels)):
        if 0 < len(wrong) < len(labels) / 2 and not _is_refused(as_read(np.delete(labels, wrong)), kind):
            return present[wrong]
    return present[:0]


def _marks(labels: Values) -> NDArray[np.int64]:
    """The indices of the texts without a letter or digit."""
    if labels.dtype.kind != "O":
        return np.zeros(0, np.int64)
    different = {label for label in set(labels.tolist()) if not WORD.search(label)}
    return np.flatnonzero([label in different for label in labels.tolist()]).astype(np.int64)


def as_read(labels: Values) -> Values:
    """Texts that are all numbers as these numbers; other labels unchanged.

    >>> as_read(plain_values(["1", "2.5"])).tolist(), as_read(plain_values(["1", "b"])).tolist()
    ([1.0, 2.5], ['1', 'b'])
    """
    if labels.dtype.kind != "O" or len(not_numbers(labels)):
        return labels
    numbers = labels.astype(np.float64)
    return numbers.astype(np.int64) if (numbers == np.floor(numbers)).all() else numbers


def _single_labels(labels: Values) -> NDArray[np.int64]:
    """The indices of the labels that stand in one row."""
    single = {label for label, count in label_counts(labels).items() if count == 1}
    return np.flatnonzero([label in single for label in labels.tolist()]).astype(np.int64)


def _is_refused(labels: Values, kind: str | None) -> bool:
    """Whether no task can be inferred."""
    try:
        infer_task(labels, kind)
    except InputError:
        return True
    return False


def _class_problem(counts: dict[Label, int], rows: int, kind: str | None, name: str, numbers: bool) -> str:
    """Why these labels cannot be classes, with the way out; empty where they can."""
    regression = " For numbers whose order matters, ask for regression (--task regression)." if numbers else ""
    if kind == "binary" and len(counts) != 2:
        return (
            f'The target column "{name}" has {len(counts):,} different values; a binary task has two. Ask for '
            f"multiclass.{regression}"
        )
    if len(counts) > 2 and (len(counts) == rows or (len(counts) > MAX_CLASSES and 2 * len(counts) > rows)):
        what, advice = "values", regression or " Choose another target column."
        if not numbers and are_dates(counts):
            what, advice = "dates", f" {ADVICE}."
        return (
            f'The target column "{name}" has {len(counts):,} different {what} in {plural(rows, "row")}; that is too '
            f"many for classes.{advice}"
        )
    return ""


def _single_problem(single: Sequence[Label], name: str, numbers: bool) -> str:
    """Why numbers, or labels that all stand in one row, cannot be classes, with the way out."""
    others = len(single) - 1
    more = {0: "", 1: ", and so has 1 other class"}.get(others, f", and so have {others:,} other classes")
    advice = " For numbers whose order matters, ask for regression (--task regression)." if numbers else ""
    return (
        f'The class "{single[0]}" of the target column "{name}" has one row{more}; at least two are needed, one to '
        f"learn from and one to check on. Add rows of it, {OR_SKIP}.{advice}"
    )


def class_notes(values: Values, name: str) -> tuple[str, ...]:
    """Which classes are written nearly alike, are dates, or have one row, a sentence each; nothing for none.

    Parameters:
        values: labels in plain form.
        name: of the target column.

    >>> class_notes(plain_values(["a", "b", "a"]), "letter")
    ('The class "b" of the target column "letter" has one row, which is learned from; no row checks it.',)
    """
    counts = label_counts(values)
    alike = alike_note(f'Classes of the target "{name}"', written_alike(map(str, counts)))
    notes = tuple(note for note in (alike, dates_note(name, counts)) if note)
    single = [label for label, count in counts.items() if count == 1]
    if not single:
        return notes
    if len(single) == 1:
        return (
            *notes,
            f'The class "{single[0]}" of the target column "{name}" has one row, which is learned from; no row '
            "checks it.",
        )
    shown = ", ".join(f'"{label}"' for label in single[:MAX_NAMED])
    more = f" and {len(single) - MAX_NAMED:,} more" if len(single) > MAX_NAMED else ""
    return (
        *notes,
        f'{len(single):,} classes of the target column "{name}" have one row each ({shown}{more}), which is learned '
        "from; no row checks it.",
    )
