"""In how many texts terms stand, counted some texts at a time."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.data.text import terms
from ranvier.data.text.tokens import tokenize
from ranvier.data.text.vocabulary import Vocabulary, _vstack
from ranvier.rows import CSR

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=30)


@given(PAIRS)
def test_frequencies_by_parts_are_those_of_sets(pairs: list[tuple[int, int]]) -> None:
    pairs.sort(key=lambda pair: pair[0])
    rows, items = np.array(pairs, np.int64).reshape(-1, 2).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terms, "PAIRS_AT_ONCE", 3)
        counted = terms.frequencies(rows, items, 4)
    assert counted.tolist() == [sum(item == number for _, item in set(pairs)) for number in range(4)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("ab 手很", max_size=12), min_size=1, max_size=12))
def test_a_vocabulary_does_not_depend_on_how_many_pairs_are_counted_at_once(texts: list[str]) -> None:
    full = Vocabulary.fit(pl.Series(texts), 1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terms, "PAIRS_AT_ONCE", 2)
        parts = Vocabulary.fit(pl.Series(texts), 1000)
    assert [block.terms.to_list() for block in parts.blocks] == [block.terms.to_list() for block in full.blocks]
    assert [block.frequencies.tolist() for block in parts.blocks] == [b.frequencies.tolist() for b in full.blocks]


@settings(max_examples=30)
@given(st.lists(st.text("a b手", max_size=6), max_size=8), st.integers(1, 4))
def test_neighbours_stand_in_one_text(texts: list[str], length: int) -> None:
    tokens = tokenize(pl.Series(texts, dtype=pl.String))
    starts, rows = terms.neighbours(tokens, length)
    ends = np.diff(tokens.indptr).tolist()
    expected = [row for row, count in enumerate(ends) for _ in range(count - length + 1)]
    assert rows.tolist() == expected
    assert [int(np.searchsorted(tokens.indptr, start, side="right")) - 1 for start in starts] == expected


def test_parts_of_rows_are_let_go_one_by_one() -> None:
    """Otherwise all rows would be in memory twice."""
    dense = np.arange(24.0, dtype=np.float32).reshape(8, 3)
    parts = [CSR.from_dense(dense[start:stop]) for start, stop in ((0, 3), (3, 3), (3, 4), (4, 8))]
    rows = _vstack(parts, 3)
    assert np.array_equal(rows.toarray(), dense)
    assert parts == []
