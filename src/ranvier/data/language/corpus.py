"""The text of a source: running text, or examples of which each stands in a line of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ranvier.data.sources.file_tree import TEXT
from ranvier.data.sources.source import Source
from ranvier.errors import DataError
from ranvier.records import record

if TYPE_CHECKING:
    import polars as pl

MIN_LINES = 10
MAX_WORDS = 3.0
"""So many words has a line at most, on average, where each line is an example: names, not sentences."""
ENDS_SENTENCE = 0.2
"""So large a fraction of the lines may end as sentences and verses do."""
FORMS = ("auto", "text", "lines")


@record
class Corpus:
    """Texts to learn from.

    Fields:
        examples: one running text; or many texts, none of which goes on in the next.
        lines: whether they are many, each ended by a line break.
        origin: where they came from, for messages.
    """

    examples: tuple[str, ...]
    lines: bool
    origin: str

    def __len__(self) -> int:
        """How many characters there are, those that end examples too."""
        return sum(map(len, self.examples)) + (len(self.examples) if self.lines else 0)


def read_corpus(source: Source, form: str = "auto", ignore: tuple[str, ...] = ()) -> Corpus:
    """The text of an opened source.

    Parameters:
        source: a plain text file, a folder of such, or a table with one column of texts, one example a row.
        form: "text" for running text, "lines" for an example a line; "auto" looks at the lines.
        ignore: columns of a table that are left out.

    Raises:
        DataError: the source holds no text.

    >>> from ranvier.data import open_source
    >>> read_corpus(open_source({"name": ["Ada", "Bob"]})).examples
    ('Ada', 'Bob')
    """
    frame = _frame(source)
    texts = [] if frame is None else [name for name in frame.columns if name not in ignore]
    if frame is None or len(texts) != 1 or not frame[texts[0]].dtype.is_(_string()):
        contents = "arrays of numbers" if frame is None else f"the columns {', '.join(texts[:5]) or '(none)'}"
        raise DataError(
            f"The recipe 'language' takes a plain text file, or a table with one column of texts; {source.origin} "
            f"holds {contents}. Leave the other columns out with ignore."
        )
    cells = [_with_line_feeds(cell) for cell in frame[texts[0]].to_list() if cell]
    _check_is_text(cells, source.origin)
    if source.in_memory or not source.problem:
        return Corpus(tuple(cells), True, source.origin)
    text = "\n".join(cells)
    if form == "lines" or (form == "auto" and are_examples(text)):
        return Corpus(tuple(line for line in text.split("\n") if line), True, source.origin)
    return Corpus((text,), False, source.origin)


def is_plain_text(source: Source) -> bool:
    """Whether a source is one text file, as `data.sources.file_tree.one_file` gives it."""
    return bool(source.problem) and source.column_names == (TEXT,) and source.rows == 1


def are_examples(text: str) -> bool:
    """Whether each line of a text is an example of its own, such as a name, rather than a part of what comes before.

    >>> are_examples("emma\\n" * 20), are_examples("It was late.\\nThe moon\\nhad risen.\\n" * 5)
    (True, False)
    """
    lines = text.strip("\n").split("\n")
    if len(lines) < MIN_LINES or any(not line.strip() for line in lines):
        return False
    words = sum(len(line.split()) for line in lines)
    ended = sum(line.rstrip()[-1] in ".,;:!?{}()" for line in lines)
    return words <= MAX_WORDS * len(lines) and ended <= ENDS_SENTENCE * len(lines)


def _frame(source: Source) -> pl.DataFrame | None:
    return source.frame if source.column_names else None


def _string() -> type[pl.DataType]:
    import polars as pl

    return pl.String


def _with_line_feeds(text: str) -> str:
    """The text with the line breaks of Windows and of old Macintosh files as line feeds, and without a mark."""
    return re.sub("\r\n?", "\n", text.removeprefix("\ufeff"))


def _check_is_text(texts: list[str], origin: str) -> None:
    """Raise a `DataError` where there is no text, or bytes that are none."""
    if not any(text.strip() for text in texts):
        raise DataError(f'"{origin}" holds no text: it is empty, or blank. A text to learn from was expected.')
    for text in texts:
        controls = re.findall("[\0-\x08\x0e-\x1a\x1c-\x1f]", text)
        if "\0" in controls or len(controls) > len(text) // 100:
            raise DataError(
                f'"{origin}" is no text file: {len(controls):,} of its {len(text):,} characters are control '
                "characters. Plain text in UTF-8 was expected."
            )
