"""Patch features of pictures, of their mirror images and of distorted copies, each made once for all who read them.

B pictures, K features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.images.patches import PatchFeatures
from ranvier.data.images.threads import Progress
from ranvier.recipes.ensemble import member_seed
from ranvier.recipes.image_parts import ImageParts
from ranvier.recipes.picture_rows import rows_with_copies
from ranvier.rows import Rows

Array = NDArray[Any]


class SharedFeatures:
    """The features of pictures.

    Parameters:
        patches: what makes them.
        pixels: of the pictures, shape (B, H, W, C).
        seed: of the distortions.
    """

    def __init__(self, patches: PatchFeatures, pixels: Array, seed: int) -> None:
        self.patches, self.pixels, self._seed = patches, pixels, seed
        self._plain: Array | None = None
        self._mirrored: Array | None = None
        self._copied: dict[str, Array] = {}

    @property
    def plain(self) -> Array:
        """The features of the pictures, (B, K)."""
        if self._plain is None:
            self._plain = self.patches.encode(self.pixels)
        return self._plain

    @property
    def mirrored(self) -> Array:
        """The features of their mirror images, (B, K)."""
        if self._mirrored is None:
            self._mirrored = self.patches.encode(self.pixels[:, :, ::-1])
        return self._mirrored

    def with_copies(
        self,
        rows: Rows,
        augmentation: str,
        copies: int,
        index: NDArray[np.int64] | None = None,
        progress: Progress | None = None,
    ) -> Rows:
        """The features of pictures and of distorted copies of them, with their targets and weights.

        Parameters:
            rows: the targets and weights of all B pictures.
            augmentation, copies: as for `rows_with_copies`; an augmentation always has as many.
            index: of the pictures that are meant; None for all.
            progress: called with how much is done, and of how much.
        """
        if augmentation not in self._copied:
            self._copied[augmentation] = rows_with_copies(
                self.patches, self.pixels, rows, augmentation, copies, self._seed, progress, self._plain
            ).inputs.dense
        features = self._copied[augmentation].reshape(copies + 1, len(rows), self.patches.width)
        some = rows if index is None else rows.take(index)
        features = features if index is None else features[:, index]
        weights = None if some.weights is None else np.tile(some.weights, copies + 1)
        return Rows(features.reshape(-1, self.patches.width), np.tile(some.targets, (copies + 1, 1)), weights)

    def forget_others(self, augmentation: str) -> None:
        """Keep no copies but those of one augmentation."""
        self._copied = {name: copied for name, copied in self._copied.items() if name == augmentation}


class MemberFeatures:
    """The features of each network of an ensemble, which has patches and distorted copies of its own.

    Parameters:
        recipe: says how many centroids.
        pixels: of the training pictures.
        seed: of the first network.
    """

    def __init__(self, recipe: ImageParts, pixels: Array, seed: int) -> None:
        self._recipe, self._pixels, self._seed = recipe, pixels, seed
        self._shared: dict[int, SharedFeatures] = {}

    def of(self, number: int) -> SharedFeatures:
        """Those of the network of a number, which are kept."""
        if number not in self._shared:
            count, seed = self._recipe.centroids_for(len(self._pixels)), member_seed(self._seed, number)
            patches = PatchFeatures.fit(self._pixels, count, seed, stride=self._recipe.stride)
            self._shared[number] = SharedFeatures(patches, self._pixels, seed)
        return self._shared[number]

    def pop(self, number: int) -> SharedFeatures:
        """Those of the network of a number, which are not kept any longer."""
        shared = self.of(number)
        del self._shared[number]
        return shared
