"""How long tables take to read: 10^6 rows of 20 columns from CSV and Parquet to columns, kinds and encoded inputs.

Run:  python benchmarks/reading.py [--rows N] [--output FILE]

Three files with the same cells are made in a folder for temporary files: CSV in which no cell is quoted, CSV in which
every cell of text is, and Parquet. polars alone is timed beside them on the same file, in turns: once as it reads each
cell of CSV as a string, with which what was read is compared, and once as it infers types itself ("typed"). "encoded"
is all features of all rows; "stored" keeps one number a cell, from which features are written for the rows that a
network reads next, as for tables whose features would take more than 2 GB. Beside the seconds of the clock stand those
of the processor, which neighbours change less, and both as shares of those of polars: to features, and to stored cells.
The memory is what a process of its own takes at most for all steps, beyond what it took before them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data import fit_encoder, open_source
from ranvier.data.columns.input_columns import read_input_columns
from ranvier.data.encoders import concat
from ranvier.data.sources.source import Source
from ranvier.rows import Inputs, as_inputs

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import versions
from versus_parts import report

RESULTS = Path(__file__).resolve().parent / "results"
TURNS = 3
QUOTED = {"plain": "necessary", "quoted": "non_numeric"}
PARTS = ("polars", "typed", "read", "kinds", "fitted", "encoded", "stored")
STEPS = ("read", "kinds", "fitted")


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
    start = np.array([time.perf_counter(), time.process_time()])
    result = function()
    return np.array([time.perf_counter(), time.process_time()]) - start, result


def by_polars(path: Path) -> pl.DataFrame:
    """The cells as polars alone reads them."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    return pl.read_csv(path, infer_schema=False, empty_string_is_null=False)


def by_polars_with_types(path: Path) -> pl.DataFrame:
    """The cells as polars reads them when it infers their types."""
    return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, try_parse_dates=True)


def encoded(encoder: Any, source: Source, max_bytes: int) -> Inputs:
    """The inputs of all rows; those that would take more bytes are deferred."""
    usual, concat.MAX_BYTES = concat.MAX_BYTES, max_bytes
    try:
        return as_inputs(encoder.encode(source))
    finally:
        concat.MAX_BYTES = usual


def measure(path: Path, rows: int) -> dict[str, Any]:
    """The median seconds of each part, by the clock and of the processor, as shares of those of polars, and bytes."""
    seconds: dict[str, list[NDArray[np.float64]]] = {part: [] for part in PARTS}

    def part(name: str, function: Callable[[], Any]) -> Any:
        spent, result = timed(function)
        seconds[name].append(spent)
        return result

    sizes: dict[str, float] = {}
    for _ in range(TURNS):
        frame = part("polars", lambda: by_polars(path))
        assert frame.height == rows
        part("typed", lambda: by_polars_with_types(path))
        source = part("read", lambda: open_source(path))
        assert source.frame.equals(frame)
        del frame
        source, columns, _ = part("kinds", lambda: read_input_columns(source, (), ()))  # noqa: B023 - called at once
        encoder = part("fitted", lambda: fit_encoder(source, columns))  # noqa: B023 - called at once
        for name, limit in (("encoded", sys.maxsize), ("stored", 0)):
            inputs = part(name, lambda: encoded(encoder, source, limit))  # noqa: B023 - called at once
            sizes[name] = round(sum(array.nbytes for array in inputs.arrays()) / 1e6, 1)
    medians = {name: np.median(spent, axis=0) for name, spent in seconds.items()}
    result: dict[str, Any] = {}
    for at, kind in enumerate(("clock", "processor")):
        seconds_by_step = {name: round(float(spent[at]), 3) for name, spent in medians.items()}
        fractions = {
            f"speed_of_{base}_to_{end}": round(
                seconds_by_step[base] / sum(seconds_by_step[name] for name in (*STEPS, end)), 3
            )
            for base in ("polars", "typed")
            for end in ("encoded", "stored")
        }
        result[kind] = {**seconds_by_step, **fractions}
    return {**result, "megabytes_of_inputs": sizes}


def memory(path: Path) -> dict[str, float]:
    """The megabytes that a process of its own takes at most for all steps, beyond what it took before them."""
    command = [sys.executable, __file__, "--memory-of", str(path)]
    ends = ("encoded", "stored")
    return {
        end: float(subprocess.run([*command, "--end", end], check=True, capture_output=True).stdout) for end in ends
    }


def print_memory(path: Path, end: str) -> None:
    """Go through all steps, and print by how many megabytes this process grew at most."""
    before = most_memory()
    source, columns, _ = read_input_columns(open_source(path), (), ())
    encoded(fit_encoder(source, columns), source, sys.maxsize if end == "encoded" else 0)
    print(round(most_memory() - before, 1))


def most_memory() -> float:
    """The megabytes that this process has taken at most so far; Linux says so."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3


def all_of(path: Path, rows: int) -> dict[str, Any]:
    """What is measured of a file."""
    size = {"megabytes": round(path.stat().st_size / 1e6, 1)}
    return {**size, **measure(path, rows), "megabytes_taken": memory(path)}


def main() -> None:
    """Measure both files, print the seconds, and write them down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10**6)
    parser.add_argument("--output", type=Path, default=RESULTS / "reading.json")
    parser.add_argument("--memory-of", type=Path)
    parser.add_argument("--end")
    arguments = parser.parse_args()
    if arguments.memory_of is not None:
        return print_memory(arguments.memory_of, arguments.end)
    result: dict[str, Any] = {
        "machine": report.machine(),
        "versions": versions(("ranvier", "polars")),
        "rows": arguments.rows,
        "columns": 20,
        "files": {},
    }
    frame = table(arguments.rows)
    with tempfile.TemporaryDirectory() as folder:
        for name, quoted in QUOTED.items():
            path = Path(folder) / f"{name}.csv"
            frame.write_csv(path, quote_style=quoted)  # type: ignore[arg-type]
            result["files"][name] = all_of(path, arguments.rows)
            print(f"{name}: {result['files'][name]}", flush=True)
        path = Path(folder) / "rows.parquet"
        frame.write_parquet(path)
        result["files"]["parquet"] = all_of(path, arguments.rows)
        print(f"parquet: {result['files']['parquet']}", flush=True)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
