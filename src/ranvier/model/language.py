"""How good a language model is: log loss, bits a character and perplexity beside n-gram models. n characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import open_source
from ranvier.data.encoders.context import ContextEncoder
from ranvier.data.language.ngrams import ngram_log_losses
from ranvier.data.language.sequence import rows_of
from ranvier.errors import DataError, TrainingError
from ranvier.plural import plural
from ranvier.rows import Rows, Windows

if TYPE_CHECKING:
    from ranvier.model.predictor import Predictor

AT_ONCE = 2**14
SMALLEST = 1e-38
"""What a probability is at least that became 0 in float32, for its logarithm."""


def text_metrics(model: Predictor, rows: Rows) -> dict[str, float]:
    """The metrics of a language model on windows and the characters behind them.

    log_loss = -mean log p(character), in nats; bits_per_character = log_loss / log 2; perplexity = exp(log_loss);
    accuracy, how often the most probable character is the right one.

    Raises:
        TrainingError: an output is not a finite number.
    """
    total, right = 0.0, 0
    for start in range(0, len(rows), AT_ONCE):
        part = rows.take(slice(start, start + AT_ONCE))
        outputs = model.outputs_of(part.inputs)
        if not np.isfinite(outputs).all():
            raise TrainingError("An output of the network is not a finite number, so nothing can be measured.")
        targets = _numbers(part)
        p = outputs[np.arange(len(part)), targets].astype(np.float64)
        total -= float(np.log(np.maximum(p, SMALLEST)).sum())
        right += int((outputs.argmax(axis=1) == targets).sum())
    return {**_of_log_loss(total / len(rows)), "accuracy": right / len(rows)}


def ngram_metrics(log_losses: Sequence[float]) -> dict[str, float | None]:
    """The metrics of the best of n-gram models, and the log loss of each.

    Parameters:
        log_losses: of the n-gram models for n = 1, 2, and so on; empty for none.

    >>> ngram_metrics([3.0, 2.0])["log_loss"], ngram_metrics([3.0, 2.0])["log_loss_1_gram"]
    (2.0, 3.0)
    """
    if not log_losses:
        return {}
    by_order = {f"log_loss_{order}_gram": loss for order, loss in enumerate(log_losses, 1)}
    return {**_of_log_loss(min(log_losses)), **by_order}


def text_rows(encoder: ContextEncoder, X: Any) -> Rows:
    """All characters of a text as targets, and the windows before them.

    Raises:
        DataError: X holds no text.
    """
    windows = encoder.windows(open_source(X))
    if not len(windows):
        raise DataError("The text has no character to measure on.")
    return rows_of(windows)


def evaluate_text(model: Predictor, X: Any) -> dict[str, Any]:
    """Task, rows, metrics and baseline of a language model on all characters of a text, as plain values.

    Parameters:
        X: what `ContextEncoder.windows` takes: a text file, an opened source, a table of one column of texts. The
            baseline is the 1-gram model of this text itself.

    Raises:
        DataError: X holds no text.
    """
    encoder = model.encoder
    assert isinstance(encoder, ContextEncoder)
    rows = text_rows(encoder, X)
    windows = rows.inputs.csr
    assert isinstance(windows, Windows)
    unknown = int((_numbers(rows) == len(encoder.vocabulary) - 1).sum())
    note = f"{plural(unknown, 'character')} of the text are not in the vocabulary of the model, and count as one sign."
    return {
        "task": model.task.kind,
        "rows": len(rows),
        "metrics": text_metrics(model, rows),
        "baseline": ngram_metrics(ngram_log_losses(windows, windows, 1)),
        "per_class": [],
        "most_confused_pair": None,
        "notes": [note] if unknown else [],
    }


def _numbers(rows: Rows) -> NDArray[Any]:
    """The numbers of the characters that are the targets."""
    targets = rows.targets
    return targets[:, 0] if targets.shape[1] == 1 else targets.argmax(axis=1)


def _of_log_loss(loss: float) -> dict[str, float]:
    return {"log_loss": loss, "bits_per_character": loss / math.log(2.0), "perplexity": math.exp(min(loss, 700.0))}
