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
    "decimal commas": ([f"{at},5/{at % 9},25" for at in ROWS], [[at + 0.5, at % 9 + 0.25] for at in ROWS]),
}
OTHERS: dict[str, list[str]] = {
    "few ranges": ["18-24", "25-34", "35-44"] * 20,
    "fractions": ["1/2", "1/4", "3/4"] * 20,
    "telephone numbers": [f"555-{1234 + 37 * at}" for at in ROWS],
    "codes with zeros": [f"{at:03}/{7 * at:03}" for at in ROWS],
    "a number and a word": [f"{at}/many" for at in ROWS],
    "one total": [f"{at}/100" for at in ROWS],
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
