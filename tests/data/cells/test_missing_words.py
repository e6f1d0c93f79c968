"""What programs write for a missing cell is missing among words, too, and named; declared, it is a category."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ranvier.data import fit_encoder, open_source
from ranvier.data.cells.missing_marks import NAMED
from ranvier.data.columns.input_columns import read_input_columns
from ranvier.data.columns.kind_inference import infer_column
from ranvier.data.encoders.category import CategoryEncoder

ROWS = 40


def column_of(word: str, *others: str) -> list[str]:
    return [word if at % 5 == 3 else others[at % len(others)] for at in range(ROWS)]


@pytest.mark.parametrize("word", NAMED)
def test_a_word_for_none_among_words_is_missing_and_named(word: str) -> None:
    column = infer_column(pl.Series("roof", column_of(word, "flat", "hip", "dome"))).column
    assert (column.kind, column.missing, column.distinct) == ("category", 8, 3)
    assert column.notes[0].startswith(
        f'Column "roof": 8 cells count as missing: "{word}" in 8 rows, first in row 4; if '
    )
    assert column.notes[0].endswith("--kind roof=category.")


@pytest.mark.parametrize("word", ["NULL", "None", "n/a"])
def test_truths_beside_it_stay_truths(word: str) -> None:
    column = infer_column(pl.Series("paid", column_of(word, "yes", "no"))).column
    assert (column.kind, column.missing) == ("boolean", 8)


@pytest.mark.parametrize("word", ["none", "unknown", "Nothing", "NUL"])
def test_other_words_are_categories(word: str) -> None:
    assert infer_column(pl.Series("roof", column_of(word, "flat", "hip"))).column.missing == 0


@pytest.mark.parametrize("in_file", [True, False])
@pytest.mark.parametrize("declared", [True, False])
def test_a_declared_category_keeps_the_word(declared: bool, in_file: bool, tmp_path: Path) -> None:
    frame = pl.DataFrame({"roof": column_of("None", "flat", "hip"), "x": [str(at * 0.7) for at in range(ROWS)]})
    kinds = {"roof": "category"} if declared else {}
    if in_file:
        frame.write_csv(tmp_path / "rows.csv")
    elif declared:
        frame, kinds = frame.with_columns(pl.col("roof").cast(pl.Categorical)), {}
    source, columns, _ = read_input_columns(open_source(tmp_path / "rows.csv" if in_file else frame), (), (), kinds)
    encoder = fit_encoder(source, columns)
    assert ("roof=None" in encoder.feature_names) is declared
    new = encoder.encode(open_source({"roof": ["None", "flat"], "x": ["1", "2"]}))
    wanted = "roof=None" if declared else "roof: missing"
    assert np.flatnonzero(new[0] == 1.0)[0] == encoder.feature_names.index(wanted)


def test_a_category_of_an_earlier_model_stays_one() -> None:
    encoder = CategoryEncoder.from_dict({"kind": "category", "column": "roof", "categories": ["flat", "None"]})
    cells = pl.Series("roof", ["None", " None ", "NULL", "flat"])
    assert encoder.read(cells).tolist() == [1.0, 1.0, 3.0, 0.0]
    for cell, code in zip(cells.to_list(), (1, 1, 3, 0), strict=True):
        row = np.zeros(4, np.float32)
        encoder.encode_cell(cell, row)
        assert row.argmax() == code
