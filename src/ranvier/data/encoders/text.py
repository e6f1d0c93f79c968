"""Columns of texts: a feature for each selected word, pair of words and part of a word.

B is the number of rows, V the number of terms in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.parsing import NeedsColumnParser
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import CSRColumnEncoder
from ranvier.data.encoders.feature_options import MAX_TERMS, FeatureOptions
from ranvier.data.text.html import is_html, without_html
from ranvier.data.text.terms import CAPITALS
from ranvier.data.text.vocabulary import Block, Vocabulary
from ranvier.plural import plural
from ranvier.records import record
from ranvier.rows import CSR
from ranvier.rows.csr_later import CSRLater

if TYPE_CHECKING:
    from ranvier.data.columns.column_schema import ColumnSchema


@record(eq=False)
class TextEncoder(CSRColumnEncoder):
    """Encodes texts by their terms, see `Vocabulary`, and a missing or empty text by a feature of its own.

    Fields:
        column: the column's name.
        n_texts: the number of training texts.
        vocabulary: the terms.
        html: whether texts are HTML, whose tags are left out.
    """

    kind: ClassVar[str] = "text"
    column: str
    n_texts: int
    vocabulary: Vocabulary
    html: bool = False

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> TextEncoder:
        """Select the terms, at most `options.max_terms` of each block.

        >>> TextEncoder.fit(pl.Series("note", ["good soup", "bad soup", None])).csr_feature_names[0]
        'note: soup'
        """
        max_terms = MAX_TERMS if options is None else options.max_terms
        html = is_html(texts_of(cells)) if schema is None else schema.html
        return cls(cells.name, len(cells), Vocabulary.fit(texts_of(cells, html), max_terms), html)

    @property
    def csr_feature_names(self) -> tuple[str, ...]:
        """`column: term` for each term, a part of a word in quotes, then one for missing texts."""
        names = [_name(block, term) for block in self.vocabulary.blocks for term in block.terms.to_list()]
        return (*(f"{self.column}: {name}" for name in names), f"{self.column} is missing")

    @property
    def csr_width(self) -> int:
        """V + 1."""
        return self.vocabulary.width + 1

    def describe(self) -> str:
        """How many terms there are of each block.

        >>> TextEncoder.fit(pl.Series("note", ["good soup", "bad soup", None])).describe()
        'TF-IDF: 1 word or pair of words, 15 parts of words, 1 first word'
        """
        if not self.vocabulary.blocks:
            return "no words"
        counts = [plural(len(block.terms), *NAMES[block.name]) for block in self.vocabulary.blocks]
        return f"TF-IDF: {', '.join(counts)}{', without HTML' if self.html else ''}"

    def encode_csr(self, cells: pl.Series) -> CSR:
        """The features of many cells, (B, V + 1) of float32."""
        return self.encode_csr_later(cells).in_memory()

    def encode_csr_later(self, cells: pl.Series) -> CSRLater:
        """The features of many cells, (B, V + 1) of float32, made when they are first read."""
        return CSRLater(len(cells), self.csr_width, partial(self._encoded, texts_of(cells, self.html)))

    def _encoded(self, texts: pl.Series) -> CSR:
        missing = texts.is_null().to_numpy()
        indptr = np.concatenate([[0], np.cumsum(missing)]).astype(np.int64)
        count = int(indptr[-1])
        last = CSR(np.ones(count, np.float32), np.zeros(count, np.int32), indptr, 1)
        return CSR.hstack([self.vocabulary.encode(texts), last])

    def encode_cell_csr(self, cell: Any) -> CSR:
        """The features of one cell, (1, V + 1) of float32.

        Raises:
            NeedsColumnParser: the cell is neither a string nor None.
        """
        if cell is not None and type(cell) is not str:
            raise NeedsColumnParser
        return self.encode_csr(pl.Series(self.column, [cell], dtype=pl.String))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The terms and their frequencies."""
        return self.vocabulary.arrays()

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values, without its arrays."""
        return {"kind": self.kind, "column": self.column, "n_texts": self.n_texts, "html": self.html}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TextEncoder:
        """The encoder that `to_dict` wrote, its arrays under "arrays".

        Raises:
            ModelFileError: a field or an array is absent, or does not fit the others.
        """
        column, n_texts = json_fields.field(data, "column", str), json_fields.field(data, "n_texts", int)
        try:
            vocabulary = Vocabulary.from_arrays(data.get("arrays", {}), n_texts)
        except (KeyError, ValueError) as error:
            raise json_fields.damaged(f'the vocabulary of "{column[:40]}" is damaged ({error})') from error
        return cls(column, n_texts, vocabulary, "html" in data and json_fields.field(data, "html", bool))

    @classmethod
    def count_values(cls, cells: pl.Series) -> tuple[int, int]:
        """The number of missing or empty texts, and of different ones."""
        texts = texts_of(cells)
        return texts.null_count(), texts.drop_nulls().n_unique()


def texts_of(cells: pl.Series, html: bool = False) -> pl.Series:
    """A column as texts, null where the cell is missing or white space.

    Parameters:
        cells: the column.
        html: whether tags are left out and entities read.

    Raises:
        DataError: the cells are no single values.

    >>> texts_of(pl.Series(["a", " ", None])).to_list()
    ['a', None, None]
    """
    parsing.check_dtype(cells)
    texts = cells if cells.dtype == pl.String else cells.cast(pl.String, strict=False)
    texts = without_html(texts) if html else texts
    return texts.set(~texts.str.contains(r"\S").fill_null(False), None)


NAMES = {
    "words": ("word or pair of words", "words and pairs of words"),
    "parts": ("part of a word", "parts of words"),
    "first": ("first word", "first words"),
}
"""Name of a block -> what one of its terms is called, and what several are."""
PLACES = {"0": "1st word", "1": "2nd word", "2": "3rd word", "0-1": "begins", "0-2": "begins"}


def _name(block: Block, term: str) -> str:
    """A term as users read it."""
    if block.name == "parts":
        return f'"{term}"'
    if block.name == "first":
        position, _, words = term.partition(":")
        return f"{PLACES[position]} {words}"
    return "(word in capitals)" if term == CAPITALS else term
