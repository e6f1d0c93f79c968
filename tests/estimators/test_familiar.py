"""What scikit-learn's users know: pipelines, searches, clones, pickles, weights, parts, warm starts, attributes."""

from __future__ import annotations

import os
import pickle
import re
import signal
import warnings
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import ranvier as rv
from ranvier.expression import evaluate
from ranvier.recipes.registry import recipe

QUICK: dict[str, Any] = {"recipe": "plain", "hidden": (6,), "epochs": 8, "random_state": 0, "engine": "reference"}
X, Y = load_iris(return_X_y=True)
HEIGHT = X[:, 0] * 2 - X[:, 1]


def classifier(**changes: Any) -> rv.Classifier:
    return rv.Classifier(**{**QUICK, **changes})


def regressor(**changes: Any) -> rv.Regressor:
    return rv.Regressor(**{**QUICK, **changes})


def test_pipelines_searches_and_clones() -> None:
    scaler = StandardScaler().set_output(transform="pandas")
    pipeline = make_pipeline(scaler, classifier()).fit(pd.DataFrame(X, columns=list("abcd")), Y)
    assert pipeline[-1].feature_names_in_.tolist() == list("abcd")
    search = GridSearchCV(classifier(), {"hidden": [(4,), (8, 4)], "learning_rate": [0.02]}, cv=2).fit(X, Y)
    assert search.best_params_.keys() == {"hidden", "learning_rate"}
    assert search.best_estimator_.model_.network.layers[0].units == search.best_params_["hidden"][0]
    assert cross_val_score(regressor(), X, HEIGHT, cv=2).shape == (2,)
    copy = clone(classifier(callbacks=[rv.TimeLimit(9)], class_weight="balanced"))
    assert copy.get_params()["callbacks"] == [rv.TimeLimit(9)]
    assert "hidden=(6,)" in repr(copy)
    page = pipeline._repr_html_()
    assert "Classifier" in page
    assert "fitted" in page


@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_a_pickle_holds_the_model_file_and_no_code(recipe: str, tmp_path: Path) -> None:
    fitted = classifier(recipe=recipe, effort="fast" if recipe == "table" else "default").fit(X, Y)
    state = fitted.__getstate__()
    fitted.model_.save(tmp_path / "iris.rv")
    assert state["model_"] == (tmp_path / "iris.rv").read_bytes()
    again = pickle.loads(pickle.dumps(fitted))
    assert again.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    assert again.loss_curve_ == fitted.loss_curve_
    assert rv.load(tmp_path / "iris.rv").predict(X).tolist() == fitted.predict(X).tolist()


def test_before_fit_nothing_can_be_asked() -> None:
    with pytest.raises(NotFittedError):
        classifier().predict(X)
    for name in ("coefs_", "loss_curve_", "n_iter_", "n_layers_", "out_activation_"):
        assert not hasattr(classifier(), name)


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_the_attributes_of_the_networks_of_scikit_learn(kind: str) -> None:
    theirs = (MLPClassifier if kind == "classifier" else MLPRegressor)(
        hidden_layer_sizes=(6,), max_iter=8, early_stopping=True
    )
    with pytest.warns(match="Maximum iterations"):
        theirs.fit(X, Y)
    ours = (classifier() if kind == "classifier" else regressor()).fit(X, Y)
    assert [w.shape for w in ours.coefs_] == [w.shape for w in theirs.coefs_]
    assert [b.shape for b in ours.intercepts_] == [b.shape for b in theirs.intercepts_]
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_", "n_iter_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert len(ours.loss_curve_) == len(ours.validation_scores_) == ours.n_iter_ == 8
    assert (ours.loss_, ours.best_loss_) == (ours.loss_curve_[-1], min(ours.loss_curve_))
    assert ours.best_validation_score_ == max(ours.validation_scores_)
    assert regressor(validation=0.0).fit(X, HEIGHT).validation_scores_ is None


