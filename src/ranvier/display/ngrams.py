"""The n-gram baselines of a language model in a sentence."""

from __future__ import annotations

from collections.abc import Mapping


def ngram_sentence(baseline: Mapping[str, float | None]) -> str:
    """The log losses of the n-gram models, in a sentence; empty where there are none.

    >>> ngram_sentence({"log_loss": 2.0, "log_loss_1_gram": 3.0, "log_loss_2_gram": 2.0})
    'Baseline: n-gram models of the training text; log loss 3.000 (1-gram), 2.000 (2-gram).'
    """
    losses = [
        f"{value:.3f} ({name.removeprefix('log_loss_').replace('_', '-')})"
        for name, value in baseline.items()
        if name.endswith("_gram") and value is not None
    ]
    return f"Baseline: n-gram models of the training text; log loss {', '.join(losses)}." if losses else ""
