"""One method on one set at one seed in a process of its own: prints the result as one JSON line."""

from __future__ import annotations

import argparse
import importlib
import time
from typing import Any

import numpy as np
from installed import versions

from . import scores
from .answering import answer
from .registry import METHODS
from .sets import TABLES, problem

ENOUGH_SECONDS, MAX_FITS = 3.0, 5


def result(options: argparse.Namespace) -> dict[str, Any]:
    """Fit, predict, check, score."""
    method = METHODS[options.method]
    task = problem(TABLES[options.set], options.data, options.seed, options.threads)
    if method.most_rows is not None and len(task.train) > method.most_rows:
        return {"skipped": f"{len(task.train)} training rows are more than the {method.most_rows} it is run on"}
    for module in method.imports:
        importlib.import_module(module)
    fits: list[float] = []
    predictions: list[float] = []
    while not fits or (options.timing and sum(fits) < ENOUGH_SECONDS and len(fits) < MAX_FITS):
        start = time.perf_counter()
        predict = method.fit(task)
        fits.append(time.perf_counter() - start)
        start = time.perf_counter()
        values = predict(task.test)
        predictions.append(time.perf_counter() - start)
    target = task.test[task.table.target]
    scores.check(values, len(target), len(task.classes) if task.classification else None)
    if task.classification:
        scored = scores.of_classes(values, target.tolist(), task.classes)
    else:
        scored = scores.of_numbers(values, target.to_numpy(np.float64))
    return {
        "rows": {"train": len(task.train), "test": len(task.test), "digest": task.digest()},
        "scores": scored,
        "fit_seconds": fits,
        "predict_seconds": predictions,
        "versions": versions(method.packages),
    }


if __name__ == "__main__":
    answer(result)
