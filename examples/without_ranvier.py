"""Use a trained network where Ranvier is not installed: parameters are arrays, a forward pass is a few lines."""

from pathlib import Path

import numpy as np

import ranvier as rv

generator = np.random.default_rng(0)
X = generator.normal(size=(400, 3))
y = np.where(X[:, 0] * X[:, 1] > 0, "same", "different")
network = rv.Network(inputs=3, layers=[rv.Dense(16, "relu"), rv.Dense(2, "softmax")])
model = network.fit(X, y, epochs=50, optimizer=rv.Adam(0.01), seed=0)
np.savez("parameters.npz", classes=model.task.classes, **model.parameters)


def predict(X, parameters):
    """The forward pass with NumPy alone."""
    hidden = np.maximum(X @ parameters["layers.0.weight"] + parameters["layers.0.bias"], 0)
    logits = hidden @ parameters["layers.1.weight"] + parameters["layers.1.bias"]
    return parameters["classes"][logits.argmax(axis=1)]


with np.load("parameters.npz") as file:
    same = predict(X, dict(file)) == model.predict(X)
print(f"{same.mean():.0%} of the predictions are the same")
Path("parameters.npz").unlink()
