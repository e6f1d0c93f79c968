"""Columns of vectors: arrays or lists of numbers, all of one length, or written as in "[0.5, 1.25]".

B is the number of rows, K the length of the vectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from shlex import quote
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells.missing_marks import are_marks
from ranvier.errors import DataError
from ranvier.plural import plural
from ranvier.rows.row_names import at_row

DECIMAL = r"[+-]?[0-9]+\.[0-9]+"
WRITTEN = (
    r"^\s*(?:(?i:point\s*)?[\[\(][^\[\]\(\)]*[\]\)]"
    rf"|{DECIMAL}(?:(?:\s*[,;]\s*|\s+){DECIMAL}){{1,2}})\s*$"
)
"""A vector as Python, JSON and NumPy write it, a point of WKT, or two or three coordinates, such as 48.86, 2.35."""
PART = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:[.,][0-9]+)?)"
RANGE = "[-\u2013\u2014~]|to|bis|à"
SIGNS = ("/", "[x×X*]", RANGE, ":", r"\+", "@|at", "of|out of|von|sur|de")
"""Between two or three numbers: 120/80, 30 x 20 x 5 cm, 1000 - 1200, 3:1, 2+1, 74 hp @ 5000 rpm, 2 of 5."""
CURRENCY = r"(?:(?:(?:US|CA?|AU?|R)?[$€£¥₹]|[A-Z]{3}\s|Rs\.?)\s*)?"
UNIT = r"(?:[$€£¥₹\"\u2033\u201d]|[A-Za-zµ%'.°º]{1,7}[23²³]?)?"
NUMBER = rf"{CURRENCY}{PART}\s*{UNIT}"
NOTE = r"(?:\s*\([A-Za-z. ]{1,20}\))?"
SEVERAL = {sign: rf"^\s*{NUMBER}(?:\s*(?:{sign})\s*{NUMBER}){{1,2}}{NOTE}\s*$" for sign in SIGNS}
THOUSANDS = {r"([0-9])\s?[kK]\b": "e3", r"([$€£¥₹]\s*[0-9.,]*[0-9])\s?[mM]\b": "e6"}
"""40k is 40e3, and $1.2M is 1.2e6, while m alone could be metres."""
DECIMAL_COMMA = r"(?:^|[^0-9,.])(?:0,[0-9]|[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})(?:[^0-9]|$))"
"""A comma that does not stand between thousands."""
MAX_FORMS = 3
"""In so many ways units stand beside the numbers of a column; codes such as 12A-34B have more."""
MIN_PAIRS, MIN_PARTS = 10, 3
"""Fewer different cells, or different numbers at one place, are categories, such as 18-24 and 1/2."""
SAMPLE = 100
SHOWN = 3


def holds_vectors(cells: pl.Series) -> bool:
    """Whether the cells are arrays or lists of numbers, or strings that are written so, of one length.

    Lists of different lengths are vectors, too, of which some are wrong; strings of different lengths are none.

    >>> holds_vectors(pl.Series([[0.5, 1.0], None])), holds_vectors(pl.Series(["[1, 2]", "[3, 4]"]))
    (True, True)
    >>> holds_vectors(pl.Series(["[1, 2]", "[3]"])), holds_vectors(pl.Series([0.5]))
    (False, False)
    """
    if cells.dtype == pl.String:
        sample = cells.head(SAMPLE).drop_nulls()
        if not len(sample) or not sample.str.contains(WRITTEN).all():
            return False
        lists = _lists(cells)
        lengths = lists.list.len().drop_nulls()
        return lengths.n_unique() == 1 and int(lengths[0]) > 1 and _wrong_number(cells, lists) is None
    return is_vector_dtype(cells.dtype)


def is_vector_dtype(dtype: pl.DataType) -> bool:
    """Whether cells of this type are arrays or flat lists of numbers.

    >>> is_vector_dtype(pl.List(pl.Float32)), is_vector_dtype(pl.Array(pl.Int8, 3)), is_vector_dtype(pl.List(pl.String))
    (True, True, False)
    """
    if isinstance(dtype, pl.List):
        return dtype.inner.is_numeric()
    inner: Any = dtype
    while isinstance(inner, pl.Array):
        inner = inner.inner
    return isinstance(dtype, pl.Array) and inner.is_numeric()


def are_several_numbers(different: pl.Series) -> bool:
    """Whether strings are two or three numbers with one sign between them, such as blood pressures and dimensions.

    Codes and telephone numbers, 555-1234, are none: they have leading zeros, or as many digits everywhere.

    Parameters:
        different: strings, each once, marks of missing cells left out.

    >>> are_several_numbers(pl.Series([f"{110 + at}/{70 + at % 9}" for at in range(20)]))
    True
    """
    if len(different) < MIN_PAIRS:
        return False
    sample = different.head(SAMPLE)
    sign = next((sign for sign, form in SEVERAL.items() if sample.str.contains(form).all()), None)
    if sign is None or not different.str.contains(SEVERAL[sign]).all():
        return False
    if different.str.contains(r"(?:^|[^0-9.,])0[0-9]").any() or (sign == RANGE and _are_codes(different)):
        return False
    if different.str.replace_all(PART, "0").str.replace_all(r"\s", "").str.to_lowercase().n_unique() > MAX_FORMS:
        return False
    commas = different.filter(different.str.contains(",", literal=True))
    if commas.str.contains(DECIMAL_COMMA).n_unique() > 1:
        return False  # 1,200 - 1,500 beside 7,5 - 12,25
    lists = _lists(different)
    if lists.null_count() or lists.list.len().n_unique() > 1:
        return False
    parts = [lists.list.get(at) for at in range(int(lists.list.len()[0]))]
    if sign == RANGE and bool((parts[0] > parts[1]).any()):
        return False  # ranges go up
    return all(part.n_unique() >= MIN_PARTS for part in parts)


def _are_codes(different: pl.Series) -> bool:
    """Whether all strings have as many digits in each part, and not the same number in all parts."""
    templates = different.str.replace_all("[0-9]", "0").unique()
    return len(templates) == 1 and int(templates.str.extract_all("0+").list.unique().list.len()[0]) > 1


def is_vector(cell: Any) -> bool:
    """Whether a value of Python is a vector: an array of one dimension, or a list or tuple of numbers.

    >>> is_vector([0.5, 1]), is_vector(np.zeros(3)), is_vector([]), is_vector(["a"])
    (True, True, False, False)
    """
    if isinstance(cell, np.ndarray):
        return cell.ndim == 1 and cell.dtype.kind in "fiu" and len(cell) > 0
    if not isinstance(cell, (list, tuple)) or not cell:
        return False
    return all(
        item is None or (isinstance(item, (int, float, np.number)) and not isinstance(item, bool)) for item in cell
    )


def shown_vector(cell: Sequence[Any]) -> str:
    """A vector in few words.

    >>> shown_vector([0.123456, 2.0, 3.0, 4.0, 5.0])
    '[0.1235, 2, 3, ...]'
    """
    numbers = ["" if item is None else f"{item:.4g}" for item in list(cell)[:SHOWN]]
    return f"[{', '.join([*numbers, '...'] if len(cell) > SHOWN else numbers)}]"


def series_of_vectors(name: str, cells: Sequence[Any]) -> pl.Series:
    """A column of lists from vectors as values of Python, None where missing.

    >>> series_of_vectors("x", [np.ones(2), None]).to_list()
    [[1.0, 1.0], None]
    """
    lists = [None if cell is None else np.asarray(cell, np.float64).tolist() for cell in cells]
    return pl.Series(name, lists, dtype=pl.List(pl.Float64))


def vectors(cells: pl.Series, length: int | None = None) -> NDArray[Any]:
    """The cells as an array (B, K) of floating point, rows of NaN where they are missing.

    Parameters:
        cells: the column.
        length: K; None for that of the first vector.

    Raises:
        DataError: a cell is no vector, or has another length, or holds an infinite number.

    >>> vectors(pl.Series([[1, 2], None])).tolist()
    [[1.0, 2.0], [nan, nan]]
    """
    if cells.dtype.is_(pl.Null) and length is not None:
        return np.full((len(cells), length), np.nan)
    if isinstance(cells.dtype, pl.Array) and is_vector_dtype(cells.dtype):
        array = _array(cells)
    else:
        array = _array(_of_one_length(cells, length))
    if length is not None and array.shape[1] != length:
        raise _wrong_length(cells.name, 0, array.shape[1], length, None)
    infinite = np.isinf(array)
    if infinite.any():
        row, at = (int(index) for index in np.argwhere(infinite)[0])
        raise DataError(
            f'Column "{cells.name}" has {array[row, at]} at index {at} of the vector {at_row(row)}; finite numbers '
            "were expected. Correct it, or leave the cell empty."
        )
    return array


def vector_of(name: str, cell: Any, length: int) -> NDArray[np.float64] | None:
    """One cell as `vectors` gives it, shape (K,); None for a cell that is no vector as a value of Python.

    Raises:
        DataError: it has another length.

    >>> vector_of("x", (1, 2), 2).tolist()
    [1.0, 2.0]
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return np.full(length, np.nan)
    if not is_vector(cell):
        return None
    if len(cell) != length:
        raise DataError(
            f'Column "{name}" has a vector of {plural(len(cell), "number")}; the model takes {length:,}. Give vectors '
            "made in the same way as those that it was trained on."
        )
    return np.asarray(cell, np.float64)