@pytest.mark.parametrize("make", [classifier, regressor])
def test_validation_scores_of_a_recipe_are_one_an_epoch(make: Any) -> None:
    """A recipe measures more than the score, to know when to stop; that is not among the scores."""
    fitted = make(recipe="table", effort="fast", hidden=None, epochs=2).fit(X, Y)
    name = "accuracy" if make is classifier else "r2"
    assert fitted.validation_scores_ == [epoch.metrics[name] for epoch in fitted.model_.history]
    assert len(fitted.validation_scores_) == fitted.n_iter_


def test_weights_of_merged_networks_are_matrices_over_all_inputs() -> None:
    """Whoever multiplies with them gets what the model says."""
    fitted = classifier(recipe=replace(recipe("table"), n_networks=2), hidden=(6, 4)).fit(X, Y)
    rows, activation = fitted.model_.inputs(X).dense, fitted.model_.network.layers[0].activation
    for weight, bias in zip(fitted.coefs_[:-1], fitted.intercepts_[:-1], strict=True):
        rows = evaluate(activation.expression, {"x": rows @ weight + bias})
    assert fitted.coefs_[1].shape == (12, 8)
    assert not fitted.coefs_[1][:6, 4:].any()
    logits = rows @ fitted.coefs_[-1] + fitted.intercepts_[-1]
    predicted = np.log(fitted.predict_proba(X))
    centred = [values - values.mean(axis=1, keepdims=True) for values in (logits, predicted)]
    rounding = 2.0**-24 * (rows.shape[1] + X.shape[1]) * (1.0 + np.abs(predicted).max())
    np.testing.assert_allclose(*centred, rtol=0, atol=4 * rounding)


def test_random_state_is_a_seed_or_a_generator() -> None:
    states = [np.random.RandomState(3) for _ in range(2)]
    first, second = (classifier(random_state=state).fit(X, Y).predict_proba(X).tobytes() for state in states)
    assert first == second != classifier(random_state=4).fit(X, Y).predict_proba(X).tobytes()
    drawn = [classifier(random_state=None).fit(X, Y).predict_proba(X).tobytes() for _ in range(2)]
    assert drawn[0] != drawn[1]


def test_probabilities_and_scores() -> None:
    fitted = classifier().fit(X, Y)
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (150, 3)
    assert np.allclose(probabilities.sum(axis=1), 1.0, atol=3 * 2**-52 * 3)
    assert np.array_equal(fitted.classes_[probabilities.argmax(axis=1)], fitted.predict(X))
    assert np.array_equal(np.exp(fitted.predict_log_proba(X)), np.exp(np.log(probabilities)))
    assert fitted.score(X, Y) == np.mean(fitted.predict(X) == Y)
    binary = classifier().fit(X, Y == 1)
    assert np.array_equal(binary.predict(X), binary.predict_proba(X)[:, 1] >= 0.5)
    assert binary.predict(X).dtype == bool


def test_several_labels_and_several_numbers() -> None:
    labels = np.stack([Y == 0, X[:, 0] > 5.8, Y == 2], axis=1).astype(int)
    fitted = classifier(epochs=60, learning_rate=0.02).fit(X, labels)
    assert fitted.predict(X).shape == fitted.predict_proba(X).shape == (150, 3)
    assert np.array_equal(fitted.predict(X), fitted.predict_proba(X) >= 0.5)
    assert fitted.score(X, labels) > np.mean((labels == [0, 0, 0]).all(axis=1))
    numbers = np.stack([HEIGHT, -HEIGHT], axis=1)
    both = regressor(epochs=60, learning_rate=0.02).fit(X, numbers)
    assert both.predict(X).shape == (150, 2)
    assert both.score(X, numbers) > 0.5
    assert regressor().fit(X, HEIGHT[:, None]).predict(X).shape == (150,)
    assert get_tags(fitted).classifier_tags.multi_label
    assert get_tags(both).target_tags.multi_output


