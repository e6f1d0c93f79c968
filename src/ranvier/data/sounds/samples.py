"""Recordings in memory: samples with their rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.scalars import as_integer


def is_samples(cell: Any) -> bool:
    """Whether a cell holds samples in memory and their rate.

    >>> is_samples((8000, np.zeros(4))), is_samples({"array": [0.0], "sampling_rate": 8000}), is_samples("a.wav")
    (True, True, False)
    """
    if isinstance(cell, dict):
        return cell.get("array") is not None and cell.get("sampling_rate") is not None
    if not isinstance(cell, (tuple, list)) or len(cell) != 2:
        return False
    kinds = [isinstance(part, np.ndarray) and part.ndim > 0 for part in cell]
    others = [part for part, is_array in zip(cell, kinds, strict=True) if not is_array]
    return sum(kinds) == 1 and as_integer(others[0]) is not None
