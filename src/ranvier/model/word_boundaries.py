"""Where the words in a sound without pauses begin and end, found by dynamic programming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP = 9
"""Frames between possible cuts at most; where the sound is softest they are nearer."""
CUT_COST = 6.0
"""What a word costs, in frames times nats, so that a sound is not cut into too many."""
LENGTH_COST = 4.0
"""What it costs, in frames times nats, that a word is twice as long as usual."""
SKIP_COST = 1.2
"""What a frame costs that belongs to no word, times how loud it is, from 0 to 1."""


def possible_cuts(loudness: NDArray[np.float64]) -> list[int]:
    """Frames at which words may begin and end: both ends, the softest frames, and others so that none are far apart.

    Parameters:
        loudness: of each frame of the sound, smoothed.

    >>> possible_cuts(np.array([5.0, 4.0, 3.0, 1.0, 3.0, 5.0, 5.0]))
    [0, 3, 7]
    """
    count = len(loudness)
    inner = loudness[1:-1]
    softest = np.flatnonzero((inner <= loudness[:-2]) & (inner < loudness[2:])) + 1
    cuts = [0]
    for cut in [*softest.tolist(), count]:
        if cut - cuts[-1] < 3 and cut != count:
            continue
        extra = (cut - cuts[-1] - 1) // STEP
        cuts += [cuts[-1] + round((cut - cuts[-1]) * part / (extra + 1)) for part in range(1, extra + 1)]
        cuts.append(cut)
    return cuts


def pairs_of_cuts(cuts: list[int], shortest: int, longest: int) -> list[tuple[int, int]]:
    """The indices of the first and last cut of each stretch that can be a word.

    >>> pairs_of_cuts([0, 10, 20], 10, 15)
    [(0, 1), (1, 2)]
    """
    return [
        (first, last)
        for first in range(len(cuts))
        for last in range(first + 1, len(cuts))
        if shortest <= cuts[last] - cuts[first] <= longest
    ]


def best_words(
    cuts: list[int],
    pairs: list[tuple[int, int]],
    log_probabilities: NDArray[np.float64],
    loudness: NDArray[np.float64],
    usual: float,
) -> list[int]:
    """Which of the stretches are the words, in order.

    The sum of length times log probability over the words, less what words, their unusual lengths and skipped frames
    cost, is largest.

    Parameters:
        cuts, pairs: as above.
        log_probabilities: of the most probable class of each stretch.
        loudness: of each frame, from 0 to 1.
        usual: how long words are, in frames.

    >>> best_words([0, 10, 20], [(0, 1), (1, 2), (0, 2)], np.array([-0.01, -0.01, -2.0]), np.ones(20), 10.0)
    [0, 1]
    """
    best = np.zeros(len(cuts))
    before = [(at - 1, -1) for at in range(len(cuts))]
    skipped = np.concatenate([[0.0], np.cumsum(SKIP_COST * loudness)])
    by_end: dict[int, list[int]] = {}
    for number, (_, last) in enumerate(pairs):
        by_end.setdefault(last, []).append(number)
    for last in range(1, len(cuts)):
        best[last] = best[last - 1] - (skipped[cuts[last]] - skipped[cuts[last - 1]])
        for number in by_end.get(last, ()):
            first = pairs[number][0]
            length = cuts[last] - cuts[first]
            unusual = LENGTH_COST * (length / usual - 1.0) ** 2
            total = best[first] + length * log_probabilities[number] - CUT_COST - unusual
            if total > best[last]:
                best[last], before[last] = total, (first, number)
    words, at = [], len(cuts) - 1
    while at > 0:
        at, number = before[at]
        if number >= 0:
            words.append(number)
    return words[::-1]
