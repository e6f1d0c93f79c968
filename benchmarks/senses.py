"""How accurate training on pictures is, and how long it takes from the file to the report: one command.

Run:  RANVIER_DATA=FOLDER python benchmarks/senses.py [SET ...] [--effort default] [--seeds 1]

Each set is given to `rv.train` as it lies on disk, with its official test rows, and nothing else is said: size,
augmentation and training are chosen by the recipe on training rows alone. `animals3` has no official split; its 250
photos are divided into five folds, and its score is the mean over them. Beside the accuracy stand that of logistic
regression and of a plain network on pixels, as measured once with the same splits, and what was asked for.

The time is that of the whole call, reading and choosing included, in seconds of the wall clock and of all processors.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
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


def measured(name: str, images: Path, effort: str, seed: int) -> dict[str, Any]:
    """Accuracy in %, seconds and what the recipe chose, over all parts of a set."""
    wall, cpu = time.perf_counter(), time.process_time()
    right, rows, notes = 0.0, 0, []
    for train, test in parts_of(name, images):
        options = {} if test is None else {"test": test}
        model = rv.train(train, effort=effort, seed=seed, progress=False, **options)
        count = model.report.split["test"]
        right, rows = right + model.report.metrics["accuracy"] * count, rows + count
        notes.append(next(note for note in model.report.notes if note.startswith("Augmentation")))
    seconds = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    return {"set": name, "effort": effort, "seed": seed, "accuracy": 100 * right / rows, "rows": rows, **seconds} | {
        "chosen": notes
    }


def main() -> None:
    """Measure the sets that were named, print a line for each and write all of them to results/."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help=", ".join(SETS))
    parser.add_argument("--effort", choices=("default", "best"), default="default")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    folder = data_folder()
    images, records = folder / "images", []
    print(f"{'set':<18}{'linear':>8}{'plain':>8}{'asked':>8}{'hoped':>8}{'ours':>8}{'s':>8}{'cpu s':>8}")
    for name in arguments.sets:
        for seed in range(arguments.seeds):
            record = measured(name, images, arguments.effort, seed)
            records.append(record)
            known = SETS[name]
            numbers = (known["linear"], known["plain"], *known[arguments.effort], record["accuracy"])
            times = (record["seconds"], record["cpu_seconds"])
            print(f"{name:<18}" + "".join(f"{value:>8.2f}" for value in numbers) + "".join(f"{t:>8.0f}" for t in times))
            print(f"  {record['chosen'][0]}")
    RESULTS.mkdir(exist_ok=True)
    described = {
        "versions": versions(("numpy", "pillow", "polars")),
        "processor": cpu.facts().model,
        "records": records,
    }
    (RESULTS / f"senses_{arguments.effort}.json").write_text(json.dumps(described, indent=1) + "\n")


if __name__ == "__main__":
    main()
