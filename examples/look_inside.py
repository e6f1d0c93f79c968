"""One neuron of a trained network: its weights, its weighted sum, its activation, its output."""

import numpy as np

import ranvier as rv

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = [0, 1, 1, 0]  # exclusive or
network = rv.Network(inputs=2, layers=[rv.Dense(4, "tanh"), rv.Dense(1, "sigmoid")])
model = network.fit(X, y, epochs=500, batch_size=4, optimizer=rv.Adam(0.05), seed=0)

weights = model.parameters["layers.0.weight"][:, 2]  # one weight for each input
bias = model.parameters["layers.0.bias"][2]
hidden = model.activations(X)[0]
print(f"hidden neuron 2: weights {weights.round(3)}, bias {bias:.3f}")
for row, inputs in enumerate(X):
    by_hand = inputs @ weights + bias
    print(f"inputs {inputs}: weighted sum {by_hand:+.3f} = {hidden.weighted_sums[row, 2]:+.3f}", end=", ")
    print(f"tanh of it {np.tanh(by_hand):+.3f} = {hidden.outputs[row, 2]:+.3f}")
print("outputs:", model.outputs(X)[:, 0].round(3))
