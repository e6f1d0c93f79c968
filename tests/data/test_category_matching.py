"""Categories that are written in another way later: matched where only one can be meant, and unknown ones are said."""

from __future__ import annotations

import json
import warnings
from typing import Any

import polars as pl
import pytest

from ranvier.data.encoders.category import CategoryEncoder

CASES: list[tuple[list[str], Any, int]] = [
    (["01234", "98765"], 1234, 0),
    (["01234", "98765"], "1234", 0),
    (["3", "17", "x"], 3.0, 0),
    (["3", "17", "x"], "3.0", 0),
    (["3.0", "17.0"], 17, 1),
    (["True", "False"], True, 0),
    (["true", "false"], "FALSE", 1),
    (["1.50", "2.25"], 1.5, 0),
    (["01", "1", "2"], "001", 3),
    (["01", "1", "2"], 1, 1),
    (["a", "b"], "A", 2),
    (["5", "6"], "-5", 2),
]


@pytest.mark.parametrize(("categories", "cell", "code"), CASES)
def test_cells_are_matched_by_number_where_one_category_is_meant(categories: list[str], cell: Any, code: int) -> None:
    encoder = CategoryEncoder("it", tuple(categories))
    out = pl.Series([0.0] * encoder.width).to_numpy().astype("float32").reshape(1, -1)
    encoder.encode(pl.Series("it", [cell]), out)
    assert out[0].argmax() == code
    if cell == 1.5:
        return  # only the encoder of columns writes decimals
    unused = out[0] * 0
    encoder.encode_cell(cell, unused)
    assert unused.tolist() == out[0].tolist()


def encode(encoder: CategoryEncoder, cells: list[str | None]) -> None:
    encoder.encode(
        pl.Series("it", cells), pl.DataFrame([[0.0] * len(cells)] * encoder.width).to_numpy().astype("float32")
    )


def test_mostly_unknown_categories_are_reported() -> None:
    encoder = CategoryEncoder.fit(pl.Series("it", ["north", "south", "east"] * 10))
    with pytest.warns(
        UserWarning, match='3 of 4 cells of column "it" are none of the 3 categories that the model knows'
    ):
        encode(encoder, ["n", "s", "e", "north", None])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode(encoder, ["n", "south", "east", "north", None])
        encode(encoder, ["n"])
        encode(CategoryEncoder.fit(pl.Series("it", [f"name {row}" for row in range(200)])), ["a", "b", "c"])
        stored = json.loads(json.dumps(encoder.to_dict()))
        assert CategoryEncoder.from_dict(stored) == encoder
        old = {**stored, "rare_share": stored["rare_fraction"]}
        del old["rare_fraction"], stored["rare_fraction"]
        assert CategoryEncoder.from_dict(old) == encoder
        encode(CategoryEncoder.from_dict(stored), ["a", "b", "c"])
