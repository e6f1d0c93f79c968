"""The one form that all pictures of a column are brought into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from numpy.typing import NDArray

from ranvier.data.encoders import json_fields
from ranvier.records import record

WHITE_LEVELS = (255, 1023, 4095, 16383)
"""The largest values of cameras with 8, 10, 12 and 14 bits, which write files of 16 bits."""

WHITE = 255


@record
class PictureFormat:
    """Height and width in pixels, channels, and how values become bytes.

    Fields:
        height, width: of every picture after it was resized, in pixels.
        channels: 1 for grey pictures, 3 for red, green and blue.
        white: the value of pictures of 16 bits that becomes 255.
        float_white: the value of arrays of floating point that becomes 255.
        background: the grey that is behind transparent pixels, 255 for white.
        blank: whether a missing picture is a black one, and not one that cannot be read.

    >>> PictureFormat(28, 28, 1).shape
    (28, 28, 1)
    """

    height: int
    width: int
    channels: int
    white: int = 65535
    float_white: float = 1.0
    background: int = WHITE
    blank: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.height, self.width, self.channels

    @property
    def pixels(self) -> int:
        """H * W * C, the numbers of one picture."""
        return self.height * self.width * self.channels

    def batch(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array as pictures, one a row: a single picture becomes one, and flat rows get their shape back.

        >>> import numpy as np
        >>> PictureFormat(8, 8, 1).batch(np.zeros((3, 64))).shape, PictureFormat(8, 8, 1).batch(np.zeros((8, 8))).shape
        ((3, 8, 8, 1), (1, 8, 8))
        """
        if array.shape in (self.shape, self.shape[:2]):
            return array[None]
        return array.reshape(-1, *self.shape) if array.ndim == 2 and array.shape[1] == self.pixels else array

    def describe(self) -> str:
        """The format in words.

        >>> PictureFormat(32, 32, 3).describe()
        '32 x 32 pixels, in colour'
        """
        return f"{self.width} x {self.height} pixels, {'grey' if self.channels == 1 else 'in colour'}"

    def to_dict(self) -> dict[str, Any]:
        """The format as plain JSON values."""
        # What is usual stays out, so that files are those of versions that knew nothing else.
        usual = {"background": WHITE, "blank": False}
        return {name: value for name, value in asdict(self).items() if name not in usual or value != usual[name]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PictureFormat:
        """The format that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent, of another type, or out of range.
        """
        height, width, channels, white = (
            json_fields.field(data, name, int) for name in ("height", "width", "channels", "white")
        )
        float_white = json_fields.field(data, "float_white", float)
        background = json_fields.field(data, "background", int) if "background" in data else WHITE
        blank = json_fields.field({"blank": False, **data}, "blank", bool)
        if min(height, width, white) < 1 or channels not in (1, 3) or float_white <= 0 or not 0 <= background <= WHITE:
            raise json_fields.damaged(f"pictures of {width} x {height} pixels and {channels} channels")
        return cls(height, width, channels, white, float_white, background, blank)


def float_white_level(largest: float) -> float:
    """The value of floating point that becomes 255: 1 where none is larger, 255 where the largest is near, else itself.

    >>> float_white_level(0.9), float_white_level(16.0), float_white_level(254.0)
    (1.0, 16.0, 255.0)
    """
    return 1.0 if largest <= 1.0 else 255.0 if 200.0 < largest <= 255.0 else largest


def white_level(largest: float) -> int:
    """The value that becomes 255, from the largest value of all pictures of 16 bits: that of the camera's bits.

    >>> white_level(200), white_level(4000), white_level(60000)
    (255, 4095, 65535)
    """
    return next((level for level in WHITE_LEVELS if largest <= level), 65535)