def _array(cells: pl.Series) -> NDArray[Any]:
    """Cells of arrays as (B, K), of float32 where they are that, else of float64."""
    width = math.prod(cells.dtype.shape)  # type: ignore[attr-defined]
    flat = cells.reshape((-1,)) if not cells.null_count() else None
    if flat is None:
        empty = np.full((len(cells), width), np.nan)
        present = cells.is_not_null().to_numpy()
        if present.any():
            empty[present] = _array(cells.drop_nulls())
        return empty
    kind = pl.Float32 if flat.dtype == pl.Float32 else pl.Float64
    return flat.cast(kind).to_numpy(writable=True).reshape(len(cells), width)


def _of_one_length(cells: pl.Series, length: int | None) -> pl.Series:
    """Lists, or strings of them, as arrays."""
    lists = cells
    if cells.dtype == pl.String:
        lists = _lists(cells)
        wrong = _wrong_number(cells, lists)
        if wrong is not None:
            shown = cells[wrong][:60]
            raise DataError(
                f'Column "{cells.name}" has "{shown}" {at_row(wrong)}, where a vector of numbers was expected, such '
                'as "[0.5, 1.25]". Correct that cell or leave it empty if it is unknown.'
            )
    elif not is_vector_dtype(cells.dtype):
        raise DataError(
            f'Column "{cells.name}" holds cells of type {cells.dtype}; vectors were expected: arrays or lists of '
            "numbers, all of one length. Give the column another kind, or ignore it."
        )
    sizes = lists.list.len()
    usual = length
    if usual is None:
        counts = sizes.drop_nulls().rename("size").value_counts(sort=True)
        usual = int(counts["size"][0]) if counts.height else 0
    odd = (sizes != usual).fill_null(False)
    if odd.any():
        row = int(odd.arg_max() or 0)
        raise _wrong_length(cells.name, row, int(sizes[row]), usual, int(odd.sum()))
    if not usual:
        raise DataError(f'Column "{cells.name}" holds no numbers; vectors were expected. Ignore it.')
    return lists.cast(pl.List(_inner(lists))).list.to_array(usual)


