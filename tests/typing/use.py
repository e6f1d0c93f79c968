"""What a program may do with the public names, and the types it gets. Type checkers read this file; nothing runs it."""

from __future__ import annotations

from typing import assert_type

import numpy as np

import ranvier as rv

X = np.zeros((4, 2))
network = rv.Network(inputs=2, layers=[rv.Dense(8, "relu"), rv.Dropout(0.2), rv.Dense(2, "softmax")])
model = network.fit(X, [0, 1, 1, 0], optimizer=rv.Adam(1e-3), epochs=10, batch_size=2, validation=0.5, seed=0)
assert_type(model, rv.Model)
assert_type(rv.load("model.rv"), rv.Model)
assert_type(rv.train("adult.csv", target="income"), rv.Model)
assert_type(model.fit(X, [0, 1, 1, 0], epochs=5), rv.Model)
assert_type(rv.Classifier().fit(X, [0, 1, 1, 0]), rv.Classifier)
assert_type(rv.Regressor().fit(X, [0.0, 1.0, 1.0, 0.0]), rv.Regressor)
