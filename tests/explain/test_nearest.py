"""The nearest rows: distances by hand, answers, texts, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.explain.blocks import input_blocks
from ranvier.explain.nearest import column_distances
from ranvier.rows import CSR, Inputs

LEARN: dict[str, Any] = {"optimizer": rv.Adam(0.05)}


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> tuple[rv.Model, dict[str, Any]]:
    generator = np.random.default_rng(0)
    size = np.concatenate([generator.normal(2.0, 0.3, 40), generator.normal(6.0, 0.3, 40)])
    rows = {"size": size.tolist(), "colour": ["red", "blue"] * 40, "kind": ["small"] * 40 + ["large"] * 40}
    path = tmp_path_factory.mktemp("nearest") / "flowers.csv"
    lines = ["size,colour,kind", *(f"{a},{b},{c}" for a, b, c in zip(*rows.values(), strict=True))]
    path.write_text("\n".join(lines), encoding="utf-8")
    model = rv.train(path, target="kind", recipe="plain", epochs=40, hidden=[8], test=0, progress=False, **LEARN)
    return model, rows


def test_distances_count_each_column_the_same_in_both_blocks() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(20, 4)) * [1.0, 100.0, 0.01, 5.0]
    inputs = Inputs(values[:, :2], CSR.from_dense(values[:, 2:]))
    actual = column_distances(inputs[3:4], inputs, input_blocks(None, 2, 2))
    expected = np.sqrt((((values - values[3]) / values.std(axis=0)) ** 2).mean(axis=1))
    np.testing.assert_allclose(actual, expected, atol=1e-12)
    assert actual[3] == 0.0


def test_the_row_itself_is_the_nearest_and_another_answer_is_found(flowers: tuple[rv.Model, dict[str, Any]]) -> None:
    model, rows = flowers
    row = {"size": rows["size"][7], "colour": rows["colour"][7]}
    assert model.nearest(row, rows, 1)[0] == rv.NearestRow(7, 0.0, "small")
    other = model.nearest(row, rows, 3, same_answer=False)
    assert {entry.answer for entry in other} == {"large"}
    assert all(entry.row >= 40 for entry in other)
    assert other[0].distance <= other[1].distance <= other[2].distance
    same = model.nearest(row, rows, 80, same_answer=True)
    assert len(same) == 40
    hidden = model.nearest(row, rows, 2, by="hidden")
    assert hidden[0].row == 7


def test_the_rows_of_the_file_that_it_was_trained_on_are_known(flowers: tuple[rv.Model, dict[str, Any]]) -> None:
    model, rows = flowers
    row = {"size": rows["size"][50], "colour": rows["colour"][50]}
    assert model.nearest(row, count=1)[0].row == 50
    loaded = Path(str(model.report.data))
    assert loaded.name == "flowers.csv"


def test_texts_are_near_by_their_words() -> None:
    notes = ["good soup", "bad bread", "good bread", "cold tea"] * 10
    rows = {"note": notes, "label": ["up", "down", "up", "down"] * 10}
    options: dict[str, Any] = {"recipe": "plain", "epochs": 2, "hidden": [4], "test": 0, "progress": False}
    model = rv.train(rows, target="label", kinds={"note": "text"}, **options)
    actual = model.nearest({"note": "good soup"}, {"note": notes[:4]}, 4)
    assert actual[0].row == 0
    assert actual[0].distance == pytest.approx(0.0, abs=1e-3)
    assert actual[-1].row in (1, 3)


def test_what_cannot_be_used_is_refused(flowers: tuple[rv.Model, dict[str, Any]]) -> None:
    model, rows = flowers
    row = {"size": 1.0, "colour": "red"}
    with pytest.raises(rv.InputError, match="by is 'far'"):
        model.nearest(row, rows, by="far")
    with pytest.raises(rv.InputError, match="count is 0"):
        model.nearest(row, rows, 0)
    with pytest.raises(rv.InputError, match="There are 80 rows; give one"):
        model.nearest(rows, rows)
    parameters = {"layers.0.weight": [[2.0]], "layers.0.bias": [1.0]}
    number = rv.Model.from_parameters(rv.Network(1, [rv.Dense(1)]), parameters, engine="reference")
    with pytest.raises(rv.InputError, match="A regression predicts numbers"):
        number.nearest([1.0], [[2.0]], same_answer=True)
    with pytest.raises(rv.InputError, match="does not know the rows"):
        number.nearest([1.0])
