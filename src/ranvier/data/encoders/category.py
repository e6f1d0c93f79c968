"""Categories, one-hot: an input for each known category, one for all others, one for missing cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier import user_warnings
from ranvier.data.cells import parsing
from ranvier.data.cells.missing_marks import MISSING, USUAL
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import CellColumns, CellEncoder, Writer
from ranvier.errors import DataError
from ranvier.plural import plural
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.data.columns.column_schema import ColumnSchema
    from ranvier.data.encoders.feature_options import FeatureOptions

MAX_CATEGORIES = 100
MAX_RARE_FRACTION = 0.5
"""Where more training cells had a rare category, later rows may well have mostly unknown ones."""
MIN_WARNED = 4
"""Fewer cells may well all be unknown."""
SAME = "\x00"
"""Begins a value that several strings may be."""
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")


@record
class CategoryEncoder(CellEncoder):
    """Encodes a cell as a row of zeros with a single 1 (one-hot).

    Fields:
        column: the column's name.
        categories: the known categories, the most frequent first. The feature after them is for all other strings,
            the last one for missing cells.
        rare_fraction: the fraction of the training cells that stood alone or have no category of their own.
    """

    kind: ClassVar[str] = "category"
    column: str
    categories: tuple[str, ...]
    rare_fraction: float = 1.0

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> CategoryEncoder:
        """Learn the categories.

        Those of fewer rows than `options.min_frequency` are left out. Of more than 100, the 100 most frequent ones of
        at least two rows are taken.

        >>> CategoryEncoder.fit(pl.Series("sex", ["Male", "Female", "Male", "?"]))
        CategoryEncoder(column='sex', categories=('Male', 'Female'), rare_fraction=0.3333333333333333)
        """
        values, rows = _counted(cells)
        n_present = sum(rows)
        present = max(n_present, 1)
        min_rows = 1 if options is None else options.min_frequency
        if len(values) > MAX_CATEGORIES:
            min_rows = max(min_rows, 2)
        counts = zip(values, rows, strict=True)
        frequent = sorted((-count, value) for value, count in counts if count >= min_rows)
        categories = frequent[:MAX_CATEGORIES]
        often = sum(-count for count, _ in categories if count < -1)
        return cls(cells.name, tuple(value for _, value in categories), (n_present - often) / present)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """`column=category` for each known category, then the two other features."""
        names = (f"{self.column}={value}" for value in self.categories)
        return (*names, f"{self.column}: other", f"{self.column}: missing")

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.categories) + 2

    def describe(self) -> str:
        """What a cell is encoded as, in words."""
        return f"one-hot: {plural(len(self.categories), 'category', 'categories')}, other, missing"

    @property
    def non_numeric(self) -> bool:
        """Whether no known category could stand in a column of numbers."""
        return bool(self.categories) and not any(parsing.is_number(value) for value in self.categories)

    def read(self, cells: pl.Series) -> NDArray[np.float64]:
        """The index of the feature that is 1 for each cell, shape (B,).

        Raises:
            DataError: the cells are numbers, and no known category is one.
        """
        return category_codes([(self, cells)])[0].astype(np.float64)

    def write(self, values: NDArray[np.float64], out: NDArray[Any]) -> None:
        """Write the features of what `read` gave, shape (B,), into the zeros of `out`, shape (B, width)."""
        out[np.arange(len(out)), values.astype(np.intp)] = 1.0

    def encode_cell(self, cell: Any, out: NDArray[np.float32]) -> None:
        """Write the features of one cell into the zeros of `out`, shape (width,).

        Raises:
            NeedsColumnParser: only `encode` can read the cell, or refuse it.
        """
        CategoryColumns([(0, self)]).encode_row([cell], out)

    def encode_typical(self, out: NDArray[Any]) -> None:
        """Write the features of the most frequent category into the zeros of `out`, shape (width,)."""
        out[0] = 1.0

    @classmethod
    def group(cls, encoders: Sequence[tuple[int, CategoryEncoder]]) -> CategoryColumns:
        """All columns of categories in a table, encoded together."""
        return CategoryColumns(encoders)

    def strings(self, cells: pl.Series) -> pl.Series:
        """The cells as strings, which need not be clean.

        Raises:
            DataError: the cells are numbers, and no known category is one.
        """
        if cells.dtype.is_numeric() and self.non_numeric and cells.null_count() < len(cells):
            self._refuse_numbers(cells)
        return cells if cells.dtype == pl.String else parsing.clean_strings(cells)

    def _refuse_numbers(self, cells: pl.Series) -> None:
        """Raise an error unless all of these numbers are NaN."""
        present = parsing.clean_strings(cells).is_not_null()
        if present.any():
            raise DataError(
                f'Column "{self.column}" holds numbers, such as {cells.filter(present)[0]}, and held strings in '
                f'training, such as "{min(self.categories)}"; give strings there, or leave the cells empty where they '
                "are unknown."
            )

    def complete_codes(self, codes: NDArray[Any], strings: pl.Series) -> NDArray[np.intp]:
        """The codes, with those that are NaN looked up string by string."""
        if codes.dtype.kind != "f":
            return codes.astype(np.intp)
        unknown = np.flatnonzero(np.isnan(codes))
        others = strings[unknown] if len(unknown) < len(strings) else strings
        different = others.unique()
        read = pl.Series(self._lookup(different.to_list()), dtype=pl.Float64)
        codes[unknown] = others.replace_strict(different, read, return_dtype=pl.Float64).to_numpy()
        return codes.astype(np.intp)

    def codes_of_enumeration(self, cells: pl.Series) -> NDArray[np.intp]:
        """The codes of an enumeration, each category of which is looked up once."""
        categories = cells.dtype.categories.to_list()  # type: ignore[attr-defined]
        table = np.array([*self._lookup(categories), len(self.categories) + 1], np.intp)
        physical = cells.to_physical().cast(pl.Int32)
        return table.take((physical.fill_null(len(categories)) if cells.null_count() else physical).to_numpy())

    def _lookup(self, strings: list[str | None]) -> list[int]:
        """The codes of strings that need not be written as the known categories are."""
        codes_of, other = _code_table(self.categories), len(self.categories)
        codes = []
        for written in strings:
            string = None if written is None else written.strip(parsing.WHITE_SPACE)
            if string not in codes_of and string in MISSING:
                string = None
            code = other + 1 if string is None else codes_of.get(string, -1)
            codes.append(code if code >= 0 else match(self.categories, string or "", other))
        return codes

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        described = {"kind": "category", "column": self.column, "categories": list(self.categories)}
        return {**described, "rare_fraction": self.rare_fraction}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CategoryEncoder:
        """The encoder that `to_dict` wrote; earlier versions called the categories "values".

        Raises:
            ModelFileError: a field is absent, of another type, or a category stands twice.
        """
        data = json_fields.renamed(data, {"values": "categories", "rare_share": "rare_fraction"})
        categories = json_fields.items(data, "categories", str)
        if len(set(categories)) != len(categories):
            raise json_fields.damaged('"categories" has a category twice')
        for value in categories:
            if value in USUAL or value != value.strip(parsing.WHITE_SPACE):
                raise json_fields.damaged(f'"categories" has {value[:40]!r}, which no cell is read as')
        rare_fraction = json_fields.field(data, "rare_fraction", float) if "rare_fraction" in data else 1.0
        return cls(json_fields.field(data, "column", str), categories, rare_fraction)

    def warn_of_unknown(self, codes: NDArray[np.intp]) -> None:
        """Warn where most cells are no known category, unless that was so in training, too."""
        other = len(self.categories)
        present = int((codes <= other).sum())
        unknown = int((codes == other).sum())
        if present >= MIN_WARNED and other and 2 * unknown > present and self.rare_fraction < MAX_RARE_FRACTION:
            user_warnings.warn(
                f'{unknown:,} of {present:,} cells of column "{self.column}" are none of the {other:,} categories that '
                f"the model knows, such as {', '.join(self.categories[:3])}; the predictions can make no use of them."
            )


class CategoryColumns(CellColumns):
    """Encodes several columns of categories at once.

    Parameters:
        encoders: for each column the index of its first feature in a row, and its encoder.

    >>> columns = CategoryColumns([(0, CategoryEncoder("sex", ("Male", "Female")))])
    >>> row = np.zeros(4, np.float32)
    >>> columns.encode_row(["Female"], row)
    >>> row.tolist()
    [0.0, 1.0, 0.0, 0.0]
    """

    def __init__(self, encoders: Sequence[tuple[int, CategoryEncoder]]) -> None:
        super().__init__(encoders)
        self._categories = list(encoders)
        self._tables = [
            (
                {value: start + code for code, value in enumerate(encoder.categories)},
                start + len(encoder.categories),
                encoder.non_numeric,
                encoder.categories,
                start,
            )
            for start, encoder in encoders
        ]

    def read(self, columns: Sequence[pl.Series]) -> list[NDArray[Any]]:
        """The index of the feature of its column that is 1, for each cell of each column, (B,) each.

        Raises:
            DataError: the cells of a column are numbers, and none of its known categories is one.
        """
        pairs = [(encoder, cells) for (_, encoder), cells in zip(self._categories, columns, strict=True)]
        return list(category_codes(pairs))

    def writer(self, values: Sequence[NDArray[Any]]) -> Writer:
        """What writes the features of some rows of all columns into zeros, contiguous (rows, dense inputs)."""

        def write(rows: slice, out: NDArray[Any]) -> None:
            flat = out.reshape(-1)
            begins = np.arange(0, flat.size, out.shape[1])
            for (start, _), codes in zip(self._categories, values, strict=True):
                flat[begins + (codes[rows].astype(np.intp, copy=False) + start)] = 1.0

        return write

    def encode_row(self, cells: Sequence[Any], row: NDArray[np.float32]) -> None:
        """Write the features of one row into the zeros of `row`, shape (inputs of the table,).

        Raises:
            NeedsColumnParser: only `encode` can read a cell, or refuse it.
        """
        for (indices, other, non_numeric, categories, start), cell in zip(self._tables, cells, strict=True):
            index = indices.get(cell) if type(cell) is str else None
            if index is None:
                string = parsing.parse_string(cell)
                if non_numeric and string is not None and type(cell) in (int, float):
                    raise parsing.NeedsColumnParser
                if string is None:
                    index = indices.get(cell.strip(parsing.WHITE_SPACE), other + 1) if type(cell) is str else other + 1
                else:
                    index = indices.get(string, -1)
                if index < 0:
                    index = match(categories, string or "", len(categories)) + start
            row[index] = 1.0


def category_codes(columns: Sequence[tuple[CategoryEncoder, pl.Series]]) -> list[NDArray[np.intp]]:
    """For the cells of several columns the index of the feature that is 1, each of shape (B,).

    Most cells are written as the known categories are: polars looks these up, all columns in parallel. The others are
    looked up one by one.

    Raises:
        DataError: the cells of a column are numbers, and none of its known categories is one.
    """
    strings = {
        number: encoder.strings(cells) for number, (encoder, cells) in enumerate(columns) if cells.dtype != pl.Enum
    }
    frame = pl.DataFrame([cells.alias(str(number)) for number, cells in strings.items()])
    looked_up = frame.select(
        pl.col(str(number)).cast(_enum(columns[number][0].categories), strict=False).to_physical() for number in strings
    )
    completed = []
    for number, (encoder, cells) in enumerate(columns):
        if number in strings:
            codes = encoder.complete_codes(looked_up[str(number)].to_numpy(), strings[number])
        else:
            codes = encoder.codes_of_enumeration(cells)
        encoder.warn_of_unknown(codes)
        completed.append(codes)
    return completed


def _counted(cells: pl.Series) -> tuple[list[str], list[int]]:
    """The different clean strings, and in how many rows each stands."""
    if cells.dtype == pl.Enum:
        categories = cells.dtype.categories.to_list()  # type: ignore[attr-defined]
        if all(parsing.clean_string(category, USUAL) == category for category in categories):
            counts = np.bincount(cells.drop_nulls().to_physical().to_numpy(), minlength=len(categories)).tolist()
            pairs = [(category, count) for category, count in zip(categories, counts, strict=True) if count]
            return [category for category, _ in pairs], [count for _, count in pairs]
    marks = USUAL if cells.dtype in (pl.Categorical, pl.Enum) else MISSING  # what was declared holds no words for none
    strings = parsing.clean_strings(cells, marks).drop_nulls().rename("value")
    values, rows = strings.value_counts(name="rows").get_columns()
    return values.to_list(), rows.to_list()


def match(categories: tuple[str, ...], string: str, other: int) -> int:
    """The code of the only category that is the same number or the same truth value as a string; else `other`.

    So 1234 is the category 01234, 3.0 is 3 and True is true, unless two categories are.

    >>> match(("01234", "98765"), "1234", 2), match(("1", "01"), "001", 2)
    (0, 2)
    """
    return _same_values(categories).get(_value(string), other)


def _value(string: str) -> str:
    """A number without zeros that change nothing, a truth value in lower case; other strings are their own."""
    if NUMBER.fullmatch(string):
        digits, _, decimals = string.lstrip("+-").partition(".")
        decimals = decimals.rstrip("0")
        sign = "-" if string.startswith("-") else ""
        return f"{SAME}{sign}{digits.lstrip('0') or '0'}{'.' if decimals else ''}{decimals}"
    return f"{SAME}{string.lower()}" if string.lower() in ("true", "false") else string


@lru_cache(maxsize=1024)
def _same_values(categories: tuple[str, ...]) -> dict[str, int]:
    """The code of each number and truth value that a single category is."""
    values = [_value(category) for category in categories]
    return {value: code for code, value in enumerate(values) if value.startswith(SAME) and values.count(value) == 1}


@lru_cache(maxsize=1024)
def _code_table(categories: tuple[str, ...]) -> dict[str, int]:
    """The code of each category."""
    return {value: code for code, value in enumerate(categories)}


@lru_cache(maxsize=1024)
def _enum(categories: tuple[str, ...]) -> pl.Enum:
    """The polars type of exactly these categories; building it takes longer than reading a row with it."""
    return pl.Enum(categories)
