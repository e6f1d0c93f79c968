"""X, y and weights as scikit-learn's users pass them: checked and converted. n rows, K columns.

X may be an array, one of records, too, a matrix of scipy.sparse, a data frame (pandas, polars, pyarrow), a dictionary
of columns or a list of dictionaries; a list of paths or pictures, or an array of pictures (n, height, width), with
channels or without.
Arrays of numbers stay arrays, and sparse rows sparse; everything with words, dates or named columns becomes a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from ranvier.data import Source, open_source
from ranvier.data.columns.input_columns import MAX_NUMBER_COLUMNS
from ranvier.data.sources.array_cells import is_picture_shape
from ranvier.data.sources.file_cells import is_file_list, is_series
from ranvier.data.sources.frames import check_names, frame_from, row_of_series
from ranvier.data.sources.row_lists import is_row, is_row_list
from ranvier.data.sources.text_lists import is_text_list
from ranvier.errors import DataError, InputError, ShapeError
from ranvier.plural import plural
from ranvier.rows.arrays import fill_masked, is_missing

COLLECTIONS = (Mapping, list, tuple, set, np.ndarray)


class CellError(DataError, TypeError):
    """A cell holds something that is neither text nor a number nor a date."""


def to_source(estimator: BaseEstimator, X: Any, names: Sequence[str] | None) -> Source:
    """The rows of X, checked as scikit-learn asks for.

    Parameters:
        estimator: whose `n_features_in_` and `feature_names_in_` are set, or compared.
        X: rows, as listed above.
        names: the columns that X must have, as `fitted_column_names` gives them; None where they are learned from X.

    Raises:
        ValueError: X has another number of columns, other names, or no rows.
        DataError: a cell cannot be used, or a sparse matrix has missing or infinite numbers.
    """
    reset = names is None
    if not reset and is_plain_array(estimator, X):
        return open_source(np.ascontiguousarray(X))
    if _is_pictures(X) or is_text_list(X):
        if reset:
            estimator.n_features_in_ = 1
        return open_source(X)
    if hasattr(X, "tocsr"):
        # Its own sentence on what is missing or infinite names the cell, from `open_source`.
        return open_source(validate_data(estimator, X, reset=reset, accept_sparse="csr", ensure_all_finite=False))
    if isinstance(X, np.ndarray) and X.dtype.names and X.ndim == 1:
        X = {name: X[name] for name in X.dtype.names}
    if isinstance(X, Mapping) or is_row_list(X):
        X = frame_from(X)
    _refuse_series(X)
    if hasattr(X, "collect") and not hasattr(X, "iloc"):
        X = frame_from(X)  # which refuses lazy frames
    if _is_frame(X):
        check_names(getattr(X, "columns", ()), "the data frame")
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return replace(open_source(_named(X, names or ())), origin="the data frame")  # type: ignore[type-var]
    array = _array(X)
    if array is None or array.dtype.kind not in "OUSM" or array.ndim != 2 or array.size == 0:
        values = X if array is None else array
        checked = validate_data(estimator, values, reset=reset, ensure_all_finite="allow-nan")
        return open_source(np.ascontiguousarray(checked))
    numbers = _numbers(array)
    checked = validate_data(
        estimator,
        array if numbers is None else numbers,
        reset=reset,
        dtype=None,
        ensure_all_finite=False if numbers is None else "allow-nan",
    )
    if numbers is not None:
        return open_source(checked)
    names = names or _numbered(checked.shape[1])
    return open_source({name: checked[:, index] for index, name in enumerate(names)})


def is_plain_array(estimator: BaseEstimator, X: Any) -> bool:
    """Whether X is an array of finite numbers, or NaN, as wide as in `fit`, in which scikit-learn finds nothing wrong.

    Its `validate_data` says the same of such an array and takes longer than a step on it.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype.char in "fd"
        and len(X) > 0
        and X.shape[1] == estimator.n_features_in_
        and not hasattr(estimator, "feature_names_in_")
        and not np.isinf(X).any()
    )


def rows_for_predict(estimator: BaseEstimator, X: Any) -> Any:
    """The rows of X as the model of a fitted estimator takes them, checked as by `to_source`.

    Frames stay as they are: the model reads a frame of one row much quicker than a table can be made of it. A single
    row, as a dictionary or a list, has no names or width to check that the model would not ask for.
    """
    if type(X) is dict or is_row(X) or _are_texts(estimator, X):
        return X
    row = row_of_series(X, fitted_column_names(estimator))
    if row is not None:
        return row
    if is_series(X) and is_file_list(X):
        return to_source(estimator, X, fitted_column_names(estimator))
    _refuse_series(X)
    if _is_frame(X):
        check_names(getattr(X, "columns", ()), "the data frame")
        validate_data(estimator, X, reset=False, skip_check_array=True)
        return _named(X, fitted_column_names(estimator))
    return to_source(estimator, X, fitted_column_names(estimator))


