"""The encoder of tables: one encoder for each column that is used, side by side.

B is the number of rows, K = D + S the number of inputs that the columns become: D in a dense block, S in a CSR block.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.cells.vectors import is_vector
from ranvier.data.column_threads import map_columns
from ranvier.data.columns.schema import DROP, ColumnSchema, infer_schema
from ranvier.data.decoded_columns import with_known_forms
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.concat import ColumnConcat
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.image import ImageEncoder
from ranvier.data.encoders.kinds import COLUMN_KINDS, STORED_KINDS
from ranvier.data.encoders.refined_numbers import with_refined_numbers
from ranvier.data.encoders.row_encoder import RowEncoder
from ranvier.data.encoders.sound import SoundEncoder
from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.images.threads import Progress
from ranvier.data.readable_cells import MAX_BROKEN
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.data.sources import open_source
from ranvier.data.sources.array_source import Arrays, arrays_from
from ranvier.data.sources.frames import frame_from
from ranvier.data.sources.origin import sentence_start
from ranvier.data.sources.raw_rows import open_rows, single_row
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_lists import is_text_list, texts_of_list
from ranvier.errors import DataError, nearest
from ranvier.records import record
from ranvier.rows import Inputs
from ranvier.rows.row_names import rows_called


@record
class TableEncoder(RowEncoder):
    """Encodes the rows of a table.

    Fields:
        columns: the schema of each column, dropped ones included.
        encoders: one for each column that is used, in the same order.
        encoding: that of the text which the rows were read from, tried first for other text; "" for Unicode.
    """

    columns: tuple[ColumnSchema, ...]
    encoders: tuple[ColumnEncoder, ...]
    encoding: str = ""

    @classmethod
    def fit(
        cls,
        source: Any,
        columns: Iterable[ColumnSchema] | None = None,
        target: str | Iterable[str] | None = None,
        features: FeatureOptions | None = None,
        learned_targets: NDArray[Any] | None = None,
    ) -> TableEncoder:
        """Learn from the training rows.

        Parameters:
            source: whatever `open_source` reads.
            columns: the schema of each column; None to infer it from the rows.
            target: the columns to predict, which are no inputs.
            features: limits on the features of numbers and categories; None for one feature a number.
            learned_targets: for `features` that adapt bins, see `with_refined_numbers`; None without.

        Raises:
            DataError: a cell is not of its column's kind.
            InputError: no column can be used.

        >>> rows = {"age": [30.0, 40.0, 50.0], "sex": ["Male", "Female", "Male"], "income": ["low", "low", "high"]}
        >>> TableEncoder.fit(rows, target="income").feature_names
        ('age', 'sex=Male', 'sex=Female', 'sex: other', 'sex: missing')
        """
        opened = open_source(source)
        frame = opened.frame
        targets = (target,) if isinstance(target, str) else tuple(target or ())
        schema = infer_schema(frame, targets) if columns is None else tuple(columns)
        schema = tuple(column for column in schema if column.name not in targets)
        used = [column for column in schema if column.used]
        if features is not None:
            numbers = sum(column.kind == "number" and column.distinct > 2 for column in used)
            features = features.limited(numbers, frame.height)
        encoders = tuple(
            map_columns(
                lambda column: COLUMN_KINDS[column.kind].fit(opened.cells(column), column, features), used, frame.height
            )
        )
        if features is not None and features.adapt_bins and learned_targets is not None:
            encoders = with_refined_numbers(
                encoders, used, opened.cells, learned_targets, frame.height, features.max_inputs
            )
        formed = ((encoder, opened.forms.get(encoder.column)) for encoder in encoders)
        encoders = tuple(encoder if form is None else encoder.with_form(form) for encoder, form in formed)
        return cls(schema, encoders, opened.encoding)

    @property
    def width(self) -> int:
        """K, the number of inputs of the network."""
        return sum(encoder.width + encoder.csr_width for encoder in self.encoders)

    @property
    def factor(self) -> float | None:
        """What the network multiplies its inputs with: that of a single column of bytes; None for other tables."""
        return None if self._only is None else self._only.factor

    @cached_property
    def image(self) -> ImageEncoder | None:
        """The encoder of the only column that is used, where it holds pictures; else None."""
        return self._only if isinstance(self._only, ImageEncoder) else None

    @property
    def forms(self) -> dict[str, PictureFormat | SoundFormat]:
        """Column -> the format of its pictures or recordings, for those that are used."""
        return {item.column: item.form for item in self.encoders if isinstance(item, (ImageEncoder, SoundEncoder))}

    @property
    def sound(self) -> SoundEncoder | None:
        """The encoder of the only column that is used, where it holds recordings; else None."""
        return self._only if isinstance(self._only, SoundEncoder) else None

    @cached_property
    def text_column(self) -> str | None:
        """The name of the only column that is used, where it holds texts; else None."""
        return self._only_column("text")

    @cached_property
    def vector_column(self) -> str | None:
        """The name of the only column that is used, where it holds vectors; else None."""
        return self._only_column("vector")

    @cached_property
    def _only(self) -> ColumnEncoder | None:
        """The encoder of the only column that is used; None for none or several."""
        return self.encoders[0] if len(self.encoders) == 1 else None

    def _only_column(self, kind: str) -> str | None:
        """The name of the only column that is used, where it is of this kind; else None."""
        return self._only.column if self._only is not None and self._only.kind == kind else None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of all encoders, by the number of the encoder and name."""
        return {
            f"{number}.{name}": array
            for number, encoder in enumerate(self.encoders)
            for name, array in encoder.arrays().items()
        }

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name for each input, in the order of the rows of the first layer's weight: the dense block first."""
        dense = tuple(name for encoder in self.encoders for name in encoder.feature_names)
        return dense + tuple(name for encoder in self.encoders for name in encoder.csr_feature_names)

    @property
    def piecewise_linear(self) -> tuple[slice, ...]:
        """Which inputs are the piecewise-linear encoding of a column, for each column that has one."""
        slices, start = [], 0
        for encoder in self.encoders:
            features = encoder.piecewise_linear
            if features.stop > features.start:
                slices.append(slice(start + features.start, start + features.stop))
            start += encoder.width
        return tuple(slices)

    def with_spline_basis(self) -> TableEncoder:
        """The encoder with linear spline (hat) bases in place of piecewise-linear encodings."""
        return replace(self, encoders=tuple(encoder.with_spline_basis() for encoder in self.encoders))

    def transform(self, X: Any, dtype: Any = np.float32) -> NDArray[Any] | Inputs:
        """Encode rows; columns that were not there in training are ignored.

        Parameters:
            X: what `open_source` reads as a table: a data frame, a dict of columns or of single values, a list of
                dicts, a file; or cells in the order of the training table (the target left out): an array, a list of
                rows, or one row as a list or tuple; or texts, one a row, where the only column that is used is one.
            dtype: float32 or float64.

        Returns a contiguous array (B, K) of that type without NaN or infinite values; `Inputs` with a dense and a CSR
        block where a column has features in the CSR block.

        Raises:
            DataError: a column is missing, or a cell is not of its column's kind.
            ShapeError: an array or a row has another number of columns.

        >>> encoder = TableEncoder.fit({"sex": ["Male", "Female", "Male"]})
        >>> encoder.transform({"sex": ["Female", "Unknown", None]}).tolist()
        [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
        """
        X = self._as_rows(X)
        if self.image is not None and isinstance(X, Arrays):
            return self.encode(X)
        cells = self._cells(X)
        inputs = None if cells is None else self._concat.encode_row(cells, dtype)
        if inputs is not None:
            return inputs
        source = self._opened(X, cells)
        with rows_called(source.in_memory):
            return self.encode(source, dtype)

    def open(self, X: Any) -> Source:
        """The rows that `transform` takes, as a table with the column names that the model knows."""
        X = self._as_rows(X)
        pictures = self.image is not None and isinstance(X, Arrays)
        return self.named(X if pictures else self._opened(X, self._cells(X)))

    def _as_rows(self, X: Any) -> Any:
        """X, with a column's name where it is an array of pictures or vectors, or a list of texts."""
        if self.image is not None and isinstance(X, np.ndarray) and X.dtype.kind in "buif":
            return arrays_from(self.image.form.batch(X), None, "the array")
        if self.vector_column is not None and isinstance(X, np.ndarray) and X.ndim == 2:
            return {self.vector_column: X}
        if self.text_column is not None and is_text_list(X):
            return {self.text_column: texts_of_list(X)}
        return X

    def _opened(self, X: Any, cells: list[Any] | None) -> Source:
        """Rows as a source; those of one row have its cells in `cells`."""
        single = cells is not None and isinstance(X, dict) and self._is_one_row(cells)
        rows = [X] if single else X
        return open_rows(rows, self.column_names, self.used_columns, self.text_column is None, self.encoding)

    def encode(self, source: Source, dtype: Any = np.float32, later: bool = False) -> NDArray[Any] | Inputs:
        """Encode the rows of an opened source; columns without names stand in the order of the training table.

        Parameters:
            later: whether a CSR block is made when it is first read; that the rows can be encoded is made sure now.

        Returns and raises what `transform` does.
        """
        table = self.named(source)
        absent = [name for name in self.used_columns if name not in table.frame.columns]
        if absent:
            others = (
                f" and {len(absent) - 1} more that the model needs" if len(absent) > 1 else ", which the model needs"
            )
            hint = nearest(absent[0], table.frame.columns, "Its columns are")
            raise DataError(f'{sentence_start(table.origin)} has no column "{absent[0]}"{others}. {hint}')
        return self._concat.encode([table.cells(column) for column in self._used], dtype, later=later)

    def encode_cells(self, cells: Sequence[Any], dtype: Any = np.float32) -> NDArray[Any] | Inputs | None:
        """Encode one row of cells, those of the columns that are used; None where only `encode` can read a cell.

        Returns what `transform` does of the row.
        """
        return self._concat.encode_row(cells, dtype)

    def named(self, source: Source) -> Source:
        """The rows of an opened source as a table with the column names that the model knows."""
        return self._with_files_named(self._as_cells(source).with_column_names(self.column_names))

    def decoded(
        self, source: Source, progress: Progress | None = None, max_broken: float = MAX_BROKEN
    ) -> tuple[Source, NDArray[np.int64] | None]:
        """The source with pictures and spectrograms in the place of files, and the rows that are kept, or None for all.

        Rows whose picture or recording cannot be read are left out, and named in the notes of the source.

        Parameters:
            max_broken: the largest fraction of a column that may be left out.

        Raises:
            DataError: a larger fraction of the pictures or recordings of a column cannot be read, or none can.

        >>> encoder = TableEncoder.fit({"age": [39, 50]})
        >>> encoder.decoded(open_source({"age": [40]}))[1] is None
        True
        """
        forms = self.forms
        table = self._with_files_named(self._as_cells(source)) if forms else source
        return with_known_forms(table, forms, progress, max_broken) if isinstance(table, Table) else (source, None)

    def _as_cells(self, source: Source) -> Source:
        """Arrays as the pictures or vectors that a model of one column of these takes, pictures also where flat."""
        if isinstance(source, Arrays) and self.vector_column is not None:
            return Table(frame_from({self.vector_column: source.dense()}), source.origin)
        if self.image is None or not isinstance(source, Arrays):
            return source
        return source.as_pictures(self.image.column, self.image.form.shape)

    def _with_files_named(self, source: Source) -> Source:
        """The table with its column of files under the name that the model knows, where each has one of that kind."""
        absent = [encoder for encoder in self.encoders if encoder.column not in source.column_names]
        spare = [name for name, kind in source.kinds.items() if absent and kind == absent[0].kind]
        spare = [name for name in spare if name not in self.used_columns]
        if len(absent) != 1 or len(spare) != 1 or not isinstance(source, Table):
            return source
        return source.renamed(spare[0], absent[0].column)

    @cached_property
    def _concat(self) -> ColumnConcat:
        return ColumnConcat(self.encoders)

    @cached_property
    def _used(self) -> list[ColumnSchema]:
        """The schemas of the columns that are used."""
        return [column for column in self.columns if column.used]

    @cached_property
    def used_columns(self) -> list[str]:
        """The names of the columns that are used."""
        return [encoder.column for encoder in self.encoders]

    @cached_property
    def column_names(self) -> list[str]:
        """The names of all columns, dropped ones included."""
        return [column.name for column in self.columns]

    def _cells(self, X: Any) -> list[Any] | None:
        """The cells of a single row, one for each encoder; None for anything else, and where a column is missing."""
        row = single_row(X, self.column_names)
        try:
            return None if row is None else [row[name] for name in self.used_columns]
        except KeyError:
            return None

    def _is_one_row(self, cells: list[Any]) -> bool:
        """Whether the lists of a dict are the vectors of a row, and not columns."""
        pairs = zip(self.encoders, cells, strict=True)
        return any(encoder.kind == "vector" and is_vector(cell) for encoder, cell in pairs)

    def describe(self) -> list[tuple[str, str, str, str]]:
        """One line for each column: (column, kind, encoded as, note).

        >>> rows = {"id": [f"p{row}" for row in range(20)], "age": [20.5 + row for row in range(20)]}
        >>> [line[:3] for line in TableEncoder.fit(rows).describe()]
        [('id', 'drop', 'dropped'), ('age', 'number', '(x - 30) / 5.76628, within ±4')]
        """
        encoded = {encoder.column: encoder.describe() for encoder in self.encoders}
        lines = []
        for column in self.columns:
            note = column.reason + (f"; {column.missing:,} missing" if column.used and column.missing else "")
            lines.append((column.name, column.kind, encoded.get(column.name, "dropped"), note))
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        return {
            "kind": "table",
            "columns": [column.to_dict() for column in self.columns],
            "encoders": [encoder.to_dict() for encoder in self.encoders],
            **({"encoding": self.encoding} if self.encoding else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> TableEncoder:
        """The encoder that `to_dict` wrote, with what `arrays` gave; the same bits come out of it.

        Raises:
            ModelFileError: a field is absent, of another type, or contradicts another.
        """
        encoded = {str(json_fields.mapping(entry).get("column")) for entry in json_fields.field(data, "encoders", list)}
        schema = tuple(_stored_schema(column, encoded) for column in json_fields.field(data, "columns", list))
        thousands = {column.name: column.thousands_separator for column in schema}
        encoders = []
        for number, description in enumerate(json_fields.field(data, "encoders", list)):
            kind = json_fields.field(json_fields.mapping(description), "kind", str)
            if STORED_KINDS.get(kind, kind) not in COLUMN_KINDS:
                raise json_fields.damaged(f"an encoder is of kind {kind[:40]!r}")
            # Earlier versions stored in the schema alone that a column has commas between thousands.
            beside: dict[str, Any] = {"thousands_separator": thousands.get(str(description.get("column")), False)}
            encoder_arrays = json_fields.arrays_under(arrays or {}, f"{number}.")
            encoders.append(
                COLUMN_KINDS[STORED_KINDS.get(kind, kind)].from_dict(
                    {**beside, **description, "arrays": encoder_arrays}
                )
            )
        names = [encoder.column for encoder in encoders]
        if names != [column.name for column in schema if column.used] or len(thousands) != len(schema):
            raise json_fields.damaged("its columns and its encoders do not match")
        encoding = json_fields.field(data, "encoding", str) if "encoding" in data else ""
        return cls(schema, tuple(encoders), encoding)


def _stored_schema(column: Any, encoded: Collection[str]) -> ColumnSchema:
    """The schema of a column in a model file; earlier versions called texts that they did not read "text"."""
    stored = json_fields.mapping(column)
    unread = stored.get("kind") == "text" and stored.get("name") not in encoded
    schema = ColumnSchema.from_dict({**stored, "kind": DROP} if unread else stored)
    if schema.used and schema.kind not in COLUMN_KINDS:
        raise json_fields.damaged(f"a column is of kind {schema.kind[:40]!r}")
    return schema
