"""A model as plain values for pickles: the bytes of its file, and the training state, of which no file has a copy."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ranvier.model.load import load
from ranvier.model.model import Model


def packed_model(model: Model) -> dict[str, Any]:
    """The model as bytes, arrays and JSON values, without code."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.rv"
        model.save(path)
        packed: dict[str, Any] = {"file": path.read_bytes()}
    state = model.training_state
    return packed if state is None else {**packed, "arrays": state.arrays(), "state": state.to_dict()}


def unpacked_model(packed: dict[str, Any] | bytes) -> Model:
    """The model that `packed_model` was given; in pickles of earlier versions there are the bytes alone."""
    packed = {"file": packed} if isinstance(packed, bytes) else packed
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.rv"
        path.write_bytes(packed["file"])
        model = load(path)
    if "state" in packed:
        model.restore_training(packed["arrays"], packed["state"])
    return model
