"""Two or three numbers in a cell with a sign between them: blood pressures, dimensions, ranges, scores."""

from __future__ import annotations

import polars as pl
import pytest

from ranvier.data import TableEncoder, infer_schema
from ranvier.data.cells.vectors import vectors

ROWS = range(40)
WRITTEN: dict[str, tuple[list[str], list[list[float]]]] = {
    "blood pressures": (
        [f"{110 + at}/{70 + at * 7 % 23}" for at in ROWS],
        [[110 + at, 70 + at * 7 % 23] for at in ROWS],
    ),
    "dimensions": (
        [f"{10 + at} x {20 + at % 7} x {5 + at % 3} cm" for at in ROWS],
        [[10 + at, 20 + at % 7, 5 + at % 3] for at in ROWS],
    ),
    "pixels": ([f"{640 + 10 * at}x{480 + at * 3}" for at in ROWS], [[640 + 10 * at, 480 + at * 3] for at in ROWS]),
    "ranges": (
        [f"{900 + at * 10} - {1200 + at * 10}" for at in ROWS],
        [[900 + at * 10, 1200 + at * 10] for at in ROWS],
    ),
    "scores": ([f"{at % 7}:{at % 4}" for at in ROWS], [[at % 7, at % 4] for at in ROWS]),
    "thousands of dollars": (
        [f"${40 + at}k-${61.5 + at * 2}k" for at in ROWS],
        [[40_000 + 1000 * at, 61_500 + 2000 * at] for at in ROWS],
    ),
    "thousands and millions of dollars": (
        [f"${900 + at}K - ${1 + at / 8}M" for at in ROWS],
        [[900_000 + 1000 * at, 1e6 + 125_000 * at] for at in ROWS],
    ),
    "estimates of salaries": (
        [f"${37 + at}K-${66 + at * 2}K (Glassdoor est.)" for at in ROWS],
        [[37_000 + 1000 * at, 66_000 + 2000 * at] for at in ROWS],
    ),
    "prices": ([f"{at + 5} € - {at * 2 + 9} €" for at in ROWS], [[at + 5, at * 2 + 9] for at in ROWS]),
    "commas between thousands": (
        [f"{980 + at * 3:,} to {1200 + at * 7:,}" for at in ROWS],
        [[980 + at * 3, 1200 + at * 7] for at in ROWS],
    ),
    "power and speed": (
        [f"{70 + at} bhp @ {4000 + at * 50} rpm" for at in ROWS],
        [[70 + at, 4000 + at * 50] for at in ROWS],
    ),
    "codes of currencies": (
        [f"AED {at + 95:,} - {at * 60 + 995:,}" for at in ROWS],
        [[at + 95, at * 60 + 995] for at in ROWS],
    ),
    "months": ([f"{at + 1} months - {at + 4} months" for at in ROWS], [[at + 1, at + 4] for at in ROWS]),
    "inches": ([f'{at + 5}" x {at % 9 + 7}"' for at in ROWS], [[at + 5, at % 9 + 7] for at in ROWS]),
    "two temperatures": ([f"{at}°C / {at * 2 + 32}°F" for at in ROWS], [[at, at * 2 + 32] for at in ROWS]),
    "floors": ([f"{1 + at % 5} of {5 + at % 9}" for at in ROWS], [[1 + at % 5, 5 + at % 9] for at in ROWS]),
    "squares": ([f"{at + 2} / {at % 7 + 3} m2" for at in ROWS], [[at + 2, at % 7 + 3] for at in ROWS]),
    "decimal commas": ([f"{at},5/{at % 9},25" for at in ROWS], [[at + 0.5, at % 9 + 0.25] for at in ROWS]),
}
OTHERS: dict[str, list[str]] = {
    "few ranges": ["18-24", "25-34", "35-44"] * 20,
    "fractions": ["1/2", "1/4", "3/4"] * 20,
    "telephone numbers": [f"555-{1234 + 37 * at}" for at in ROWS],
    "codes with zeros": [f"{at:03}/{7 * at:03}" for at in ROWS],
    "a number and a word": [f"{at}/many" for at in ROWS],
    "one total": [f"{at}/100" for at in ROWS],
    "codes with letters": [f"{12 + at}{chr(65 + at % 26)}-{30 + at}{chr(90 - at % 26)}" for at in ROWS],
    "commas that could mean two things": [f"{at + 5},5 - {at + 9},125" for at in ROWS[:20]]
    + [f"{at + 5},125 - {at + 9},250" for at in ROWS[20:]],
    "results of games": [f"{at % 5}-{at % 3}" for at in ROWS],
}


@pytest.mark.parametrize("name", WRITTEN)
def test_several_numbers_are_a_vector(name: str) -> None:
    cells, expected = WRITTEN[name]
    frame = pl.DataFrame({"it": [*cells, "n/a", ""], "other": range(42)})
    column = infer_schema(frame)[0]
    assert (column.kind, column.missing) == ("vector", 2), column.reason
    assert vectors(frame["it"])[:-2].tolist() == expected
    encoder = TableEncoder.fit(frame, infer_schema(frame))
    many = encoder.transform(frame)
    assert encoder.transform({"it": cells[3], "other": 3}).tobytes() == many[3].tobytes()


@pytest.mark.parametrize("name", OTHERS)
def test_other_cells_are_no_vectors(name: str) -> None:
    cells = OTHERS[name]
    assert infer_schema(pl.DataFrame({"it": cells, "other": range(len(cells))}))[0].kind != "vector"
