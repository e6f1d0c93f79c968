"""What a row looks like to a person: a picture, or named cells, and the way back from these to inputs. n rows."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Arrays, Source
from ranvier.data.encoders.array import ArrayEncoder
from ranvier.data.encoders.context import ContextEncoder
from ranvier.data.encoders.image import pixels_of
from ranvier.data.encoders.table import TableEncoder
from ranvier.data.sources.raw_rows import open_rows
from ranvier.errors import InputError
from ranvier.model.model import Model
from ranvier.network.layers import Rescale
from ranvier.records import record
from ranvier.view.json_values import finite_or_none
from ranvier.view.known_rows import KnownRows

Array = NDArray[Any]
MIN_PIXELS = 16
MAX_COLUMNS = 2000
"""Of rows with more columns the page shows no fields."""
PIXEL_NAME = re.compile(r"(.*?)_?(\d+)[_x,](\d+)")


@record
class Column:
    """A column as a field of the page.

    Fields:
        name: its name.
        kind: "number", "category", "boolean", "date" or "text".
        low, high: the range of a number: from the 1st to the 99th percentile of the known rows.
        integer: whether all known numbers are integers.
        choices: the known categories.
    """

    name: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    integer: bool = False
    choices: tuple[str, ...] = ()


@record
class RowForm:
    """What a row looks like.

    Fields:
        kind: "picture", "sound", "table", or "language", where a row is the text before a character.
        columns: of a table; empty where there are more than `MAX_COLUMNS`.
        shape: of a picture, (H, W, C), or of a spectrogram, (bands, frames, 1).
        white: the number that the brightest pixel stands for in the inputs.
        pixels: the columns of a table that are the pixels of a picture, row by row; empty where they are an array.
    """

    kind: str
    columns: tuple[Column, ...] = ()
    shape: tuple[int, ...] = ()
    white: float = 255.0
    pixels: tuple[str, ...] = ()


def row_form(model: Model, rows: KnownRows | None) -> RowForm:
    """What a row of a model looks like; the ranges of numbers are those of the known rows."""
    encoder = model.encoder
    if isinstance(encoder, ContextEncoder):
        return RowForm("language")
    if isinstance(encoder, TableEncoder):
        if encoder.image is not None:
            return RowForm("picture", shape=encoder.image.form.shape)
        if encoder.sound is not None:
            return RowForm("sound", shape=encoder.sound.form.shape)
        grid = pixel_grid([column.name for column in encoder.columns])
        if grid is not None:
            white = 1.0 if rows is None else _largest(rows, grid[1])
            return RowForm("picture", shape=(*grid[0], 1), white=white, pixels=grid[1])
        shown = encoder.encoders if len(encoder.encoders) <= MAX_COLUMNS else ()
        return RowForm("table", tuple(_column(part, rows) for part in shown))
    if isinstance(encoder, ArrayEncoder) and encoder.scaling in ("pixels", "bytes") and len(encoder.shape) > 1:
        height, width, *channels = encoder.shape
        return RowForm("picture", shape=(height, width, channels[0] if channels else 1))
    side = math.isqrt(model.network.inputs)
    dense = None if rows is None or rows.inputs.n_csr else rows.inputs.dense
    first = model.network.layers[0]
    is_bytes = dense is not None and dense.dtype == np.uint8
    divides = isinstance(first, Rescale) and first.divisor == 255.0 and first.offset == 0.0
    if encoder is None and (is_bytes or divides) and side * side == model.network.inputs >= MIN_PIXELS:
        return RowForm("picture", shape=(side, side, 1))
    columns = []
    for number in range(model.network.inputs if model.network.inputs <= MAX_COLUMNS else 0):
        values = None if dense is None else dense[:, number].astype(np.float64)
        columns.append(_number(f"x{number}", values, 0.0, 1.0))
    return RowForm("table", tuple(columns))


def pixel_grid(names: Sequence[str]) -> tuple[tuple[int, int], tuple[str, ...]] | None:
    """Height and width, and the names row by row, where columns are named after the pixels of a grid.

    >>> names = [f"pixel_{row}_{column}" for row in range(4) for column in range(5)]
    >>> pixel_grid(names)[0], pixel_grid(["age", *names])
    ((4, 5), None)
    """
    matches = [PIXEL_NAME.fullmatch(name) for name in names]
    indices = [(int(match[2]), int(match[3])) for match in matches if match]
    if len(indices) != len(names) or len(names) < MIN_PIXELS or len({match[1] for match in matches if match}) != 1:
        return None
    ordered = sorted(zip(indices, names, strict=True))
    first, last = ordered[0][0], ordered[-1][0]
    height, width = last[0] - first[0] + 1, last[1] - first[1] + 1
    complete = [(first[0] + row, first[1] + column) for row in range(height) for column in range(width)]
    if [index for index, _ in ordered] != complete or min(height, width) < 2:
        return None
    return (height, width), tuple(name for _, name in ordered)


def pixels_of_rows(form: RowForm, model: Model, rows: KnownRows, index: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The pictures of some known rows, or their spectrograms with low bands below, (n, H, W, C), from 0 to 255."""
    source = rows.source.take(index)
    shape = (len(index), *form.shape)
    if form.kind == "sound":
        return spectrograms_of(form, model, source)
    if form.pixels:
        levels = np.stack([_numbers(source.frame[name]) for name in form.pixels], axis=1) / form.white
        return np.asarray(np.clip(np.nan_to_num(levels) * 255.0, 0, 255).reshape(shape), np.uint8)
    if isinstance(model.encoder, TableEncoder):
        image = model.encoder.image
        assert image is not None
        table = source.as_pictures(image.column, image.form.shape) if isinstance(source, Arrays) else source
        name = image.column if image.column in table.column_names else next(iter(table.kinds))
        return np.asarray(pixels_of(table.frame[name], image.form), np.uint8)
    return np.asarray(source.dense().reshape(shape), np.uint8)


