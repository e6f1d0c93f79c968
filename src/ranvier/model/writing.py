"""Writing with a language model: character by character, each drawn from the probabilities after those before it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.context import ContextEncoder
from ranvier.data.language.vocabulary import OTHER
from ranvier.errors import InputError
from ranvier.random import WRITE, check_seed, uniform
from ranvier.rows import as_inputs
from ranvier.scalars import as_integer, as_number

if TYPE_CHECKING:
    from ranvier.model.predictor import Predictor

DRAWN_AT_ONCE = 4096
FLUSHED = 16
"""After so many characters a stream shows what was written."""


def check_writes(model: Predictor) -> ContextEncoder:
    """The encoder of a language model.

    Raises:
        InputError: the model predicts something else.
    """
    if not isinstance(model.encoder, ContextEncoder):
        what = ", ".join(model.task.target_names) or "a target"
        raise InputError(
            f"This model predicts {what} and writes no text; train one on a plain text file: "
            'rv.train("book.txt").write().'
        )
    return model.encoder


def check_writing(length: Any, temperature: Any, seed: Any) -> None:
    """Raise an `InputError` unless these say how to write."""
    count, degree = as_integer(length), as_number(temperature)
    if count is None or count < 0:
        raise InputError(f"length is {length!r}; it must be an integer of at least 0, the number of characters.")
    if degree is None or not 0 <= degree < math.inf:
        raise InputError(
            f"temperature is {temperature!r}; it must be a number of at least 0: 0 takes the most probable character, "
            "1 draws as the probabilities say."
        )
    check_seed(seed)


def start_note(encoder: ContextEncoder, start: str) -> str:
    """What to say of characters that the model does not know; empty where it knows all.

    >>> from ranvier.data.language.vocabulary import Vocabulary
    >>> start_note(ContextEncoder(Vocabulary.of(["ab"]), 2), "abc")
    "The start has characters that were not in the training text, read as one sign for others: 'c'."
    """
    unknown = encoder.vocabulary.unknown(start)
    if not unknown:
        return ""
    shown = ", ".join(map(repr, unknown[:10])) + (" and more" if len(unknown) > 10 else "")
    return f"The start has characters that were not in the training text, read as one sign for others: {shown}."


def characters(model: Predictor, start: str, length: int, temperature: float, seed: int) -> Iterator[str]:
    """The characters that follow a start, one at a time; the same for the same arguments on every machine's engine.

    Formula: p_i^(1/T) / sum_j p_j^(1/T), T the temperature; the sign for unknown characters is never written.

    Parameters:
        start: the text to go on from.
        length: how many characters.
        temperature: T; 0 takes the most probable character.
        seed: of the draws.
    """
    encoder = check_writes(model)
    vocabulary, context = encoder.vocabulary.characters, encoder.context
    n = len(vocabulary)
    line_break, other = encoder.vocabulary.line_break, vocabulary.index(OTHER)
    # One row, whose ones move: the engine reads only what is not zero.
    row: NDArray[Any] = np.zeros((1, context * n), np.float32)
    cells = row[0]
    window = encoder.encode_texts([start]).codes.astype(np.int64)
    offsets = np.arange(context) * n
    ones = offsets + window
    outputs, drawn = _outputs(model), _Draw(n, other, temperature)
    for number in range(length):
        if number % DRAWN_AT_ONCE == 0:
            draws = uniform(seed, WRITE, number // DRAWN_AT_ONCE, 0, DRAWN_AT_ONCE).tolist()
        cells[ones] = 1.0
        p = outputs(row)
        cells[ones] = 0.0
        code = drawn(p[0], draws[number % DRAWN_AT_ONCE])
        yield vocabulary[code]
        if encoder.lines and code == line_break:
            window[:] = line_break
        else:
            window[:-1] = window[1:]
            window[-1] = code
        np.add(offsets, window, out=ones)


def written_text(model: Predictor, start: str, length: int, temperature: float, seed: int, stream: Any = None) -> str:
    """A start and the characters that follow it, which an open text file gets as they are written."""
    pieces = [start]
    if stream is None:
        return start + "".join(characters(model, start, length, temperature, seed))
    stream.write(start)
    try:
        for number, character in enumerate(characters(model, start, length, temperature, seed), 1):
            pieces.append(character)
            stream.write(character)
            if number % FLUSHED == 0:
                stream.flush()
    finally:
        stream.flush()
    return "".join(pieces)


class _Draw:
    """Draws characters from probabilities, into memory of its own.

    Parameters:
        n: how many characters there are.
        other: the number of the one that is never drawn.
        temperature: T.
    """

    def __init__(self, n: int, other: int, temperature: float) -> None:
        self._p, self._sums = np.empty(n), np.empty(n)
        self._other, self._last, self._temperature = other, n - 1, temperature
        self._power = 1.0 if temperature in (0, 1) else 1.0 / temperature

    def __call__(self, probabilities: NDArray[Any], draw: float) -> int:
        """The number of the character at a draw from 0 to 1."""
        p, sums = self._p, self._sums
        p[:] = probabilities
        p[self._other] = 0.0
        if self._temperature == 0:
            return int(p.argmax())
        if self._power != 1.0:
            np.divide(p, max(np.maximum.reduce(p), 1e-300), out=p)
            np.power(p, self._power, out=p)
        np.add.accumulate(p, out=sums)
        return min(int(sums.searchsorted(draw * sums[-1], side="right")), self._last)


def _outputs(model: Predictor) -> Any:
    """The function from one dense row to its outputs, on the engine's path for a few rows where it has one."""
    first = np.zeros((1, model.network.inputs), np.float32)
    model.outputs_of(as_inputs(first))
    executable = model._run(as_inputs(first))

    def outputs(row: NDArray[Any]) -> NDArray[Any]:
        fast = executable.try_fast_outputs(row)
        return executable.outputs(row) if fast is None else fast

    return outputs
