"""Which columns are texts by themselves: sentences, titles, questions; not names, addresses, codes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ranvier.data import open_source
from ranvier.data.columns.schema import infer_schema

N = 40
COLUMNS = {
    "sentences": ([f"The soup number {row} was not very good" for row in range(N)], "text"),
    "questions": ([f"what is the name of king{row} ?" for row in range(N)], "text"),
    "titles": ([f"The Return of the Horse{chr(97 + row % 26)}{chr(97 + row // 26)}" for row in range(N)], "text"),
    "capitals": (
        [f"PLEASE CALL US NOW ABOUT OFFER LETTER{chr(65 + row % 26)}{chr(65 + row // 26)}" for row in range(N)],
        "text",
    ),
    "chinese": ([f"味道很好送餐也快{chr(0x4E00 + row)}" for row in range(N)], "text"),
    "hindi": ([f"यह खाना बहुत अच्छा है {chr(0x0915 + row % 30)}{row}" for row in range(N)], "text"),
    "long texts with numbers": ([f"we paid {row} euros for a room with no view" for row in range(N)], "text"),
    "people": ([f"Braund, Mr. Owen Harris{chr(97 + row % 26)}{chr(97 + row // 26)}" for row in range(N)], "drop"),
    "companies": (
        [f"Southeast Medical Center Inc{chr(97 + row % 26)}{chr(97 + row // 26)}" for row in range(N)],
        "drop",
    ),
    "addresses": ([f"{row} {('Turner', 'Bell', 'Kings', 'Park')[row % 4]} St" for row in range(N)], "drop"),
    "codes": ([f"A/{row} 21171 x{row}" for row in range(N)], "drop"),
    "short names": ([f"Ann Bell{chr(97 + row)}" for row in range(20)] * 2, "category"),
    "few texts that repeat": (["the soup was good", "the soup was bad"] * N, "category"),
    "ids": ([f"{row:032x}" for row in range(N)], "drop"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of(name: str) -> None:
    cells, expected = COLUMNS[name]
    frame = pl.DataFrame({"it": cells, "other": [0.5 + row % 7 for row in range(len(cells))]})
    assert infer_schema(frame)[0].kind == expected


REAL = {
    "mixed/netflix_titles/data.csv.gz": {"title", "description", "listed_in", "country"},
    "tabular/melbourne_housing/data.csv.gz": set(),
    "tabular/car_details/data.csv.gz": set(),
    "tabular/hospitals_us/data.csv.gz": set(),
    "tabular/titanic/data.csv": set(),
    "text/trec/train.csv": {"text"},
    "text/tweets_sentiment_german/train.csv": {"text"},
    "text/waimai_10k/data.csv": {"text"},
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(name: str) -> None:
    path = Path(os.environ.get("RANVIER_DATA", "nowhere")) / name
    if not path.exists():
        pytest.skip("RANVIER_DATA does not hold this set")
    schema = infer_schema(open_source(path).frame)
    assert {column.name for column in schema if column.kind == "text"} == REAL[name]


@pytest.mark.parametrize("sign", [";", "|", ",", ", ", " ; "])
def test_lists_of_options_are_texts(sign: str) -> None:
    draw = np.random.default_rng(0)
    options = np.array(["Wifi", "Pool", "Bar", "Gym", "Sauna", "Garden view", "Parking"])
    cells = [sign.join(options[np.flatnonzero(draw.random(7) < 0.5)]) or "Wifi" for _ in range(300)]
    column = infer_schema(pl.DataFrame({"amenities": cells}))[0]
    assert column.kind == "text"
    assert column.reason.endswith("different lists of 7 options")
    written = [str(cell.split(sign)) for cell in cells]
    assert infer_schema(pl.DataFrame({"amenities": written}))[0].kind == "text"


@pytest.mark.parametrize(
    "form", ["Surname{0}, Mr. Name{1}", "Town{0}, {1} County", "{0} Main St, Springfield", "Part {0},{1}", "{0},{1}"]
)
def test_names_and_addresses_are_no_lists_of_options(form: str) -> None:
    cells = [form.format(row, 7 * row % 300) for row in range(300)]
    column = infer_schema(pl.DataFrame({"it": cells, "other": range(300)}))[0]
    assert "options" not in column.reason
