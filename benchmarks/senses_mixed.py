"""What columns of texts add to the others of a table: netflix_titles with and without them, in one command.

Run:  RANVIER_DATA=FOLDER python benchmarks/senses_mixed.py [--effort fast] [--seed 0]

The task is the rating of a title ("TV-MA", "PG-13", ...), 17 classes of which three have one row. Both trainings get
the same four of five rows, in proportion to the classes, and are measured on the others. The time is that of the whole
call, in seconds of the wall clock and of all processors.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
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
TARGET = "rating"
TEXTS = ("title", "description")
TEST_SHARE = 0.2


def measured(
    train: pl.DataFrame, test: pl.DataFrame, ignore: tuple[str, ...], options: dict[str, Any]
) -> dict[str, Any]:
    """One training: the metrics on the test rows, the kinds of the columns, the time."""
    begun, processor = time.perf_counter(), time.process_time()
    model = rv.train(train, TARGET, test=test, ignore=ignore, progress=False, **options)
    seconds, processor = time.perf_counter() - begun, time.process_time() - processor
    return {
        "left_out": list(ignore),
        "kinds": {column["name"]: column["kind"] for column in model.report.columns},
        "metrics": model.report.metrics,
        "baseline": model.report.baseline,
        "test_rows": test.height,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
    }


def main() -> None:
    """Train with and without the texts, print a line for each and write both to results/."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--effort", choices=("fast", "default", "best"), default="fast")
    parser.add_argument("--seed", type=int, default=0)
    options = vars(parser.parse_args())
    content = gzip.decompress((data_folder() / "mixed" / "netflix_titles" / "data.csv.gz").read_bytes())
    frame = pl.read_csv(content, infer_schema_length=0).drop_nulls(TARGET)
    index = split_rows(frame.height, (1 - TEST_SHARE, TEST_SHARE), 0, frame[TARGET].to_numpy())
    train, test = (frame[np.sort(part)] for part in index)
    runs = {}
    for name, ignore in (("without texts", TEXTS), ("with texts", ())):
        runs[name] = measured(train, test, ignore, options)
        accuracy = 100 * runs[name]["metrics"]["accuracy"]
        print(f"{name:<15} accuracy {accuracy:.2f} %, {runs[name]['processor_seconds']:.0f} cpu s", flush=True)
    described = {"versions": versions(("numpy", "polars")), "processor": cpu.facts().model, **options, "runs": runs}
    RESULT.write_text(json.dumps(described, indent=1) + "\n")


if __name__ == "__main__":
    main()