def _inner(lists: pl.Series) -> Any:
    inner = lists.dtype.inner  # type: ignore[attr-defined]
    return inner if inner == pl.Float32 else pl.Float64


def _wrong_length(name: str, row: int, length: int, expected: int, count: int | None) -> DataError:
    many = "" if count in (None, 1) else f", and {plural(count - 1, 'more row')} with another length"
    return DataError(
        f'Column "{name}" has a vector of {plural(length, "number")} {at_row(row)}{many}; {expected:,} were '
        f"expected. Correct it or leave the cell empty, or leave the column out (--ignore {quote(name)})."
    )


def _lists(cells: pl.Series) -> pl.Series:
    """Strings of vectors as lists of numbers, null where a number cannot be read."""
    inside = cells.str.strip_chars().str.replace_all(r"^(?i:point\s*)?[\[\(]\s*|[,;\s]*[\]\)]$", "")
    words = inside.str.replace_all(r"\s*[,;]\s*|\s+", " ").str.split(" ")
    missing = ~inside.str.contains(r"\S").fill_null(False)
    unread = missing | ~cells.str.contains(WRITTEN).fill_null(False)
    several = cells.str.contains("|".join(SEVERAL.values())).fill_null(False)
    if several.any():
        numbers = _parts(cells)
        both = pl.DataFrame({"words": words, "numbers": numbers, "several": several})
        words = both.select(pl.when("several").then("numbers").otherwise("words")).to_series()
        unread &= ~several
    return words.cast(pl.List(pl.Float64), strict=False).set(unread, None)


def _parts(cells: pl.Series) -> pl.Series:
    """The numbers in cells of `SEVERAL`, as strings that are plain numbers."""
    strings = cells.str.replace_all("[A-WYZa-wyzµ][23]", "m")  # cm2, but not 5x2
    for pattern, power in THOUSANDS.items():
        strings = strings.str.replace_all(pattern, f"${{1}}{power}")
    strings = pl.select(
        pl.when(strings.str.contains(DECIMAL_COMMA))
        .then(strings.str.replace_all(",", "."))
        .otherwise(strings.str.replace_all(",", ""))
    ).to_series()
    return strings.str.extract_all("[0-9]+(?:[.][0-9]+)?(?:e[36])?")


def _wrong_number(cells: pl.Series, lists: pl.Series) -> int | None:
    """The row of the first string that is no vector and no mark of a missing cell; None where there is none."""
    absent = lists.list.eval(pl.element().is_null().any()).list.first().fill_null(False)
    written = cells.str.contains(r"\w").fill_null(False) & ~are_marks(cells.str.strip_chars()).fill_null(False)
    unread = absent | (lists.is_null() & written)
    return int(unread.arg_max() or 0) if unread.any() else None


def distinct_vectors(array: NDArray[Any]) -> tuple[int, int]:
    """How many rows of (B, K) are missing, and how many of the others are different.

    >>> distinct_vectors(np.array([[1.0, 2.0], [1.0, 2.0], [np.nan, np.nan]]))
    (1, 1)
    """
    missing = np.isnan(array).all(axis=1)
    return int(missing.sum()), len({row.tobytes() for row in array[~missing]})


def are_vectors(cells: Iterable[Any]) -> bool:
    """Whether values of Python are vectors, or missing, and not all missing.

    >>> are_vectors([[1.0], None]), are_vectors([None]), are_vectors([[1.0], "a"])
    (True, False, False)
    """
    present = [cell for cell in cells if cell is not None]
    return bool(present) and all(map(is_vector, present))