def test_weights_of_rows_and_of_classes() -> None:
    doubled = classifier().fit(X, Y, sample_weight=np.where(Y == 1, 2, 1))
    repeated = classifier().fit(np.vstack([X, X[Y == 1]]), np.concatenate([Y, Y[Y == 1]]))
    assert doubled.predict_proba(X).tobytes() == repeated.predict_proba(X).tobytes()
    fractions = classifier().fit(X, Y, sample_weight=np.where(Y == 1, 2.5, 1.0))
    assert fractions.predict_proba(X).tobytes() != doubled.predict_proba(X).tobytes()
    for weight in ({0: 1.0, 1: 60.0, 2: 1.0}, {0: 1.0, 1: 1.0, 2: 60.0}):
        heavy = max(weight, key=weight.__getitem__)
        plain, weighted = classifier().fit(X, Y), classifier(class_weight=weight).fit(X, Y)
        assert weighted.predict_proba(X)[:, heavy].mean() > plain.predict_proba(X)[:, heavy].mean()
    rare = np.flatnonzero((Y != 2) | (np.arange(150) % 10 == 0))
    balanced, even = (classifier(class_weight=weight).fit(X[rare], Y[rare]) for weight in ("balanced", None))
    assert balanced.predict_proba(X)[:, 2].mean() > even.predict_proba(X)[:, 2].mean()


def test_weights_are_routed_through_a_search() -> None:
    weights = np.where(Y == 1, 3.0, 1.0)
    with config_context(enable_metadata_routing=True):
        requesting = classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(requesting, {"hidden": [(6,)]}, cv=2, refit=True).fit(X, Y, sample_weight=weights)
    direct = classifier().fit(X, Y, sample_weight=weights)
    assert search.predict_proba(X).tobytes() == direct.predict_proba(X).tobytes()


def test_a_validation_set_of_the_user() -> None:
    apart = np.arange(150) % 5 == 0
    fitted = classifier().fit(X[~apart], Y[~apart], validation=(X[apart], Y[apart]))
    assert fitted.model_.report.split == {"training": 120, "validation": 30, "test": 0}
    last = fitted.model_.history[-1]
    truth = fitted.predict_proba(X[apart])[np.arange(30), Y[apart]] if last.best else None
    assert truth is not None
    assert last.validation_loss == pytest.approx(-np.log(truth).mean(), rel=30 * 2**-22)
    weighted = classifier().fit(X[~apart], Y[~apart], validation=(X[apart], Y[apart], np.where(Y[apart] == 1, 4.5, 1)))
    assert weighted.model_.history[-1].validation_loss != last.validation_loss
    assert classifier(validation=0.2).fit(X, Y).model_.report.split["validation"] == 30
    assert classifier(validation=0.1).fit(X[::3], Y[::3]).model_.report.split["validation"] == 0


def test_learning_in_parts() -> None:
    parts = classifier(learning_rate=0.02)
    for epoch in range(12):
        for start in range(0, 3):
            parts.partial_fit(X[start::3], Y[start::3], classes=[0, 1, 2] if epoch == start == 0 else None)
    assert parts.n_iter_ == 36
    assert parts.score(X, Y) > 0.6
    only_two = classifier().partial_fit(X[:100], Y[:100], classes=[0, 1, 2])
    assert only_two.predict_proba(X).shape == (150, 3)
    labels = np.stack([Y == 0, Y == 1], axis=1).astype(int)
    assert classifier().partial_fit(X, labels).partial_fit(X, labels).predict(X).shape == (150, 2)
    numbers = regressor(learning_rate=0.02)
    for _ in range(30):
        numbers.partial_fit(X, HEIGHT, sample_weight=np.ones(150))
    assert numbers.score(X, HEIGHT) > 0.5


