"""How accurate training on pictures is, and how long it takes from the file to the report: one command.

Run:  RANVIER_DATA=FOLDER python benchmarks/senses.py [SET ...] [--effort default] [--seeds 1] [--beside]

Each set is given to `rv.train` as it lies on disk, with its official test rows, and nothing else is said: size,
augmentation and training are chosen by the recipe on training rows alone. `animals3` has no official split; its 250
photos are divided into five folds, and its score is the mean over them. Beside the accuracy stand that of logistic
regression and of a plain network on pixels, as measured once with the same splits, and what was asked for.

The time is that of the whole call, reading and choosing included, in seconds of the wall clock and of all processors;
beside it stands the peak of the process's memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import ranvier as rv
from ranvier.data import Table, open_source
from ranvier.native.machine import cpu
from ranvier.rows.split import split_rows

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder, versions

RESULTS = Path(__file__).resolve().parent / "results"
FOLDS = 5
CHOICES = ("Augmentation", "A linear model", "A network on the pixels")
"""How notes begin that say what was chosen."""
# Set -> accuracy in % of logistic regression and of a plain network on pixels; at least and hoped for, by effort.
SETS: dict[str, dict[str, Any]] = {
    "mnist": {"linear": 92.3, "plain": 98.4, "default": (99.2, 99.4), "best": (99.45, 99.6)},
    "usps": {"linear": 91.1, "plain": 94.4, "default": (97.2, 97.7), "best": (97.3, 97.9)},
    "mnist_png_folder": {"linear": 83.5, "plain": 90.0, "default": (94.5, 96.5), "best": (95.0, 97.0)},
    "cifar10_small": {"linear": 36.3, "plain": 46.4, "default": (70.0, 72.0), "best": (72.5, 75.0)},
    "animals3": {"linear": 52.0, "plain": 56.0, "default": (57.0, 64.0), "best": (59.0, 66.0)},
}


def parts_of(name: str, images: Path) -> Iterator[tuple[Any, Any]]:
    """The training rows of a set and its test rows, None where they lie in the same folder; several for folds."""
    if name in ("mnist", "usps"):
        yield images / name / "train-images-idx3-ubyte.gz", str(images / name / "t10k-images-idx3-ubyte.gz")
    elif name == "cifar10_small":
        yield images / name / "cifar10_small.zip", None
    elif name == "animals3":
        photos = open_source(images / name)
        assert isinstance(photos, Table)
        labels = photos.frame["label"].cast(str).to_numpy()
        folds = split_rows(photos.rows, (1.0 / FOLDS,) * FOLDS, 0, labels)
        for fold in folds:
            rest = np.setdiff1d(np.arange(photos.rows), fold)
            yield photos.take(rest), photos.take(fold)
    else:
        yield images / name, None


def measured(name: str, images: Path, effort: str, seed: int, beside: bool) -> dict[str, Any]:
    """Accuracy in %, seconds, peak memory and what the recipe chose, over all parts of a set."""
    wall, cpu_begun = time.perf_counter(), time.process_time()
    right, rows, notes = 0.0, 0, []
    for train, test in parts_of(name, images):
        options = {} if test is None else {"test": test}
        model = rv.train(train, effort=effort, seed=seed, progress=False, **options)
        count = model.report.split["test"]
        right, rows = right + model.report.metrics["accuracy"] * count, rows + count
        notes += [note for note in model.report.notes if note.startswith(CHOICES) and note not in notes]
    record = {
        "set": name,
        "effort": effort,
        "seed": seed,
        "accuracy": 100 * right / rows,
        "rows": rows,
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu_begun,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "chosen": notes,
        "processor": cpu.facts().model,
    }
    return record | (others(model, train, test) if beside else {})


def others(model: rv.Model, train: Any, test: Any) -> dict[str, Any]:
    """Accuracy in % and seconds of scikit-learn's models on the same patch features of the last part of a set.

    C of the linear ones is chosen on a fifth of the training rows.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import LinearSVC

    source = open_source(train)
    parts = [source.part("train") or source, source.part("test") or open_source(test)]
    X, X_test = (model.inputs(part).dense.astype(np.float32) * np.float32(12 / 255) - 6 for part in parts)
    y, expected = (
        part.frame[part.target_names[0]].cast(str).to_numpy() if part.column_names else part.targets for part in parts
    )
    by_method: dict[str, Any] = {}
    # The primal problem: the dual one takes minutes on thousands of features, and does not converge.
    for name, maker in (("logistic", LogisticRegression), ("linear_svc", partial(LinearSVC, dual=False))):
        start = time.perf_counter()
        learned, held, y_learned, y_held = train_test_split(X, y, test_size=0.2, random_state=0, stratify=y)
        scores = {C: maker(C=C, max_iter=200).fit(learned, y_learned).score(held, y_held) for C in (1e-4, 1e-3, 1e-2)}
        best = max(scores, key=lambda C: scores[C])
        accuracy = 100 * maker(C=best, max_iter=200).fit(X, y).score(X_test, expected)
        by_method[name] = {"accuracy": accuracy, "C": best, "seconds": time.perf_counter() - start}
    start = time.perf_counter()
    accuracy = 100 * MLPClassifier((512,), max_iter=30, random_state=0).fit(X, y).score(X_test, expected)
    by_method["mlp"] = {"accuracy": accuracy, "seconds": time.perf_counter() - start}
    return {"beside": by_method}


