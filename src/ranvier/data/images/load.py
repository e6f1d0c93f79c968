"""Pictures of a whole column: looked at, brought into one format, decoded once by several threads."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.images.decode import Pixels, Survey, decode, survey
from ranvier.data.images.picture_format import PictureFormat, float_white_level, white_level
from ranvier.data.images.threads import Progress, part_of
from ranvier.data.readable_cells import MAX_BROKEN, ReadableCells, listed_names
from ranvier.errors import DataError
from ranvier.plural import plural
from ranvier.records import record

SMALL_SIDE = 40
GREY_SIDE, COLOUR_SIDE, PHOTO_SIDE = 28, 32, 64
MIN_SIDE = 4
MORE_CONTRAST = 2.0
"""How many times the contrast on white that on black is at least where transparent pictures are laid on black."""


@record(eq=False)
class Pictures:
    """The pictures of a column.

    Fields:
        pixels: of those that can be read, shape (B, H, W, C), bytes.
        rows: the indices of these cells in the column, shape (B,).
        form: their format.
        notes: what was chosen, converted or left out, one sentence each.
    """

    pixels: Pixels
    rows: np.ndarray
    form: PictureFormat
    notes: tuple[str, ...]


def load_pictures(
    cells: Sequence[Any],
    name: str,
    size: int | None = None,
    progress: Progress | None = None,
    blank: bool = False,
) -> Pictures:
    """Decode the pictures of a training table, in a format that is chosen by all of them.

    Parameters:
        cells: as `decode` takes them.
        name: of the column, for messages.
        size: the height and width to bring them to, in pixels; None to choose it.
        progress: called with how much is done, and of how much: each picture is looked at and decoded.
        blank: whether missing pictures are black ones, and not such as cannot be read.

    Raises:
        DataError: more than a tenth cannot be read.
    """
    both, count = 2 * len(cells), len(cells)
    readable = ReadableCells(cells, name, "picture", blank=blank)
    surveys: list[Survey | None] = [None] * count

    def look(at: int) -> None:
        surveys[at] = survey(cells[at])

    with _bombs_are_errors():
        readable.for_each(look, part_of(progress, 0, both))
    readable.check_fraction()
    good = [item for item in surveys if item is not None]
    names = [readable.name(at) for at, item in enumerate(surveys) if item is not None]
    if not good:
        raise DataError(f'Column "{name}" holds no picture.')
    form = replace(choose_format(good, size), blank=bool(readable.blank_note))
    loaded = _on_background(_decoded(readable, form, part_of(progress, count, both)), cells, surveys)
    form = loaded.form
    if form.channels == 3 and _is_grey(loaded.pixels):
        form = replace(form, channels=1)
        loaded = replace(loaded, form=form, pixels=np.ascontiguousarray(loaded.pixels[..., :1]))
    notes = (_format_note(good, form, name), *loaded.notes, *_conversion_notes(good, names, form))
    return replace(loaded, notes=(*notes, readable.blank_note) if form.blank else notes)


def _on_background(loaded: Pictures, cells: Sequence[Any], surveys: Sequence[Survey | None]) -> Pictures:
    """The pictures with transparent ones on black, where these show more than on white, such as white symbols.

    Parameters:
        loaded: the pictures, laid on white.
        cells, surveys: of the whole column.
    """
    surveys_of_rows = [surveys[row] for row in loaded.rows.tolist()]
    clear = np.flatnonzero([item is not None and item.transparent for item in surveys_of_rows])
    if not len(clear):
        return loaded
    form = replace(loaded.form, background=0)
    with _bombs_are_errors():
        black = np.stack([decode(cells[loaded.rows[at]], form) for at in clear.tolist()])
    contrasts = [float(np.mean(np.std(pixels, axis=(1, 2)))) for pixels in (loaded.pixels[clear], black)]
    if contrasts[1] <= MORE_CONTRAST * contrasts[0]:
        return loaded
    pixels = loaded.pixels.copy()
    pixels[clear] = black
    return replace(loaded, pixels=pixels, form=form)


def load_array(array: NDArray[Any], name: str, size: int | None = None) -> Pictures | None:
    """The pictures of an array that has bytes in the format that would be chosen: as they are; else None.

    Parameters:
        array: shape (B, H, W) or (B, H, W, C).
        name, size: as for `load_pictures`.

    >>> load_array(np.zeros((2, 28, 28), np.uint8), "x").pixels.shape
    (2, 28, 28, 1)
    """
    pixels = array if array.ndim == 4 else array[..., None]
    channels = pixels.shape[3]
    if pixels.dtype != np.uint8 or channels not in (1, 3) or (channels == 3 and _is_grey(pixels)):
        return None
    survey = Survey(pixels.shape[2], pixels.shape[1], "L" if channels == 1 else "RGB", channels == 3)
    form = choose_format([survey], size)
    if form.shape != pixels.shape[1:]:
        return None
    return Pictures(pixels, np.arange(len(pixels)), form, (_format_note([survey], form, name),))


def load_known(
    cells: Sequence[Any],
    form: PictureFormat,
    name: str,
    progress: Progress | None = None,
    max_broken: float = MAX_BROKEN,
) -> Pictures:
    """Decode the pictures of a column in a format that is known; those that cannot be read are left out.

    Parameters:
        cells, name, progress: as for `load_pictures`.
        form: the format.
        max_broken: the largest fraction that may be left out.

    Raises:
        DataError: a larger fraction cannot be read, or none can.

    >>> load_known([np.zeros((9, 9), np.uint8)], PictureFormat(8, 8, 1), "x").rows.tolist()
    [0]
    """
    return _decoded(ReadableCells(cells, name, "picture", blank=form.blank), form, progress, max_broken)


def decode_all(cells: Sequence[Any], form: PictureFormat, name: str, first: int = 0) -> Pixels:
    """The pictures of a column in a format that is known, shape (B, H, W, C).

    Parameters:
        first: the index of the first cell in the column, for messages.

    Raises:
        DataError: one of them cannot be read.

    >>> decode_all([np.zeros((9, 9), np.uint8)], PictureFormat(8, 8, 1), "x").shape
    (1, 8, 8, 1)
    """
    readable = ReadableCells(cells, name, "picture", first, form.blank)
    pixels = _pixels(readable, form, None)
    readable.check_all()
    return pixels


def _decoded(
    readable: ReadableCells, form: PictureFormat, progress: Progress | None, max_broken: float = MAX_BROKEN
) -> Pictures:
    """The pictures that can be read, and a note on the others."""
    pixels = _pixels(readable, form, progress)
    readable.check_fraction(max_broken)
    rows = readable.rows
    if len(rows) == len(pixels):
        return Pictures(pixels, rows, form, ())
    return Pictures(pixels[rows], rows, form, (readable.note,))


def _pixels(readable: ReadableCells, form: PictureFormat, progress: Progress | None) -> Pixels:
    """The pixels of all cells, black where one is broken or missing."""
    pixels = np.zeros((len(readable.cells), *form.shape), np.uint8)

    def fill(at: int) -> None:
        pixels[at] = decode(readable.cells[at], form)

    with _bombs_are_errors():
        readable.for_each(fill, progress)
    return pixels


def choose_format(surveys: Sequence[Survey], size: int | None = None) -> PictureFormat:
    """The format of pictures that were looked at.

    Pictures of one size keep the ratio of their sides; others become squares. The larger side has 28 pixels where most
    pictures are small and grey, 32 where they are small and in colour, and 64 for larger ones; sizes between the first
    two and 40 pixels are kept.

    >>> choose_format([Survey(1000, 500, "RGB", True), Survey(640, 480, "RGB", True)]).shape
    (64, 64, 3)
    >>> choose_format([Survey(16, 12, "L", False)] * 2).shape
    (21, 28, 1)
    """
    channels = 3 if any(item.colour for item in surveys) else 1
    levels: dict[str, Any] = {
        "white": white_level(max((item.largest for item in surveys if item.mode != "F"), default=0) or 65535),
        "float_white": float_white_level(max((item.largest for item in surveys if item.mode == "F"), default=0)),
    }
    if size is not None:
        return PictureFormat(size, size, channels, **levels)
    sizes = {(item.height, item.width) for item in surveys}
    typical = float(np.median([max(item.height, item.width) for item in surveys]))
    small = COLOUR_SIDE if channels == 3 else GREY_SIDE
    if len(sizes) == 1:
        height, width = next(iter(sizes))
        larger = max(height, width)
        side = PHOTO_SIDE if larger > SMALL_SIDE else max(small, larger)
        height, width = (max(MIN_SIDE, round(length * side / larger)) for length in (height, width))
        return PictureFormat(height, width, channels, **levels)
    side = PHOTO_SIDE if typical > SMALL_SIDE else small
    return PictureFormat(side, side, channels, **levels)


@contextmanager
def _bombs_are_errors() -> Iterator[None]:
    """Pictures that claim to be too large raise an error in place of a warning."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _is_grey(pixels: Pixels) -> bool:
    """Whether the three channels of all pictures are equal."""
    return all(
        bool((block[..., :1] == block[..., 1:]).all()) for block in np.array_split(pixels, len(pixels) // 512 + 1)
    )


def _format_note(surveys: Sequence[Survey], form: PictureFormat, name: str) -> str:
    """What the pictures are read as."""
    sizes = {(item.width, item.height) for item in surveys}
    original = " x ".join(map(str, next(iter(sizes)))) if len(sizes) == 1 else f"{len(sizes):,} different sizes"
    return f'The pictures of column "{name}" ({original}) are read as {form.describe()}.'


def _conversion_notes(surveys: Sequence[Survey], names: Sequence[str], form: PictureFormat) -> list[str]:
    """What was converted, and the first pictures of each kind.

    Parameters:
        surveys, names: of the pictures that can be read.
    """
    kinds = {
        "in CMYK, whose colours may differ from those seen": [item.mode == "CMYK" for item in surveys],
        f"of 16 bits, of which the value {form.white} became white": [
            item.largest > 0 and item.mode != "F" for item in surveys
        ],
        "animated, of which the first frame counts": [item.animated for item in surveys],
        f"transparent, laid on {'white' if form.background else 'black'}": [item.transparent for item in surveys],
    }
    notes = []
    for what, flags in kinds.items():
        converted = [name for name, flag in zip(names, flags, strict=True) if flag]
        if converted:
            names_text = "" if len(converted) == len(names) else f": {listed_names(converted)}"
            notes.append(f"{plural(len(converted), 'picture is', 'pictures are')} {what}{names_text}.")
    return notes
