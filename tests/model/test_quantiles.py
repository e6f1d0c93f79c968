"""Several quantiles of one or more targets in one network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ranvier as rv

LEVELS = [0.1, 0.5, 0.9]
GENERATOR = np.random.default_rng(0)
X = GENERATOR.random((400, 1))
Y = 2 * X[:, 0] + (0.1 + X[:, 0]) * GENERATOR.standard_normal(400)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_they_are_learned_and_never_cross(engine: str, tmp_path: Path) -> None:
    network = rv.Network(1, [rv.Dense(16, "tanh"), rv.Dense(3)])
    rule = rv.loss("quantile", q=LEVELS)
    model = network.fit(X, Y, loss=rule, epochs=60, optimizer=rv.Adam(0.02), validation=0.2, engine=engine)
    predicted = model.predict(X)
    assert predicted.shape == (400, 3)
    assert (np.diff(predicted, axis=1) >= 0).all()
    below = (Y[:, None] <= predicted).mean(axis=0)
    np.testing.assert_allclose(below, LEVELS, atol=0.08)
    measured = model.evaluate(X, Y)
    errors = Y[:, None] - predicted
    assert measured["pinball_loss"] == pytest.approx(
        np.maximum(LEVELS * errors, (np.array(LEVELS) - 1) * errors).mean()
    )
    assert measured["coverage"] == pytest.approx(((predicted[:, 0] <= Y) & (predicted[:, 2] >= Y)).mean())
    assert measured["mae"] == pytest.approx(np.abs(errors[:, 1]).mean())
    model.save(tmp_path / "quantiles.rv")
    np.testing.assert_array_equal(rv.load(tmp_path / "quantiles.rv").predict(X), predicted)
    model.fit(X, Y, epochs=1)
    assert model.task.target_names == ("y at 0.1", "y at 0.5", "y at 0.9")


def test_outputs_that_cross_are_sorted() -> None:
    network = rv.Network(1, [rv.Dense(3)])
    model = network.fit(X, Y, loss=rv.loss("quantile", q=LEVELS), epochs=1, engine="reference")
    flipped = model.with_parameters({"layers.0.weight": [[0.0] * 3], "layers.0.bias": [3.0, 1.0, 2.0]})
    assert flipped.predict(X[:1]).tolist() == [[1.0, 2.0, 3.0]]


def test_several_targets() -> None:
    both = np.stack([Y, -10 * Y], axis=1)
    network = rv.Network(1, [rv.Dense(16, "tanh"), rv.Dense(4)])
    model = network.fit(X, both, loss=rv.loss("quantile", q=[0.25, 0.75]), epochs=60, optimizer=rv.Adam(0.05))
    predicted = model.predict(X).reshape(400, 2, 2)
    assert (np.diff(predicted, axis=2) >= 0).all()
    np.testing.assert_allclose((both[:, :, None] <= predicted).mean(axis=0), [[0.25, 0.75]] * 2, atol=0.12)


def test_round_trip() -> None:
    rule = rv.loss("quantile", q=np.array([0.2, 0.8]))
    assert eval(repr(rule), {"loss": rv.loss}) == rule
    assert rv.loss(**rule.to_dict()) == rule
    assert rule.levels == (0.2, 0.8)
    assert rv.loss("quantile", q=0.3).levels == ()


@pytest.mark.parametrize(
    ("levels", "outputs", "message"),
    [
        ([0.9, 0.1], 2, "ascending"),
        ([0.5, 0.5], 2, "ascending"),
        ([], 2, "ascending"),
        ([0.5, 1.0], 2, "between 0 and 1"),
        (LEVELS, 2, r"needs? 3|need 3; end with rv.Dense\(3\)"),
        ("0.5", 2, "q is '0.5'"),
    ],
)
def test_errors(levels: object, outputs: int, message: str) -> None:
    with pytest.raises(rv.InputError, match=message):
        rv.Network(1, [rv.Dense(outputs)]).fit(X, Y, loss=rv.loss("quantile", q=levels), epochs=1)
