"""Rows with equal pictures stay in one part, and rows of a group with them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.data import prepare
from ranvier.data.splitting.repeated_pictures import joined
from ranvier.data.splitting.split_rule import SplitRule
from tests.data.pictures import stripes


def frame(copies: int = 3) -> tuple[pl.DataFrame, np.ndarray]:
    """20 different pictures, each in several rows, and the number of the picture of each row."""
    pixels, labels = stripes(20)
    which = np.tile(np.arange(20), copies)
    columns = {"photo": pl.Series(pixels[which]), "day": which % 7, "shop": which // 2, "label": labels[which]}
    return pl.DataFrame(columns), which


@pytest.mark.parametrize("group", [None, "shop"])
def test_copies_are_in_one_part(group: str | None) -> None:
    table, which = frame()
    prepared = prepare(table, "label", validation=0.2, test=0.3, rule=SplitRule(group=group))
    assert prepared.validation_rows is not None
    assert prepared.test_rows is not None
    parts = [set(which[rows]) for rows in (prepared.train_rows, prepared.validation_rows, prepared.test_rows)]
    assert sum(map(len, parts)) == 20
    assert all(parts)
    assert "40 rows repeat the files of others; copies stay in one part of the rows." in prepared.notes
    codes = prepared.train.groups
    assert codes is not None
    assert len(np.unique(codes)) == len(parts[0]) // (1 if group is None else 2)


def test_different_pictures_are_divided_as_before() -> None:
    table, _ = frame(1)
    prepared = prepare(table, "label")
    assert prepared.train.groups is None
    assert not any("repeat" in note for note in prepared.notes)


def test_pictures_of_two_parts_are_counted() -> None:
    table, which = frame(1)
    prepared = prepare(table, "label", validation=0.0, test_source=table[:4])
    assert "4 files of the test rows stand among the training rows, too." in prepared.notes
    assert len(which) == 20


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_joined_groups_are_the_connected_ones(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs).T
    codes = joined(first, second)
    together = (first[:, None] == first) | (second[:, None] == second)
    for _ in range(len(pairs)):
        together = (together.astype(int) @ together.astype(int)) > 0
    assert ((codes[:, None] == codes) == together).all()
