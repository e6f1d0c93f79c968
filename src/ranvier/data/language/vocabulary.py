"""The characters that a language model knows, as numbers. V characters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.records import record

OTHER = "\N{REPLACEMENT CHARACTER}"
"""What stands for every character that is not in the vocabulary."""
BREAK = "\n"
MAX_CHARACTERS = 1000
LAST_CODE_POINT = 0x10FFFF


@record
class Vocabulary:
    """Characters in the order of their numbers, from 0; the last one, `OTHER`, stands for all others.

    A character is a Unicode code point, as it stands in the text.

    >>> vocabulary = Vocabulary.of(["bad"])
    >>> vocabulary.characters, vocabulary.encode("abc").tolist()
    (('\\n', 'a', 'b', 'd', '\ufffd'), [1, 2, 4])
    """

    characters: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str], limit: int = MAX_CHARACTERS) -> Vocabulary:
        """The most frequent characters of texts, a line break among them, and `OTHER`: `limit` at most."""
        codes, counts = np.unique(code_points("".join(texts)), return_counts=True)
        frequent = codes[np.argsort(-counts, kind="stable")][: max(limit - 2, 1)]
        characters = {chr(code) for code in frequent.tolist()} | {BREAK}
        return cls((*sorted(characters - {OTHER}), OTHER))

    def __len__(self) -> int:
        """V."""
        return len(self.characters)

    def encode(self, text: str) -> NDArray[np.uint16]:
        """The numbers of the characters of a text."""
        table = np.full(LAST_CODE_POINT + 1, len(self) - 1, np.uint16)
        table[[ord(character) for character in self.characters]] = np.arange(len(self), dtype=np.uint16)
        codes: NDArray[np.uint16] = table[code_points(text)]
        return codes

    @property
    def line_break(self) -> int:
        """The number of the line break."""
        return self.characters.index(BREAK)

    def unknown(self, text: str) -> list[str]:
        """The characters of a text that are not in the vocabulary, each once, in order.

        >>> Vocabulary.of(["bad"]).unknown("decade")
        ['e', 'c']
        """
        vocabulary = set(self.characters)
        return [character for character in dict.fromkeys(text) if character not in vocabulary]


def code_points(text: str) -> NDArray[Any]:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
