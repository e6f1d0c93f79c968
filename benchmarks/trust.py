"""How far probabilities and intervals can be trusted, next to the methods people take: the same rows for all.

Run:  pip install -e '.[tables]' mapie && export RANVIER_DATA=FOLDER
      python benchmarks/trust.py                      all sets, seeds 0 to 4
      python benchmarks/trust.py --seeds 0 1 --rows 3000 --sets adult diamonds

Classification: accuracy, log loss and expected calibration error (15 bins of the most probable class) on test rows, and
for Ranvier the log loss without its temperature. Regression: the share of test rows inside intervals of 90 %, and their
mean width over the standard deviation of the test targets, next to MAPIE's cross-conformal CV+ around boosted trees and
to conformalized quantile boosting. Everyone has the defaults of its makers; sets and splits are those of `tables.py`,
with at most --rows rows to train on.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import installed
import numpy as np
from numpy.typing import NDArray
from tables_parts.methods import METHODS
from tables_parts.ours import fitted
from tables_parts.sets import TABLES, Problem, at_most, problem

Array = NDArray[Any]
RESULTS = Path(__file__).resolve().parent / "results" / "trust.json"
COVERAGE, BINS = 0.9, 15
PEERS = ("sklearn-mlp", "lightgbm", "xgboost", "catboost")


def of_probabilities(p: Array, truth: Array) -> dict[str, float]:
    """Accuracy, log loss and expected calibration error of probabilities (n, C) for the classes numbered in `truth`.

    >>> found = of_probabilities(np.array([[0.8, 0.2]] * 5), np.array([0, 0, 0, 0, 1]))
    >>> round(found["ece"], 6), found["accuracy"]
    (0.0, 0.8)
    """
    top = p.argmax(axis=1)
    confidence, right = p[np.arange(len(p)), top], top == truth
    index = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(index, right - confidence, BINS)
    own = np.clip(p[np.arange(len(p)), truth], np.finfo(np.float64).eps, 1.0)
    return {
        "accuracy": float(right.mean()),
        "log_loss": float(-np.log(own).mean()),
        "ece": float(np.abs(gaps).sum() / len(p)),
    }


def of_intervals(bounds: Array, truth: Array) -> dict[str, float]:
    """Coverage, and mean width over the standard deviation of the truth.

    >>> of_intervals(np.array([[0.0, 2.0], [0.0, 2.0]]), np.array([1.0, 3.0]))
    {'coverage': 0.5, 'width': 2.0}
    """
    inside = (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])
    return {"coverage": float(inside.mean()), "width": float(np.ptp(bounds, axis=1).mean() / truth.std())}


def without_temperature(p: Array, temperature: float) -> Array:
    """The probabilities that the network had before its logits were divided by a temperature."""
    logits = np.log(np.clip(p, 1e-12, 1.0)) * temperature
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def classification(case: Problem, peers: Sequence[str]) -> dict[str, dict[str, float]]:
    """The scores of every method on one split."""
    index = {label: number for number, label in enumerate(case.classes)}
    known = case.test[case.test[case.table.target].isin(index)]
    truth = np.array([index[label] for label in known[case.table.target]])
    found = {}
    model = fitted(case, "default")
    order = [list(map(str, model.task.classes)).index(str(label)) for label in case.classes]
    p = np.asarray(model.probabilities(known[case.columns]), np.float64)[:, order]
    found["ranvier"] = of_probabilities(p, truth)
    plain = of_probabilities(without_temperature(p, model.report.temperature), truth)
    found["ranvier"]["log_loss_uncalibrated"] = plain["log_loss"]
    for name in peers:
        found[name] = of_probabilities(np.asarray(METHODS[name].fit(case)(known), np.float64), truth)
    return found


def encoded(case: Problem) -> tuple[Array, Array]:
    """The columns of training and test rows as boosted trees take them: words as numbers."""
    from sklearn.preprocessing import OrdinalEncoder

    words = case.categorical
    coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    parts = []
    for frame in (case.train, case.test):
        table = frame[case.columns].copy()
        if words:
            texts = table[words].fillna("").astype(str)
            table[words] = coder.fit_transform(texts) if frame is case.train else coder.transform(texts)
        parts.append(table.to_numpy(np.float64))
    return parts[0], parts[1]


def mapie(case: Problem) -> Array:
    """CV+ intervals around boosted trees."""
    from mapie.regression import CrossConformalRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor

    train, test = encoded(case)
    y = case.train[case.table.target].to_numpy(np.float64)
    regressor = CrossConformalRegressor(
        HistGradientBoostingRegressor(random_state=case.seed), confidence_level=COVERAGE, method="plus", cv=5
    )
    return np.asarray(regressor.fit_conformalize(train, y).predict_interval(test)[1][:, :, 0])


def boosted_quantiles(case: Problem) -> Array:
    """Conformalized quantile regression with boosted trees: a quarter of the rows calibrates."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    train, test = encoded(case)
    y = case.train[case.table.target].to_numpy(np.float64)
    order = np.random.default_rng(case.seed).permutation(len(y))
    held, rest = order[: len(y) // 4], order[len(y) // 4 :]
    levels = ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2)
    models = [
        HistGradientBoostingRegressor(loss="quantile", quantile=level, random_state=case.seed).fit(train[rest], y[rest])
        for level in levels
    ]
    low, high = (model.predict(train[held]) for model in models)
    scores = np.sort(np.maximum(low - y[held], y[held] - high))
    moved = scores[min(math.ceil((len(held) + 1) * COVERAGE), len(held)) - 1]
    return np.stack([models[0].predict(test) - moved, models[1].predict(test) + moved], axis=1)


