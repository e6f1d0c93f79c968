"""Flat parameters <-> the panels and tables that compiled code reads. K inputs, N outputs, G groups.

A weight (K, N) becomes (panels, K', 16): panel p holds columns 16 p to 16 p + 15, and K' is `layouts.panel_rows` of K.
One of groups (K / G, N) becomes G such weights, one for the columns of each group. A table is (K, N'), N' the next
multiple of 16. The padding is zero and stays zero, since its gradients are.

Where products read bfloat16, what they read is rounded before it is packed, and made pairs of where they take those.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine.bfloat16 import SMALLEST
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.scheduling.layouts import group_panels_of, panel_rows, stride_of
from ranvier.native.scheduling.tiles import PANEL

Array = NDArray[Any]
LOW, BELOW_HALF = 16, 0x7FFF
"""The bits of a float32 that bfloat16 does not have, and what is added so that cutting them off rounds."""


def pack(values: Array, buffer: Buffer, out: Array) -> None:
    """Write a weight (K, N) or a vector (N,) into the memory of its buffer.

    >>> out = np.zeros(16 * 16)
    >>> pack(np.array([[1.0, 2.0], [3.0, 4.0]]), Buffer("w", 0, "weight", 2, 2), out)
    >>> out.reshape(16, 16)[:2, :2].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    if buffer.kind == "table":
        out.reshape(buffer.rows, stride_of(buffer))[:, : buffer.columns] = values
        return
    if buffer.kind not in ("weight", "pairs"):
        out[: buffer.columns] = values
        return
    for columns, panels in _groups(values, buffer, out):
        inputs, units = columns.shape
        n_full = units // PANEL
        split = columns[:, : n_full * PANEL].reshape(inputs, n_full, PANEL)
        panels[:n_full, :inputs] = split.transpose(1, 0, 2)
        if units % PANEL:
            panels[n_full, :inputs, : units % PANEL] = columns[:, n_full * PANEL :]


def unpack(memory: Array, buffer: Buffer, out: Array) -> None:
    """Read the memory of a buffer, laid out as `pack` writes it, into (K, N) or (N,)."""
    if buffer.kind == "table":
        out[...] = memory.reshape(buffer.rows, stride_of(buffer))[:, : buffer.columns]
        return
    if buffer.kind not in ("weight", "pairs"):
        out[...] = memory[: buffer.columns]
        return
    for columns, panels in _groups(out, buffer, memory):
        inputs, units = columns.shape
        n_full = units // PANEL
        # Cutting an axis in two makes no copy.
        columns[:, : n_full * PANEL].reshape(inputs, n_full, PANEL)[...] = panels[:n_full, :inputs].transpose(1, 0, 2)
        if units % PANEL:
            columns[:, n_full * PANEL :] = panels[n_full, :inputs, : units % PANEL]


def transposed(weight: Array, groups: int) -> Array:
    """The transpose (N, K) of a weight (K, N), each group by itself.

    >>> transposed(np.array([[1, 2, 5, 6], [3, 4, 7, 8]]), groups=2).tolist()
    [[1, 3, 5, 7], [2, 4, 6, 8]]
    """
    inputs, columns = weight.shape
    return weight.reshape(inputs, groups, columns // groups).transpose(2, 1, 0).reshape(-1, groups * inputs)


def _groups(values: Array, buffer: Buffer, memory: Array) -> Iterator[tuple[Array, Array]]:
    """The columns of each group, (K, N), and their panels, (panels, K', 16); both are views."""
    panels = memory.reshape(buffer.groups, group_panels_of(buffer), panel_rows(buffer.rows), PANEL)
    for group in range(buffer.groups):
        yield values[:, group * buffer.width : (group + 1) * buffer.width], panels[group]


def bfloat16_of(values: NDArray[Any]) -> NDArray[np.float32]:
    """Numbers as float32, rounded to bfloat16 as `kernels/bfloat16.py` says; these bits are what its code computes.

    >>> bfloat16_of(np.array([1.0 + 2**-8, 1.0 + 3 * 2**-8, 0.1])).tolist()
    [1.0, 1.015625, 0.10009765625]
    """
    numbers = np.ascontiguousarray(values, np.float32)
    bits = numbers.view(np.uint32)
    carried = bits + np.uint32(BELOW_HALF) + (bits >> LOW & 1)
    rounded = (carried >> LOW << LOW).view(np.float32)
    rounded[np.abs(rounded) < SMALLEST] = 0.0
    return np.where(np.isnan(numbers), numbers, rounded)


def half_of_pairs(values: Array, half: int) -> Array:
    """The rows (K, N) that are the first (0) or the second (1) of a pair: (K / 2, N), with zeros at the end of odd K.

    >>> half_of_pairs(np.array([[1], [2], [3]]), 1).tolist()
    [[2], [0]]
    """
    rows = values[half::2]
    missing = -(-len(values) // 2) - len(rows)
    return np.concatenate([rows, np.zeros((missing, *values.shape[1:]), values.dtype)]) if missing else rows


def pairs_of(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float32]:
    """Pairs of numbers, both rounded to bfloat16: the first in the upper 16 bits of a float32, the second below it.

    >>> pairs_of(np.array([1.0]), np.array([-2.0])).view(np.uint32).tolist() == [0x3F80C000]
    True
    """
    upper, lower = (bfloat16_of(values).view(np.uint32) for values in (first, second))
    return (upper & np.uint32(0xFFFF << LOW) | lower >> LOW).view(np.float32)
