"""Real files as they were found are read with the right number of rows, and with their names."""

from __future__ import annotations

import csv
import gzip
import io
import os
from pathlib import Path

import pytest

from ranvier.data.sources import Reading, open_source

FOLDER = Path(os.environ.get("RANVIER_DATA", "nowhere"))

# set -> the number of rows, of columns, and some of their names.
SETS = {
    "tabular/beer_sao_paulo/data.csv": (941, 7, ["Data", "Consumo de cerveja (litros)"]),
    "tabular/melbourne_housing/data.csv.gz": (13580, 21, ["Suburb", "Propertycount"]),
    "tabular/car_details/data.csv.gz": (8128, 13, ["name", "torque"]),
    "tabular/datahackers_survey/data.csv.gz": (1765, 170, ["('P0', 'id')", "('P16', 'salary_range')"]),
    "tabular/taxi_cancellation/data.csv.gz": (10000, 19, ["row#", "Car_Cancellation"]),
    "tabular/hospitals_us/data.csv.gz": (4772, 24, ["Facility.Name", "Rating.Overall"]),
    "mixed/netflix_titles/data.csv.gz": (8807, 12, ["show_id", "description"]),
}


def path_of(name: str) -> Path:
    path = FOLDER / name
    if not path.exists():
        pytest.skip("RANVIER_DATA does not hold this set")
    return path


@pytest.mark.parametrize("name", SETS)
def test_rows_and_names_of_a_raw_file(name: str) -> None:
    path = path_of(name)
    data = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    records = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    rows, columns, names = SETS[name]
    source = open_source(path)
    assert (source.rows, len(source.column_names)) == (rows, columns)
    assert source.rows == sum(map(bool, records)) - 1
    assert list(source.column_names) == [name.strip() for name in records[0]]
    assert set(names) <= set(source.column_names)
    assert not [note for note in source.notes if "header" in note or "separated" in note or "quote" in note]


def test_the_blank_rows_of_a_raw_file_are_skipped_in_training() -> None:
    source = open_source(path_of("tabular/beer_sao_paulo/data.csv"), reading=Reading(skip_empty_rows=True))
    assert source.rows == 365
    assert "576 rows of empty cells were skipped." in source.notes
