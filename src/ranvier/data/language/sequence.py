"""From texts to rows: the window before each character, and the character as the target. n characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.language.vocabulary import BREAK, Vocabulary
from ranvier.rows import Rows, Windows
from ranvier.rows.class_numbers import class_targets


def character_windows(examples: Sequence[str], vocabulary: Vocabulary, context: int, ended: bool = False) -> Windows:
    """The windows before all characters of some texts; line breaks stand before the first character of each text.

    Parameters:
        examples: the texts.
        vocabulary: the characters that are known.
        context: how many characters a window has.
        ended: whether a line break ends each text, which is predicted, too.

    >>> windows = character_windows(["ab"], Vocabulary.of(["ab"]), 2)
    >>> windows.codes.tolist(), windows.ends.tolist()
    ([0, 0, 1, 2], [2, 3])
    """
    before, end = BREAK * context, BREAK if ended else ""
    text = "".join(f"{before}{example}{end}" for example in examples)
    lengths = np.array([len(example) + len(end) for example in examples], np.int64)
    gaps = np.repeat(context * np.arange(1, len(lengths) + 1, dtype=np.int64), lengths)
    ends = np.arange(lengths.sum(), dtype=np.int64) + gaps
    return Windows(vocabulary.encode(text), ends, context, len(vocabulary))


def next_characters(windows: Windows) -> NDArray[Any]:
    """The numbers of the characters behind the windows, (n,).

    >>> next_characters(character_windows(["ab"], Vocabulary.of(["ab"]), 2)).tolist()
    [1, 2]
    """
    following: NDArray[Any] = windows.codes[windows.ends]
    return following


def rows_of(windows: Windows, dtype: Any = np.float32) -> Rows:
    """Windows as inputs and the characters behind them as targets."""
    return Rows(windows, class_targets(next_characters(windows), windows.symbols, dtype))
