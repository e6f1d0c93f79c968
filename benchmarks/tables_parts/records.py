"""Results as JSON lines: one line a result, written at once, so that an interrupted run goes on where it was.

A line has a `kind`: "run" tells the machine and versions of what follows; "score" and "time" hold what one method did
on one set at one seed, or why it `failed`; "latency" holds the seconds of predicting raw rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Key = tuple[str, str, int, str]


def key(row: Row) -> Key:
    """What a result is of: kind, set, seed, method."""
    return row["kind"], row["set"], row["seed"], row["method"]


def read(paths: Iterable[Path]) -> list[Row]:
    """All lines of the files that exist; a last line that was cut off while it was written is left out.

    Raises:
        ValueError: a line before the last is damaged.
    """
    rows: list[Row] = []
    for path in paths:
        lines = path.read_text().split("\n") if path.exists() else []
        for number, line in enumerate(lines):
            try:
                rows += [json.loads(line)] if line else []
            except json.JSONDecodeError as error:
                if number + 1 < len(lines):
                    raise ValueError(f"Line {number + 1} of {path} is damaged; delete it and run again.") from error
    return rows


def results(rows: Sequence[Row], kind: str) -> dict[Key, Row]:
    """The latest result of each key."""
    return {key(row): row for row in rows if row["kind"] == kind}


def earlier(summary: Mapping[str, Any], besides: Iterable[str]) -> list[Row]:
    """The scores that an earlier summary holds, as lines, of all methods but those that were run again.

    A split is a function of its set and seed, so that methods of two runs saw the same rows; the lines cannot show it.
    """
    rows, again = [], set(besides)
    for name, methods in summary["sets"].items():
        for method, figures in methods.items():
            measures = {measure: entry["values"] for measure, entry in figures.items() if isinstance(entry, dict)}
            for at, seed in enumerate(figures["seeds"] if method not in again else ()):
                scores = {measure: values[at] for measure, values in measures.items()}
                rows.append({"kind": "score", "set": name, "seed": seed, "method": method, "scores": scores})
    return rows


def append(path: Path, row: Row) -> None:
    """Write one more line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text() if path.exists() else ""
    with path.open("a" if text.endswith("\n") or not text else "w") as file:
        if text and not text.endswith("\n"):  # the last line was cut off
            file.write(text[: text.rfind("\n") + 1])
        file.write(json.dumps(row) + "\n")