def main() -> None:
    """Measure the sets that were named, each in a process of its own, print a line for each and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help=", ".join(SETS))
    parser.add_argument("--effort", choices=("default", "best"), default="default")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--beside", action="store_true", help="scikit-learn's models on the same features, too")
    parser.add_argument("--record", type=int, metavar="SEED", help="measure one set and print it as JSON")
    arguments = parser.parse_args()
    if arguments.record is not None:
        images = data_folder() / "images"
        record = measured(arguments.sets[0], images, arguments.effort, arguments.record, arguments.beside)
        print(json.dumps(record))
        return
    print(f"{'set':<18}{'linear':>8}{'plain':>8}{'asked':>8}{'hoped':>8}{'ours':>8}{'s':>8}{'cpu s':>8}{'MB':>8}")
    for name in arguments.sets:
        for seed in range(arguments.seeds):
            options = ["--effort", arguments.effort, "--record", str(seed)] + ["--beside"] * arguments.beside
            done = subprocess.run(
                [sys.executable, __file__, name, *options], stdout=subprocess.PIPE, check=True, text=True
            )
            record = json.loads(done.stdout.splitlines()[-1])
            entry = SETS[name]
            numbers = (entry["linear"], entry["plain"], *entry[arguments.effort], record["accuracy"])
            others_of = [record[key] for key in ("seconds", "cpu_seconds", "peak_megabytes")]
            print(
                f"{name:<18}"
                + "".join(f"{value:>8.2f}" for value in numbers)
                + "".join(f"{t:>8.0f}" for t in others_of)
            )
            print("\n".join(f"  {note}" for note in record["chosen"]))
            for other, values in record.get("beside", {}).items():
                print(f"  {other}: {values['accuracy']:.2f} in {values['seconds']:.0f} s")
            store(record, arguments.effort)


def store(record: dict[str, Any], effort: str) -> None:
    """Write a record beside those of other sets and seeds that were measured before."""
    path = RESULTS / f"senses_{effort}.json"
    earlier = json.loads(path.read_text())["records"] if path.exists() else []
    others = [entry for entry in earlier if (entry["set"], entry["seed"]) != (record["set"], record["seed"])]
    described = {
        "versions": versions(("numpy", "pillow", "polars")),
        "records": sorted([*others, record], key=lambda entry: (list(SETS).index(entry["set"]), entry["seed"])),
    }
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(described, indent=1) + "\n")


if __name__ == "__main__":
    main()
