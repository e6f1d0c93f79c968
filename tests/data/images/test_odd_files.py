"""Files of pictures that other programs stumble over: depth, transparency, wrong names, lies about sizes, CMYK."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from ranvier.data.images.decode import PictureError, decode, survey
from ranvier.data.images.load import load_pictures
from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.sources.file_reference import FileReference
from ranvier.errors import DataError
from tests.data.pictures import encoded

GREY = PictureFormat(8, 8, 1)
COLOUR = PictureFormat(8, 8, 3)
NOISE = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(40)


def named(name: str, content: bytes) -> FileReference:
    return FileReference(name, content=content)


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_values_of_16_bits_above_the_middle_are_not_clipped(order: str) -> None:
    deep = np.full((8, 8), 65535, np.uint16)
    deep[0] = 40_000
    content = encoded(Image.fromarray(deep.astype(order)), "TIFF")
    assert survey(content).largest == 65535
    assert decode(content, GREY)[0, 0, 0] == round(40_000 * 255 / 65535)
    assert decode(content, GREY)[1:].min() == 255
    note = load_pictures([content] * 3, "x").notes[-1]
    assert note == "3 pictures are of 16 bits, of which the value 65535 became white."


@pytest.mark.parametrize(("mode", "clear"), [("L", 5), ("RGB", (1, 2, 3))])
def test_a_colour_that_stands_for_transparent_is_laid_on_white(mode: str, clear: object) -> None:
    assert (decode(encoded(Image.new(mode, (8, 8), clear), transparency=clear), COLOUR) == 255).all()


def test_half_transparent_pixels_are_mixed_with_white() -> None:
    for picture in (Image.new("RGBA", (8, 8), (0, 0, 0, 128)), Image.new("LA", (8, 8), (0, 128))):
        assert set(decode(encoded(picture), COLOUR).ravel().tolist()) <= {126, 127, 128}


@pytest.mark.parametrize(("ink", "background"), [(255, 0), (0, 255), (160, 255)])
def test_symbols_are_laid_on_what_they_are_seen_on(ink: int, background: int) -> None:
    symbol = Image.new("LA", (32, 32), (ink, 0))
    symbol.paste((ink, 255), (8, 8, 20, 20))
    loaded = load_pictures([encoded(symbol)] * 2 + [encoded(Image.new("L", (32, 32), 90))], "x")
    assert loaded.form.background == background
    assert set(loaded.pixels[0].ravel().tolist()) == {ink, background}
    assert (loaded.pixels[2] == 90).all()
    assert f"laid on {'white' if background else 'black'}: in row 1, in row 2." in loaded.notes[-1]
    assert PictureFormat.from_dict(loaded.form.to_dict()) == loaded.form


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_a_file_cut_off_is_broken_and_never_half_grey(form: str) -> None:
    full = encoded(NOISE, form)
    with pytest.raises(PictureError):
        decode(full[: len(full) // 2], COLOUR)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_all_pictures_have_one_mode() -> None:
    cells = [encoded(Image.new(mode, (8, 8), "white"), "BMP") for mode in ("L", "RGB", "RGBA")]
    assert {survey(cell).mode for cell in cells} == {"L", "RGB"}
    assert load_pictures(cells, "x", size=8).pixels.shape == (3, 8, 8, 1)
    assert load_pictures([*cells, encoded(Image.new("RGBA", (8, 8), "red"), "BMP")], "x", size=8).form.channels == 3


def test_cmyk_is_converted_and_named() -> None:
    red = encoded(Image.new("RGB", (8, 8), "red").convert("CMYK"), "JPEG")
    assert np.abs(decode(red, COLOUR).astype(int) - [255, 0, 0]).max() <= 2
    loaded = load_pictures([named("plain.jpg", encoded(NOISE, "JPEG")), named("print.jpg", red)], "x", size=8)
    assert "1 picture is in CMYK, whose colours may differ from those seen: print.jpg." in loaded.notes


@pytest.mark.parametrize("part", ["canvas", "frame"])
def test_a_small_file_that_claims_to_be_huge_is_not_made_room_for(part: str) -> None:
    content = bytearray(encoded(np.zeros((8, 8), np.uint8), "GIF"))
    at = 6 if part == "canvas" else content.index(b"\x2c", 13) + 5
    content[at : at + 4] = b"\xff\xff\xff\xff"
    good = [named(f"{number}.gif", encoded(np.zeros((8, 8), np.uint8), "GIF")) for number in range(11)]
    loaded = load_pictures([*good, named("bomb.gif", bytes(content))], "x")
    assert loaded.rows.tolist() == list(range(11))
    assert "bomb.gif: it claims to be too large" in loaded.notes[1]


def test_drawings_are_refused_and_no_other_program_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "EPS")
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("Ghostscript was called"))
    for content in (buffer.getvalue(), b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<4hH", 0, 0, 64, 64, 96) + bytes(60)):
        with pytest.raises(PictureError, match=r"it is a drawing|no picture that Pillow knows"):
            decode(content, PictureFormat(8, 8, 3))
    with pytest.raises(PictureError, match="it is a drawing"):
        survey(buffer.getvalue())


def test_large_texts_beside_the_pixels_say_so() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("comment", "x" * (2 << 20), zip=True)
    with pytest.raises(PictureError, match="texts stored beside its pixels are too large"):
        decode(encoded(np.zeros((8, 8), np.uint8), pnginfo=texts), GREY)


def test_files_that_need_another_package_are_counted() -> None:
    pytest.importorskip("PIL")
    cells = [named(f"{at}.heic", HEIC) for at in range(42)] + [named("1.png", encoded(NOISE))]
    with pytest.raises(DataError) as caught:
        load_pictures(cells, "photo")
    assert '42 of 43 pictures of column "photo" cannot be read (0.heic, 1.heic, 2.heic and 39 more: it is ' in str(
        caught.value
    )
    assert "pip install pillow-heif" in str(caught.value)


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    expected = decode(encoded(NOISE), COLOUR)
    for name in ("a.HEIC", "b.jpg", "c"):
        (tmp_path / name).write_bytes(encoded(NOISE))
        np.testing.assert_array_equal(decode(tmp_path / name, COLOUR), expected)


def test_every_way_in_turns_a_picture_upright(tmp_path: Path) -> None:
    picture = Image.fromarray(NOISE[:40])
    exif = picture.getexif()
    exif[0x0112] = 6
    path = tmp_path / "phone.jpg"
    picture.save(path, "JPEG", exif=exif)
    content = path.read_bytes()
    cells = [path, str(path), content, FileReference("phone.jpg", path), Image.open(io.BytesIO(content))]
    loaded = load_pictures(cells, "x", size=16)
    for pixels in loaded.pixels[1:]:
        np.testing.assert_array_equal(pixels, loaded.pixels[0])
    assert (survey(path).width, survey(path).height) == (40, 64)
