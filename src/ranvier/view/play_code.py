"""The settings of a playground as a Python program that does the same."""

from __future__ import annotations

from ranvier.view.play_data import Points
from ranvier.view.play_state import PlayState

TERMS = {
    "x": "x",
    "y": "y",
    "xx": "x * x",
    "yy": "y * y",
    "xy": "x * y",
    "sinx": "np.sin(np.pi * x)",
    "siny": "np.sin(np.pi * y)",
}


def python_code(state: PlayState, points: Points) -> str:
    """A program that makes the points, trains the network, and prints what it gets.

    The points are written out, so that the program needs nothing of the playground.
    """
    rows = ", ".join(
        f"({x:.4g}, {y:.4g}, {target:.4g})" for (x, y), target in zip(points.points, points.targets, strict=True)
    )
    test = ", ".join(str(at) for at, is_test in enumerate(points.test) if is_test)
    penalty = "" if state.penalty == "none" else f", {state.penalty}={state.strength:g}"
    layers = []
    for activation, units in state.layers:
        layers.append(f'rv.Dense({units}, "{activation}"{penalty})')
        if state.dropout > 0:
            layers.append(f"rv.Dropout({state.dropout:g})")
    last = "sigmoid" if points.classes else "identity"
    layers.append(f'rv.Dense(1, "{last}"{penalty})')
    features = ", ".join(TERMS[name] for name in state.features)
    target = "z.astype(int)" if points.classes else "z"
    return f"""import numpy as np

import ranvier as rv

points = np.array([{rows}])
test = np.isin(np.arange(len(points)), [{test}])
x, y, z = points.T
X, target = np.stack([{features}], axis=1), {target}

network = rv.Network({len(state.features)}, [{", ".join(layers)}])
model = network.fit(
    X[~test],
    target[~test],
    loss="{state.loss}",
    optimizer=rv.{_class_name(state)}(learning_rate={state.rate:g}),
    batch_size={state.batch},
    epochs=100,
    validation=(X[test], target[test]),
    seed={state.seed},
)
print(model.evaluate(X[test], target[test]))
"""


def _class_name(state: PlayState) -> str:
    return type(state.update_rule()).__name__
