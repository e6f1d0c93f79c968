"""Stop a run and go on: the model is bit-identical to one that never stopped."""

import numpy as np

import ranvier as rv


def stop_at_10(context):
    """A callback: called after every epoch."""
    return rv.CallbackResult(stop_reason="Stopped on purpose.") if context.epoch.epoch == 10 else None


generator = np.random.default_rng(0)
X, y = generator.normal(size=(300, 5)), generator.integers(0, 2, 300)
network = rv.Network(inputs=5, layers=[rv.Dense(16, "tanh"), rv.Dropout(0.1), rv.Dense(1, "sigmoid")])

uninterrupted = network.fit(X, y, epochs=30, seed=0)
part = network.fit(X, y, epochs=30, seed=0, callbacks=[stop_at_10])
part.fit(X, y, epochs=20)
print("bit-identical:", np.array_equal(uninterrupted.outputs(X), part.outputs(X)))
