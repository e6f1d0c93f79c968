"""What a model file says of its model beside the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.version import __version__

if TYPE_CHECKING:
    from ranvier.model.model import Model

MAX_EPOCHS = 100_000
"""How many epochs of its history a model file has at most, two megabytes of them."""


def description_of(model: Model) -> dict[str, Any]:
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
    }