def test_a_warm_start_goes_on() -> None:
    # Without dropout and with long steps, so that eight more epochs must show.
    warm = classifier(warm_start=True, dropout=0.0, learning_rate=0.02).fit(X, Y)
    first = warm.predict_proba(X)
    warm.fit(X, Y)
    assert warm.n_iter_ == 16
    assert warm.loss_curve_[-1] < warm.loss_curve_[7]
    assert not np.array_equal(first, warm.predict_proba(X))
    with pytest.raises(ValueError, match="holds the class 9"):
        warm.fit(X, np.where(Y == 0, 9, Y))
    cold = classifier(dropout=0.0, learning_rate=0.02).fit(X, Y).fit(X, Y)
    assert cold.predict_proba(X).tobytes() == first.tobytes()


def test_callbacks_see_every_epoch() -> None:
    epochs: list[int] = []
    stop = rv.EarlyStopping(patience=2, metric="accuracy")
    classifier(callbacks=[lambda moment: epochs.append(moment.epoch.epoch), stop], epochs=50).fit(X, Y)
    assert epochs == list(range(1, len(epochs) + 1))
    assert len(epochs) < 50


@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_weights_of_classes_count_for_the_rows_that_decide_when_to_stop(recipe: str) -> None:
    apart = np.arange(150) % 5 == 0
    few = ~apart & ((Y != 2) | (np.arange(150) % 3 == 0))
    options: dict[str, Any] = {"recipe": recipe, "effort": "fast" if recipe == "table" else "default"}
    options |= {"epochs": 3, "patience": 9, "learning_rate": 0.01}
    fitted = classifier(class_weight="balanced", **options).fit(X[few], Y[few], validation=(X[apart], Y[apart]))
    last = fitted.model_.history[-1]
    assert last.best
    weight = (1.0 / np.bincount(Y[few]))[Y[apart]]
    predicted = fitted.predict_proba(X[apart])[np.arange(30), Y[apart]]
    assert last.validation_loss == pytest.approx(-np.average(np.log(predicted), weights=weight), rel=30 * 2**-22)
    assert last.validation_loss != pytest.approx(-np.log(predicted).mean(), rel=30 * 2**-22)


@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_ctrl_c_keeps_what_was_learned_and_warns(recipe: str) -> None:
    def press(moment: Any) -> None:
        if moment.epoch.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    rows = np.random.default_rng(0).normal(size=(60, 3))
    estimator = rv.Classifier(**{**QUICK, "recipe": recipe}, callbacks=[press])
    with pytest.warns(UserWarning, match=r"^Interrupted .*\. The estimator is fitted as far as it came\.$"):
        estimator.fit(rows, rows[:, 0] > 0)
    assert estimator.predict(rows).shape == (60,)
    assert estimator.n_iter_ == 2


def test_the_page_of_the_regressor_names_every_parameter_of_the_classifier_that_it_lacks() -> None:
    parameters, fewer = (signature(estimator).parameters for estimator in (rv.Classifier, rv.Regressor))
    lacking = set(parameters) - set(fewer)
    match = re.search(r"those of `Classifier`, ([^;]*) left out;", rv.Regressor.__doc__ or "")
    assert match is not None
    assert set(re.split(r", | and ", match[1])) == lacking


@pytest.mark.parametrize("first", ["array", "pandas", "polars"])
def test_parts_and_rows_may_be_arrays_or_frames(first: str) -> None:
    import polars as pl

    names = list("abcd")
    ways = {"array": X, "pandas": pd.DataFrame(X, columns=names), "polars": pl.DataFrame(X, schema=names)}
    alone = regressor().partial_fit(ways[first], HEIGHT).partial_fit(ways[first], HEIGHT)
    expected = alone.predict(ways[first])
    for other, rows in ways.items():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*feature names")
            mixed = regressor().partial_fit(ways[first], HEIGHT).partial_fit(rows, HEIGHT)
            assert mixed.predict(rows).tobytes() == expected.tobytes(), other
            assert alone.predict(rows[:1]).tobytes() == expected[:1].tobytes(), other
