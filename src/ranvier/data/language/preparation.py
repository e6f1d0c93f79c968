"""From a text to training, validation and test rows: the vocabulary of the training text, windows, n-gram baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.context import ContextEncoder
from ranvier.data.encoders.target import TargetEncoder
from ranvier.data.language.corpus import Corpus, read_corpus
from ranvier.data.language.ngrams import ngram_log_losses
from ranvier.data.language.sequence import character_windows, rows_of
from ranvier.data.language.vocabulary import MAX_CHARACTERS, Vocabulary
from ranvier.data.preparation import Prepared
from ranvier.data.sources.source import Source
from ranvier.data.splitting.partition import checked_fractions
from ranvier.errors import DataError
from ranvier.network.task import Task
from ranvier.plural import plural
from ranvier.random import SAMPLE, permutation
from ranvier.records import record
from ranvier.rows import Windows
from ranvier.rows.split import part_sizes, split_rows

MIN_EXAMPLES = 10
MAX_VALIDATION, PIECE = 20_000, 1_000
"""Characters that are enough to tell epochs apart, and how many of them stand together; the others are learned from.

One long piece would take a whole chapter from training, which the test, the end of the text, is most like.
"""
TARGET = "next character"


@record
class TextOptions:
    """What `prepare_text` is asked for.

    Fields:
        context: C, how many characters a window has; fewer where no example is as long.
        max_characters: the largest number of characters of the vocabulary.
        max_rows: the largest number of training rows; others of a longer text are left out by chance.
        form: "text", "lines" or "auto", as for `read_corpus`.
        validation, test: the fraction of the characters, or of the examples, for each part.
        seed: of the division of examples.
        ignore: columns of a table that are left out.
        dtype: of targets.
    """

    context: int
    max_characters: int = MAX_CHARACTERS
    max_rows: int = 2**31
    form: str = "auto"
    validation: float = 0.1
    test: float = 0.2
    seed: int = 0
    ignore: tuple[str, ...] = ()
    dtype: Any = np.float32


def prepare_text(
    source: Source, options: TextOptions, validation: Source | None = None, test: Source | None = None
) -> Prepared:
    """Rows of a text; the last part of running text is the test, the part before it validation.

    Parameters:
        source: what `read_corpus` takes.
        options: how.
        validation, test: opened texts for these parts, in place of a fraction.

    Raises:
        DataError: there is no text, or too little.
    """
    corpus = read_corpus(source, options.form, options.ignore)
    form = "lines" if corpus.lines else "text"
    from_outside = [None if part is None else read_corpus(part, form).examples for part in (validation, test)]
    wanted = zip(from_outside, (options.validation, options.test), strict=True)
    fractions = checked_fractions(*(0.0 if part_source is not None else fraction for part_source, fraction in wanted))
    encoder, training, parts = (_of_examples if corpus.lines else _of_running_text)(corpus, options, fractions)
    for at, part_source in enumerate(from_outside, 1):
        if part_source is not None:
            parts[at] = character_windows(part_source, encoder.vocabulary, encoder.context, corpus.lines)
    rows, (validated, tested) = parts[0], (part if len(part) else None for part in parts[1:])
    compared = tested or validated
    baselines = () if compared is None else tuple(ngram_log_losses(rows, compared))
    notes = _notes(corpus, training, encoder)
    if len(rows) > options.max_rows:
        sample = np.sort(permutation(options.seed, SAMPLE, 0, len(rows))[: options.max_rows])
        notes.append(f"The network learns from {len(sample):,} of the {len(rows):,} training characters, by chance.")
        rows = rows[sample]
    validation_rows, test_rows = (
        None if part is None else rows_of(part, options.dtype) for part in (validated, tested)
    )
    vocabulary = encoder.vocabulary
    task = Task("multiclass", len(vocabulary), vocabulary.characters, (TARGET,))
    return Prepared(
        train=rows_of(rows, options.dtype),
        validation=validation_rows,
        test=test_rows,
        train_rows=rows.ends - encoder.context,
        validation_rows=None if validated is None else validated.ends - encoder.context,
        test_rows=None if tested is None else tested.ends - encoder.context,
        test_labels=None,
        test_names=None,
        evaluation_set=test_rows or validation_rows,
        encoder=encoder,
        inference_encoder=encoder,
        target=TargetEncoder(task),
        columns=(),
        notes=(*notes, *source.notes),
        origin=corpus.origin,
        ngram_log_losses=baselines,
    )


def _of_examples(
    corpus: Corpus, options: TextOptions, fractions: tuple[float, float, float]
) -> tuple[ContextEncoder, str, list[Windows]]:
    """The encoder, the training text, and the windows of training, validation and test: examples drawn by chance."""
    if len(corpus.examples) < MIN_EXAMPLES:
        raise DataError(
            f'"{corpus.origin}" holds {plural(len(corpus.examples), "example")}; at least {MIN_EXAMPLES} are needed to '
            "learn from."
        )
    index = split_rows(len(corpus.examples), fractions, options.seed)
    parts = [[corpus.examples[at] for at in part.tolist()] for part in index]
    context = min(options.context, max(map(len, parts[0])))
    vocabulary = Vocabulary.of(parts[0], options.max_characters)
    windows = [character_windows(part, vocabulary, context, True) for part in parts]
    return ContextEncoder(vocabulary, context, True), "".join(parts[0]), windows


def _of_running_text(
    corpus: Corpus, options: TextOptions, fractions: tuple[float, float, float]
) -> tuple[ContextEncoder, str, list[Windows]]:
    """The same of running text. One sequence, so that the first windows of a part hold what stands before it."""
    text, context = corpus.examples[0], options.context
    positions = text_parts(len(text), fractions)
    _check_length(corpus, len(positions[0]), context)
    training = "".join(map(text.__getitem__, positions[0].tolist()))
    vocabulary = Vocabulary.of([training], options.max_characters)
    windows = character_windows(corpus.examples, vocabulary, context)
    return ContextEncoder(vocabulary, context), training, [windows[part] for part in positions]


def text_parts(n: int, fractions: tuple[float, float, float]) -> list[NDArray[np.int64]]:
    """The positions of running text for training, validation and test: the test is its end.

    Validation is pieces of what is before the test, in even distances.

    >>> [len(part) for part in text_parts(1_000_000, (0.8, 0.1, 0.1))]
    [880000, 20000, 100000]
    """
    _, n_validation, n_test = part_sizes(n, np.array(fractions)).tolist()
    before = n - n_test
    n_validation = min(n_validation, MAX_VALIDATION)
    positions = np.arange(n, dtype=np.int64)
    in_validation = np.zeros(n, bool)
    pieces = -(-n_validation // PIECE)
    for piece in range(pieces):
        size = n_validation * (piece + 1) // pieces - n_validation * piece // pieces
        middle = (2 * piece + 1) * before // (2 * pieces)
        in_validation[middle - size // 2 : middle - size // 2 + size] = True
    return [positions[:before][~in_validation[:before]], positions[:before][in_validation[:before]], positions[before:]]


def _check_length(corpus: Corpus, n: int, context: int) -> None:
    if n <= context or n < MIN_EXAMPLES:
        raise DataError(
            f'"{corpus.origin}" holds {plural(len(corpus), "character")}, and {n:,} are left to learn from; more than '
            f"{max(context, MIN_EXAMPLES)} are needed, as the next one is predicted from the {context} before it. Give "
            "a longer text."
        )


def _notes(corpus: Corpus, training: str, encoder: ContextEncoder) -> list[str]:
    """How the text was read, one sentence each."""
    vocabulary = encoder.vocabulary
    if corpus.lines:
        form = f"Each line is an example of its own: {plural(len(corpus.examples), 'example')}, divided by chance."
    else:
        form = "The text is running text: its end is the test, and pieces of what is before are validation."
    notes = [f"Task: the next character from the {encoder.context} before it.", form]
    unknown = np.count_nonzero(vocabulary.encode(training) == len(vocabulary) - 1)
    if unknown:
        notes.append(
            f"{plural(int(unknown), 'rare character')} of the training text are read as one sign, "
            f"{vocabulary.characters[-1]}; the {len(vocabulary) - 1:,} most frequent ones are known."
        )
    return notes
