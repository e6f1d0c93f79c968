"""How fast and how exact explanations are, next to scikit-learn's permutation importance and shap's KernelExplainer.

Run:  RANVIER_DATA=FOLDER python benchmarks/explain.py

One model of the table "adult" is trained. Permutation importance is measured on its 16,281 test rows with 5 repeats, by
`model.importances` from the data frame, and by scikit-learn, which calls the same model with each shuffled frame. The
order of the columns must be about the same in both. Attributions of 1,000 rows are computed by `model.attributions`,
and of 100 of them by shap's KernelExplainer, of the same logit, with 5 background rows, which are both's baseline.
Both give a number a column; their correlation is reported, and how far each is from adding up to the difference of
outputs. The times are medians of several runs after a first one, for shap that of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

import ranvier as rv
from ranvier.native.machine import cpu

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder, versions

RESULTS = Path(__file__).resolve().parent / "results"
REPEATS, ROWS, SHAP_ROWS, BACKGROUND, RUNS = 5, 1000, 100, 5, 5
ASKED = {"importances_seconds": 1.0, "attributions_seconds": 1.0, "completeness_error": 1e-3}
MIN_RANK_CORRELATION = 0.9


class Wrapped:
    """The model as scikit-learn's and shap's functions call it: with frames, and with rows of codes."""

    def __init__(self, model: rv.Model, frame: pl.DataFrame) -> None:
        self.model, self.columns = model, frame.columns
        self.words = {
            name: frame[name].unique(maintain_order=True).to_list()
            for name in frame.columns
            if frame[name].dtype == pl.String
        }

    def fit(self, X: Any, y: Any) -> Wrapped:
        """scikit-learn asks for it; the model is trained already."""
        return self

    def score(self, X: Any, y: Any) -> float:
        """The accuracy."""
        return float(np.mean(self.model.predict(X) == y))

    def codes(self, frame: pl.DataFrame) -> Any:
        """A frame as numbers, words by their index."""
        index = {name: {word: at for at, word in enumerate(words)} for name, words in self.words.items()}
        columns = [
            [index[name][cell] for cell in frame[name].to_list()] if name in index else frame[name].to_list()
            for name in self.columns
        ]
        return np.array(columns, np.float64).T

    def logit(self, codes: Any) -> Any:
        """The logit of the second class for rows of codes."""
        columns = {
            name: [self.words[name][int(at)] for at in codes[:, k]] if name in self.words else codes[:, k]
            for k, name in enumerate(self.columns)
        }
        return self.model.activations(pl.DataFrame(columns))[-1].weighted_sums[:, 0].astype(np.float64)


def timed(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """The median time of some runs, and what the last one gave."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), result


def rank_correlation(first: Any, second: Any) -> float:
    """Spearman's correlation of two lists without equal values."""
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


def importances(model: rv.Model, test: pl.DataFrame) -> dict[str, Any]:
    """Times and order of permutation importance, ours and scikit-learn's."""
    from sklearn.inspection import permutation_importance

    X, y = test.drop("income"), test["income"].to_numpy()
    model.importances(X, y, repeats=1)
    ours, explained = timed(lambda: model.importances(X, y, repeats=REPEATS), RUNS)
    wrapped, frame = Wrapped(model, X), pd.DataFrame({name: X[name].to_list() for name in X.columns})
    theirs, other = timed(
        lambda: permutation_importance(wrapped, frame, y, n_repeats=REPEATS, random_state=0, scoring=wrapped_score), 1
    )
    by_name = dict(zip(X.columns, other.importances_mean.tolist(), strict=True))
    correlation = rank_correlation(
        [entry.importance for entry in explained], [by_name[entry.column] for entry in explained]
    )
    assert correlation >= MIN_RANK_CORRELATION, f"the columns are in another order: {correlation:.2f}"
    return {
        "rows": len(X),
        "repeats": REPEATS,
        "seconds": ours,
        "scikit_learn_seconds": theirs,
        "ratio": theirs / ours,
        "rank_correlation": correlation,
        "most_important": [entry.column for entry in explained][:3],
    }


def wrapped_score(estimator: Wrapped, X: Any, y: Any) -> float:
    """The scorer that scikit-learn calls."""
    return estimator.score(X, y)


def attributions(model: rv.Model, test: pl.DataFrame) -> dict[str, Any]:
    """Times and completeness of attributions, and those of KernelExplainer on fewer rows."""
    import shap

    X = test.drop("income")
    rows = X[:ROWS]
    model.attributions(rows[:10])
    seconds, explained = timed(lambda: model.attributions(rows), RUNS)
    logits = model.activations(rows)[-1].weighted_sums[:, 0].astype(np.float64)
    error = float(np.abs(explained.base + explained.values.sum(axis=1) - logits).max())
    assert error <= 2 * ASKED["completeness_error"], f"the attributions do not add up: {error:.1e}"
    some, background = X[:SHAP_ROWS], X[-BACKGROUND:]
    expected, ours = timed(lambda: model.attributions(some, baseline=background), 1)
    wrapped = Wrapped(model, X)
    explainer = shap.KernelExplainer(wrapped.logit, wrapped.codes(background))
    shap_seconds, values = timed(lambda: explainer.shap_values(wrapped.codes(some), silent=True), 1)
    shap_error = float(np.abs(values.sum(axis=1) + explainer.expected_value - logits[:SHAP_ROWS]).max())
    return {
        "rows": ROWS,
        "seconds": seconds,
        "completeness_error": error,
        "expected_gradients": {"rows": SHAP_ROWS, "baseline_rows": BACKGROUND, "seconds": expected},
        "shap": {
            "rows": SHAP_ROWS,
            "background": BACKGROUND,
            "seconds": shap_seconds,
            "completeness_error": shap_error,
        },
        "ratio": shap_seconds / expected,
        "correlation": float(np.corrcoef(values.ravel(), ours.values.ravel())[0, 1]),
    }


def main() -> int:
    """Run the benchmark and write the results; 1 where a time or an error is above what was asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--effort", default="default")
    parser.add_argument("--model", type=Path, help="a model of adult that is trained already")
    parser.add_argument("--output", type=Path, default=RESULTS / "explain.json")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="shap")
    folder = data_folder() / "tabular" / "adult"
    if options.model is not None:
        model = rv.load(options.model)
    else:
        model = rv.train(folder / "train.csv", target="income", effort=options.effort, progress=False)
    test = pl.read_csv(folder / "test.csv")
    results = {"importances": importances(model, test), "attributions": attributions(model, test)}
    reached = {
        "importances_seconds": results["importances"]["seconds"],
        "attributions_seconds": results["attributions"]["seconds"],
        "completeness_error": results["attributions"]["completeness_error"],
    }
    # Several times more work than processors means that the times below are too long.
    load = {"load_average": round(os.getloadavg()[0], 1), "processors": os.cpu_count()}
    machine = {"processor": cpu.facts().model, **load, **versions(("ranvier", "numpy", "scikit-learn", "shap"))}
    report = {"machine": machine, "parameters": model.network.parameter_count, "asked": ASKED, **results}
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))
    return int(any(reached[name] > ASKED[name] for name in ASKED))


if __name__ == "__main__":
    sys.exit(main())
