"""Lowering of what reads the inputs: the dense block is gathered, the CSR block is read by the first layer."""

from __future__ import annotations

from collections.abc import Iterator

from ranvier.engine import feeds_dense
from ranvier.native.lowering import sparse
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.builder import Builder
from ranvier.native.lowering.lowered import GRADIENT, ROUNDED
from ranvier.network.activations import Activation, activation
from ranvier.network.layers import Rescale


def gathered(lowering: Builder) -> Buffer:
    """The dense block of the batch; without meaning where there is none. CSR rows are read where they lie."""
    spec = lowering.spec
    first, n_dense = spec.network.layer_infos[0], spec.input_blocks[0]
    if n_dense == 0:
        return Buffer("inputs", -1, "cells", 0)
    x = lowering.buffer("inputs", n_dense)
    lowering.add(s.Gather(x, first.layer if isinstance(first.layer, Rescale) else None))
    return lowering.rounded(x, x.name) if feeds_dense(first) else x


def reads_csr(lowering: Builder, path: str) -> bool:
    """Whether a Dense layer is the one that reads the CSR block of the inputs."""
    return lowering.table is not None and lowering.table.startswith(f"{path}.weight")


def forward(
    lowering: Builder,
    path: str,
    x: Buffer,
    weight: Buffer,
    bias: Buffer | None,
    results: tuple[Buffer | None, Buffer | None, Activation],
) -> None:
    """The weighted sums over the dense block, where there is one, and then over the CSR block.

    Parameters:
        weight: of the dense block, or the table where there is none.
        results: outputs, weighted sums and activation, as of a `SparseForward`.
    """
    assert lowering.table is not None
    start = None
    if weight.kind != "table":
        start = lowering.buffer(f"{path}.dense_sums", weight.columns)
        lowering.add(s.Forward(path, x, weight, bias, start, None, activation("identity"), lowering.rounds))
    table = lowering.piece(lowering.table, copy=ROUNDED if lowering.rounds else "")
    lowering.add(sparse.SparseForward(path, table, None if start else bias, *results, start, lowering.rounds))


def gradient(lowering: Builder, path: str, dz: Buffer, weight: s.Trained) -> sparse.SparseGradient:
    """The gradient of the table; where norms are clipped, its squares first."""
    assert lowering.table is not None
    table = weight if weight.value.kind == "table" else lowering.train(lowering.table)
    moves = lowering.purpose != GRADIENT
    purpose = sparse.MEASURE if lowering.clips else sparse.UPDATE if moves else sparse.KEEP
    squares = lowering.buffer("entry_squares", 1, "entries") if lowering.clips else None
    lowering.sparse = sparse.SparseGradient(path, dz, table, purpose, squares)
    return lowering.sparse


def csr_back(lowering: Builder, path: str, dz: Buffer) -> Buffer:
    """The errors along the inputs of a layer that reads a CSR block, a buffer for each block; gives the last one."""
    dx = dz
    for name in _weights(lowering, path):
        copy = lowering.transposed(name)
        dx = lowering.buffer(f"{name}.before", copy.columns)
        lowering.add(s.Back(path, dz, copy, dx, None, None, False))
    return dx


def input_gradients(lowering: Builder, dx: Buffer, output: int | None = None) -> Iterator[s.InputAnswer]:
    """The steps that hand out the errors along the inputs, block by block.

    Parameters:
        dx: along all inputs, where they are of one block.
        output: whose errors they are, where those of every output are handed out.
    """
    network = lowering.spec.network
    total = network.inputs * (1 if output is None else network.outputs)
    first = network.inputs * (output or 0)
    path = lowering.spec.network.layer_infos[0].path
    names = _weights(lowering, path) if reads_csr(lowering, path) else ()
    for block in [lowering.buffers[f"{name}.before"] for name in names] or [dx]:
        yield s.InputAnswer(block, first, total)
        first += block.columns


def _weights(lowering: Builder, path: str) -> tuple[str, ...]:
    """The names of the pieces of the first weight: of the dense block, where there is one, and of the CSR block."""
    return tuple(name for name in lowering.entries if name.startswith(f"{path}.weight"))
