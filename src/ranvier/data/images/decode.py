"""From a cell to pixels: the one loader, with the same bits in training and prediction.

A picture is turned as its camera says (EXIF), laid on the background of the format where it is transparent, made grey
or red-green-blue, and resized. Files are read with Pillow; arrays and pictures of Pillow go the same way.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.readable_cells import CellError
from ranvier.data.sources.array_cells import is_channel_first
from ranvier.data.sources.file_reference import FileReference
from ranvier.errors import DataError
from ranvier.records import record

Pixels = NDArray[np.uint8]
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)
"""The number of the field of EXIF that says how a camera was held, and its values for a quarter turn."""
SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N", "I")
DRAWINGS = ("EPS", "WMF")
"""Formats of drawings, which Pillow has other programs paint."""
HEIF = ("ftyphei", "ftyphev", "ftypmif", "ftypmsf")


class PictureError(CellError):
    """A picture that cannot be decoded; the message says why, without its name."""


@record
class Survey:
    """What a picture is before it is brought into a format.

    Fields:
        width, height: in pixels, as it is seen.
        mode: of Pillow, such as "RGB", "I;16" for 16 bits and "F" for floating point.
        colour: whether it has colours.
        animated: whether it has several frames, of which the first counts.
        largest: the largest value of a picture of 16 bits or of floating point, else 0.
        transparent: whether some of its pixels may be transparent.
    """

    width: int
    height: int
    mode: str
    colour: bool
    animated: bool = False
    largest: float = 0.0
    transparent: bool = False


def survey(cell: Any) -> Survey:
    """Look at a picture; the pixels of a file are not decoded, unless it has 16 bits.

    Raises:
        PictureError: it is no picture, or a damaged one.

    >>> survey(np.zeros((2, 3), np.uint8))
    Survey(width=3, height=2, mode='L', colour=False, animated=False, largest=0.0, transparent=False)
    """
    if isinstance(cell, np.ndarray):
        return _survey_of_array(cell)
    seen: Survey = _guarded(lambda: _survey_of_picture(_opened(cell)))
    return seen


def _survey_of_picture(picture: Any) -> Survey:
    """What a picture of Pillow is."""
    deep = picture.mode in (*SIXTEEN_BITS, "F")
    width, height = picture.size
    if picture.getexif().get(ORIENTATION, 1) in SIDEWAYS:
        width, height = height, width
    largest = float(np.asarray(picture).max(initial=0)) if deep else 0.0
    colour = not deep and picture.mode not in ("1", "L", "LA", "La")
    if picture.mode == "P":
        colour = _has_colour_palette(picture)
    animated, transparent = getattr(picture, "n_frames", 1) > 1, _is_transparent(picture)
    return Survey(width, height, picture.mode, colour, animated, largest, transparent)


def decode(cell: Any, form: PictureFormat) -> Pixels:
    """The pixels of a picture in a format, shape (H, W, C).

    Parameters:
        cell: a `FileReference`, a path, the bytes of a file, a picture of Pillow, or an array (height, width),
            (height, width, channels) or (channels, height, width): of bytes, of 16 bits, of booleans, or of floating
            point from 0 to 1 or to 255.
        form: the format.

    Raises:
        PictureError: it is no picture, or a damaged one.

    >>> decode(np.full((4, 4), 7, np.uint8), PictureFormat(2, 2, 1)).tolist()
    [[[7], [7]], [[7], [7]]]
    """
    from PIL import Image

    if isinstance(cell, np.ndarray):
        shapes = (form.shape, form.shape[:2]) if form.channels == 1 else (form.shape,)
        if cell.dtype == np.uint8 and cell.shape in shapes:
            return cell.reshape(form.shape)
        cell = Image.fromarray(_bytes_of_array(cell, form))

    def finished(picture: Any) -> Pixels:
        mode = "L" if form.channels == 1 else "RGB"
        flat = _in_mode(_upright(picture), mode, form)
        if flat.size != (form.width, form.height):
            flat = flat.resize((form.width, form.height), Image.Resampling.BILINEAR, reducing_gap=3.0)
        return np.asarray(flat, np.uint8).reshape(form.shape)

    picture = _opened(cell)
    if picture.format in ("JPEG", "MPO"):
        # Decodes at 1/2, 1/4 or 1/8 of the size where that is still twice as large as needed.
        side = 2 * max(form.height, form.width)
        picture.draft(None, (side, side))
    pixels: Pixels = _guarded(lambda: finished(picture))
    return pixels


def _opened(cell: Any) -> Any:
    """A picture of Pillow, not loaded yet."""
    from PIL import Image

    if isinstance(cell, Image.Image):
        return cell
    data = _file_bytes(cell)
    if not data:
        raise PictureError("it is empty")
    heif = any(data[4:12].startswith(brand.encode()) for brand in HEIF)
    if heif and not _heif_is_known():
        raise PictureError("it is a HEIC picture, which needs: pip install pillow-heif")
    picture = _guarded(lambda: Image.open(io.BytesIO(data)))
    if picture.format in DRAWINGS:
        raise PictureError(f"it is a drawing ({picture.format}) and no picture of pixels; save it as PNG")
    return picture


_PILLOW_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, OverflowError, AttributeError),
    *(struct.error, zlib.error, NotImplementedError, RuntimeError, ZeroDivisionError),
)
"""What Pillow raises for damaged files, by their formats."""


def _guarded(work: Callable[[], Any]) -> Any:
    """What Pillow does, its failures as a `PictureError` with the reason."""
    from PIL import Image, UnidentifiedImageError

    try:
        return work()
    except DataError:
        raise
    except UnidentifiedImageError:
        raise PictureError("it is no picture that Pillow knows, or its first bytes are damaged") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(f"it claims to be too large ({error})") from None
    except _PILLOW_ERRORS as error:
        if "MAX_TEXT" in str(error):
            raise PictureError("the texts stored beside its pixels are too large; save it without them") from None
        raise PictureError(str(error) or type(error).__name__) from None


def _file_bytes(cell: Any) -> bytes:
    """The bytes of a file."""
    if isinstance(cell, FileReference):
        return cell.read()
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return bytes(cell)
    if isinstance(cell, (str, Path)):
        return FileReference(str(cell), Path(cell)).read()
    if cell is None:
        raise PictureError("it is missing")
    raise PictureError(f"it is of type {type(cell).__name__}; a path, bytes, an array or a picture was expected")


def _picture_array(array: NDArray[Any]) -> NDArray[Any]:
    """The array of a picture, (height, width) or with 3 or 4 channels, checked."""
    if is_channel_first(array.shape):
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or 0 in array.shape:
        raise PictureError(
            f"it has shape {array.shape}; (height, width), or (height, width, channels) of 1, 3 or 4 channels, was "
            "expected"
        )
    if array.dtype.kind not in "buif":
        raise PictureError(f"it is an array of {array.dtype}; numbers were expected")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise PictureError("it holds NaN or infinite values")
    if array.dtype.kind in "if" and array.min() < 0:
        raise PictureError(f"its values begin at {array.min():g}; 0 or more was expected")
    return array


def _survey_of_array(array: NDArray[Any]) -> Survey:
    """What an array is."""
    array = _picture_array(array)
    height, width = array.shape[:2]
    colour = array.ndim == 3 and bool((array[:, :, :1] != array[:, :, 1:3]).any())
    if array.dtype.kind == "f":
        return Survey(width, height, "F", colour, largest=float(array.max()))
    if array.dtype.itemsize > 1:
        return Survey(width, height, "I;16", colour, largest=float(array.max()))
    return Survey(width, height, "L" if array.ndim == 2 else "RGB", colour)


def _bytes_of_array(array: NDArray[Any], form: PictureFormat) -> Pixels:
    """The array of a picture as bytes."""
    array = _picture_array(array)
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind != "f":
        return _scaled(array, form.white)
    scaled: Pixels = np.rint(np.minimum(array.astype(np.float64) * (255.0 / form.float_white), 255.0)).astype(np.uint8)
    return scaled


def _scaled(values: NDArray[Any], white: int) -> Pixels:
    """Integers as bytes, of which 255 stands for `white`."""
    scaled: Pixels = np.clip((values.astype(np.int64) * 255 + white // 2) // white, 0, 255).astype(np.uint8)
    return scaled


def _upright(picture: Any) -> Any:
    """The picture as its camera was held."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture)