def spectrograms_of(form: RowForm, model: Model, source: Source) -> NDArray[np.uint8]:
    """The decoded recordings of a source, low bands below, (n, bands, frames, 1)."""
    assert isinstance(model.encoder, TableEncoder)
    assert model.encoder.sound is not None
    spectrograms = source.frame[model.encoder.sound.column].to_numpy().reshape(source.rows, *form.shape)
    return np.asarray(spectrograms[:, ::-1], np.uint8)


def cells_of_rows(form: RowForm, rows: KnownRows, index: NDArray[np.int64]) -> list[list[Any]]:
    """The cells of some known rows of a table, in the order of the form's columns."""
    source = rows.source.take(index)
    if not source.column_names:
        return [[float(value) for value in row[: len(form.columns)]] for row in source.dense()]
    frame = source.frame
    columns = [frame[column.name].to_list() if column.name in frame.columns else [None] for column in form.columns]
    return [[_plain(cells[at] if at < len(cells) else None) for cells in columns] for at in range(len(index))]


def row_of_values(form: RowForm, model: Model, values: Any) -> Any:
    """A row that was filled in or drawn, as `Model.inputs` takes it.

    Parameters:
        values: column -> cell for a table; H * W * C numbers from 0 to 255 for a picture; a text for a language model.

    Raises:
        InputError: values are missing or of another type.
    """
    if form.kind == "table":
        return _row_of_cells(form, model, values)
    if form.kind == "language":
        if type(values) is not str:
            raise InputError("A row here is a text: what stands before the character that is asked for.")
        return [values]
    if form.kind == "sound":
        raise InputError("A recording cannot be filled in; choose one of the rows.")
    count = math.prod(form.shape)
    correct = isinstance(values, list) and len(values) == count
    if not correct or not all(type(value) in (int, float) and 0 <= value <= 255 for value in values):
        raise InputError(f"A picture here is a list of {count} numbers from 0 to 255.")
    pixels = np.array(values, np.float64)
    if form.pixels:
        levels = (pixels / 255.0 * form.white).tolist()
        return dict(zip(form.pixels, levels, strict=True))
    batch = np.asarray(np.rint(pixels), np.uint8).reshape(1, -1)
    return batch.reshape(1, *form.shape) if isinstance(model.encoder, TableEncoder) else batch


