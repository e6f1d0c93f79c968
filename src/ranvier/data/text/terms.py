"""From tokens to terms, what a text is described by: words and pairs of words, parts of words, the first words.

B texts, U different tokens, V terms of a block. A block is a way to make terms; its counts are a sparse matrix (B, V).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.text.tokens import Tokens
from ranvier.records import record

if TYPE_CHECKING:
    from scipy import sparse

Array = NDArray[Any]
CAPITALS = " capitals"
"""The term of all words in capitals; no other one begins with a space and is that long."""
MIN_PART, MAX_PART = 2, 5
"""The characters of a part of a word, the spaces around the word counted."""
N_FIRST = 3
ROWS_AT_ONCE, PAIRS_AT_ONCE, PARTS_AT_ONCE = 1024, 1 << 19, 1 << 19


@record(eq=False)
class Candidates:
    """Terms that could be taken, and in how many texts each stands.

    Fields:
        terms: the terms, all different.
        frequencies: in how many texts each stands.
    """

    terms: pl.Series
    frequencies: NDArray[np.int64]

    def selected(self, count: int, min_frequency: int) -> Candidates:
        """The `count` most frequent ones of at least `min_frequency` texts; of equally frequent ones the first."""
        enough = np.flatnonzero(self.frequencies >= min_frequency)
        order = enough[np.argsort(-self.frequencies[enough], kind="stable")[:count]]
        order.sort()
        return Candidates(self.terms[order], self.frequencies[order])


def strings(cells: Any) -> pl.Series:
    """A column of terms.

    >>> strings(["a"]).dtype
    String
    """
    return pl.Series("term", cells, dtype=pl.String)


def frequencies(rows: Array, items: Array, count: int) -> NDArray[np.int64]:
    """In how many rows each of `count` items stands, given the pairs of row and item, repeated ones too; rows ascend.

    >>> frequencies(np.array([0, 0, 1]), np.array([2, 2, 2]), 3).tolist()
    [0, 0, 2]
    """
    counted = np.zeros(count, np.int64)
    for part in _whole_rows(rows):
        pairs = pl.DataFrame({"row": rows[part], "item": items[part]}).unique()
        counted += np.bincount(pairs["item"].to_numpy(), minlength=count)
    return counted


def _frequent(rows: Array, keys: Array) -> tuple[Array, Array]:
    """The keys that stand in two rows or more, ascending, and in how many; `rows` ascend."""
    once = [pl.DataFrame({"row": rows[part], "key": keys[part]}).unique()["key"] for part in _whole_rows(rows)]
    if not once:
        return keys, np.zeros(0, np.int64)
    matches = pl.concat(once).to_frame().group_by("key").len("rows").filter(pl.col("rows") > 1).sort("key")
    return matches["key"].to_numpy(), matches["rows"].to_numpy().astype(np.int64)


def _whole_rows(rows: Array) -> Iterator[slice]:
    """Parts of ascending rows that divide none, about `PAIRS_AT_ONCE` each, which a table of pairs needs less for."""
    start = 0
    while start < len(rows):
        last = rows[min(start + PAIRS_AT_ONCE, len(rows)) - 1]
        stop = int(np.searchsorted(rows, last, side="right"))
        yield slice(start, stop)
        start = stop


def counts(rows: Array, items: Array, shape: tuple[int, int]) -> sparse.csr_array:
    """How often each item stands in each row: columns ascending within a row."""
    from scipy import sparse

    matrix = sparse.csr_array((np.ones(len(rows), np.float32), (rows, items)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def neighbours(tokens: Tokens, length: int) -> tuple[Array, Array]:
    """Where `length` tokens of one text follow each other: the index of the first of them, and its text."""
    rows = tokens.rows
    starts = np.flatnonzero(rows[: max(len(rows) - length + 1, 0)] == rows[length - 1 :])
    return starts, rows[starts]


class Words:
    """Words, symbols, pairs of neighbours, and one term for all words in capitals."""

    @staticmethod
    def candidates(tokens: Tokens) -> Candidates:
        """All terms, and in how many texts each stands; of pairs those of two texts or more."""
        unique, codes = tokens.unique, tokens.codes
        single = frequencies(tokens.rows, codes, len(unique))
        capitals = len(np.unique(tokens.rows[tokens.capitals]))
        # Only pairs of words that each stand in two texts can stand in two.
        at, rows = neighbours(tokens, 2)
        often = (single > 1)[codes]
        often = often[at] & often[at + 1]
        keys = codes[at[often]] * np.int64(len(unique)) + codes[at[often] + 1]
        pairs, double = _frequent(rows[often], keys)
        first, second = unique[pairs // max(len(unique), 1)], unique[pairs % max(len(unique), 1)]
        terms = pl.concat([strings([CAPITALS]), unique.rename("term"), (first + " " + second).rename("term")])
        return Candidates(terms, np.concatenate([[capitals], single, double]))

    def __init__(self, terms: pl.Series) -> None:
        split = terms.to_frame().select(
            pl.col("term").str.split_exact(" ", 1).struct.rename_fields(["first", "second"]).alias("parts")
        )
        first, second = split.unnest("parts").get_columns()
        if CAPITALS in terms:
            first = first.set(terms == CAPITALS, None)
        self._shape = len(terms)
        self._parts = pl.concat([first.rename("term"), second.rename("term")]).drop_nulls().unique().sort()
        kind = pl.Enum(self._parts)
        left, right = (_codes(column, kind) for column in (first, second))
        right = np.where((terms == CAPITALS).to_numpy(), -1, right)
        self._capitals = np.flatnonzero((terms == CAPITALS).to_numpy())
        self._kind = kind
        self._single = np.full(len(self._parts), -1, np.int64)
        alone = np.flatnonzero((left >= 0) & (right < 0))
        self._single[left[alone]] = alone
        both = np.flatnonzero(right >= 0)
        keys = left[both] * np.int64(len(self._parts)) + right[both]
        order = np.argsort(keys)
        self._keys, self._columns = keys[order], both[order]

    def counts(self, tokens: Tokens) -> sparse.csr_array:
        """How often each term stands in each text, (B, V)."""
        codes = _codes(tokens.unique, self._kind)[tokens.codes]
        is_word = codes >= 0
        single = np.where(is_word, self._single[codes] if len(self._single) else -1, -1)
        at, rows = neighbours(tokens, 2)
        both = is_word[at] & is_word[at + 1]
        at, rows = at[both], rows[both]
        matches = _search(self._keys, codes[at] * np.int64(len(self._parts)) + codes[at + 1])
        capital = np.flatnonzero(tokens.capitals) if len(self._capitals) else np.zeros(0, np.int64)
        items = [single[single >= 0], self._columns[matches[matches >= 0]], np.repeat(self._capitals, len(capital))]
        where = [tokens.rows[single >= 0], rows[matches >= 0], tokens.rows[capital]]
        return counts(np.concatenate(where), np.concatenate(items), (len(tokens), self._shape))


class Parts:
    """Parts of words: 2 to 5 characters, a space for where the word begins or ends.

    Of scripts without spaces, three characters that follow each other.
    """

    @staticmethod
    def candidates(tokens: Tokens) -> Candidates:
        """All terms of two texts or more, and in how many texts each stands."""
        words = tokens.unique.filter(tokens.are_words)
        different = [parts.unique() for _, parts in _parts_of(words)]
        terms = pl.concat(different or [strings([])]).unique().sort()
        of_words = _counts_of_parts(words, pl.Enum(terms))
        texts = _texts_by_word(tokens)
        # In how many texts a part stands is at most the sum over its words.
        enough = np.asarray((of_words.T @ _column_counts(texts)) > 1).ravel()
        of_words, terms = of_words[:, np.flatnonzero(enough)], terms.filter(enough)
        in_texts = np.zeros(len(terms), np.int64)
        for start in range(0, len(tokens), ROWS_AT_ONCE):
            in_texts += _column_counts(texts[start : start + ROWS_AT_ONCE] @ of_words)
        triples, rows = _triples(tokens)
        unique = triples.unique().sort()
        of_triples = frequencies(rows, _codes(triples, pl.Enum(unique)), len(unique))
        terms = pl.concat([terms.rename("term"), unique.rename("term")])
        return Candidates(terms, np.concatenate([in_texts, of_triples]))

    def __init__(self, terms: pl.Series) -> None:
        self._kind = pl.Enum(terms)

    def counts(self, tokens: Tokens) -> sparse.csr_array:
        """How often each term stands in each text, (B, V)."""
        of_words = _counts_of_parts(tokens.unique.filter(tokens.are_words), self._kind)
        product = (_texts_by_word(tokens) @ of_words).tocsr()
        triples, rows = _triples(tokens)
        matches = _codes(triples, self._kind)
        if (matches >= 0).any():
            product = product + counts(rows[matches >= 0], matches[matches >= 0], product.shape)
        product.sort_indices()
        return product


class FirstWords:
    """The first three words or symbols with their place, and the first two and three together."""

    @staticmethod
    def candidates(tokens: Tokens) -> Candidates:
        """All terms, and in how many texts each stands."""
        terms, rows = _first_terms(tokens)
        unique = terms.unique().sort()
        order = np.argsort(rows, kind="stable")
        return Candidates(unique, frequencies(rows[order], _codes(terms, pl.Enum(unique))[order], len(unique)))

    def __init__(self, terms: pl.Series) -> None:
        self._shape = len(terms)
        self._kind = pl.Enum(terms)

    def counts(self, tokens: Tokens) -> sparse.csr_array:
        """How often each term stands in each text, (B, V)."""
        terms, rows = _first_terms(tokens)
        matches = _codes(terms, self._kind)
        return counts(rows[matches >= 0], matches[matches >= 0], (len(tokens), self._shape))


BLOCKS: dict[str, type[Words] | type[Parts] | type[FirstWords]] = {"words": Words, "parts": Parts, "first": FirstWords}
"""Name -> a way to make terms."""


def _codes(cells: pl.Series, kind: pl.Enum) -> NDArray[np.int64]:
    """The index of each string among those of `kind`, -1 for others."""
    return cells.cast(kind, strict=False).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def _search(keys: Array, values: Array) -> NDArray[np.int64]:
    """The index of each value among sorted keys, -1 for others."""
    if not len(keys):
        return np.full(len(values), -1, np.int64)
    at = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    return np.where(keys[at] == values, at, -1)


def _parts_of(words: pl.Series) -> Iterator[tuple[NDArray[np.int64], pl.Series]]:
    """The parts of words, about `PARTS_AT_ONCE` of them at a time, with the index of the word of each."""
    padded = (" " + words + " ").rename("term")
    lengths = padded.str.len_chars().to_numpy().astype(np.int64)
    of_word: list[NDArray[np.int64]] = []
    parts: list[pl.Series] = []
    for start in range(int(lengths.max(initial=0))):
        for length in range(MIN_PART, MAX_PART + 1):
            fits = np.flatnonzero(lengths >= start + length)
            of_word.append(fits)
            parts.append(padded.gather(fits).str.slice(start, length))
            if sum(map(len, parts)) >= PARTS_AT_ONCE:
                yield np.concatenate(of_word), pl.concat(parts)
                of_word, parts = [], []
    if parts:
        yield np.concatenate(of_word), pl.concat(parts)


def _counts_of_parts(words: pl.Series, kind: pl.Enum) -> sparse.csr_array:
    """How often each term of `kind` is a part of each word."""
    of_word, items = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for index, parts in _parts_of(words):
        matches = _codes(parts, kind)
        of_word.append(index[matches >= 0])
        items.append(matches[matches >= 0])
    return counts(np.concatenate(of_word), np.concatenate(items), (len(words), len(kind.categories)))


def _texts_by_word(tokens: Tokens) -> sparse.csr_array:
    """How often each word, among those with spaces around them, stands in each text."""
    number = np.cumsum(tokens.are_words) - 1
    words = tokens.are_words[tokens.codes]
    items = number[tokens.codes[words]]
    return counts(tokens.rows[words], items, (len(tokens), int(tokens.are_words.sum())))


def _column_counts(matrix: sparse.csr_array) -> NDArray[np.int64]:
    """How many rows of a matrix have an entry in each column."""
    return np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.int64)


def _triples(tokens: Tokens) -> tuple[pl.Series, Array]:
    """Three neighbouring characters of scripts without spaces, and the text of each triple."""
    if not tokens.are_spaceless.any():
        return strings([]), np.zeros(0, np.int64)
    at, rows = neighbours(tokens, 3)
    alone = tokens.are_spaceless[tokens.codes]
    inside = alone[at] & alone[at + 1] & alone[at + 2]
    at, rows = at[inside], rows[inside]
    first, second, third = (tokens.unique[tokens.codes[at + step]] for step in range(3))
    return (first + second + third).rename("term"), rows


def _first_terms(tokens: Tokens) -> tuple[pl.Series, Array]:
    """The terms of the first words, and the text of each."""
    lengths, terms, rows = np.diff(tokens.indptr), [], []
    together = strings([""] * len(tokens))
    for position in range(N_FIRST):
        present = np.flatnonzero(lengths > position)
        words = tokens.unique[tokens.codes[tokens.indptr[present] + position]].rename("term")
        terms.append((f"{position}:" + words).rename("term"))
        rows.append(present)
        together = words if not position else (together.gather(_search(rows[-2], present)) + " " + words)
        if position:
            terms.append((f"0-{position}:" + together).rename("term"))
            rows.append(present)
    return pl.concat(terms), np.concatenate(rows)
