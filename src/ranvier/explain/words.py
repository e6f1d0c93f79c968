"""Attributions of the terms of a text as what each of its words adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ranvier.data.text.terms import CAPITALS, N_FIRST
from ranvier.data.text.tokens import tokenize

if TYPE_CHECKING:
    from ranvier.data.encoders.text import TextEncoder


def words_of(cells: Any) -> list[tuple[list[str], list[bool]]]:
    """The words and symbols of each text in lower case, and which of them are in capitals."""
    tokens = tokenize(cells)
    texts = []
    for start, stop in zip(tokens.indptr[:-1].tolist(), tokens.indptr[1:].tolist(), strict=True):
        words = [tokens.unique[code] for code in tokens.codes[start:stop].tolist()]
        texts.append((words, tokens.capitals[start:stop].tolist()))
    return texts


def word_values(
    encoder: TextEncoder, words: list[str], capitals: list[bool], added: Mapping[int, float]
) -> tuple[list[float], float]:
    """What each word of a text adds: what a term adds is divided evenly among the words that it is made of.

    A pair belongs to both of its words wherever they stand together; a part of a word to every word that has it, as
    often as it does; the sign for capitals to the words in capitals; first words to these.

    Parameters:
        encoder: of the column.
        words, capitals: of the text, as `words_of` gives them.
        added: what the CSR features of the column add, by their index.

    Returns one number for each word, and what belongs to no word, such as the mark of a missing text.
    """
    values, rest, start = [0.0] * len(words), 0.0, 0
    blocks = []
    for block in encoder.vocabulary.blocks:
        blocks.append((start, start + len(block.terms), block))
        start += len(block.terms)
    for feature, value in added.items():
        term = next(
            ((block.name, block.terms[feature - low]) for low, high, block in blocks if low <= feature < high), None
        )
        indices = [] if term is None else _indices(*term, words, capitals)
        for at in indices:
            values[at] += value / len(indices)
        rest += 0.0 if indices else value
    return values, rest


def _indices(name: str, term: str, words: list[str], capitals: list[bool]) -> list[int]:
    """The words that a term is made of, each as often as it has part in it."""
    if name == "first":
        position, _, _ = term.partition(":")
        last = int(position[-1])
        first = 0 if "-" in position else last
        return [at for at in range(first, last + 1) if at < min(len(words), N_FIRST)]
    if name == "words":
        if term == CAPITALS:
            return [at for at, capital in enumerate(capitals) if capital]
        parts = term.split(" ")
        starts = [at for at in range(len(words) - len(parts) + 1) if words[at : at + len(parts)] == parts]
        return [at + step for at in starts for step in range(len(parts))]
    indices = []
    for at, word in enumerate(words):
        padded = f" {word} "
        indices += [at] * sum(padded.startswith(term, start) for start in range(len(padded)))
    if not indices:
        starts = [at for at in range(len(words) - 2) if "".join(words[at : at + 3]) == term]
        indices = [at + step for at in starts for step in range(3)]
    return indices
