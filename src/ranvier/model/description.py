"""What a model file says of its model beside the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.version import __version__

if TYPE_CHECKING:
    from ranvier.model.trained_predictor import TrainedPredictor

MAX_EPOCHS = 100_000
"""How many epochs of its history a model file has at most, two megabytes of them."""


ENCODER = "encoder."
"""How the names of an encoder's arrays begin in a model file."""
CONFORMAL = "conformal."
"""How the names of the arrays of `Conformal` begin there."""


def encoder_arrays(encoder: Any) -> dict[str, NDArray[Any]]:
    """The arrays of an encoder under their names in a model file; none for most encoders.

    >>> encoder_arrays(None)
    {}
    """
    arrays = row_encoder(encoder).arrays()
    return {f"{ENCODER}{name}": np.ascontiguousarray(array) for name, array in arrays.items()}


def other_arrays(model: TrainedPredictor) -> dict[str, NDArray[Any]]:
    """The arrays of a model beside its parameters, under their names in a model file."""
    scores = {} if model.conformal is None else model.conformal.arrays()
    return encoder_arrays(model.encoder) | {f"{CONFORMAL}{name}": array for name, array in scores.items()}


def description_of(model: TrainedPredictor) -> dict[str, Any]:
    """The description of a model as plain JSON values."""
    return {
        "ranvier": __version__,
        "network": model.network.to_dict(),
        "target": model.target.to_dict(),
        "encoder": None if model.encoder is None else model.encoder.to_dict(),
        "training": model.training.to_dict(),
        "byte_divisor": model.byte_divisor,
        "engine": model.engine,
        "history": model.history.stored(MAX_EPOCHS),
        "report": model.report.to_dict(),
        **({} if model.conformal is None else {"conformal": model.conformal.to_dict()}),
    }
