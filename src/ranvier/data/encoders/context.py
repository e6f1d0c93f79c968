"""The encoder of language models: the characters before a place, one-hot. C characters of V, K = C V inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.data.encoders import json_fields
from ranvier.data.encoders.row_encoder import RowEncoder
from ranvier.data.language.corpus import read_corpus
from ranvier.data.language.sequence import character_windows
from ranvier.data.language.vocabulary import BREAK, Vocabulary
from ranvier.data.sources import open_source
from ranvier.data.sources.source import Source
from ranvier.errors import DataError
from ranvier.records import record
from ranvier.rows import Windows

SHOWN = {"\n": "line break", " ": "space", "\t": "tab", "\N{REPLACEMENT CHARACTER}": "other"}


@record
class ContextEncoder(RowEncoder):
    """Encodes the last C characters of texts, each one-hot; line breaks stand before the beginning.

    Fields:
        vocabulary: the characters that are known.
        context: C.
        lines: whether texts are examples that a line break ends, so that a window holds nothing before its last one.

    >>> encoder = ContextEncoder(Vocabulary.of(["ab"]), 2)
    >>> encoder.transform(["b", "ab"]).toarray().astype(int).tolist()
    [[1, 0, 0, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, 0, 1, 0]]
    """

    vocabulary: Vocabulary
    context: int
    lines: bool = False

    @property
    def width(self) -> int:
        """K."""
        return self.context * len(self.vocabulary)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """How far back a character stands, and which it is.

        >>> ContextEncoder(Vocabulary.of(["a"]), 2).feature_names[:3]
        ('2 back: line break', '2 back: a', '2 back: other')
        """
        back = range(self.context, 0, -1)
        return tuple(f"{at} back: {SHOWN.get(name, name)}" for at in back for name in self.vocabulary.characters)

    def transform(self, X: Any, dtype: Any = np.float32) -> Windows:
        """Encode what stands before the characters that are asked for.

        Parameters:
            X: texts, of each of which the next character is asked for; or a text file or table, as for training, of
                which every character is asked for.
            dtype: without effect.

        Raises:
            DataError: X holds no text.
        """
        if _are_texts(X):
            return self.encode_texts([str(text) for text in X])
        return self.windows(open_source(X))

    def encode_texts(self, texts: Sequence[str]) -> Windows:
        """The windows at the ends of texts."""
        tails = [self._tail(text) for text in texts]
        ends = np.arange(1, len(tails) + 1, dtype=np.int64) * self.context
        return Windows(self.vocabulary.encode("".join(tails)), ends, self.context, len(self.vocabulary))

    def windows(self, source: Source) -> Windows:
        """The windows before every character of an opened source."""
        corpus = read_corpus(source, "lines" if self.lines else "text")
        return character_windows(corpus.examples, self.vocabulary, self.context, corpus.lines)

    def _tail(self, text: str) -> str:
        """The last C characters, behind line breaks where there are fewer."""
        if self.lines:
            text = text.rpartition(BREAK)[2]
        return text[-self.context :].rjust(self.context, BREAK)

    def describe(self) -> list[tuple[str, str, str, str]]:
        """One line (what, kind, encoded as, note).

        >>> ContextEncoder(Vocabulary.of(["ab"]), 8).describe()
        [('8 characters before', 'characters', 'one-hot, 4 each', 'line break a b other')]
        """
        shown = " ".join(SHOWN.get(name, name) for name in self.vocabulary.characters)
        encoded = f"one-hot, {len(self.vocabulary):,} each"
        return [(f"{self.context} characters before", "characters", encoded, shown)]

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        characters = [ord(character) for character in self.vocabulary.characters]
        return {"kind": "context", "characters": characters, "context": self.context, "lines": self.lines}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ContextEncoder:
        """The encoder that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent or of another type.

        >>> encoder = ContextEncoder(Vocabulary.of(["ab"]), 8, True)
        >>> ContextEncoder.from_dict(encoder.to_dict()) == encoder
        True
        """
        codes = json_fields.items(data, "characters", int)
        context, lines = json_fields.field(data, "context", int), json_fields.field(data, "lines", bool)
        if context < 1 or len(codes) < 2 or len(set(codes)) < len(codes) or ord(BREAK) not in codes:
            raise json_fields.damaged(f"{len(codes)} characters and a context of {context}")
        return cls(Vocabulary(tuple(map(chr, codes))), context, lines)


def _are_texts(X: Any) -> bool:
    """Whether X is a sequence of texts."""
    if isinstance(X, (str, bytes, Path, Mapping, Source)):
        return False
    values = list(X)[:1] if isinstance(X, (list, tuple, np.ndarray)) or hasattr(X, "to_list") else []
    if isinstance(X, (list, tuple)) and not X:
        raise DataError("There are no texts; give one or more, of which the next character is asked for.")
    return bool(values) and isinstance(values[0], str)
