"""Accuracy on recordings with the command's own recipe: official splits, and each speaker left out in turn.

Run:  RANVIER_DATA=FOLDER python benchmarks/sounds.py [--only fsdd speakers esc10] [--effort default]

FOLDER holds speech/fsdd and sound/esc10. Beside each accuracy stand what was asked for, that of scikit-learn's logistic
regression on the same statistics of the bands (C by cross-validation on the training rows) and of its MLP, the seconds
from the paths to the report, of the wall clock and of all processors, and the peak of the memory so far. Speakers: the
model that is tested on one has heard the five others, which are its groups.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import GroupKFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ranvier as rv
from ranvier.data.sounds.band_statistics import statistics_of
from ranvier.data.sounds.load import decode_all, load_sounds

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder
from versus_parts.report import machine

ASKED = {
    ("fsdd", "default"): (0.99, 0.997),
    ("fsdd", "best"): (0.993, 1.0),
    ("speakers", "default"): (0.86, 0.89),
    ("speakers", "best"): (0.875, 0.91),
    ("esc10", "default"): (0.85, 0.89),
    ("esc10", "best"): (0.86, 0.90),
}
"""What is required and what is aimed at."""
Table = dict[str, list[str]]


def digits(data: Path) -> Table:
    """The spoken digits: file, digit, speaker, and the number of the take."""
    files = sorted((data / "speech" / "fsdd" / "recordings").glob("*.wav"))
    parts = [file.stem.split("_") for file in files]
    names = ("digit", "speaker", "take")
    return {"file": [str(file) for file in files], **{name: [p[at] for p in parts] for at, name in enumerate(names)}}


def rows(table: Table, keep: Any) -> Table:
    """Some of the rows of a table."""
    return {
        name: [value for value, wanted in zip(values, keep, strict=True) if wanted] for name, values in table.items()
    }


def fsdd(data: Path) -> list[tuple[Table, Table, str, str | None]]:
    """The official split: takes 0 to 4 are the test."""
    table = digits(data)
    is_test = [int(take) < 5 for take in table.pop("take")]
    table.pop("speaker")
    return [(rows(table, [not test for test in is_test]), rows(table, is_test), "digit", None)]


def speakers(data: Path) -> list[tuple[Table, Table, str, str | None]]:
    """Each speaker as the test, once."""
    table = digits(data)
    table.pop("take")
    entry = []
    for name in sorted(set(table["speaker"])):
        is_test = [speaker == name for speaker in table["speaker"]]
        entry.append((rows(table, [not test for test in is_test]), rows(table, is_test), "digit", "speaker"))
    return entry


def esc10(data: Path) -> list[tuple[Table, Table, str, str | None]]:
    """The official folds; recordings of one source are a group."""
    folder = data / "sound" / "esc10"
    with open(folder / "manifest.csv", newline="") as file:
        read = list(csv.DictReader(file))
    table = {
        "file": [str(folder / row["path"]) for row in read],
        "label": [row["label"] for row in read],
        "source": [f"s{row['freesound_id']}" for row in read],
    }
    folds = [row["fold"] for row in read]
    return [
        (rows(table, [at != fold for at in folds]), rows(table, [at == fold for at in folds]), "label", "source")
        for fold in sorted(set(folds))
    ]


SPLITS: dict[str, Callable[[Path], list[tuple[Table, Table, str, str | None]]]] = {
    "fsdd": fsdd,
    "speakers": speakers,
    "esc10": esc10,
}


def others(train: Table, test: Table, target: str, group: str | None) -> dict[str, float]:
    """The accuracy of scikit-learn's logistic regression and of its MLP on the statistics of the bands."""
    loaded = load_sounds(train["file"], "file")
    features = statistics_of(loaded.spectrograms[..., 0])
    test_statistics = statistics_of(decode_all(test["file"], loaded.form, "file")[..., 0])
    folds = StratifiedKFold(5, shuffle=True, random_state=0) if group is None else GroupKFold(5)
    splits = list(folds.split(features, train[target], None if group is None else train[group]))
    model = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=[0.001, 0.01, 0.1, 1.0],
            l1_ratios=(0,),
            cv=splits,
            max_iter=300,
            scoring="accuracy",
            use_legacy_attributes=False,
        ),
    )
    mlp = make_pipeline(StandardScaler(), MLPClassifier((512,), max_iter=60, random_state=0))
    return {
        "linear": float(model.fit(features, train[target]).score(test_statistics, test[target])),
        "mlp": float(mlp.fit(features, train[target]).score(test_statistics, test[target])),
    }


def measured(name: str, data: Path, effort: str, seeds: int, with_linear: bool) -> dict[str, Any]:
    """The accuracy over all splits, seed by seed, and in each split."""
    splits = SPLITS[name](data)
    scores = np.zeros((seeds, len(splits)))
    seconds, cpu_seconds, notes, peak = [], [], [], 0.0
    for at, (train, test, target, group) in enumerate(splits):
        for seed in range(seeds):
            start, cpu_begun = time.perf_counter(), time.process_time()
            model = rv.train(train, target, test=test, group=group, effort=effort, seed=seed, progress=False)
            seconds.append(time.perf_counter() - start)
            cpu_seconds.append(time.process_time() - cpu_begun)
            scores[seed, at] = model.report.metrics["accuracy"]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            notes.append(next(note for note in model.report.notes if note.startswith("Features")))
    beside = [others(*split) for split in splits] if with_linear else []
    return {
        "effort": effort,
        "accuracy": scores.mean(axis=1).tolist(),
        "splits": scores.mean(axis=0).tolist(),
        "linear": float(np.mean([entry["linear"] for entry in beside])) if beside else None,
        "mlp": float(np.mean([entry["mlp"] for entry in beside])) if beside else None,
        "asked": ASKED.get((name, effort)),
        "seconds": float(np.mean(seconds)),
        "cpu_seconds": float(np.mean(cpu_seconds)),
        "peak_megabytes": peak,
        "machine": machine(),
        "notes": notes,
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=list(SPLITS))
    parser.add_argument("--effort", default="default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-linear", action="store_true")
    parser.add_argument("--output", type=Path, help="write the figures as JSON here, beside those that are there")
    options = parser.parse_args()
    data = data_folder()
    figures = {}
    for name in options.only:
        entry = measured(name, data, options.effort, options.seeds, not options.no_linear)
        figures[f"{name} {options.effort}"] = entry
        spread = " ".join(f"{score:.1%}" for score in entry["splits"])
        beside = "" if entry["linear"] is None else f"  linear {entry['linear']:.1%}  MLP {entry['mlp']:.1%}"
        print(
            f"{name:9} {options.effort}  {np.mean(entry['accuracy']):.1%}  asked {entry['asked']}{beside}  "
            f"{entry['seconds']:.1f} s and {entry['cpu_seconds']:.1f} CPU s a model  ({spread})",
            flush=True,
        )
        print("\n".join(sorted(set(entry["notes"]))), flush=True)
    if options.output:
        stored = json.loads(options.output.read_text()) if options.output.exists() else {"results": {}}
        written = {"results": {**stored["results"], **figures}}
        options.output.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
