"""Pictures and recordings that stand in several rows: copies stay in one part, else the test would be too easy.

B is the number of rows.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.data.columns.kind_inference import is_picture_dtype
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table

Codes = NDArray[np.int64]
Digests: TypeAlias = list[NDArray[np.bytes_]]


def picture_codes(source: Source) -> Codes | None:
    """The number of each row's picture, the same for equal ones, shape (B,); None where all differ, or there is none.

    Rows of several columns of pictures are together where one of their pictures is equal.

    >>> import polars as pl
    >>> frame = pl.DataFrame([pl.Series("photo", np.zeros((3, 4, 4, 1), np.uint8))])
    >>> picture_codes(Table(frame, "a table")).tolist()
    [0, 0, 0]
    """
    return codes_of(digests_of(source))


def codes_of(digests_of_columns: Digests) -> Codes | None:
    """What `picture_codes` gives, from the digests of each column."""
    codes = None
    for digests in digests_of_columns:
        column_codes = np.unique(digests, return_inverse=True)[1].astype(np.int64)
        codes = column_codes if codes is None else joined(codes, column_codes)
    return None if codes is None or len(np.unique(codes)) == len(codes) else codes


def joined(first: Codes, second: Codes) -> Codes:
    """Groups of rows that are together in one of two ways of grouping, or by way of others, shape (B,), in their order.

    >>> joined(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).tolist()
    [0, 0, 0, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # Both ways' groups are the nodes of a graph, and each row joins two of them.
    start = int(first.max()) + 1
    nodes = start + int(second.max()) + 1
    graph = coo_array((np.ones(len(first), np.int8), (first, second + start)), shape=(nodes, nodes))
    components = connected_components(graph, directed=False)[1][first]
    _, rows, numbers = np.unique(components, return_index=True, return_inverse=True)
    in_order: Codes = np.argsort(np.argsort(rows))[numbers].astype(np.int64)
    return in_order


def digests_of(source: Source) -> Digests:
    """A digest of each picture or spectrogram, for each column of decoded ones."""
    if not isinstance(source, Table):
        return []
    columns = (cells.to_numpy() for cells in source.frame.iter_columns() if is_picture_dtype(cells.dtype))
    return [
        np.array([blake2b(picture.tobytes(), digest_size=16).digest() for picture in column], "V16").view("S16")
        for column in columns
    ]
