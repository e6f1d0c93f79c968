"""How good what a search finds is, and how well it keeps its time, next to Optuna over scikit-learn's MLP.

Run:  pip install -e '.[bench,search]' && export RANVIER_DATA=FOLDER
      python benchmarks/search.py --minutes 2 --sets breast_cancer diabetes telco_churn

Both get the same training rows and the same minutes, hold a fifth of the rows for comparing settings, train the best
settings once more, and are measured once on the same test rows: log loss, or RMSE in units of the target's deviation.
The peer is written as its users write it: missing cells filled, numbers scaled, words one-hot, early stopping, the TPE
sampler over widths, depth, activation, penalty, learning rate and batch size. Seconds over or under the time are part
of the result.
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

import ranvier as rv

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import versions
from tables_parts.methods import sklearn_mlp
from tables_parts.sets import TABLES, SplitTable, problem
from versus_parts import report

RESULTS = Path(__file__).resolve().parent / "results"
HELD = 0.2
Predict = Callable[[Any], Any]


def ours(task: SplitTable, minutes: float) -> tuple[Predict, int]:
    """What `rv.search` finds, and how many settings it tried."""
    search = rv.search(task.train, task.table.target, minutes=minutes, test=None, seed=task.seed, threads=task.threads)
    model = search.model
    if model is None:
        raise SystemExit("The search was interrupted.")
    predict = model.probabilities if task.classification else model.predict
    return lambda frame: predict(frame[task.columns]), len(search.trials)


def peer(task: SplitTable, minutes: float) -> tuple[Predict, int]:
    """What Optuna finds for scikit-learn's MLP, and how many settings it tried."""
    import optuna
    from sklearn.model_selection import train_test_split

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    start = time.monotonic()
    labels = task.train[task.table.target] if task.classification else None
    learned, held = train_test_split(task.train, test_size=HELD, random_state=task.seed, stratify=labels)
    inner = SplitTable(task.table, learned, held, task.seed, task.threads)
    longest = [0.0]

    def value(trial: Any) -> float:
        started = time.monotonic()
        result = score(inner, sklearn_mlp(inner, settings_of(trial)), held)
        longest[0] = max(longest[0], time.monotonic() - started)
        if time.monotonic() - start + longest[0] > 60 * minutes:
            trial.study.stop()
        return result

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=task.seed))
    study.optimize(value, timeout=60 * minutes)
    return sklearn_mlp(task, settings_of(optuna.trial.FixedTrial(study.best_params))), len(study.trials)


def settings_of(trial: Any) -> dict[str, Any]:
    """Settings of scikit-learn's MLP that a trial of Optuna proposes."""
    width, depth = trial.suggest_int("width", 16, 256, log=True), trial.suggest_int("depth", 1, 3)
    return {
        "hidden_layer_sizes": (width,) * depth,
        "activation": trial.suggest_categorical("activation", ["relu", "tanh"]),
        "alpha": trial.suggest_float("alpha", 1e-6, 1.0, log=True),
        "learning_rate_init": trial.suggest_float("learning_rate", 1e-4, 3e-2, log=True),
        "batch_size": trial.suggest_categorical("batch_size", [32, 128, 256]),
    }


def score(task: SplitTable, predict: Predict, frame: Any) -> float:
    """The log loss of a frame's rows, or their RMSE in units of the deviation of the training targets."""
    from sklearn.metrics import log_loss

    targets, outputs = frame[task.table.target], np.asarray(predict(frame))
    if task.classification:
        return float(log_loss(targets, outputs, labels=task.classes))
    error = float(np.sqrt(np.mean((outputs.reshape(-1) - targets.to_numpy()) ** 2)))
    return error / float(task.train[task.table.target].std())


def measure(name: str, seed: int, minutes: float, threads: int) -> dict[str, Any]:
    """What both find on a set, on rows that neither has seen."""
    task = problem(TABLES[name], Path(os.environ.get("RANVIER_DATA", "")), seed, threads)
    result: dict[str, Any] = {"set": name, "seed": seed, "minutes": minutes}
    for contender, search in {"ranvier": ours, "optuna and scikit-learn": peer}.items():
        start = time.monotonic()
        predict, trials = search(task, minutes)
        seconds = time.monotonic() - start
        result[contender] = {"score": score(task, predict, task.test), "trials": trials, "seconds": seconds}
        over = 100 * (seconds / (60 * minutes) - 1)
        print(
            f"{name}, seed {seed}: {contender} {result[contender]['score']:.4f} after {trials} trials, "
            f"{seconds:.0f} s ({over:+.0f} %)",
            flush=True,
        )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=list(TABLES), metavar="SET", default=["breast_cancer", "diabetes"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS / "search.json")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn says that it has not converged
    results = [measure(name, seed, options.minutes, options.threads) for name in options.sets for seed in options.seeds]
    record = {"machine": report.machine(), "versions": versions(("ranvier", "optuna", "scikit-learn", "numpy"))}
    options.output.write_text(json.dumps({**record, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
