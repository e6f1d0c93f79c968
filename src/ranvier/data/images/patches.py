"""Patch features: what small pieces of a picture look like, learned from the pictures themselves.

    p    = a piece of s x s pixels, less its mean, divided by sqrt(its variance + 10)             normalized
    z    = (p - mean) W                                                                            whitened
    d_k  = |z - c_k|                                                                               for each centroid k
    f_k  = max(0, mean of d - d_k)                                                                 soft assignment
    x    = for each cell of a 3 x 3 grid, the weighted mean of f over the pieces around it         pooled
    byte = round(21.25 (x - mean of x) / deviation of x + 127.5), from 0 to 255                    standardized

W is the PCA whitening of pieces drawn from the training pictures, and the centroids those of k-means. The weights of a
cell fall linearly to 0 at the centres of its neighbours. Distances are the same after ZCA whitening, which only turns
z. The directions of least variance are left out: there is little but noise in them, and fewer numbers take less time.

Source: Coates, Lee, Ng, "An analysis of single-layer networks in unsupervised feature learning", AISTATS 2011.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ranvier.data.encoders import json_fields
from ranvier.data.images.threads import Progress, map_by_threads
from ranvier.random import SAMPLE, uniform
from ranvier.records import record

Array = NDArray[Any]
CONTRAST = 10.0
"""Added to the variance of a piece, of bytes, so that noise in even areas does not grow."""
WHITENING = 0.1
"""Added to the variance in each direction."""
VARIANCE_FRACTION = 0.7
"""So much of the variance of z is in the directions that z has."""
ROUNDING = 0.01
"""Added to squared distances of some 100, so that rounding never makes one negative."""
ITERATIONS = 8
MIN_PIECES, PIECES_PER_CENTROID = 4_000, 150
MAX_STANDARDIZED = 1_000
"""So many pictures at most give the mean and deviation of each feature."""
BYTE_STEP, BYTE_OFFSET = 12.0 / 255.0, -6.0
"""A byte stands for byte * step + offset standard deviations, from -6 to 6."""
BLOCK = 8192
ROWS_PER_TASK = 16


@record(eq=False)
class PatchFeatures:
    """Features of pictures of H x W pixels and C channels.

    Fields:
        side: s, the height and width of a piece, in pixels.
        stride: from piece to piece, in pixels.
        grid: the rows and columns of cells.
        mean: of normalized pieces, shape (D,), D = s * s * C.
        whitening: W, shape (D, R), R at most D.
        centroids: shape (R, K).
        feature_mean, feature_scale: of the pooled features, shape (rows * columns * K,).
    """

    side: int
    stride: int
    grid: tuple[int, int]
    mean: Array
    whitening: Array
    centroids: Array
    feature_mean: Array
    feature_scale: Array

    @classmethod
    def fit(
        cls,
        pixels: Array,
        n_centroids: int,
        seed: int = 0,
        *,
        side: int = 6,
        stride: int = 1,
        grid: tuple[int, int] = (3, 3),
    ) -> PatchFeatures:
        """Learn from training pictures; no targets are needed.

        Parameters:
            pixels: bytes, shape (B, H, W, C), none of the sides smaller than 1.
            n_centroids: K.
            seed: of the drawn pieces and the first centroids.

        >>> pixels = (uniform(0, SAMPLE, 0, 0, 30 * 64) * 255).astype(np.uint8).reshape(30, 8, 8, 1)
        >>> PatchFeatures.fit(pixels, 5).encode(pixels).shape
        (30, 45)
        """
        side = min(side, *pixels.shape[1:3])
        count = max(MIN_PIECES, PIECES_PER_CENTROID * n_centroids)
        pieces = _normalized(_drawn_pieces(pixels, side, seed, count))
        mean = pieces.mean(axis=0, dtype=np.float64)
        values, vectors = np.linalg.eigh(np.cov((pieces - mean).T.astype(np.float64)).reshape(2 * (len(mean),)))
        whitening = _largest(vectors / np.sqrt(np.maximum(values, 0.0) + WHITENING), values)
        with threadpool_limits(1), ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
            whitened = ((pieces - mean) @ whitening).astype(np.float32)
            centroids = _k_means(whitened, n_centroids, seed, pool)
        width = grid[0] * grid[1] * n_centroids
        raw = cls(
            side,
            stride,
            grid,
            mean.astype(np.float32),
            whitening.astype(np.float32),
            np.ascontiguousarray(centroids.T, np.float32),
            np.zeros(width, np.float32),
            np.ones(width, np.float32),
        )
        sample = np.unique((uniform(seed, SAMPLE, 0, 3, MAX_STANDARDIZED) * len(pixels)).astype(np.int64))
        pooled = raw._pooled(pixels if len(pixels) <= MAX_STANDARDIZED else pixels[sample])
        scale = pooled.std(axis=0, dtype=np.float64)
        scale += 1e-3 * float(scale.max(initial=0.0)) + 1e-8
        centre = pooled.mean(axis=0, dtype=np.float64)
        return replace(raw, feature_mean=centre.astype(np.float32), feature_scale=scale.astype(np.float32))

    @property
    def n_centroids(self) -> int:
        """K."""
        return int(self.centroids.shape[1])

    @property
    def width(self) -> int:
        """How many features a picture has."""
        return int(self.feature_mean.shape[0])

    @property
    def cell_names(self) -> list[str]:
        """The row and column of each cell, in the order of the features, which stand together by cell."""
        return [f"({row},{column})" for row in range(self.grid[0]) for column in range(self.grid[1])]

    def encode(
        self, pixels: Array, out: NDArray[np.uint8] | None = None, progress: Progress | None = None
    ) -> NDArray[np.uint8]:
        """The features of pictures as bytes, shape (B, width); the same for a picture alone and among others.

        Parameters:
            pixels: bytes, shape (B, H, W, C).
            out: where to write them; None for a new array.
            progress: called with how much is done, and of how much.
        """
        written = np.empty((len(pixels), self.width), np.uint8) if out is None else out
        factor = (1.0 / (BYTE_STEP * self.feature_scale.astype(np.float64))).astype(np.float32)
        shift = (-BYTE_OFFSET / BYTE_STEP - factor * self.feature_mean + 0.5).astype(np.float32)

        def write(start: int, features: Array) -> None:
            np.clip(features * factor + shift, 0.0, 255.0, out=features)
            written[start : start + len(features)] = features

        self._by_threads(pixels, write, progress)
        return written

    def _pooled(self, pixels: Array) -> Array:
        """The features before they are standardized, float32."""
        out = np.empty((len(pixels), self.width), np.float32)

        def write(start: int, features: Array) -> None:
            out[start : start + len(features)] = features

        self._by_threads(pixels, write, None)
        return out

    def _by_threads(self, pixels: Array, write: Callable[[int, Array], None], progress: Progress | None) -> None:
        """Call `write` with the pooled features of some pictures and the index of the first, by several threads."""
        weights = self.pooling_weights(*pixels.shape[1:3])

        def task(start: int) -> None:
            block = pixels[start : start + ROWS_PER_TASK]
            write(start, np.stack([self._features(picture, weights) for picture in block]))

        with threadpool_limits(1):
            map_by_threads(task, range(0, len(pixels), ROWS_PER_TASK), progress)

    def _features(self, picture: Array, weights: Array) -> Array:
        """The pooled features of one picture (H, W, C). Always of one, so that the bits depend on nothing beside it."""
        distances, average = self.distances(picture)
        features: Array = (weights @ average - weights @ distances).reshape(-1)
        return features

    def distances(self, picture: Array) -> tuple[Array, Array]:
        """Of each piece of one picture (H, W, C) the distances min(d, a) from the centroids, (pieces, K), and a, their
        mean, (pieces, 1): the soft assignment f is a - min(d, a).
        """
        matrix, shift, distance = self._products
        count = len(self.mean)
        pieces = self._pieces(picture)
        products = pieces @ matrix
        directions = products.shape[1] - 1
        total = products[:, directions].astype(np.float64)
        squares = np.einsum("ij,ij->i", pieces, pieces).astype(np.float64)
        variance = np.maximum(squares / count - (total / count) ** 2, 0.0)
        inverse = (1.0 / np.sqrt(variance + CONTRAST)).astype(np.float32)
        whitened = np.empty((len(pieces), directions + 2), np.float32)
        inside = np.multiply(products[:, :directions], inverse[:, None], out=whitened[:, :directions])
        inside -= shift
        whitened[:, directions] = np.einsum("ij,ij->i", inside, inside)
        whitened[:, directions + 1] = 1.0
        distances = whitened @ distance
        np.sqrt(distances, out=distances)
        average = distances @ self._average
        # max(0, a - d) = a - min(d, a)
        np.minimum(distances, average, out=distances)
        return distances, average

    def _pieces(self, picture: Array) -> Array:
        """All pieces of a picture (H, W, C), shape (pieces, D), their numbers by row, column, channel: the rows of a
        piece are runs of s * C numbers, which are copied quickly.
        """
        numbers = np.ascontiguousarray(picture, np.float32)
        height, width, channels = numbers.shape
        rows, columns = ((side - self.side) // self.stride + 1 for side in (height, width))
        down, across, channel = numbers.strides
        shape = (rows, columns, self.side, self.side * channels)
        strides = (down * self.stride, across * self.stride, down, channel)
        return np.ndarray(shape, np.float32, numbers, 0, strides).reshape(rows * columns, -1)

    @cached_property
    def _average(self) -> Array:
        """What takes distances to their mean, shape (K, 1)."""
        return np.full((self.n_centroids, 1), 1.0 / self.n_centroids, np.float32)

    @cached_property
    def _products(self) -> tuple[Array, Array, Array]:
        """The matrices of a piece p, shape (D,).

        p times the first is p (I - 1/D) W and then the sum of p, which is exact for bytes, its rows in the order of
        `_pieces`. The second is mean W. The third takes (z, |z|**2, 1) to the squared distances from all centroids.
        """
        whitening, count = self.whitening.astype(np.float64), len(self.mean)
        centred = np.concatenate([whitening - whitening.mean(axis=0), np.ones((count, 1))], axis=1)
        centroids = self.centroids.astype(np.float64)
        squares = (centroids**2).sum(axis=0) + ROUNDING
        distance = np.concatenate([-2.0 * centroids, np.ones((1, self.n_centroids)), squares[None]])
        shift = (self.mean.astype(np.float64) @ whitening).astype(np.float32)
        by_channel = centred.reshape(-1, self.side, self.side, centred.shape[1])
        by_row = np.ascontiguousarray(by_channel.transpose(1, 2, 0, 3).reshape(centred.shape), np.float32)
        return by_row, shift, np.ascontiguousarray(distance.astype(np.float32))

    def pooling_weights(self, height: int, width: int) -> Array:
        """The weights of all pieces in each cell, shape (cells, pieces), each row summing to 1."""
        rows, columns = ((side - self.side) // self.stride + 1 for side in (height, width))
        down, across = _cell_weights(rows, self.grid[0]), _cell_weights(columns, self.grid[1])
        weights = np.einsum("ij,kl->ikjl", down, across).reshape(self.grid[0] * self.grid[1], rows * columns)
        return np.ascontiguousarray(weights.astype(np.float32))

    def pattern(self, number: int) -> Array:
        """What a piece at a centroid looks like, shape (s, s, C): less its mean, divided by its deviation.

        >>> pixels = (uniform(0, SAMPLE, 0, 0, 30 * 64) * 255).astype(np.uint8).reshape(30, 8, 8, 1)
        >>> PatchFeatures.fit(pixels, 5).pattern(4).shape
        (6, 6, 1)
        """
        piece = self.centroids[:, number] @ np.linalg.pinv(self.whitening) + self.mean
        shaped: Array = piece.reshape(-1, self.side, self.side).transpose(1, 2, 0)
        return shaped

    def arrays(self) -> dict[str, Array]:
        """The arrays by name."""
        names = ("mean", "whitening", "centroids", "feature_mean", "feature_scale")
        return {name: getattr(self, name) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """What is not an array, as plain JSON values."""
        return {"side": self.side, "stride": self.stride, "grid": list(self.grid)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> PatchFeatures:
        """The features that `to_dict` and `arrays` describe.

        Raises:
            ModelFileError: a part is absent or does not fit the others.
        """
        side, stride = json_fields.field(data, "side", int), json_fields.field(data, "stride", int)
        grid = json_fields.items(data, "grid", int)
        names = ("mean", "whitening", "centroids", "feature_mean", "feature_scale")
        absent = next((name for name in names if name not in arrays), None)
        if absent is not None:
            raise json_fields.damaged(f"the array {absent} of its patch features is absent")
        mean, whitening, centroids, feature_mean, feature_scale = (arrays[name] for name in names)
        count = mean.size
        width = centroids.shape[-1] * grid[0] * grid[1] if len(grid) == 2 else -1
        shapes = (mean.shape, whitening.shape, centroids.shape[:1], feature_mean.shape, feature_scale.shape)
        directions = whitening.shape[-1]
        if (
            shapes != ((count,), (count, directions), (directions,), (width,), (width,))
            or min(side, stride, width, directions) < 1
        ):
            raise json_fields.damaged(f"the arrays of its patch features have shapes {shapes}")
        return cls(side, stride, (grid[0], grid[1]), mean, whitening, centroids, feature_mean, feature_scale)


def write_standardized(features: NDArray[np.uint8], out: Array) -> None:
    """Write features that are bytes into `out`, of bytes as they are or of floating point in standard deviations.

    >>> out = np.zeros((1, 2), np.float32)
    >>> write_standardized(np.array([[0, 255]], np.uint8), out)
    >>> out.tolist()
    [[-6.0, 6.0]]
    """
    if out.dtype == np.uint8:
        out[:] = features
    else:
        out[:] = features * np.float32(BYTE_STEP)
        out += np.float32(BYTE_OFFSET)


def _drawn_pieces(pixels: Array, side: int, seed: int, count: int) -> Array:
    """Pieces from everywhere, their numbers in the order of W: channel, row, column."""
    rows, height, width, channels = pixels.shape
    draws = [uniform(seed, SAMPLE, 0, axis, count) for axis in range(3)]
    which, top, left = (
        (draw * limit).astype(np.int64)
        for draw, limit in zip(draws, (rows, height - side + 1, width - side + 1), strict=True)
    )
    steps = np.arange(side)
    pieces = pixels[which[:, None, None], (top[:, None] + steps)[:, :, None], (left[:, None] + steps)[:, None, :]]
    moved: Array = pieces.transpose(0, 3, 1, 2).reshape(count, side * side * channels).astype(np.float32)
    return moved


def _normalized(pieces: Array) -> Array:
    """Pieces less their means, divided by their deviations; pieces that are even are left out, unless all are."""
    pieces = pieces - pieces.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", pieces, pieces) / pieces.shape[1]
    uneven = variance > 0
    if uneven.any():
        pieces, variance = pieces[uneven], variance[uneven]
    normalized: Array = pieces / np.sqrt(variance + CONTRAST)[:, None]
    return normalized


def _largest(columns: Array, variances: Array) -> Array:
    """The whitening columns of the directions of largest variance, from the largest on.

    Parameters:
        columns, variances: of each direction, shape (D, D) and (D,).
    """
    largest = np.argsort(-variances, kind="stable")
    whitened = np.maximum(variances[largest], 0.0) / (np.maximum(variances[largest], 0.0) + WHITENING)
    count = int(np.searchsorted(np.cumsum(whitened), VARIANCE_FRACTION * whitened.sum())) + 1
    return np.ascontiguousarray(columns[:, largest[:count]])


def _k_means(points: Array, n_centroids: int, seed: int, pool: ThreadPoolExecutor) -> Array:
    """Centroids of points (n, D), shape (K, D): Lloyd's iterations; a centroid without points moves to one of them."""
    first = np.argsort(uniform(seed, SAMPLE, 1, 0, len(points)), kind="stable")
    centroids: Array = points[np.resize(first, n_centroids)].copy()
    starts_of_blocks = range(0, len(points), BLOCK)
    for iteration in range(ITERATIONS):
        squares = np.einsum("ij,ij->i", centroids, centroids)
        nearest = np.concatenate(list(pool.map(partial(_nearest, points, centroids, squares), starts_of_blocks)))
        counts = np.bincount(nearest, minlength=n_centroids)
        order = np.argsort(nearest, kind="stable")
        starts = np.cumsum(counts) - counts
        used = counts > 0
        sums = np.add.reduceat(points[order], starts[used], axis=0)
        centroids[used] = sums / counts[used, None]
        lost = np.flatnonzero(~used)
        draws = uniform(seed, SAMPLE, 2 + iteration, 0, len(lost))
        centroids[lost] = points[(draws * len(points)).astype(np.int64)]
    return centroids


def _nearest(points: Array, centroids: Array, squares: Array, start: int) -> NDArray[np.int64]:
    """The nearest centroid of each point of a block."""
    nearest: NDArray[np.int64] = (squares - 2.0 * (points[start : start + BLOCK] @ centroids.T)).argmin(axis=1)
    return nearest


def _cell_weights(positions: int, cells: int) -> NDArray[np.float64]:
    """The weights of positions along one side in each of its cells, shape (cells, positions)."""
    size = positions / cells
    centres = (np.arange(cells) + 0.5) * size
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(positions) + 0.5 - centres[:, None]) / max(size, 1.0))
    weights += 1e-12
    normalized: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalized
