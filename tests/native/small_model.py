"""A small model trained by the native engine, the same in every process, and a digest of all that it says."""

from __future__ import annotations

import hashlib

import numpy as np

import ranvier

ROWS = np.random.default_rng(0).standard_normal((300, 64)).astype(np.float32)
LABELS = (ROWS[:, 0] > ROWS[:, 1]).astype(np.int64)


def trained() -> ranvier.Model:
    """Trained for two epochs; its steps are large enough for two threads, where there are two."""
    layers = [ranvier.Dense(128, "gelu"), ranvier.Dropout(0.2), ranvier.Dense(1, "sigmoid")]
    network = ranvier.Network(ROWS.shape[1], layers)
    return network.fit(ROWS, LABELS, epochs=2, batch_size=100, engine="native", progress=False)


def digest(model: ranvier.Model) -> str:
    """The bits of parameters and predictions, of many rows and of one."""
    parts = [*model.parameters.values(), model.outputs(ROWS), model.outputs(ROWS[:1])]
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
