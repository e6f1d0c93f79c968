"""How long small calls take: a fit of a tiny network, a part of one row, and predictions of one row and of many.

Run:  RANVIER_DATA=FOLDER python benchmarks/calls.py [--output FILE]

Each call is checked against another way to the same result before it is timed: a fit against the reference engine, a
row alone against the row among others. A time is the shortest mean of some repetitions, wall clock, in microseconds;
what was asked for stands beside it. For a row through `model.outputs` that is 1.5 x (the time in which one thread reads
the weights from the cache where they are + 1 microsecond).
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

import ranvier as rv

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder, versions
from versus_parts import report

RESULTS = Path(__file__).resolve().parent / "results"
REPETITIONS = 200
SECONDS = 0.001
"""How long a repetition takes about, if one call is not longer: so short that other processes disturb few of them."""
MAX_SECONDS = 2.0
SHAPES = ((2, 8, 8, 2), (784, 30, 10), (784, 128, 10), (784, 512, 512, 10))
OLD = 5000
"""Parts of one row before the second time of `partial_fit` is taken."""


def microseconds(call: Callable[[], Any]) -> float:
    """The shortest mean time of a call."""
    for _ in range(12):
        call()
    start = time.perf_counter()
    call()
    count = max(1, int(SECONDS / (time.perf_counter() - start)))
    times: list[float] = []
    while len(times) < REPETITIONS and sum(times) * count < MAX_SECONDS:
        start = time.perf_counter()
        for _ in range(count):
            call()
        times.append((time.perf_counter() - start) / count)
    return round(min(times) * 1e6, 2)


def check(same: Any, what: str) -> None:
    """End the benchmark where a result is wrong."""
    if not same:
        raise SystemExit(f"{what}: the result is wrong, so nothing was timed.")


def network(shape: tuple[int, ...]) -> rv.Network:
    """Dense layers of these widths, tanh inside and softmax at the end."""
    hidden = [rv.Dense(width, "tanh") for width in shape[1:-1]]
    return rv.Network(shape[0], [*hidden, rv.Dense(shape[-1], "softmax")])


def fits() -> dict[str, dict[str, float]]:
    """Warm fits of 2-8-8-2 on four rows."""
    X, y, tiny = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), [0, 1, 1, 0], network((2, 8, 8, 2))

    def fit(engine: str, epochs: int) -> rv.Model:
        return tiny.fit(X, y, epochs=epochs, batch_size=4, engine=engine, progress=False)

    native, reference = (fit(engine, 10).outputs(X) for engine in ("native", "reference"))
    check(np.allclose(native, reference, atol=1e-4), "fit")
    return {
        f"fit of 2-8-8-2, {epochs} epoch{'s' * (epochs > 1)}": {
            "asked": 300.0,
            "measured": microseconds(lambda: fit("native", epochs)),  # noqa: B023 - called at once
        }
        for epochs in (1, 10)
    }


def parts() -> dict[str, dict[str, float]]:
    """`partial_fit` of one row, by a new estimator and by one that has seen many."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(2000, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    first, second = (
        rv.Classifier(recipe="plain", hidden=(8, 8), engine=engine, random_state=0).partial_fit(X, y, classes=[0, 1])
        for engine in ("native", "reference")
    )
    for estimator in (first, second):
        estimator.partial_fit(X[:1], y[:1])
    check(np.allclose(first.predict_proba(X), second.predict_proba(X), atol=1e-4), "partial_fit")
    young = microseconds(lambda: first.partial_fit(X[:1], y[:1]))
    while len(first.model_.history) < OLD:
        first.partial_fit(X[:1], y[:1])
    old = microseconds(lambda: first.partial_fit(X[:1], y[:1]))
    return {
        "partial_fit of one row": {"asked": 50.0, "measured": young},
        f"partial_fit of one row, after {OLD}": {"asked": 50.0, "measured": old},
    }


def rows() -> dict[str, dict[str, float]]:
    """One row through `model.outputs`."""
    generator, figures = np.random.default_rng(0), {}
    for shape in SHAPES:
        X = generator.normal(size=(50, shape[0])).astype(np.float32)
        model = network(shape).fit(X, generator.integers(0, shape[-1], 50), epochs=1, progress=False)
        row = X[:1]
        check(model.outputs(row).tobytes() == model.outputs(X)[:1].tobytes(), f"outputs of {shape}")
        weights = np.concatenate([array.ravel() for array in model.parameters.values()])
        read = max(0.0, microseconds(weights.max) - microseconds(weights[:1].max))
        figures[f"outputs of one row, {'-'.join(map(str, shape))}"] = {
            "asked": round(1.5 * (read + 1.0), 2),
            "measured": microseconds(lambda: model.outputs(row)),  # noqa: B023 - called at once
            "weights_kilobytes": round(weights.nbytes / 1e3, 1),
            "reading_the_weights": round(read, 2),
        }
    return figures


def raw_rows() -> dict[str, dict[str, float]]:
    """A fitted classifier on raw rows of the adult table."""
    folder = data_folder() / "tabular" / "adult"
    training, test = (pl.read_csv(folder / f"{part}.csv") for part in ("train", "test"))
    target = training.columns[-1]
    classifier = rv.Classifier(random_state=0).fit(training.drop(target), training[target].to_list())
    many = test.drop(target).head(10_000)
    row = many.head(1).to_dicts()[0]
    together = classifier.predict_proba(many)
    check(np.array_equal(classifier.predict_proba(row), together[:1]), "predict_proba")
    figures = {
        "predict_proba of a raw row of adult": {
            "asked": 20.0,
            "measured": microseconds(lambda: classifier.predict_proba(row)),
        },
        "predict_proba of 10 000 raw rows of adult": {
            "asked": 15_000.0,
            "measured": microseconds(lambda: classifier.predict_proba(many)),
        },
    }
    model = classifier.model_
    inputs = model.inputs(row), model.inputs(many)
    for name, encoded in zip(figures, inputs, strict=True):
        figures[name]["network_alone"] = microseconds(lambda: model.outputs_of(encoded))  # noqa: B023 - called at once
    return figures


def main() -> None:
    """Time all calls, print what was asked beside what was measured, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=RESULTS / "calls.json")
    arguments = parser.parse_args()
    figures = {**fits(), **parts(), **rows(), **raw_rows()}
    for name, times in figures.items():
        met = "met" if times["measured"] <= times["asked"] else "not met"
        print(f"{name:45s} asked {times['asked']:9.2f} us   measured {times['measured']:9.2f} us   {met}")
    result = {"machine": report.machine(), "versions": versions(("ranvier", "numpy", "llvmlite")), "calls": figures}
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
