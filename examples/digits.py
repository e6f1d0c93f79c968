"""Handwritten digits: a network whose inputs are the 64 pixels of a picture."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import ranvier as rv

pixels, labels = load_digits(return_X_y=True)
train_X, test_X, train_y, test_y = train_test_split(pixels / 16, labels, test_size=0.25, random_state=0)

network = rv.Network(inputs=64, layers=[rv.Dense(128, "relu"), rv.Dropout(0.2), rv.Dense(10, "softmax")])
model = network.fit(train_X, train_y, epochs=30, optimizer=rv.Adam(1e-3), validation=0.1, seed=0)
print(f"accuracy on {len(test_y)} test pictures: {model.evaluate(test_X, test_y)['accuracy']:.3f}")

for row in test_X[0].reshape(8, 8):
    print("".join(" .:-=+*#%@"[int(value * 9)] * 2 for value in row))
print("predicted:", model.predict(test_X[:1])[0], " probability:", model.probabilities(test_X[:1]).max().round(3))
