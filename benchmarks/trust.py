"""How far probabilities and intervals can be trusted, next to the methods people take: the same rows for all.

Run:  pip install -e '.[tables]' mapie && export RANVIER_DATA=FOLDER
      python benchmarks/trust.py                      all sets, seeds 0 to 4; an interrupted run goes on where it was
      python benchmarks/trust.py --seeds 0 1 --sets adult diamonds
      python benchmarks/trust.py --again ranvier      after a change: what one method did is measured again
      python benchmarks/trust.py --report             only the tables of what is there

Classification: accuracy, log loss and expected calibration error (15 bins of the most probable class) on test rows; for
Ranvier also the log loss without its temperature, and how many test rows have their label in a set for 90 %, and of how
many labels such a set is. Regression: the share of test rows inside intervals of 90 %, and their mean width over the
standard deviation of the test targets, next to MAPIE's cross-conformal CV+ around boosted trees and to conformalized
quantile boosting. Everyone has the defaults of its makers; sets and splits are those of `tables.py` and some
more, with at most --rows rows to train on and --tests to measure on. Each set has a process of its own; what a seed
gave is written at once.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import installed
import numpy as np
from numpy.typing import NDArray
from tables_parts.ours import fitted
from tables_parts.registry import METHODS
from tables_parts.runs import THREAD_VARIABLES
from tables_parts.sets import TABLES, SplitTable, Table, at_most, problem
from versus_parts.report import machine

Array = NDArray[Any]
Scores = dict[str, float]
Runs = dict[str, dict[str, dict[str, Scores]]]
"""Set -> seed -> method -> what was measured."""
Asked = dict[str, list[str]]
"""Seed -> the methods that are to be measured."""
RESULTS = Path(__file__).resolve().parent / "results" / "trust.json"
COVERAGE, BINS = 0.9, 15
RESULT = "result: "
"""What a line of a process begins with that holds results."""
OURS = "ranvier"
PEERS = ("sklearn-mlp", "lightgbm", "xgboost", "catboost")
PACKAGES = ("ranvier", "numpy", "scikit-learn", "lightgbm", "xgboost", "xgboost-cpu", "catboost", "mapie")
SETS = TABLES | {
    table.name: table
    for table in (
        Table("german_credit", "class", "binary"),
        Table("phoneme", "class", "binary"),
        Table("magic_gamma", "target", "binary"),
        Table("credit_default", "default_next_month", "binary", drop=("ID",)),
        Table("ijcnn1", "label", "binary", official=True),
        Table("car", "class", "multiclass"),
        Table("mfeat_factors", "target", "multiclass"),
        Table("concrete", "target", "regression"),
        Table("abalone", "Rings", "regression"),
        Table("power_plant", "target", "regression"),
        Table("kin8nm", "target", "regression"),
        Table("house_16h", "target", "regression"),
        Table("protein", "target", "regression"),
    )
}


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
    true_probability = np.clip(p[np.arange(len(p)), truth], np.finfo(np.float64).eps, 1.0)
    return {
        "accuracy": float(right.mean()),
        "log_loss": float(-np.log(true_probability).mean()),
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


def ours_of_classes(case: SplitTable, test_rows: Any, truth: Array) -> Scores:
    """Ranvier's probabilities with and without its temperature, and its sets."""
    model = fitted(case, "default")
    labels = list(map(str, model.task.classes))
    order = [labels.index(str(label)) for label in case.classes]
    p = np.asarray(model.probabilities(test_rows[case.columns]), np.float64)[:, order]
    plain = of_probabilities(without_temperature(p, model.report.temperature), truth)
    figures = of_probabilities(p, truth) | {"log_loss_uncalibrated": plain["log_loss"]}
    sets = model.predict_set(test_rows[case.columns], COVERAGE)
    labels_of_rows = [str(label) for label in test_rows[case.table.target]]
    inside = [label in map(str, labels) for label, labels in zip(labels_of_rows, sets, strict=True)]
    return figures | {"coverage": float(np.mean(inside)), "set_size": float(np.mean([len(labels) for labels in sets]))}


def classification(case: SplitTable, methods: Sequence[str]) -> dict[str, Scores]:
    """The scores of some methods on one split."""
    index = {label: number for number, label in enumerate(case.classes)}
    test_rows = case.test[case.test[case.table.target].isin(index)]
    truth = np.array([index[label] for label in test_rows[case.table.target]])
    return {
        name: ours_of_classes(case, test_rows, truth)
        if name == OURS
        else of_probabilities(np.asarray(METHODS[name].fit(case)(test_rows), np.float64), truth)
        for name in methods
    }


