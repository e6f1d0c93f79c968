"""What columns of texts add to the others of a table: tables with and without them, in one command.

Run:  RANVIER_DATA=FOLDER python benchmarks/senses_mixed.py [SET ...] [--effort fast] [--seed 0]

`netflix_titles`: the rating of a title ("TV-MA", "PG-13", ...), 17 classes of which three have one row; the texts are
titles and descriptions. `planted`: half of what decides the class stands in a review (its label in sst_binary), half in
ten numbers (the label in magic_gamma), and the class is how many of the two are 1. `nothing`: the numbers alone decide,
beside the same reviews. Both trainings of a set get the same rows, and are measured on the same others. The time is
that of the whole call, in seconds of the wall clock and of all processors.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import ranvier as rv
from ranvier.native.machine import cpu
from ranvier.rows.split import split_rows

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder, versions

RESULT = Path(__file__).resolve().parent / "results" / "senses_mixed.json"
TEST_FRACTION = 0.2
N_PLANTED = 4000


def netflix(data: Path) -> tuple[pl.DataFrame, pl.DataFrame, str, tuple[str, ...]]:
    """Four of five rows, in proportion to the ratings, and the others."""
    content = gzip.decompress((data / "mixed" / "netflix_titles" / "data.csv.gz").read_bytes())
    frame = pl.read_csv(content, infer_schema_length=0).drop_nulls("rating")
    index = split_rows(frame.height, (1 - TEST_FRACTION, TEST_FRACTION), 0, frame["rating"].to_numpy())
    train, test = (frame[np.sort(part)] for part in index)
    return train, test, "rating", ("title", "description")


def planted(data: Path, review_counts: bool = True) -> tuple[pl.DataFrame, pl.DataFrame, str, tuple[str, ...]]:
    """Reviews of the training and the test part of their set, each beside other rows of numbers."""
    numbers = _table(data / "tabular" / "magic_gamma" / "data.csv").sample(fraction=1.0, shuffle=True, seed=0)
    parts, start = [], 0
    for part in ("train", "test"):
        reviews = _table(data / "text" / "sst_binary" / f"{part}.csv").sample(fraction=1.0, shuffle=True, seed=0)
        reviews = reviews[:N_PLANTED]
        rows = numbers[start : start + reviews.height]
        start += reviews.height
        label = (reviews["label"] == reviews["label"].max()).cast(pl.Int64) * review_counts
        both = label + rows["target"].cast(pl.Float64).cast(pl.Int64)
        rows = rows.drop("target").with_columns(
            reviews["text"].alias("review"), ("class " + both.cast(pl.String)).alias("class")
        )
        parts.append(rows)
    return parts[0], parts[1], "class", ("review",)


def _table(path: Path) -> pl.DataFrame:
    """The cells of a file, or of the file with .gz behind its name, as they are written."""
    packed = path.with_name(path.name + ".gz")
    content = path.read_bytes() if path.exists() else gzip.decompress(packed.read_bytes())
    return pl.read_csv(content, infer_schema_length=0)


SETS = {"netflix_titles": netflix, "planted": planted, "nothing": partial(planted, review_counts=False)}


def measured(
    train: pl.DataFrame, test: pl.DataFrame, target: str, ignore: tuple[str, ...], options: dict[str, Any]
) -> dict[str, Any]:
    """One training: the metrics on the test rows, the kinds of the columns, what was chosen, the time."""
    start, processor = time.perf_counter(), time.process_time()
    model = rv.train(train, target, test=test, ignore=ignore, progress=False, **options)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    return {
        "left_out": list(ignore),
        "kinds": {column["name"]: column["kind"] for column in model.report.columns},
        "metrics": model.report.metrics,
        "baseline": model.report.baseline,
        "chosen": [note for note in model.report.notes if "texts" in note.lower()],
        "test_rows": test.height,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
    }


def main() -> None:
    """Train with and without the texts, print a line for each and write them to results/."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help=", ".join(SETS))
    parser.add_argument("--effort", choices=("fast", "default", "best"), default="fast")
    parser.add_argument("--seed", type=int, default=0)
    options = vars(parser.parse_args())
    names = options.pop("sets")
    stored = json.loads(RESULT.read_text()).get("records", []) if RESULT.exists() else []
    for name in names:
        train, test, target, texts = SETS[name](data_folder())
        runs = {}
        for kind, ignore in (("without texts", texts), ("with texts", ())):
            runs[kind] = measured(train, test, target, ignore, options)
            metrics, seconds = runs[kind]["metrics"], runs[kind]["processor_seconds"]
            accuracy, loss = 100 * metrics["accuracy"], metrics["log_loss"]
            print(
                f"{name:<16}{kind:<15}accuracy {accuracy:.2f} %, log loss {loss:.4f}, {seconds:.0f} cpu s", flush=True
            )
        record = {"set": name, **options, "processor": cpu.facts().model, "runs": runs}
        same = ("set", "effort", "seed")
        stored = [entry for entry in stored if any(entry[key] != record[key] for key in same)] + [record]
        described = {"versions": versions(("numpy", "polars")), "records": stored}
        RESULT.write_text(json.dumps(described, indent=1) + "\n")


if __name__ == "__main__":
    main()
