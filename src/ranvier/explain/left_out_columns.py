"""Importance by retraining: how much worse networks predict that were trained without a column. n rows, N outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.explain.blocks import NOTHING, InputBlock
from ranvier.explain.grouping import ColumnGroup
from ranvier.explain.importance import Importance, Importances, Score
from ranvier.rows import CSR, Inputs

Array = NDArray[Any]


def without_columns(inputs: Inputs, blocks: Sequence[InputBlock]) -> Inputs:
    """The rows with 0 in the inputs of some columns: they add nothing, and their weights learn nothing.

    >>> without_columns(Inputs(np.ones((1, 3))), [InputBlock("x1", slice(1, 2))]).dense.tolist()
    [[1.0, 0.0, 1.0]]
    """
    if not blocks:
        return inputs
    dense, csr = inputs.dense.copy(), inputs.entries
    for block in blocks:
        dense[:, block.dense] = 0
        if csr is not None and block.csr != NOTHING:
            width, rows = block.csr.stop - block.csr.start, len(inputs)
            empty = CSR(np.zeros(0, csr.dtype), np.zeros(0, np.int32), np.zeros(rows + 1, np.int64), width)
            csr = csr.with_columns(block.csr, empty)
    return Inputs(dense, csr)


def retrained_importances(
    outputs: Sequence[Sequence[Array]],
    targets: Array,
    groups: Sequence[ColumnGroup],
    score: Score,
    weights: Array | None,
) -> Importances:
    """How much worse a metric is of networks that were trained without a column.

    Formula: I_c = 1/R sum_r (s_r - s_rc) for metrics of which more is better, and the negative of it for losses, with
    s_r the metric of the network of seed r and s_rc that of the same seed without column c; its standard error is the
    standard deviation over the R seeds / sqrt(R).

    Parameters:
        outputs: of the networks on the measured rows, (n, N) each: for each seed those of the network that has all
            columns, and of those without each group.
        targets: encoded, (n, N) or class numbers (n, 1).
        groups: what was left out together.
        score: what is measured.
        weights: of the rows in the metric, (n,), none of them 0; None for equal ones.

    Raises:
        InputError: the metric is not defined on these rows.

    Source: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, "Distribution-free predictive inference for regression", 2018
    (leave-one-covariate-out).
    """
    scores = np.array([[score(part, targets, weights) for part in of_seed] for of_seed in outputs])
    if not np.isfinite(scores[:, 0]).all():
        raise InputError(f"{score.name} is not defined on these {len(targets):,} rows; give more rows, or other ones.")
    losses = score.sign * (scores[:, :1] - scores[:, 1:])
    repeats = len(outputs)
    errors = losses.std(axis=0, ddof=1) / math.sqrt(repeats) if repeats > 1 else np.full(len(groups), math.nan)
    records = [
        Importance(group.name, value, error, group.columns)
        for group, value, error in zip(groups, losses.mean(axis=0).tolist(), errors.tolist(), strict=True)
    ]
    records.sort(key=lambda entry: -entry.importance)
    return Importances(score.name, float(scores[:, 0].mean()), len(targets), repeats, tuple(records), retrained=True)
