"""The one loader of pictures: orientation, depth, palettes, transparency, CMYK; a reason for each that is broken."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from PIL import Image

from ranvier.data.encoders.decoded_column import ROWS_AT_ONCE
from ranvier.data.encoders.image import ImageEncoder
from ranvier.data.images.decode import PictureError, decode, survey
from ranvier.data.images.load import choose_format, decode_all, load_pictures
from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.sources.file_reference import FileReference
from ranvier.errors import DataError
from ranvier.rows.row_names import rows_called
from tests.data.pictures import encoded

GREY = PictureFormat(8, 8, 1)
COLOUR = PictureFormat(8, 8, 3)
RAMP = (np.arange(64).reshape(8, 8) * 4).astype(np.uint8)
ASYMMETRIC: NDArray[np.uint8] = np.arange(8 * 6, dtype=np.uint8).reshape(8, 6) * 5


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_lossless_formats_keep_every_pixel(form: str) -> None:
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    np.testing.assert_array_equal(decode(encoded(RAMP, form, **options), GREY)[..., 0], RAMP)


def test_jpeg_is_near() -> None:
    assert np.abs(decode(encoded(RAMP, "JPEG", quality=98), GREY)[..., 0].astype(int) - RAMP).max() < 12


TURNS = {2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 6: lambda a: np.rot90(a, -1), 8: np.rot90}


@pytest.mark.parametrize("orientation", TURNS)
def test_the_camera_says_which_side_is_up(orientation: int) -> None:
    picture = Image.fromarray(ASYMMETRIC)
    exif = picture.getexif()
    exif[0x0112] = orientation
    data = encoded(picture, "PNG", exif=exif)
    upright = TURNS[orientation](ASYMMETRIC)
    picture_survey = survey(data)
    assert (picture_survey.height, picture_survey.width) == upright.shape
    np.testing.assert_array_equal(decode(data, PictureFormat(*upright.shape, 1))[..., 0], upright)


def test_depth_of_16_bits_is_scaled_by_the_camera() -> None:
    deep = (RAMP.astype(np.uint16) * 16).clip(0, 4095)
    cells = [encoded(Image.fromarray(deep)), deep]
    for cell in cells:
        picture_survey = survey(cell)
        assert picture_survey.largest == deep.max()
        form = choose_format([picture_survey], size=8)
        assert form.white == 4095
        assert abs(int(decode(cell, form).max()) - 255 * int(deep.max()) // 4095) <= 1
    full = RAMP.astype(np.uint16) * 257
    assert choose_format([survey(full)]).white == 65535
    np.testing.assert_array_equal(decode(full, GREY)[..., 0], RAMP)


def test_palette_alpha_and_cmyk() -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    for mode in ("P", "RGBA", "CMYK"):
        data = encoded(red.convert(mode), "TIFF")
        assert survey(data).colour
        assert np.abs(decode(data, COLOUR).astype(int) - [255, 0, 0]).max() <= 2
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert (decode(encoded(clear), COLOUR) == 255).all()
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0])
    assert (decode(encoded(palette, transparency=0), COLOUR) == 255).all()
    assert not survey(encoded(Image.new("P", (8, 8)))).colour
    assert decode(encoded(Image.new("1", (8, 8), 1)), GREY).max() == 255


def test_the_first_frame_of_an_animation_counts(tmp_path: Path) -> None:
    frames = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]
    path = tmp_path / "named.jpg"
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:])
    assert survey(path).animated
    np.testing.assert_array_equal(decode(path, GREY)[..., 0], RAMP)


@pytest.mark.parametrize("cell", [RAMP, RAMP[..., None], RAMP / 255.0, (RAMP > 100), RAMP.astype(np.int64) * 257])
def test_arrays_of_every_kind(cell: NDArray[Any]) -> None:
    expected = np.where(RAMP > 100, 255, 0) if cell.dtype == np.bool_ else RAMP
    np.testing.assert_array_equal(decode(cell, GREY)[..., 0], expected)


def test_one_loader_for_every_way_in(tmp_path: Path) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 70, 3)).astype(np.uint8))
    path = tmp_path / "x.png"
    picture.save(path)
    ways: list[Any] = [path, str(path), FileReference("x", path), path.read_bytes(), picture, np.asarray(picture)]
    results = [decode(way, COLOUR) for way in ways]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", b"")
    )


BROKEN: dict[str, tuple[Any, str]] = {
    "empty": (b"", "it is empty"),
    "text": (b"<html>404</html>", "no picture that Pillow knows"),
    "truncated": (encoded(np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8), "PNG")[:900], ""),
    "bomb": (png_that_claims(60_000, 60_000), "too large"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(40), "HEIC"),
    "shape": (np.zeros((5, 4, 7), np.uint8), "has shape (5, 4, 7)"),
    "nan": (np.full((4, 4), np.nan), "NaN"),
    "none": (None, "it is missing"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_picture_has_a_reason(case: str) -> None:
    cell, reason = BROKEN[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with pytest.raises((PictureError, DataError)) as caught:
            decode(cell, GREY)
    assert reason in str(caught.value)


def test_broken_pictures_are_named_counted_and_left_out() -> None:
    good = [encoded(np.full((8, 8), value, np.uint8)) for value in range(30)]
    cells = [FileReference(f"{at}.png", content=data) for at, data in enumerate(good)]
    cells[7] = FileReference("7.png", content=b"broken")
    loaded = load_pictures(cells, "photo")
    assert loaded.rows.tolist() == [*range(7), *range(8, 30)]
    assert loaded.pixels[:, 0, 0, 0].tolist() == [*range(7), *range(8, 30)]
    assert any("1 picture was left out" in note and "7.png" in note for note in loaded.notes)
    cells[:4] = [FileReference(f"bad{at}.png", content=b"") for at in range(4)]
    with pytest.raises(
        DataError,
        match=r'5 of 30 pictures of column "photo" cannot be read \(bad0.png, bad1.png, bad2.png and 1 more: it is e',
    ):
        load_pictures(cells, "photo")
    with pytest.raises(DataError, match=r'The picture bad0.png of column "photo" cannot be read'):
        decode_all(cells, loaded.form, "photo")


def test_a_broken_picture_far_down_is_called_by_its_row() -> None:
    encoder = ImageEncoder("photo", PictureFormat(4, 4, 1))
    cells: list[object] = [np.zeros((4, 4), np.uint8)] * (ROWS_AT_ONCE + 9)
    cells[ROWS_AT_ONCE + 5] = b""
    with rows_called(indexed=True), pytest.raises(DataError, match=f"at row index {ROWS_AT_ONCE + 5} of column"):
        encoder.encode(pl.Series("photo", cells, dtype=pl.Object), np.zeros((len(cells), 16), np.uint8))


def test_pictures_are_grey_if_all_are() -> None:
    grey = np.repeat(RAMP[..., None], 3, axis=2)
    assert load_pictures([grey] * 3, "x", size=8).pixels.shape == (3, 8, 8, 1)
    coloured = grey.copy()
    coloured[0, 0] = (255, 0, 0)
    loaded = load_pictures([grey, grey, coloured], "x", size=8)
    assert loaded.form.channels == 3
    alone = decode(encoded(grey), PictureFormat(8, 8, 1))
    np.testing.assert_array_equal(alone[..., 0], RAMP)


def test_a_set_of_float_pictures_has_one_white() -> None:
    loaded = load_pictures([np.full((8, 8), 16.0), np.full((8, 8), 1.0)], "x", size=8)
    assert loaded.form.float_white == 16.0
    assert loaded.pixels[:, 0, 0, 0].tolist() == [255, 16]


def test_progress_is_reported_to_the_end() -> None:
    picture_survey: list[tuple[int, int]] = []
    load_pictures([RAMP] * 70, "x", progress=lambda done, total: picture_survey.append((done, total)))
    # Each is looked at and decoded.
    assert picture_survey[-1] == (140, 140)
    assert picture_survey == sorted(picture_survey)


def test_sizes() -> None:
    def size(*sizes: tuple[int, int], mode: str = "L") -> tuple[int, int, int]:
        pictures = [Image.new(mode, (width, height), "red" if mode == "RGB" else 7) for height, width in sizes]
        return choose_format([survey(picture) for picture in pictures]).shape

    assert size((28, 28)) == (28, 28, 1)
    assert size((16, 16)) == (28, 28, 1)
    assert size((32, 32), mode="RGB") == (32, 32, 3)
    assert size((40, 20)) == (40, 20, 1)
    assert size((20, 30), (30, 20), mode="RGB") == (32, 32, 3)
    assert size((480, 640), mode="RGB") == (48, 64, 3)
    assert size((480, 640), (500, 500), mode="RGB") == (64, 64, 3)


def test_bytes_of_a_camera_are_drafted_without_a_change_of_shape() -> None:
    large = Image.fromarray(np.random.default_rng(1).integers(0, 255, (300, 400, 3)).astype(np.uint8))
    assert decode(encoded(large, "JPEG"), COLOUR).shape == (8, 8, 3)
    assert io.BytesIO(encoded(large, "JPEG")).getbuffer().nbytes > 0