def fitted_column_names(estimator: BaseEstimator) -> list[str]:
    """The names by which the model of a fitted estimator knows its columns; none where it takes plain numbers."""
    return [column.name for column in estimator.model_.encoder.columns]


def column_names_of(source: Source) -> list[str]:
    """The names by which a model of these rows will know its columns.

    >>> column_names_of(open_source({"age": [39]})), column_names_of(open_source(np.zeros((1, 2))))
    (['age'], ['x0', 'x1'])
    """
    return list(source.column_names) or _numbered(source.inputs.shape[1])


def _are_texts(estimator: BaseEstimator, X: Any) -> bool:
    """Whether X is a list of texts for a model of one column of texts."""
    return getattr(estimator.model_.encoder, "text_column", None) is not None and is_text_list(X)


def _is_pictures(X: Any) -> bool:
    """Whether X holds pictures: paths, pictures of Pillow, or arrays (rows, height, width) with channels or without."""
    if isinstance(X, np.ndarray) and X.ndim > 1:
        return X.dtype.kind in "buif" and is_picture_shape(X.shape[1:])
    if isinstance(X, (list, tuple)) and len(X) > 0 and all(isinstance(cell, np.ndarray) for cell in X):
        shape, kinds = X[0].shape, {cell.dtype.kind for cell in X}
        if is_picture_shape(shape) and kinds <= set("buif") and all(cell.shape == shape for cell in X):
            return True
    return is_file_list(X)


def _numbered(columns: int) -> list[str]:
    """The names of the columns of an array, as `Arrays.frame` has them."""
    return [f"x{index}" for index in range(columns)]


def _named(X: Any, names: Sequence[str]) -> Any:
    """A pandas frame whose columns are numbered 0, 1, ... as an array, which it is for scikit-learn, with these names.

    So is a frame with words for names where the estimator was fitted on an array: its columns count by their order.
    Other frames stay as they are; so do those whose columns were called by such numbers from the start.
    """
    columns = list(X.columns) if hasattr(X, "iloc") else list(getattr(X, "columns", ()))
    words = set(map(type, columns)) == {str} and set(columns) != set(names)
    if words and list(names) == _numbered(len(names)) == _numbered(len(columns)):
        if hasattr(X, "set_axis"):
            return X.set_axis(list(names), axis=1)
        return X.rename(dict(zip(columns, names, strict=True))) if hasattr(X, "collect_schema") else X
    columns = columns if hasattr(X, "iloc") else []
    if columns != list(range(len(names))) or set(map(type, columns)) != {int} or set(map(str, columns)) == set(names):
        return X
    return X.set_axis(list(names), axis=1)


def as_table(source: Source) -> Source:
    """Rows of numbers as a table whose columns all are numbers, so that an array and a data frame give the same model.

    Sparse rows, pictures and very wide arrays stay as they are.
    """
    if source.column_names or len(source.shape) > 1 or source.inputs.shape[1] > MAX_NUMBER_COLUMNS:
        return source
    return source.as_table("number")


def with_names(source: Source, names: Sequence[str]) -> Source:
    """Rows of numbers under the names of the columns by which a model knows them; a table stays as it is.

    >>> with_names(open_source(np.ones((2, 1))), ["age"]).column_names
    ('age',)
    """
    if source.column_names or source.is_sparse or len(source.shape) > 1 or list(names) == column_names_of(source):
        return source
    if len(names) != source.inputs.shape[1]:
        return source
    values = np.asarray(source.inputs)
    return open_source({name: values[:, index] for index, name in enumerate(names)})


def _refuse_series(X: Any) -> None:
    """Raise a `ShapeError` where X is a single column, or row, of a data frame, a text, or an iterator."""
    if isinstance(X, Iterator):
        raise ShapeError(
            f"X is a {type(X).__name__}, whose rows can be read only once, and rows that can be counted were expected: "
            "give list(X)."
        )
    if isinstance(X, (str, bytes)):
        raise ShapeError(
            f"X is the text {X[:40]!r}, and rows of several columns were expected: an array, a data frame, a "
            "dictionary of columns or a list of dictionaries. rv.train reads files."
        )
    if hasattr(X, "to_frame") and hasattr(X, "dtype") and not hasattr(X, "columns"):
        raise ShapeError(
            f"X is a {type(X).__name__}, one column without a table, and rows of several columns were expected: "
            "give X.to_frame(), or for one row a dictionary of column to value."
        )


