"""Which text a source holds, and whether its lines are examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier.data import open_source
from ranvier.data.language.corpus import Corpus, are_examples, is_plain_text, read_corpus
from ranvier.errors import DataError

NAMES = "\n".join(["emma", "olivia", "ava", "isabella", "sophia", "charlotte", "mia", "amelia", "harper", "evelyn"])
VERSES = "\n".join(["It is the east, and Juliet is the sun.", "Arise, fair sun,", "and kill the envious moon"] * 5)


def corpus_of(folder: Path, content: bytes) -> Corpus:
    """The corpus of a file with these bytes."""
    path = folder / "text.txt"
    path.write_bytes(content)
    return read_corpus(open_source(path))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NAMES, True),
        (NAMES + "\n", True),
        (NAMES.replace("emma", "Emma Lou"), True),
        (NAMES.replace("emma", ""), False),
        ("emma\nava", False),
        (VERSES, False),
        ("def f(x):\n    return x + 1\n" * 10, False),
        ("one long line of running text without an end " * 50, False),
    ],
)
def test_lines_are_examples_where_they_are_short_and_end_no_sentence(text: str, expected: bool) -> None:
    assert are_examples(text) is expected


def test_line_breaks_of_every_system_are_the_same(tmp_path: Path) -> None:
    texts = [corpus_of(tmp_path, VERSES.replace("\n", end).encode()).examples for end in ("\n", "\r\n", "\r")]
    assert texts[0] == texts[1] == texts[2] == (VERSES,)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_usual_encoding_gives_the_same_text(tmp_path: Path, encoding: str) -> None:
    text = "Schöne Grüße aus Köln, weiß der Bär.\n\n" * 3
    assert corpus_of(tmp_path, text.encode(encoding)).examples == (text,)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\0\1\2\3" * 100, bytes(range(256)) * 4])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"holds no text|is no text file"):
        corpus_of(tmp_path, content)


def test_a_table_of_one_column_of_texts_is_examples() -> None:
    table = {"name": ["Ada", None, "Bob"], "age": [36, 40, 41]}
    with pytest.raises(DataError, match=r"one column of texts.* name, age"):
        read_corpus(open_source(table))
    assert read_corpus(open_source(table), ignore=("age",)).examples == ("Ada", "Bob")


def test_only_one_text_file_is_taken_for_a_language_model(tmp_path: Path) -> None:
    for name in ("a/1.txt", "b/2.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(VERSES)
    assert is_plain_text(open_source(tmp_path / "a/1.txt"))
    assert not is_plain_text(open_source(tmp_path))
    assert not is_plain_text(open_source({"text": ["a"]}))
