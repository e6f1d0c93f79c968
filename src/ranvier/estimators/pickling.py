"""A model as plain values for pickles: the bytes of its file, and its training state, of which no file has a copy."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ranvier.model.load import load
from ranvier.model.model import Model

Packed = dict[str, Any]


def packed_model(model: Model) -> tuple[bytes, Packed | None]:
    """The bytes of the model's file, and its training state as arrays and JSON values, None without one; no code."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.rv"
        model.save(path)
        content = path.read_bytes()
    state = model.training_state
    return content, None if state is None else {"arrays": state.arrays(), "values": state.to_dict()}


def unpacked_model(content: bytes, training: Packed | None) -> Model:
    """The model that `packed_model` was given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.rv"
        path.write_bytes(content)
        model = load(path)
    if training is not None:
        model.restore_training(training["arrays"], training["values"])
    return model
