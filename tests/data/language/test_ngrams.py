"""n-gram models against counting character by character."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.data.language.ngrams import ngram_log_losses
from ranvier.data.language.sequence import character_windows
from ranvier.data.language.vocabulary import Vocabulary

CONTEXT = 4
TEXT = st.text("ab\n", min_size=1, max_size=30)


def by_counting(training: str, text: str, vocabulary: Vocabulary, order: int) -> float:
    """The log loss of a Witten-Bell model, with dictionaries."""
    n = len(vocabulary)
    padded = "\n" * CONTEXT + training
    counts: list[dict[str, Counter[str]]] = [{} for _ in range(order)]
    for at in range(CONTEXT, len(padded)):
        for length in range(order):
            counts[length].setdefault(padded[at - length : at], Counter())[padded[at]] += 1
    total, padded_text = 0.0, "\n" * CONTEXT + text
    for at in range(CONTEXT, len(padded_text)):
        p = 1 / n
        for length in range(order):
            count = counts[length].get(padded_text[at - length : at])
            if count:
                p = (count[padded_text[at]] + len(count) * p) / (count.total() + len(count))
        total -= math.log(p)
    return total / len(text)


@given(TEXT, TEXT)
def test_log_losses_are_those_of_counting(training: str, text: str) -> None:
    vocabulary = Vocabulary.of(["ab"])
    windows = [character_windows([part], vocabulary, CONTEXT) for part in (training, text)]
    losses = ngram_log_losses(*windows, 4)
    assert losses == pytest.approx([by_counting(training, text, vocabulary, order) for order in (1, 2, 3, 4)])


def test_many_characters_take_smaller_orders() -> None:
    vocabulary = Vocabulary(tuple(map(chr, range(10_000))))
    windows = character_windows(["abc"], vocabulary, 24)
    assert len(ngram_log_losses(windows, windows, 24)) == 4
