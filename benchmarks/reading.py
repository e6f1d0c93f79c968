"""How long tables take to read: 10^6 rows of 20 columns from CSV and Parquet to columns, kinds and encoded inputs.

Run:  python benchmarks/reading.py [--rows N] [--output FILE]

Three files with the same cells are made in a folder for temporary files: CSV in which no cell is quoted, CSV in which
every cell of text is, and Parquet. polars alone is timed beside them on the same file, in turns, and reads each cell of
CSV as a string. What was read is compared with what polars read. Beside the seconds of the clock stand those of the
processor, which neighbours change less, and the speed as a share of that of polars.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data import fit_encoder, infer_schema, open_source

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import versions
from versus_parts import report

RESULTS = Path(__file__).resolve().parent / "results"
TURNS = 3
QUOTED = {"plain": "necessary", "quoted": "non_numeric"}
PARTS = ("polars", "read", "kinds", "fitted", "encoded")


def table(rows: int) -> pl.DataFrame:
    """12 columns of numbers with gaps, 3 of integers, 3 of categories, a date and a boolean."""
    draw = np.random.default_rng(0)
    columns: dict[str, Any] = {f"number_{index}": draw.normal(50, 10, rows).round(3) for index in range(12)}
    columns |= {f"integer_{index}": draw.integers(0, 10**5, rows) for index in range(3)}
    for index, categories in enumerate((2, 30, 500)):
        columns[f"category_{index}"] = np.array([f"word {word}" for word in range(categories)])[
            draw.integers(0, categories, rows)
        ]
    days = np.datetime64("2015-01-01") + draw.integers(0, 3000, rows)
    frame = pl.DataFrame({**columns, "day": days.astype("datetime64[D]"), "member": draw.random(rows) < 0.5})
    gaps = pl.Series(draw.random(rows) < 0.02)
    return frame.with_columns(pl.when(~gaps).then(pl.col("number_0", "category_1")))


def timed(function: Callable[[], Any]) -> tuple[NDArray[np.float64], Any]:
    """Seconds of a call, by the clock and of the processor, and what it gives."""
    begun = np.array([time.perf_counter(), time.process_time()])
    result = function()
    return np.array([time.perf_counter(), time.process_time()]) - begun, result


def by_polars(path: Path) -> pl.DataFrame:
    """The cells as polars alone reads them."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    return pl.read_csv(path, infer_schema=False, empty_string_is_null=False)


def measure(path: Path, rows: int) -> dict[str, Any]:
    """The median seconds of each part, by the clock and of the processor."""
    seconds: dict[str, list[NDArray[np.float64]]] = {part: [] for part in PARTS}
    for _ in range(TURNS):
        spent, frame = timed(lambda: by_polars(path))
        assert frame.height == rows
        seconds["polars"].append(spent)
        spent, source = timed(lambda: open_source(path))
        assert source.frame.equals(frame)
        seconds["read"].append(spent)
        spent, columns = timed(lambda: infer_schema(source.frame, (), source.kinds))  # noqa: B023 - called at once
        seconds["kinds"].append(spent)
        spent, encoder = timed(lambda: fit_encoder(source, columns))  # noqa: B023 - called at once
        seconds["fitted"].append(spent)
        spent, _ = timed(lambda: encoder.encode(source))  # noqa: B023 - called at once
        seconds["encoded"].append(spent)
    clock, processor = (
        {part: round(statistics.median(float(pair[at]) for pair in pairs), 3) for part, pairs in seconds.items()}
        for at in range(2)
    )
    share = clock["polars"] / sum(clock[part] for part in PARTS[1:])
    return {**clock, "processor": processor, "speed_of_polars": round(share, 3)}


def main() -> None:
    """Measure both files, print the seconds, and write them down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10**6)
    parser.add_argument("--output", type=Path, default=RESULTS / "reading.json")
    arguments = parser.parse_args()
    result: dict[str, Any] = {
        "machine": report.machine(),
        "versions": versions(("ranvier", "polars")),
        "rows": arguments.rows,
        "columns": 20,
        "seconds": {},
    }
    frame = table(arguments.rows)
    with tempfile.TemporaryDirectory() as folder:
        for name, quoted in QUOTED.items():
            path = Path(folder) / f"{name}.csv"
            frame.write_csv(path, quote_style=quoted)  # type: ignore[arg-type]
            result["seconds"][name] = {"megabytes": round(path.stat().st_size / 1e6, 1)}
            result["seconds"][name] |= measure(path, arguments.rows)
            print(f"{name}: {result['seconds'][name]}", flush=True)
        path = Path(folder) / "rows.parquet"
        frame.write_parquet(path)
        result["seconds"]["parquet"] = {"megabytes": round(path.stat().st_size / 1e6, 1)}
        result["seconds"]["parquet"] |= measure(path, arguments.rows)
        print(f"parquet: {result['seconds']['parquet']}", flush=True)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