def _is_frame(X: Any) -> bool:
    """Whether X is a data frame of any maker."""
    return hasattr(X, "iloc") or (hasattr(X, "columns") and hasattr(X, "schema"))


def _array(X: Any) -> NDArray[Any] | None:
    """X as an array whose cells are as they were given; None where it has no rectangular form."""
    try:
        X = fill_masked(X)
        array = np.asarray(X)
        return np.array(X, object) if array.dtype.kind in "US" and not isinstance(X, np.ndarray) else array
    except ValueError:
        return None


def _numbers(array: NDArray[Any]) -> NDArray[np.float64] | None:
    """The array as numbers, None read as NaN; None where there are words or dates in it.

    Raises:
        CellError: a cell is a collection.
    """
    if array.dtype.kind != "O":
        return None
    kinds = {type(cell) for cell in array.ravel().tolist()}
    if any(issubclass(kind, COLLECTIONS) for kind in kinds):
        row, column = next(at for at, cell in np.ndenumerate(array) if isinstance(cell, COLLECTIONS))
        raise CellError(
            f'Column "x{column}" of X has a cell of type {type(array[row, column]).__name__} at row index {row}; each '
            "cell and argument must be a string or a number, a date, true or false, or None."
        )
    if any(issubclass(kind, (str, bytes)) for kind in kinds):
        return None
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        return None


def target_array(estimator: BaseEstimator, y: Any, rows: int) -> NDArray[Any]:
    """Targets as an array (n,) or (n, N) without infinite values; of several numbers of a row some may be NaN.

    Raises:
        InputError: there are none.
        ShapeError: there are more or fewer than rows.
        DataError: a value is missing, masked or infinite.
    """
    name = type(estimator).__name__
    if y is None:
        raise InputError(f"{name} requires y to be passed, but the target y is None; give fit(X, y) one value a row.")
    if isinstance(y, str):
        raise ShapeError(
            f"y is the text {y[:40]!r}, and one value for each row was expected: give the column itself, such as "
            f"frame[{y[:40]!r}], and X without it. rv.train takes the name of a column."
        )
    if hasattr(y, "toarray"):
        y = y.toarray()
    array = labels_array(y)
    if array.ndim not in (1, 2):
        raise ShapeError(f"y should be a 1d array, got an array of shape {array.shape} instead.")
    if len(array) != rows:
        raise ShapeError(
            f"X has {plural(rows, 'row')} and y has {len(array):,}; there must be one value of y for each row of X."
        )
    if array.dtype.kind in "mM":
        raise DataError(
            f"y holds dates or times ({array.dtype}); labels or numbers were expected. Give numbers, such as "
            "y.astype('int64'), or labels as text."
        )
    if array.dtype.kind == "c":
        raise DataError(
            f"Complex data not supported: y is of type {array.dtype}; labels or real numbers were expected."
        )
    wrong = _unusable(array)
    if array.ndim == 2 and array.dtype.kind == "f":
        wrong &= ~(np.isnan(array) & ~np.isnan(array).all(axis=1, keepdims=True))  # some of several targets
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        needed = "every target must be a finite number" if array.dtype.kind == "f" else "every row needs a target"
        raise DataError(f"y holds {array[row]} at row index {row}; {needed}; leave such rows out.")
    return array


def labels_array(y: Any) -> NDArray[Any]:
    """Labels or numbers as an array whose values are as they were given: NumPy would write a NaN beside texts as text.

    >>> labels_array(["a", None, float("nan")]).tolist()
    ['a', None, nan]
    """
    if hasattr(y, "to_numpy"):
        y = y.to_numpy(zero_copy_only=False) if hasattr(y, "to_pylist") else y.to_numpy()  # an array of pyarrow
    y = fill_masked(y)
    array = np.asarray(y)
    if array.dtype == object and array.size and {type(value) for value in array.ravel()} <= {bool, np.bool_}:
        return array.astype(np.bool_)  # as pandas gives its own truth values
    if array.dtype.kind in "US" and array.ndim == 1 and not isinstance(y, np.ndarray):
        return array if all(isinstance(label, (str, bytes)) for label in y) else np.array(y, object)
    return array


def _unusable(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are missing or infinite."""
    if array.dtype.kind == "f":
        return np.asarray(~np.isfinite(array))
    if array.dtype.kind in "mM":
        return np.asarray(np.isnat(array))
    if array.dtype.kind != "O":
        return np.zeros(array.shape, np.bool_)
    cells = array.ravel().tolist()
    if set(map(type, cells)) == {str}:
        return np.zeros(array.shape, np.bool_)
    missing = [is_missing(cell) or (isinstance(cell, float) and not np.isfinite(cell)) for cell in cells]
    return np.array(missing, np.bool_).reshape(array.shape)
