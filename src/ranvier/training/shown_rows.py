"""Rows as bytes: those that viewers of a training look at, which it runs through the network. n rows, K inputs."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from ranvier.errors import RanvierError
from ranvier.rows import CSR, Inputs


def rows_to_bytes(inputs: Inputs) -> bytes:
    """Rows (n, K), both blocks, as an archive of arrays."""
    entries, file = inputs.entries, io.BytesIO()
    arrays: dict[str, Any] = {"dense": inputs.dense}
    if entries is not None:
        arrays |= {"data": entries.data, "indices": entries.indices, "indptr": entries.indptr}
        arrays["n_columns"] = np.int64(entries.n_columns)
    np.savez(file, **arrays)
    return file.getvalue()


def rows_from_bytes(content: bytes) -> Inputs | None:
    """The rows that `rows_to_bytes` wrote, as many as a live folder has room for; None for other bytes.

    >>> rows = rows_from_bytes(rows_to_bytes(Inputs(np.array([[1, 2]], np.uint8))))
    >>> rows.dense.tolist(), rows.dense.dtype.name, rows_from_bytes(b"half of them")
    ([[1, 2]], 'uint8', None)
    """
    # Only viewers need files.
    from zipfile import BadZipFile

    from ranvier.storage.live_folder import MAX_ROWS

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as read:
            arrays = dict(read)
        blocks = [arrays.pop("dense")]
        if arrays:
            blocks.append(CSR(arrays["data"], arrays["indices"], arrays["indptr"], int(arrays["n_columns"])))
        rows = Inputs(*blocks)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, RanvierError):
        return None
    return rows if 0 < len(rows) <= MAX_ROWS else None
