"""The terms that were selected from the training texts, and what a term counts in a text. B texts, V terms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.text.free_memory import give_back
from ranvier.data.text.terms import BLOCKS, Candidates, strings
from ranvier.data.text.tokens import Tokens, chunks, in_threads, tokenize, tokenize_all
from ranvier.records import record
from ranvier.rows import CSR
from ranvier.rows.csr import parts_of_rows, rows_of_entries

Array = NDArray[Any]
MIN_FREQUENCY = 2
BETWEEN = "\n"
"""What stands between terms in a file: white space, which no term has but for single spaces."""


@record(eq=False)
class Block:
    """Terms of one way to make them, which have one length together.

    Formula: x_j = (1 + log n_j) w_j / |...| with w_j = 1 + log((1 + B) / (1 + B_j)), where term j stands n_j times in
    this text and in B_j of the B training texts, and |...| is the Euclidean norm over the terms of the block.

    Fields:
        name: a key of `BLOCKS`.
        terms: the selected terms, (V,).
        frequencies: B_j, in how many training texts each stands, (V,).
        n_texts: B, the number of training texts.

    Source: Salton, Buckley, "Term-weighting approaches in automatic text retrieval", 1988.
    """

    name: str
    terms: pl.Series
    frequencies: NDArray[np.int64]
    n_texts: int

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """w, the inverse document frequencies, (V,)."""
        weights: NDArray[np.float64] = 1.0 + np.log((1.0 + self.n_texts) / (1.0 + self.frequencies))
        return weights

    @cached_property
    def _counter(self) -> Any:
        return BLOCKS[self.name](self.terms)

    def encode(self, tokens: Tokens, factor: float) -> CSR:
        """The features of texts times a factor, (B, V) of float32. Those of a text do not depend on the others."""
        counted = self._counter.counts(tokens)
        indptr = counted.indptr.astype(np.int64)
        data: NDArray[np.float32] = counted.data
        for part in parts_of_rows(indptr):
            here = slice(indptr[part.start], indptr[part.stop])
            values = (1.0 + np.log(data[here].astype(np.float64))) * self.weights[counted.indices[here]]
            rows = rows_of_entries(indptr[part.start : part.stop + 1])
            norms = np.sqrt(np.bincount(rows, values * values, minlength=part.stop - part.start))
            data[here] = values * (factor / np.where(norms > 0.0, norms, 1.0))[rows]
        return CSR(data, counted.indices.astype(np.int32, copy=False), indptr, len(self.terms))


@record(eq=False)
class Vocabulary:
    """The blocks of terms of a column of texts.

    Fields:
        blocks: one for each way to make terms; empty ones are left out.

    >>> vocabulary = Vocabulary.fit(pl.Series(["good soup", "bad soup", "good bread"]), 1000)
    >>> [term for block in vocabulary.blocks for term in block.terms.to_list()][:2]
    ['good', 'soup']
    >>> vocabulary.encode(pl.Series(["good", "unknown"])).shape[1] == vocabulary.width
    True
    """

    blocks: tuple[Block, ...]

    @classmethod
    def fit(cls, texts: pl.Series, max_terms: int) -> Vocabulary:
        """Select terms of two texts or more, the most frequent ones; where there are none, those of one text.

        Parameters:
            texts: strings (B,); null for a missing one.
            max_terms: the maximum number of terms of a block.
        """
        tokens = tokenize_all(texts)
        blocks = []
        for name, kind in BLOCKS.items():
            candidates: Candidates = kind.candidates(tokens)
            selected = candidates.selected(max_terms, MIN_FREQUENCY)
            if not len(selected.terms):
                selected = candidates.selected(max_terms, 1)
            if len(selected.terms):
                blocks.append(Block(name, selected.terms, selected.frequencies, len(texts)))
            give_back()
        return cls(tuple(blocks))

    @property
    def width(self) -> int:
        """V, the number of terms of all blocks."""
        return sum(len(block.terms) for block in self.blocks)

    def encode(self, texts: pl.Series) -> CSR:
        """The features of texts, (B, V) of float32; a row has the length 1 where each block has a known term.

        Those of a text are the same bits whichever texts stand beside it.
        """
        parts = in_threads(self._encode, [texts[part] for part in chunks(texts)])
        return parts[0] if len(parts) == 1 else _vstack(parts, self.width)

    def _encode(self, texts: pl.Series) -> CSR:
        tokens = tokenize(texts)
        if not self.blocks:
            return _vstack([], 0, len(texts))
        factor = 1.0 / float(np.sqrt(len(self.blocks)))
        return CSR.hstack([block.encode(tokens, factor) for block in self.blocks])

    def arrays(self) -> dict[str, Array]:
        """The terms as UTF-8 and their frequencies, by the name of the block."""
        arrays: dict[str, Array] = {}
        for block in self.blocks:
            arrays[f"{block.name}.terms"] = np.frombuffer(BETWEEN.join(block.terms.to_list()).encode(), np.uint8)
            arrays[f"{block.name}.frequencies"] = block.frequencies.astype(np.int32)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], n_texts: int) -> Vocabulary:
        """The vocabulary that gave these arrays.

        Raises:
            ValueError: they do not fit each other.
        """
        blocks = []
        for name in BLOCKS:
            if f"{name}.terms" not in arrays:
                continue
            terms = strings(arrays[f"{name}.terms"].tobytes().decode().split(BETWEEN))
            frequencies = arrays[f"{name}.frequencies"].astype(np.int64)
            if len(terms) != len(frequencies) or terms.n_unique() != len(terms) or (frequencies < 0).any():
                raise ValueError(f"{len(terms)} terms and {len(frequencies)} frequencies do not fit each other")
            blocks.append(Block(name, terms, frequencies, n_texts))
        return cls(tuple(blocks))


def _vstack(parts: list[CSR], width: int, rows: int = 0) -> CSR:
    """Rows of several parts one after the other; without parts, `rows` empty ones. The list of parts is emptied."""
    if not parts:
        return CSR(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(rows + 1, np.int64), width)
    starts = np.cumsum([0, *(part.indptr[-1] for part in parts)])
    indptr = [part.indptr[:-1] + start for part, start in zip(parts, starts[:-1], strict=True)]
    data, indices = np.empty(starts[-1], np.float32), np.empty(starts[-1], np.int32)
    while parts:  # the last one first, which is free afterwards: there is never a second copy of all
        part = parts.pop()
        here = slice(starts[len(parts)], starts[len(parts) + 1])
        data[here], indices[here] = part.data, part.indices
    return CSR(data, indices, np.concatenate([*indptr, starts[-1:]]).astype(np.int64), width)
