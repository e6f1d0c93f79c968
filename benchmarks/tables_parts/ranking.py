"""Ranks, means with their errors, and comparisons: what is made of the scores. s seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev


def ranks(values: Mapping[str, float]) -> dict[str, float]:
    """The place of each: 1 for the smallest value; equal ones share the mean of their places.

    A method that failed has the value infinity, and so comes last.

    >>> ranks({"a": 0.2, "b": 0.1, "c": 0.2})
    {'a': 2.5, 'b': 1.0, 'c': 2.5}
    """
    figures = {}
    for name, value in values.items():
        below = sum(other < value for other in values.values())
        equal = sum(other == value for other in values.values())
        figures[name] = below + (equal + 1) / 2
    return figures


def mean_ranks(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean place of each over several sets.

    >>> mean_ranks([{"a": 0.2, "b": 0.1}, {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}])
    {'a': 1.3333333333333333, 'b': 1.6666666666666667}
    """
    ranked = [ranks(values) for values in tables]
    return {name: fmean(ranks_of_set[name] for ranks_of_set in ranked) for name in ranked[0]} if ranked else {}


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean and its standard error, sd / sqrt(s) with the sd over s - 1; None for a single value.

    >>> mean_and_error([1.0, 3.0])
    (2.0, 1.0)
    """
    return fmean(values), stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def verdict(ours: Sequence[float], theirs: Sequence[float]) -> tuple[str, float, float | None]:
    """Whether ours, where smaller is better, is "ahead", "level" or "behind", by how much, and with which error.

    Both at the same seeds, so on the same rows: the differences d = theirs - ours are taken seed by seed. Ahead: their
    mean is above 0. Level: not above, but by at most one standard error of that mean.

    >>> verdict([1.0, 2.0], [2.0, 4.0])
    ('ahead', 1.5, 0.5)
    """
    differences = [their - our for our, their in zip(ours, theirs, strict=True)]
    mean, error = mean_and_error(differences)
    if mean > 0:
        return "ahead", mean, error
    return "level" if -mean <= (error or 0.0) else "behind", mean, error


def geometric_mean(values: Sequence[float]) -> float:
    """The n-th root of the product of n values above 0.

    >>> round(geometric_mean([1.0, 100.0]), 9)
    10.0
    """
    return math.exp(fmean(math.log(value) for value in values))
