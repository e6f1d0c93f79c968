"""Lowering of the first layer where the inputs have a CSR block: the product of the dense block, and on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ranvier.native.lowering import sparse
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.network.activations import Activation, activation
from ranvier.network.network import Placed

if TYPE_CHECKING:
    from ranvier.native.lowering.lowering import Lowering


def reads_csr(lowering: Lowering, place: Placed) -> bool:
    """Whether a layer is the one that reads the CSR block of the inputs."""
    return lowering.table is not None and lowering.table.startswith(f"{place.path}.weight")


def lower_forward(
    lowering: Lowering,
    path: str,
    x: Buffer,
    weight: Buffer,
    bias: Buffer | None,
    made: tuple[Buffer | None, Buffer | None, Activation],
) -> None:
    """The weighted sums of both blocks; `weight` is that of the dense block, or the table where there is none.

    Parameters:
        made: where outputs and weighted sums go, and the activation, as for a `SparseForward`.
    """
    if weight.kind == "table":
        lowering.rows(sparse.SparseForward(path, weight, bias, *made))
        return
    start = lowering.buffer(f"{path}.dense_sums", weight.columns)
    product = lowering.cuts.product(weight)
    lowering.rows(s.Forward(path, x, weight, bias, start, None, activation("identity"), *product))
    table = lowering.piece(f"{path}.weight{sparse.CSR_PART}", copy="rounded" if lowering.rounds else "")
    lowering.rows(sparse.SparseForward(path, table, None, *made, start))


def lower_gradient(lowering: Lowering, path: str, dz: Buffer, weight: s.Trained) -> sparse.SparseGradient:
    """The gradient of the table; where norms are clipped, its squares first."""
    assert lowering.table is not None
    table = weight if weight.value.kind == "table" else lowering.train(lowering.table)
    measured = lowering.clips
    purpose = sparse.MEASURE if measured else sparse.MOVE if lowering.purpose == "train" else sparse.KEEP
    heads = lowering.buffer("heads", table.value.rows, "cells")
    links = lowering.buffer("links", sparse.link_size(lowering.problem.dtype, measured), "entries")
    squares = lowering.buffer("entry_squares", 1, "entries") if measured else None
    lowering.sparse = sparse.SparseGradient(path, dz, table, purpose, heads, links, squares)
    return lowering.sparse
