"""Which rows of X and y are learned from, and which stay together: groups, and rows that are left out. n rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Source, Table
from ranvier.data.encoders.target_values import empty_rows, not_numbers, plain_values
from ranvier.data.sources.frames import series_from
from ranvier.data.targets.bad_targets import bad_targets_note
from ranvier.errors import InputError, ShapeError
from ranvier.estimators.rows import labels_array
from ranvier.plural import plural
from ranvier.rows.arrays import fill_masked, is_missing
from ranvier.rows.row_names import rows_called

GROUPS = "groups"


def with_groups(source: Source, groups: Any) -> tuple[Source, str]:
    """The rows of a table with a column of groups, and the name of that column.

    Parameters:
        groups: one value a row, (n,); a row whose value is missing is a group of its own.

    Raises:
        InputError: the rows have no columns.
        ShapeError: there are more or fewer values than rows.

    >>> from ranvier.data import open_source
    >>> table, name = with_groups(open_source({"age": [39, 50]}), ["a", "b"])
    >>> table.frame[name].to_list()
    ['a', 'b']
    """
    if not isinstance(source, Table):
        raise InputError(
            f"groups was given, and X is {source.origin}, whose rows have no columns that could say their groups; give "
            "an array or a data frame, or validation rows of your own: fit(X, y, validation=(X_val, y_val))."
        )
    name = GROUPS
    while name in source.column_names:
        name += "_"
    cells = series_from(name, fill_masked(groups))
    if len(cells) != source.rows:
        raise ShapeError(
            f"X has {plural(source.rows, 'row')} and groups has {len(cells):,}; there must be one group for each row "
            "of X."
        )
    return replace(source, frame=source.frame.with_columns(cells)), name


def usable_rows(y: Any, numbers: bool) -> tuple[NDArray[np.int64] | None, list[str]]:
    """The indices of the rows whose target can be learned, None for all; and the targets of the others, as text.

    Parameters:
        y: targets, (n,) or (n, N).
        numbers: whether targets are numbers rather than labels.

    >>> usable_rows(["1", "dear", None, "2"], numbers=True)
    (array([0, 3]), ['dear', 'None'])
    """
    if numbers:
        values = plain_values(y, ("y",))
        columns = values.reshape(len(values), -1)
        bad = empty_rows(values)
        bad[not_numbers(values)] = True
        if values.dtype.kind == "f":
            bad |= np.isinf(columns).any(axis=1)
        cells = y.tolist() if hasattr(y, "tolist") else list(y)
    else:
        array = fill_masked(y.to_numpy() if hasattr(y, "to_numpy") else y)
        cells = list(array)
        rows = (cell if isinstance(cell, (list, tuple, np.ndarray)) else [cell] for cell in cells)
        bad = np.array([any(is_missing(value) for value in row) for row in rows], np.bool_)
    return (np.flatnonzero(~bad) if bad.any() else None), [str(cells[row]) for row in np.flatnonzero(bad)]


def without_bad_rows(
    source: Source, y: Any, beside: tuple[Any, ...], numbers: bool
) -> tuple[Source, Any, tuple[Any, ...]]:
    """The rows whose target can be learned, their targets, and what else there is for each row; notes count the others.

    Parameters:
        beside: arrays of n values, or None.
        numbers: as for `usable_rows`.

    >>> from ranvier.data import open_source
    >>> rows, y, _ = without_bad_rows(open_source({"age": [39, 50]}), ["a", None], (), numbers=False)
    >>> y.tolist(), rows.notes
    (['a'], ('1 row was left out because its target cannot be used: "None" at row index 1.',))
    """
    usable, cells = usable_rows(y, numbers)
    if usable is None or len(cells) + len(usable) != source.rows:
        return source, y, beside
    with rows_called(indexed=True):
        note = bad_targets_note(cells, np.setdiff1d(np.arange(source.rows), usable))
    others = tuple(None if array is None else np.asarray(array)[usable] for array in beside)
    return source.take(usable).with_notes([note]), labels_array(y)[usable], others
