"""Pictures of a whole column: looked at, brought into one format, decoded once by several threads."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ranvier.data.images.decode import PictureError, Pixels, Survey, decode, survey
from ranvier.data.images.picture_format import PictureFormat, float_white_level, white_level
from ranvier.errors import DataError
from ranvier.records import record

MAX_BROKEN = 0.1
"""The share of broken pictures above which nothing is read."""
SMALL_SIDE = 40
GREY_SIDE, COLOUR_SIDE, PHOTO_SIDE = 28, 32, 64
MIN_SIDE = 4
BLOCK = 64
Progress = Callable[[int, int], None]


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
    cells: Sequence[Any], name: str, size: int | None = None, progress: Progress | None = None
) -> Pictures:
    """Decode the pictures of a training table, in a format that is chosen by all of them.

    Parameters:
        cells: as `decode` takes them.
        name: of the column, for messages.
        size: the height and width to bring them to, in pixels; None to choose it.
        progress: called with the number of pictures that are done, and of all.

    Raises:
        DataError: more than a tenth cannot be read.
    """
    surveys, broken = _by_threads(cells, survey, None)
    _check_broken(cells, broken, name)
    if not any(surveys):
        raise DataError(f'Column "{name}" holds no picture.')
    form = choose_format([item for item in surveys if item is not None], size)
    decoded, more = _by_threads(cells, lambda cell: decode(cell, form), progress)
    broken |= more
    _check_broken(cells, broken, name)
    rows = np.array([at for at, item in enumerate(decoded) if item is not None], np.int64)
    pixels = np.stack([item for item in decoded if item is not None])
    if form.channels == 3 and _is_grey(pixels):
        form = replace(form, channels=1)
        pixels = np.ascontiguousarray(pixels[..., :1])
    return Pictures(pixels, rows, form, _notes(cells, surveys, broken, form, name))


def decode_all(cells: Sequence[Any], form: PictureFormat, name: str) -> Pixels:
    """The pictures of a column in a format that is known, shape (B, H, W, C).

    Raises:
        DataError: one of them cannot be read.

    >>> decode_all([np.zeros((9, 9), np.uint8)], PictureFormat(8, 8, 1), "x").shape
    (1, 8, 8, 1)
    """
    decoded, broken = _by_threads(cells, lambda cell: decode(cell, form), None)
    if broken:
        at, reason = next(iter(sorted(broken.items())))
        raise DataError(f'The picture {_called(cells[at], at)} of column "{name}" cannot be read: {reason}.')
    return np.stack(decoded) if decoded else np.zeros((0, *form.shape), np.uint8)


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
        height, width = (max(MIN_SIDE, round(own * side / larger)) for own in (height, width))
        return PictureFormat(height, width, channels, **levels)
    side = PHOTO_SIDE if typical > SMALL_SIDE else small
    return PictureFormat(side, side, channels, **levels)


def _by_threads(
    cells: Sequence[Any], work: Callable[[Any], Any], progress: Progress | None
) -> tuple[list[Any], dict[int, str]]:
    """What `work` makes of each cell, by several threads, None where it cannot be read; and why not, by index."""
    broken: dict[int, str] = {}

    def block(start: int) -> list[Any]:
        results = []
        for at in range(start, min(start + BLOCK, len(cells))):
            try:
                results.append(work(cells[at]))
            except DataError as error:
                broken[at] = str(error) if isinstance(error, PictureError) else str(error).removesuffix(".")
                results.append(None)
        return results

    starts = range(0, len(cells), BLOCK)
    results: list[Any] = []
    with _bombs_are_errors(), ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        for part in pool.map(block, starts):
            results += part
            if progress is not None:
                progress(len(results), len(cells))
    return results, broken


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


def _check_broken(cells: Sequence[Any], broken: dict[int, str], name: str) -> None:
    if len(broken) > MAX_BROKEN * len(cells):
        raise DataError(
            f'{len(broken):,} of {len(cells):,} pictures of column "{name}" cannot be read ({_listed(cells, broken)}); '
            "at most a tenth was expected. Mend them or take them out."
        )


def _listed(cells: Sequence[Any], broken: dict[int, str]) -> str:
    """The first broken pictures with the reasons."""
    first = sorted(broken)[:5]
    more = f"; and {len(broken) - 5:,} more" if len(broken) > 5 else ""
    return "; ".join(f"{_called(cells[at], at)}: {broken[at]}" for at in first) + more


def _called(cell: Any, at: int) -> str:
    """What to call a picture: its file, or its number."""
    name = getattr(cell, "name", None) or (cell if isinstance(cell, str) else None)
    return f"{name}" if name else f"at row index {at}"


def _notes(
    cells: Sequence[Any], surveys: Sequence[Survey | None], broken: dict[int, str], form: PictureFormat, name: str
) -> tuple[str, ...]:
    """What was chosen, converted or left out."""
    good = [item for item in surveys if item is not None]
    sizes = Counter((item.width, item.height) for item in good)
    original = " x ".join(map(str, next(iter(sizes)))) if len(sizes) == 1 else f"{len(sizes):,} different sizes"
    notes = [f'The pictures of column "{name}" ({original}) are read as {form.describe()}.']
    if broken:
        what = "1 picture was" if len(broken) == 1 else f"{len(broken):,} pictures were"
        notes.append(f"{what} left out, which cannot be read: {_listed(cells, broken)}.")
    counts = {
        "in CMYK, whose colours may differ from those seen": sum(item.mode == "CMYK" for item in good),
        f"of 16 bits, of which the value {form.white} became white": sum(
            item.largest > 0 and item.mode != "F" for item in good
        ),
        "animated, of which the first frame counts": sum(item.animated for item in good),
        "transparent, laid on white": sum(item.mode in ("RGBA", "LA", "PA", "La", "RGBa") for item in good),
    }
    notes += [f"{count:,} picture{'s are' if count > 1 else ' is'} {what}." for what, count in counts.items() if count]
    return tuple(notes)
