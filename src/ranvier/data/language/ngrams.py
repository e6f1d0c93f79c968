"""n-gram models of characters, the baselines of language models. V characters, n characters to be predicted.

    p(c | h) = (count(h c) + distinct(h) p(c | h')) / (count(h) + distinct(h))

with h the n - 1 characters before c, h' the last n - 2 of them, count(.) how often something stands in the training
text, and distinct(h) how many different characters follow h there; under the unigrams all characters are equally
likely.

Source: Witten, Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 1991.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.language.sequence import next_characters
from ranvier.rows import Windows

ORDERS = 5


def ngram_log_losses(training: Windows, others: Windows, orders: int = ORDERS) -> list[float]:
    """The log loss in nats of the n-gram models of a text on other characters, for n = 1 to `orders`.

    Parameters:
        training: the windows before the characters that are counted.
        others: the windows before those that are predicted.
        orders: the largest n; less where windows are shorter.

    >>> from ranvier.data.language.sequence import character_windows
    >>> from ranvier.data.language.vocabulary import Vocabulary
    >>> text = character_windows(["abababab"], Vocabulary.of(["ab"]), 4)
    >>> [round(loss, 2) for loss in ngram_log_losses(text, text, 2)]
    [0.8, 0.15]
    """
    symbols = training.symbols
    p: NDArray[np.float64] = np.full(len(others), 1.0 / symbols)
    training_contexts, contexts = np.zeros(len(training), np.int64), np.zeros(len(others), np.int64)
    training_next, other_next = (next_characters(part).astype(np.int64) for part in (training, others))
    losses = []
    for order in range(1, min(orders, training.width + 1, _largest_order(symbols)) + 1):
        if order > 1:
            scale = symbols ** (order - 2)
            training_contexts, contexts = (
                history + part.codes[part.ends - order + 1].astype(np.int64) * scale
                for history, part in ((training_contexts, training), (contexts, others))
            )
        pairs, counts = np.unique(training_contexts * symbols + training_next, return_counts=True)
        histories, first = np.unique(pairs // symbols, return_index=True)
        distinct = np.diff(np.append(first, len(pairs)))
        totals = np.add.reduceat(counts, first)
        n_pair = _looked_up(pairs, counts, contexts * symbols + other_next)
        n_history, n_distinct = (_looked_up(histories, values, contexts) for values in (totals, distinct))
        p = np.where(n_history > 0, (n_pair + n_distinct * p) / np.maximum(n_history + n_distinct, 1), p)
        losses.append(float(-np.log(p).mean()))
    return losses


def _largest_order(symbols: int) -> int:
    """The largest n whose n-grams are numbered by integers of 63 bits."""
    return int(62 / math.log2(max(symbols, 2)))


def _looked_up(keys: NDArray[np.int64], values: NDArray[Any], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The value of each wanted key, 0 where it is not among the sorted keys."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    result: NDArray[np.int64] = np.where(keys[at] == wanted, values[at], 0)
    return result
