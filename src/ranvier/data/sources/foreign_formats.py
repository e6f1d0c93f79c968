"""Files whose bytes are those of another format than their names say: what they are, and what to do."""

from __future__ import annotations

import re

from ranvier.data.sources.file_content import content_kind
from ranvier.errors import DataError

DOWNLOAD = "A server sent a page in place of the file; see in a browser what it says, and download the file again"
WORKBOOK = "Save it as CSV from the spreadsheet program"
CONVERT = "Give the data as CSV, Parquet or JSON Lines"
FORMATS: tuple[tuple[str, str, str], ...] = (
    # How the bytes begin, what they are, what to do.
    (r"\s*(?i:<!doctype html|<html|<head|<body)", "a page in HTML", DOWNLOAD),
    (r"\s*<\?xml", "XML", CONVERT),
    (r"\s*[\[{]\s*[\[{\"]", "JSON", "End its name in .json or .jsonl"),
    (r"(?i)(?:\s*%[^\n]*\n)*\s*@relation\s", "a file of Weka (ARFF)", CONVERT),
    (
        r"[+-]?[0-9.]+(?: +[0-9]+:[-+0-9.eE]+)+ *(?:#[^\n]*)?\r?\n",
        "rows of LIBSVM",
        "Read it with sklearn.datasets.load_svmlight_file, and give the arrays to train",
    ),
    (r"version https://git-lfs\.github\.com/", "a pointer of Git LFS to the file", "Fetch the file: git lfs pull"),
    (r"(?s)PK\x03\x04.*(?:xl/|Content_Types)", "a workbook of a spreadsheet program", WORKBOOK),
    (r"\xd0\xcf\x11\xe0", "a workbook of a spreadsheet program", WORKBOOK),
    (r"PK\x03\x04", "a ZIP archive", "End its name in .zip"),
    (r"\x1f\x8b", "packed with gzip", "End its name in .gz"),
    (r"BZh[1-9]", "packed with bzip2", "End its name in .bz2"),
    (r"\xfd7zXZ", "packed with xz", "End its name in .xz"),
    (r"7z\xbc\xaf|Rar!", "an archive", "Unpack it, and give a file of it"),
    (r"PAR1", "a Parquet file", "End its name in .parquet"),
    (r"\x93NUMPY", "an array of NumPy", "Write it with numpy.savez(path, X=inputs, y=targets)"),
    (r"ARROW1", "an Arrow file", "End its name in .feather"),
    (r"FEA1|SQLite format 3|\x89HDF|OBJ\x01", "a file of another data format", CONVERT),
    (r"%PDF-|%!PS|\{\\rtf", "a document", CONVERT),
)
"""Patterns of the first bytes, each byte being a character."""
_FORMATS = tuple((re.compile(pattern.encode("latin-1")), what, advice) for pattern, what, advice in FORMATS)


def refuse_other_formats(data: bytes, called: str, expected: str) -> None:
    """Refuse bytes that are known to be those of another format.

    Parameters:
        data: the first bytes of a file, or all of them.
        called: the file, as the first words of a sentence.
        expected: what it should be.

    Raises:
        DataError: they are.

    >>> refuse_other_formats(b"age,income", '"rows.csv"', "a table in CSV")
    """
    head = data[:4096]
    for pattern, what, advice in _FORMATS:
        if pattern.match(head):
            raise DataError(f"{called} is {what} and not {expected}, whatever its name says. {advice}.")
    kind = {"image": "a picture", "sound": "a recording"}.get(content_kind(head, "") or "")
    if kind is not None and not head.isascii():
        raise DataError(f"{called} is {kind} and not {expected}, whatever its name says. Give the table.")