def encoded(case: SplitTable) -> tuple[Array, Array]:
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


def mapie(case: SplitTable) -> Array:
    """CV+ intervals around boosted trees."""
    from mapie.regression import CrossConformalRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor

    train, test = encoded(case)
    y = case.train[case.table.target].to_numpy(np.float64)
    regressor = CrossConformalRegressor(
        HistGradientBoostingRegressor(random_state=case.seed), confidence_level=COVERAGE, method="plus", cv=5
    )
    return np.asarray(regressor.fit_conformalize(train, y).predict_interval(test)[1][:, :, 0])


def boosted_quantiles(case: SplitTable) -> Array:
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


INTERVALS: dict[str, Callable[[SplitTable], Array]] = {
    OURS: lambda case: np.asarray(fitted(case, "default").predict_interval(case.test[case.columns], COVERAGE)),
    "mapie-cv+": mapie,
    "boosted-cqr": boosted_quantiles,
}


def regression(case: SplitTable, methods: Sequence[str]) -> dict[str, Scores]:
    """Coverage and width of some methods on one split."""
    truth = case.test[case.table.target].to_numpy(np.float64)
    return {name: of_intervals(INTERVALS[name](case), truth) for name in methods}


def methods_of(table: Table) -> tuple[str, ...]:
    """Who is measured on a set."""
    return tuple(INTERVALS) if table.kind == "regression" else (OURS, *PEERS)


def measured(name: str, seed: int, methods: Sequence[str], most: tuple[int, int]) -> dict[str, Scores]:
    """What some methods do on a set at a seed, with at most so many rows to train on and to measure on."""
    full = problem(SETS[name], installed.data_folder(), seed, threads=1)
    train, test = (at_most(part, rows, seed) for part, rows in zip((full.train, full.test), most, strict=True))
    case = replace(full, train=train.reset_index(drop=True), test=test.reset_index(drop=True))
    return (classification if case.classification else regression)(case, methods)


def in_a_process(name: str, cases: Asked, most: tuple[int, int]) -> Iterator[tuple[str, dict[str, Scores]]]:
    """The same for some seeds in a process of its own, on one thread: each seed and its results as soon as it has them.

    What a process that failed had not given yet is left out; its complaint stands on standard error.
    """
    process = subprocess.Popen(
        [sys.executable, __file__, "--single", name, json.dumps(cases), *map(str, most)],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONWARNINGS="ignore") | dict.fromkeys(THREAD_VARIABLES, "1"),
    )
    with process:
        for line in process.stdout or ():
            if line.startswith(RESULT):
                seed, figures = json.loads(line.removeprefix(RESULT))
                yield seed, figures
    if process.returncode:
        print(f"{name} failed.", flush=True)


def means(runs: Sequence[dict[str, Scores]]) -> dict[str, Scores]:
    """The mean over the seeds of each number of each method that all seeds have.

    >>> means([{"a": {"ece": 1.0}}, {"a": {"ece": 3.0}}])
    {'a': {'ece': 2.0}}
    """
    methods = [method for method in runs[0] if all(method in run for run in runs)]
    return {
        method: {key: round(float(np.mean([run[method][key] for run in runs])), 4) for key in runs[0][method]}
        for method in methods
    }


