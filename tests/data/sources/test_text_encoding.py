"""Encodings of text files: read where they can be told, said where they are guessed, refused otherwise."""

from __future__ import annotations

import pytest

from ranvier.data.sources.text_encoding import as_utf8, decode_text, line_of
from ranvier.errors import DataError

TEXT = "name,x\nCafé,1\nZürich,2\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_unicode_needs_no_note(encoding: str) -> None:
    assert as_utf8(TEXT.encode(encoding), "The file") == (TEXT.encode(), [])


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_utf_16_with_a_mark(mark: str) -> None:
    assert as_utf8(("\ufeff" + TEXT).encode(mark), "The file")[0] == TEXT.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_mark_says_the_encoding_of_running_text(encoding: str) -> None:
    assert decode_text(("\ufeff" + TEXT).encode(encoding)) == (TEXT, encoding)


@pytest.mark.parametrize(("encoding", "text"), [("cp1252", TEXT + "€,3\n"), ("latin-1", TEXT + "\x81,3\n")])
def test_western_text_is_guessed_and_said(encoding: str, text: str) -> None:
    data, notes = as_utf8(text.encode(encoding), "The file")
    assert data.decode() == text
    name = "Windows-1252" if encoding == "cp1252" else "Latin-1"
    assert notes == [f'The text is not UTF-8 and was read as {name}; its first letter beyond ASCII is "é" in line 2.']


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "cp866"])
def test_other_scripts_are_refused(encoding: str) -> None:
    with pytest.raises(DataError, match="in line 2\\), and its encoding cannot be told"):
        as_utf8("name,x\nпривет,1\nмир,2\n".encode(encoding), "The file")


def test_damaged_text_is_refused_by_line() -> None:
    with pytest.raises(DataError, match="is UTF-8 text except for byte 0xE9 in line 3"):
        as_utf8("é,é\nü,ö\n".encode() + b"caf\xe9,1\n", "The file")
    with pytest.raises(DataError, match="begins like UTF-16 text and is damaged"):
        as_utf8(TEXT.encode("utf-16") + b"\x00", "The file")
    with pytest.raises(DataError, match="is not a text file"):
        as_utf8(bytes(range(32)) * 20, "The file")
    with pytest.raises(DataError, match="has a zero byte in line 2"):
        as_utf8(b"a,b\n1,\x00\n", "The file")


def test_lines_end_in_three_ways() -> None:
    assert [line_of(b"a\r\nb\rc\nd", at) for at in (0, 3, 5, 7)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("Käse".encode("utf-16-le"), "utf-16-le"),
        ("Käse".encode("utf-16-be"), "utf-16-be"),
        ("Käse".encode("utf-32"), "utf-32-le"),
        ("Käse €".encode("cp1252"), "cp1252"),
        (b"K\xe4se \x81", "latin-1"),
        ("Käse".encode("utf-8-sig"), "utf-8"),
    ],
)
def test_running_text_and_tables_are_guessed_alike(data: bytes, encoding: str) -> None:
    text, read_as = decode_text(data)
    assert read_as == encoding
    assert text.startswith("Käse")
    assert as_utf8(data, "The file")[0].decode() == text
