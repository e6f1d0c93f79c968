"""Texts that stand in several rows: together in one part, named with their labels, told where the test has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.data import prepare
from tests.recipes.test_text import reviews


def copied(n_copies: int = 12, label: str | None = None) -> dict[str, list[Any]]:
    """Reviews of which some stand a second time, in capitals and with other white space."""
    table = reviews(20)
    texts = [text.upper().replace(" ", "  ") for text in table["text"][:n_copies]]
    labels = table["label"][:n_copies] if label is None else [label] * n_copies
    return {"text": table["text"] + texts, "label": table["label"] + labels}


def rows_of_parts(table: dict[str, list[Any]], **options: Any) -> list[set[str]]:
    prepared = prepare(table, "label", **options)
    index = (prepared.train_rows, prepared.validation_rows, prepared.test_rows)
    return [{" ".join(table["text"][row].lower().split()) for row in rows} for rows in index if rows is not None]


@pytest.mark.parametrize("seed", range(3))
def test_copies_stay_in_one_part(seed: int) -> None:
    parts = rows_of_parts(copied(), seed=seed)
    assert len(parts) == 3
    for at, part in enumerate(parts):
        assert all(not part & other for other in parts[at + 1 :])
    prepared = prepare(copied(), "label", seed=seed)
    assert prepared.train.groups is not None
    assert len(np.unique(prepared.train.groups)) < len(prepared.train)


def test_they_are_reported_with_the_most_frequent_ones() -> None:
    notes = " ".join(prepare(copied(3), "label").notes)
    assert "3 rows repeat the text of another, most often" in notes
    assert "(2 times)" in notes
    assert "under different labels" not in notes
    assert "repeat the text" not in " ".join(prepare(reviews(20), "label").notes)


def test_different_labels_and_texts_of_the_test_are_reported() -> None:
    notes = " ".join(prepare(copied(2, label="sea"), "label").notes)
    assert "2 texts stand under different labels:" in notes
    assert "(food, sea)" in notes
    held = {name: cells[:7] for name, cells in reviews(20).items()}
    prepared = prepare(reviews(20), "label", test_source=held, validation=0.0)
    assert "7 texts of the test rows stand among the training rows, too." in prepared.notes


def test_one_text_in_many_rows_and_texts_beside_numbers_are_divided_by_chance() -> None:
    table = copied()
    beside = {**table, "price": [row % 7 + 0.5 for row in range(len(table["text"]))]}
    assert prepare(beside, "label").train.groups is None
    many = {"text": [*table["text"], *["it is fine so far"] * 30], "label": [*table["label"], *["sea", "food"] * 15]}
    assert prepare(many, "label", kinds={"text": "text"}).train.groups is None