def held(figures: dict[str, dict[str, Scores]]) -> dict[str, Any]:
    """What was asked, beside what was found: sets that hold it, sets that do not, from the means of each set.

    >>> table = {"a": {"ranvier": {"ece": 0.01, "log_loss": 1.0}, "sklearn-mlp": {"ece": 0.02}}}
    >>> held(table)["ece below sklearn-mlp"]
    {'holds': ['a'], 'fails': []}
    """
    classes = {name: entry for name, entry in figures.items() if "ece" in entry.get(OURS, {})}
    numbers = {name: entry for name, entry in figures.items() if "width" in entry.get(OURS, {})}
    cases: dict[str, tuple[dict[str, dict[str, Scores]], Callable[[dict[str, Scores]], bool]]] = {
        f"ece below {peer}": (
            {name: entry for name, entry in classes.items() if peer in entry},
            lambda entry, peer=peer: entry[OURS]["ece"] < entry[peer]["ece"],  # type: ignore[misc]
        )
        for peer in PEERS
    }
    cases["log loss no worse for the temperature"] = (
        {name: entry for name, entry in classes.items() if "log_loss_uncalibrated" in entry[OURS]},
        lambda entry: entry[OURS]["log_loss"] <= entry[OURS]["log_loss_uncalibrated"],
    )
    cases["coverage within 1.5 points"] = (numbers, lambda entry: abs(entry[OURS]["coverage"] - COVERAGE) <= 0.015)
    for peer in list(INTERVALS)[1:]:
        cases[f"narrower than {peer}"] = (
            {name: entry for name, entry in numbers.items() if peer in entry},
            lambda entry, peer=peer: entry[OURS]["width"] < entry[peer]["width"],  # type: ignore[misc]
        )
    return {
        what: {
            "holds": [name for name, entry in sets.items() if holds(entry)],
            "fails": [name for name, entry in sets.items() if not holds(entry)],
        }
        for what, (sets, holds) in cases.items()
    }


def written(path: Path, runs: Runs, options: argparse.Namespace) -> None:
    """Write what is there, with the means of the sets and what was asked of them."""
    sets = {name: means(list(runs[name].values())) for name in SETS if name in runs}
    described = {"machine": machine(), "versions": installed.versions(PACKAGES), "rows": options.rows}
    seeds = {name: sorted(map(int, runs[name])) for name in sets}
    result = described | {"tests": options.tests, "seeds": seeds, "held": held(sets), "sets": sets, "runs": runs}
    path.write_text(json.dumps(result, indent=1) + "\n")


def report(path: Path) -> None:
    """Print the means, and how many sets hold what was asked."""
    result = json.loads(path.read_text())
    for name, entry in result["sets"].items():
        print(name, f"({len(result['seeds'][name])} seeds)")
        for method, values in entry.items():
            print(f"  {method:<12}", "  ".join(f"{key} {value:.4f}" for key, value in values.items()))
    for what, figures in result["held"].items():
        failing = f"; not on {', '.join(figures['fails'])}" if figures["fails"] else ""
        print(f"{what}: {len(figures['holds'])} of {len(figures['holds']) + len(figures['fails'])}{failing}")


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS), metavar="SET")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4], metavar="SEED")
    parser.add_argument("--again", nargs="+", default=[], metavar="METHOD", help="measured again where it is there")
    parser.add_argument("--rows", type=int, default=10_000, help="the most rows to train on (10,000)")
    parser.add_argument("--tests", type=int, default=10_000, help="the most rows to measure on (10,000)")
    parser.add_argument("--report", action="store_true", help="only print what is there")
    parser.add_argument("--single", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser.parse_args(arguments)


def known_runs(options: argparse.Namespace) -> Runs:
    """What the file holds of the same numbers of rows."""
    if not options.output.exists():
        return {}
    stored = json.loads(options.output.read_text())
    if (stored["rows"], stored["tests"]) != (options.rows, options.tests):
        raise SystemExit(f"{options.output} is of {stored['rows']} and {stored['tests']} rows; give another --output.")
    return dict(stored["runs"])


def main(arguments: list[str] | None = None) -> None:
    """Run what is not there yet, set by set, and write all after each seed."""
    options = options_of(arguments)
    if options.single:
        name, cases, rows, tests = options.single
        for seed, methods in json.loads(cases).items():
            figures = measured(name, int(seed), methods, (int(rows), int(tests)))
            print(f"{RESULT}{json.dumps([seed, figures])}", flush=True)
        return
    if options.report:
        report(options.output)
        return
    runs, limits = known_runs(options), (options.rows, options.tests)
    for name in options.sets:
        there = runs.get(name, {})
        cases: Asked = {}
        for seed in map(str, options.seeds):
            done = [method for method in there.get(seed, {}) if method not in options.again]
            cases[seed] = [method for method in methods_of(SETS[name]) if method not in done]
        began = time.perf_counter()
        for seed, figures in in_a_process(name, {seed: methods for seed, methods in cases.items() if methods}, limits):
            runs.setdefault(name, {}).setdefault(seed, {}).update(figures)
            written(options.output, runs, options)
            print(name, seed, f"{time.perf_counter() - began:.0f} s", flush=True)
    report(options.output)


if __name__ == "__main__":
    main()
