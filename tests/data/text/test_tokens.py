"""Tokens: what counts as a word in which script, and that threads change nothing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.data.text import tokens as module
from ranvier.data.text.tokens import MAX_TOKEN, tokenize, tokenize_all


def words(text: str | None) -> list[str]:
    tokens = tokenize(pl.Series([text], dtype=pl.String))
    return [tokens.unique[code] for code in tokens.codes.tolist()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A dog, a cat & I!", ["a", "dog", ",", "a", "cat", "&", "i", "!"]),
        ("don't can’t rock'n'roll", ["don't", "can’t", "rock'n'roll"]),
        ("नमस्ते తెలుగు", ["नमस्ते", "తెలుగు"]),
        ("cafe\u0301 ﬁne Ｆｕｌｌ", ["café", "fine", "full"]),
        ("iPhone手机很好", ["iphone", "手", "机", "很", "好"]),
        ("ﾊﾝｶｸ東京", ["ハ", "ン", "カ", "ク", "東", "京"]),
        ("กินข้าว", ["กิ", "น", "ข้", "า", "ว"]),
        ("👍🏽 👩\u200d👩\u200d👧 🇩🇪🇫🇷", ["👍🏽", "👩\u200d👩\u200d👧", "🇩🇪", "🇫🇷"]),
        ("x_y\x00z", ["x", "_", "y", "\x00", "z"]),
        ("3.14 24/7", ["3", ".", "14", "24", "/", "7"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("", []),
        (None, []),
        (" \t\n\u3000", []),
        ("a" * 1_000_000, ["a" * MAX_TOKEN]),
    ],
)
def test_words_of(text: str | None, expected: list[str]) -> None:
    assert words(text) == expected


def test_capitals_are_words_of_two_letters_or_more() -> None:
    tokens = tokenize(pl.Series(["FREE entry for A man, 2 CAFÉS !! 手手 iPhone"]))
    capital = [tokens.unique[code] for code in tokens.codes[tokens.capitals].tolist()]
    assert capital == ["free", "cafés"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=20))
def test_chunks_and_threads_change_nothing(texts: list[str | None]) -> None:
    cells = pl.Series(texts, dtype=pl.String)
    full = tokenize(cells)
    before = module.CHUNK
    module.CHUNK = 10
    try:
        parts = tokenize_all(cells)
    finally:
        module.CHUNK = before
    assert parts.unique.to_list() == full.unique.to_list()
    for name in ("codes", "indptr", "capitals"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(full, name))


def test_memory_is_given_back_after_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the parts leave behind would add up to several times the rows that they become."""
    given_back: list[int] = []
    monkeypatch.setattr(module, "give_back", lambda: given_back.append(1))
    assert module.in_threads(abs, [-1, 2, -3]) == [1, 2, 3]
    assert len(given_back) == 3
