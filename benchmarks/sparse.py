"""How fast training on sparse rows is next to scikit-learn: one command, checked before it is timed.

Run:  RANVIER_DATA=FOLDER python benchmarks/sparse.py

The texts of 20 newsgroups (the official split by date) become TF-IDF rows of 100,000 features, some 155 of them in a
text. Both train a network with 256 hidden units (relu), batches of 64 and Adam on the same CSR matrix. First both make
the same number of steps from initial weights of their own, and their accuracy on the test texts must be far above
chance, ours no worse than the other's by more than a few points; then they take turns, and the ratio is that of the
medians.
Timed are steps of training alone: scikit-learn's `partial_fit` over some batches after a first one, and whole epochs of
`fit` here, with shuffling and history. The whole call of `fit`, with initial weights and compiling, is given beside it.

scikit-learn moves every weight in each step. Here a step moves the rows of the first weight that the batch holds (see
"Sparse rows" in docs/reference.md), which is what makes the difference, so the check compares what was learned.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

import ranvier as rv

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder, versions
from versus_parts import report
from versus_parts.processes import pin

RESULTS = Path(__file__).resolve().parent / "results"
FEATURES, HIDDEN, BATCH, RATE = 100_000, 256, 64, 0.001
CHANCES = 5.0
"""How many times better than chance an accuracy must be to count as learned."""
POINTS = 0.05
"""How far below the other accuracy ours may be after an epoch: the rows of rare words have moved but a few times."""
ASKED = 20.0


def newsgroups(folder: Path) -> tuple[Any, Any, Any, Any]:
    """Training and test rows and labels."""
    path = folder / "text" / "newsgroups20"
    train, test = (
        pl.read_csv(path / f"{part}.csv.gz").with_columns(pl.col("text").fill_null("")) for part in ("train", "test")
    )
    vectorizer = TfidfVectorizer(max_features=FEATURES, dtype=np.float32)
    X, X_test = vectorizer.fit_transform(train["text"].to_list()), vectorizer.transform(test["text"].to_list())
    return X, train["label"].to_numpy(), X_test, test["label"].to_numpy()


class ScikitLearn:
    """MLPClassifier, stepped by `partial_fit`."""

    def __init__(self, X: Any, y: Any) -> None:
        self.X, self.y = X, y
        self.model = MLPClassifier((HIDDEN,), batch_size=BATCH, solver="adam", learning_rate_init=RATE, random_state=0)
        self.model.partial_fit(X[:BATCH], y[:BATCH], classes=np.unique(y))

    def steps(self, count: int) -> float:
        """Make so many steps; gives examples a second."""
        rows = self.X[: count * BATCH]
        start = time.perf_counter()
        self.model.partial_fit(rows, self.y[: count * BATCH])
        return count * BATCH / (time.perf_counter() - start)

    def accuracy(self, X: Any, y: Any) -> float:
        """The share of right answers."""
        return float(self.model.score(X, y))


class Ranvier:
    """`Network.fit`."""

    def __init__(self, X: Any, y: Any, threads: int) -> None:
        self.X, self.y, self.threads = X, y, threads
        self.network = rv.Network(FEATURES, [rv.Dense(HIDDEN, "relu"), rv.Dense(len(np.unique(y)), "softmax")])

    def fit(self, rows: int, epochs: int) -> tuple[rv.Model, float]:
        """Train on the first rows; gives the model and the seconds of the whole call."""
        start = time.perf_counter()
        model = self.network.fit(
            self.X[:rows],
            self.y[:rows],
            optimizer=rv.Adam(RATE),
            batch_size=BATCH,
            epochs=epochs,
            engine="native",
            threads=self.threads,
            progress=False,
        )
        return model, time.perf_counter() - start

    def epochs(self) -> tuple[float, float]:
        """Examples a second of the epochs after the first, and the seconds of the whole call."""
        model, seconds = self.fit(self.X.shape[0], 3)
        later = model.history[1:]
        return len(later) * self.X.shape[0] / sum(epoch.seconds for epoch in later), seconds


def check(ours: Ranvier, theirs: ScikitLearn, X: Any, y: Any, steps: int) -> dict[str, float]:
    """Train both for as many steps; both must have learned, and about as much.

    Raises:
        SystemExit: they have not.
    """
    theirs.steps(steps)
    model, _ = ours.fit(steps * BATCH, 1)
    figures = {"ranvier": model.evaluate(X, y)["accuracy"], "scikit-learn": theirs.accuracy(X, y)}
    least = CHANCES / len(np.unique(y))
    if min(figures.values()) < least or figures["ranvier"] < figures["scikit-learn"] - POINTS:
        raise SystemExit(
            f"After {steps} steps the accuracies are {figures}; at least {least:.2f} and alike was expected."
        )
    return figures


def alternately(repeats: int, *contenders: Callable[[], Any]) -> list[list[Any]]:
    """What each contender says in each of its turns."""
    results = [[contender() for contender in contenders] for _ in range(repeats)]
    return [list(column) for column in zip(*results, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8, help="steps of scikit-learn in one turn")
    parser.add_argument("--check-steps", type=int, default=176, help="steps of both before the check: an epoch")
    parser.add_argument("--output", type=Path, default=RESULTS / "sparse.json")
    options = parser.parse_args()
    folder = data_folder()
    pin(options.threads)
    threadpool_limits(options.threads)
    machine = report.machine()
    X, y, X_test, y_test = newsgroups(folder)
    # The rows of the files are sorted by class.
    order = np.random.default_rng(0).permutation(X.shape[0])
    X, y = X[order], y[order]
    ours, theirs = Ranvier(X, y, options.threads), ScikitLearn(X, y)
    accuracy = check(ours, theirs, X_test, y_test, options.check_steps)
    print(f"accuracy after {options.check_steps} steps: {accuracy}", flush=True)
    fits, slow = alternately(options.repeats, ours.epochs, lambda: theirs.steps(options.steps))
    speeds, durations = [speed for speed, _ in fits], [seconds for _, seconds in fits]
    ratio = float(np.median(speeds) / np.median(slow))
    line = f"ranvier {np.median(speeds):,.0f}, scikit-learn {np.median(slow):,.0f} examples/s: {ratio:.0f} times"
    print(f"{line}, asked {ASKED:.0f}")
    figures = {
        "machine": machine,
        "versions": versions((*report.PACKAGES, "scipy")),
        "workload": {
            "rows": X.shape[0],
            "features": FEATURES,
            "entries_a_row": X.nnz / X.shape[0],
            "hidden": HIDDEN,
            "batch": BATCH,
            "threads": options.threads,
        },
        "accuracy": {"steps": options.check_steps, **accuracy},
        "examples_a_second": {"ranvier": speeds, "scikit-learn": slow},
        "seconds_of_a_whole_fit_of_3_epochs": durations,
        "ratio": ratio,
        "asked": ASKED,
    }
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