INTERVALS: dict[str, Callable[[Problem], Array]] = {
    "ranvier": lambda case: np.asarray(fitted(case, "default").predict_interval(case.test[case.columns], COVERAGE)),
    "mapie-cv+": mapie,
    "boosted-cqr": boosted_quantiles,
}


def regression(case: Problem) -> dict[str, dict[str, float]]:
    """Coverage and width of every method on one split."""
    truth = case.test[case.table.target].to_numpy(np.float64)
    return {name: of_intervals(make(case), truth) for name, make in INTERVALS.items()}


def means(runs: Sequence[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The mean over the seeds of each number of each method.

    >>> means([{"a": {"ece": 1.0}}, {"a": {"ece": 3.0}}])
    {'a': {'ece': 2.0}}
    """
    return {
        method: {key: round(float(np.mean([run[method][key] for run in runs])), 4) for key in runs[0][method]}
        for method in runs[0]
    }


def main(arguments: list[str] | None = None) -> None:
    """Run the sets and write the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=list(TABLES), default=list(TABLES), metavar="SET")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4], metavar="SEED")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), metavar="METHOD")
    parser.add_argument("--rows", type=int, default=10_000, help="the most rows to train on (10,000)")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    data, found = installed.data_folder(), {}
    for name in options.sets:
        began = time.perf_counter()
        runs = []
        for seed in options.seeds:
            whole = problem(TABLES[name], data, seed, threads=1)
            case = replace(whole, train=at_most(whole.train, options.rows, seed).reset_index(drop=True))
            runs.append(classification(case, options.peers) if case.classification else regression(case))
        found[name] = means(runs)
        print(name, f"{time.perf_counter() - began:.0f} s", flush=True)
        for method, values in found[name].items():
            print(f"  {method:<12}", "  ".join(f"{key} {value:.4f}" for key, value in values.items()), flush=True)
        packages = ("ranvier", "numpy", "scikit-learn", "lightgbm", "xgboost", "catboost", "mapie")
        described = {"seeds": options.seeds, "rows": options.rows, "versions": installed.versions(packages)}
        options.output.write_text(json.dumps({**described, "sets": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
