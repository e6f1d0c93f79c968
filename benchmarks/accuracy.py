"""How good the networks are on real data, on rows they have not seen. Reports; decides nothing.

Run:  RANVIER_DATA=FOLDER python benchmarks/accuracy.py [--engine NAME] [--seeds N]

Each line gives the mean and the range over the seeds next to the figure asked for. Nielsen's network is the one of
"Neural networks and deep learning", chapter 1: 784-30-10 sigmoid, squared error, SGD, batch 10, 30 epochs. His loss is
half the sum over the outputs where ours is their mean, so his learning rate of 3.0 is `reduction="sum"` with 1.5 here.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import ranvier as rv
from ranvier.data import open_source
from ranvier.native.machine import cpu

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder, versions


def named(name: str) -> Callable[[Path, str, int], float]:
    def score(data: Path, engine: str, seed: int) -> float:
        return rv.train(name, seed=seed, engine=engine, progress=False).report.metrics["accuracy"]

    return score


def adult(data: Path, engine: str, seed: int) -> float:
    folder = data / "tabular" / "adult"
    model = rv.train(folder / "train.csv", "income", seed=seed, engine=engine, progress=False)
    return model.evaluate(folder / "test.csv")["accuracy"]


def california(data: Path, engine: str, seed: int) -> float:
    path = data / "tabular" / "california_housing" / "data.csv"
    return rv.train(path, "median_house_value", seed=seed, engine=engine, progress=False).report.metrics["r2"]


def nielsen(data: Path, engine: str, seed: int) -> float:
    folder = data / "images" / "mnist"
    train = open_source(folder / "train-images-idx3-ubyte.gz")
    test = open_source(folder / "t10k-images-idx3-ubyte.gz")
    hidden, output = (rv.Dense(units, "sigmoid", initializer="lecun_normal") for units in (30, 10))
    layers = [rv.Rescale(1 / 255), hidden, output]
    model = rv.Network(784, layers).fit(
        train.inputs[:50_000],
        train.targets[:50_000],
        loss=rv.loss("squared_error", reduction="sum"),
        optimizer=rv.SGD(1.5),
        batch_size=10,
        epochs=30,
        seed=seed,
        engine=engine,
        progress=False,
    )
    return model.evaluate(test.inputs, test.targets)["accuracy"]


CASES: dict[str, tuple[Callable[[Path, str, int], float], str, float]] = {
    "digits": (named("digits"), "accuracy", 0.97),
    "iris": (named("iris"), "accuracy", 0.93),
    "wine": (named("wine"), "accuracy", 0.0),
    "breast_cancer": (named("breast_cancer"), "accuracy", 0.0),
    "adult": (adult, "accuracy", 0.85),
    "california_housing": (california, "r2", 0.78),
    "nielsen": (nielsen, "accuracy", 0.945),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(CASES))
    parser.add_argument("--output", type=Path, help="write the figures as JSON here")
    options = parser.parse_args()
    data = data_folder()
    figures = {}
    for name in options.only:
        score, metric, target = CASES[name]
        start = time.perf_counter()
        values = [score(data, options.engine, seed) for seed in range(options.seeds)]
        seconds = (time.perf_counter() - start) / options.seeds
        figures[name] = {"metric": metric, "values": values, "asked": target, "seconds": seconds}
        line = f"{name:20} {metric:9} mean {np.mean(values):.4f}  from {min(values):.4f} to {max(values):.4f}"
        print(f"{line}  asked {target:.3f}  {seconds:.1f} s a run", flush=True)
    if options.output:
        machine = {"processor": cpu.facts().model, **versions(("ranvier",))}
        options.output.write_text(json.dumps({"machine": machine, "results": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