def _in_mode(picture: Any, mode: str, form: PictureFormat) -> Any:
    """The picture in "L" or "RGB"."""
    from PIL import Image

    if picture.mode in SIXTEEN_BITS:
        picture = Image.fromarray(_scaled(np.asarray(picture), form.white))
    elif picture.mode == "F":
        picture = Image.fromarray(_bytes_of_array(np.asarray(picture), form))
    if _is_transparent(picture):
        above = picture.convert("RGBA")
        picture = Image.new("RGBA", above.size, (*(form.background,) * 3, 255))
        picture.alpha_composite(above)
        picture = picture.convert("RGB")
    elif picture.mode not in ("L", "RGB"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    return picture if picture.mode == mode else picture.convert(mode)


def _is_transparent(picture: Any) -> bool:
    """Whether some of the pixels may be transparent."""
    return "A" in picture.mode or "a" in picture.mode or "transparency" in picture.info


def _has_colour_palette(picture: Any) -> bool:
    """Whether a palette has other colours than greys."""
    palette = np.frombuffer(picture.convert("RGBA").convert("RGB").tobytes(), np.uint8).reshape(-1, 3)
    return bool((palette[:, :1] != palette[:, 1:]).any())


@cache
def _heif_is_known() -> bool:
    """Whether the package that reads HEIC is there; it is made known to Pillow."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True
