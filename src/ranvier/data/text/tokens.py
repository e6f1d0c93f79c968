"""From texts to tokens: words, single characters of scripts without spaces, symbols.

B is the number of texts, T of tokens, U of different tokens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.text.free_memory import give_back
from ranvier.records import record
from ranvier.rows.csr import rows_of_entries

T = TypeVar("T")

SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that write no spaces between words."""
LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{SPACELESS}]]"
MARKS = r"[\p{M}\u200c\u200d]*"
EMOJI = r"\p{Extended_Pictographic}"
TOKEN = "|".join(
    (
        rf"[{SPACELESS}]\p{{M}}*",
        rf"{LETTER}{MARKS}(?:['’]?{LETTER}{MARKS})*",
        r"[\U0001F1E6-\U0001F1FF]{2}",
        rf"{EMOJI}(?:[\uFE0F\U0001F3FB-\U0001F3FF]|\u200d{EMOJI})*",
        r"\S",
    )
)
"""A character of a script without spaces; a word with its marks and apostrophes; a flag; an emoji; any other symbol."""
MAX_TOKEN = 40
"""The characters of a word that count; what is longer is no word, and would have as many n-grams."""
CHUNK = 2_000_000
"""How many characters are worked on at once by a thread."""


@record(eq=False)
class Tokens:
    """The tokens of texts, in lower case.

    Fields:
        unique: the different tokens, sorted, (U,).
        codes: the index among these of each token, text after text, (T,).
        indptr: where the tokens of each text begin, then where the last ones end, (B + 1,).
        capitals: for each token whether it is a word of two or more letters, all of them capitals, (T,).
    """

    unique: pl.Series
    codes: NDArray[np.int64]
    indptr: NDArray[np.int64]
    capitals: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The text of each token, (T,)."""
        return rows_of_entries(self.indptr)

    @cached_property
    def are_words(self) -> NDArray[np.bool_]:
        """Which of the different tokens are words with spaces around them, (U,)."""
        return self.unique.str.contains(rf"^{LETTER}").to_numpy()

    @cached_property
    def are_spaceless(self) -> NDArray[np.bool_]:
        """Which of the different tokens are characters of a script without spaces, (U,)."""
        return self.unique.str.contains(rf"^[{SPACELESS}]").to_numpy()


def tokenize(texts: pl.Series) -> Tokens:
    """The tokens of texts: Unicode NFKC, lower case; null is an empty text.

    Words keep their combining marks and apostrophes and are cut after 40 characters; every other character that is no
    white space is a token of its own, so that "?" and an emoji count.

    Parameters:
        texts: strings (B,).

    >>> tokens = tokenize(pl.Series(["Don't PANIC!", None, "好吃 नमस्ते"]))
    >>> [tokens.unique[code] for code in tokens.codes.tolist()]
    ["don't", 'panic', '!', '好', '吃', 'नमस्ते']
    >>> tokens.indptr.tolist(), tokens.capitals.tolist()
    ([0, 3, 3, 6], [False, True, False, False, False, False])
    """
    lists = texts.fill_null("").str.normalize("NFKC").str.extract_all(TOKEN)
    indptr = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(lists.list.len().to_numpy(), out=indptr[1:])
    written = lists.explode().drop_nulls().rename("token")
    different = written.unique().sort()
    codes = written.cast(pl.Enum(different)).to_physical().to_numpy().astype(np.int64)
    lower = different.str.to_lowercase().str.slice(0, MAX_TOKEN)
    capital = (different.str.len_chars() > 1) & (different == different.str.to_uppercase()) & (different != lower)
    unique = lower.unique().sort()
    merged = lower.cast(pl.Enum(unique)).to_physical().to_numpy().astype(np.int64)
    return Tokens(unique, merged[codes], indptr, capital.to_numpy()[codes])


def chunks(texts: pl.Series) -> Iterator[slice]:
    """Parts of the texts with about as many characters, by the texts alone.

    >>> list(chunks(pl.Series(["a", "b"])))
    [slice(0, 2, None)]
    """
    ends = np.cumsum(texts.str.len_chars().fill_null(0).to_numpy().astype(np.int64) + 1)
    start = 0
    while start < len(texts):
        before = int(ends[start - 1]) if start else 0
        stop = max(int(np.searchsorted(ends, before + CHUNK, side="right")), start + 1)
        yield slice(start, stop)
        start = stop


def in_threads(work: Callable[[Any], T], parts: Sequence[Any]) -> list[T]:
    """What `work` gives for each part, in their order. What it calls in polars and NumPy leaves other threads running.

    >>> in_threads(abs, [-1, 2])
    [1, 2]
    """
    if len(parts) < 2:
        return [work(part) for part in parts]

    def work_on(part: Any) -> T:
        result = work(part)
        give_back()  # of each part, since what they leave behind adds up
        return result

    with ThreadPoolExecutor(min(len(parts), os.process_cpu_count() if hasattr(os, "process_cpu_count") else 2)) as pool:
        return list(pool.map(work_on, parts))


def tokenize_all(texts: pl.Series) -> Tokens:
    """The same as `tokenize`, by several threads where there is much text.

    >>> tokenize_all(pl.Series(["a b", "b"])).codes.tolist()
    [0, 1, 1]
    """
    parts = in_threads(tokenize, [texts[part] for part in chunks(texts)])
    if len(parts) == 1:
        return parts[0]
    unique = pl.concat([part.unique for part in parts] or [pl.Series("token", [], pl.String)]).unique().sort()
    kind = pl.Enum(unique)
    codes = [part.unique.cast(kind).to_physical().to_numpy().astype(np.int64)[part.codes] for part in parts]
    starts = np.cumsum([0, *(part.indptr[-1] for part in parts)])
    indptr = [part.indptr[:-1] + start for part, start in zip(parts, starts[:-1], strict=True)]
    return Tokens(
        unique,
        np.concatenate([np.zeros(0, np.int64), *codes]),
        np.concatenate([*indptr, starts[-1:]]).astype(np.int64),
        np.concatenate([np.zeros(0, np.bool_), *(part.capitals for part in parts)]),
    )