def row_of_sound(form: RowForm, model: Model, text: Any) -> Source:
    """A recording that was made or given on the page, decoded, as `Model.inputs` takes it; its notes are the page's.

    Parameters:
        text: the bytes of its file in base64.

    Raises:
        InputError: the model takes no recordings, or this is none.
        DataError: it cannot be read.
    """
    if form.kind != "sound":
        raise InputError("This model takes no recordings.")
    encoder: Any = model.encoder
    cells = {encoder.sound.column: [file_content(text, "A recording")]}
    decoded: Source = encoder.decoded(open_rows(cells, encoder.column_names, encoder.used_columns))[0]
    return decoded


def file_content(text: Any, name: str) -> bytes:
    """The bytes of a file that the page sends in base64; messages begin with the name of what it holds.

    >>> file_content("AAE=", "A recording")
    b'\\x00\\x01'

    Raises:
        InputError: the text is no base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is the bytes of a file in base64.") from error


def _row_of_cells(form: RowForm, model: Model, values: Any) -> Any:
    names = [column.name for column in form.columns]
    if not names:
        raise InputError(f"Rows with more than {MAX_COLUMNS:,} columns cannot be filled in here.")
    if not isinstance(values, Mapping) or set(values) != set(names):
        raise InputError("A row here is one value for each column, and null for a missing one.")
    if model.encoder is not None:
        return [dict(values)]
    cells = [values[name] for name in names]
    if len(cells) != model.network.inputs or not all(type(cell) in (int, float) for cell in cells):
        raise InputError("Every column here needs a number.")
    return np.array([cells], np.float64)


def _column(encoder: Any, rows: KnownRows | None) -> Column:
    """A column of a table as a field."""
    name, kind = encoder.column, encoder.kind
    if kind == "category":
        return Column(name, kind, choices=tuple(encoder.categories))
    if kind != "number":
        return Column(name, kind)
    values = None
    if rows is not None and name in rows.source.column_names:
        values = encoder.number_format.read(rows.source.frame[name])[0]
    spread = 3.0 * (encoder.scale or 1.0)
    return _number(name, values, encoder.center - spread, encoder.center + spread)


def _number(name: str, values: Array | None, low: float, high: float) -> Column:
    present = values[np.isfinite(values)] if values is not None else np.zeros(0)
    if not len(present):
        return Column(name, "number", low, high)
    ends = np.quantile(present, (0.01, 0.99)).tolist()
    low, high = ends if ends[0] < ends[1] else (float(present.min()), float(present.max()))
    low, high = (low, high) if low < high else (low - 1.0, high + 1.0)
    return Column(name, "number", low, high, bool((present == np.rint(present)).all()))


def _numbers(cells: Any) -> NDArray[np.float64]:
    """Cells of a plain column of numbers."""
    return np.array([math.nan if cell in (None, "") else float(cell) for cell in cells.to_list()])


def _largest(rows: KnownRows, names: Sequence[str]) -> float:
    """The largest number in some columns; 1 where none is positive."""
    frame = rows.source.frame
    largest = max((float(np.nanmax(_numbers(frame[name]))) for name in names if name in frame.columns), default=1.0)
    return largest if largest > 0 else 1.0


def _plain(cell: Any) -> Any:
    """A cell as a JSON value."""
    cell = finite_or_none(cell)
    return cell if cell is None or isinstance(cell, (bool, int, float, str)) else str(cell)
