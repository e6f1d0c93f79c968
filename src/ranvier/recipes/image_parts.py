"""The parts of the recipe "image", and how many centroids, copies, networks and epochs so many pictures get."""

from __future__ import annotations

import math

from ranvier.data.encoders.image import stride_for
from ranvier.data.images.picture_format import PictureFormat
from ranvier.recipes.picture_rows import CELLS
from ranvier.records import record

MANY_ROWS, VERY_MANY_ROWS, FEW_ROWS, SOME_ROWS = 20_000, 30_000, 2_000, 5_000
MAX_CENTROIDS = ((VERY_MANY_ROWS, 128), (MANY_ROWS, 200))
"""Beyond so many rows, at most so many centroids."""
MIN_EPOCHS = 4
MAX_PIXEL_SIDE, MAX_PIXEL_COPIES = 32, 60
MAX_FEATURE_BYTES = 140 << 20
"""Memory for the features of all copies of the training pictures."""


@record
class ImageParts:
    """What the recipe "image" leaves open.

    Fields:
        n_centroids: of the patch features; at most 200 for more than 20,000 rows, and 128 for more than 30,000.
        augment: how copies are distorted: "none", "affine" (rotation, shear, scale, shift, elastic), "flip" (less of
            these, and mirrored, and predictions are the mean over a picture and its mirror image), or "auto", which
            takes "flip" for pictures in colour and "affine" for others, unless rows that are left out say otherwise.
        copies: distorted copies of each picture; more for few pictures, fewer where memory is short.
        hidden, activation, dropout, label_smoothing: of the network and its loss.
        learning_rate, weight_decay: of AdamW.
        schedule: of the learning rate.
        epochs: passes over the pictures without copies; with copies fewer, so that steps grow as the square root. To
            learn a number of few pictures there are more, so that there are 500 steps.
        n_networks: how many networks are trained, each with centroids of its own, and merged.
        few_networks, few_centroids: the same for fewer than 2,000 rows, with how many centroids at most; for fewer than
            5,000 rows half as many networks.
        linear: whether linear models on patch features and on pixels are tried, too, where the caller asks for no
            hidden layers of their own.
        pixel_epochs: passes of a network on the pixels of distorted copies, tried beside those on patch features where
            pictures are small and grey, as digits and symbols are; 0 for none.
        form: the format of the pictures, once it is known.
    """

    n_centroids: int = 400
    augment: str = "auto"
    copies: int = 3
    hidden: tuple[int, ...] = (512,)
    activation: str = "relu"
    dropout: float = 0.5
    label_smoothing: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: str = "one_cycle"
    epochs: int = 20
    n_networks: int = 1
    few_networks: int = 3
    few_centroids: int = 200
    linear: bool = True
    pixel_epochs: int = 0
    form: PictureFormat | None = None

    @property
    def stride(self) -> int:
        """From piece to piece, in pixels."""
        return 1 if self.form is None else stride_for(self.form)

    def centroids_for(self, rows: int) -> int:
        """K for so many rows: fewer for very many, for which time and memory are short, and where several networks
        for few rows have centroids of their own.

        >>> [ImageParts().centroids_for(rows) for rows in (1_000, 6_000, 25_000, 60_000)]
        [200, 400, 200, 128]
        """
        usual = self.few_centroids if rows < FEW_ROWS else self.n_centroids
        most = next((most for limit, most in MAX_CENTROIDS if rows > limit), usual)
        return min(self.n_centroids, most)

    def networks_for(self, rows: int) -> int:
        """How many networks are trained on so many rows: several for few, where a single one depends much on chance.

        >>> [ImageParts().networks_for(rows) for rows in (1_000, 3_000, 6_000)]
        [3, 2, 1]
        """
        few = self.few_networks if rows < FEW_ROWS else (self.few_networks + 1) // 2
        return max(self.n_networks, few) if rows < SOME_ROWS else self.n_networks

    def copies_for(self, rows: int) -> int:
        """Distorted copies of each picture: about twice as many for few rows, fewer where memory is short.

        >>> [ImageParts().copies_for(rows) for rows in (1_000, 20_000, 200_000)]
        [7, 1, 0]
        """
        wanted = 2 * self.copies + 1 if rows < FEW_ROWS and self.copies else self.copies
        room = MAX_FEATURE_BYTES // max(rows * CELLS * self.centroids_for(rows), 1)
        return max(min(wanted, room - 1), 0)

    @property
    def joins_pixels(self) -> bool:
        """Whether a network on pixels is tried beside those on patch features."""
        if self.form is None or self.form.channels > 1 or max(self.form.shape) > MAX_PIXEL_SIDE:
            return False
        fit = self.form.pixels <= CELLS * min(self.n_centroids, *(most for _, most in MAX_CENTROIDS))
        return self.pixel_epochs > 0 and fit and self.augment != "none" and len(self.hidden) == 1

    def pixel_copies_for(self, rows: int) -> int:
        """Distorted copies of whose pixels a network learns, as many as memory allows.

        >>> [ImageParts(form=PictureFormat(28, 28, 1)).pixel_copies_for(rows) for rows in (100, 7_000, 60_000)]
        [60, 25, 2]
        """
        pixels = 1 if self.form is None else self.form.pixels
        return max(min(MAX_PIXEL_COPIES, MAX_FEATURE_BYTES // max(rows * pixels, 1) - 1), 1)

    def pixel_epochs_for(self, copies: int) -> int:
        """The epochs over pictures and copies that make so many passes.

        >>> ImageParts(pixel_epochs=120).pixel_epochs_for(15)
        8
        """
        return max(round(self.pixel_epochs / (copies + 1)), 1)

    def epochs_for(self, epochs: int, copies: int) -> int:
        """The epochs over pictures and copies, from those over pictures alone.

        >>> [ImageParts().epochs_for(20, copies) for copies in (0, 3, 7)]
        [20, 10, 7]
        """
        return min(epochs, max(round(epochs / math.sqrt(copies + 1)), MIN_EPOCHS))
