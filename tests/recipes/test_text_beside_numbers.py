"""A planted table: half of what decides the class stands in a text, half in numbers and categories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from tests.recipes.test_text import FILLER, TOPICS

N = 600
OPTIONS: dict[str, Any] = {"effort": "fast", "progress": False, "engine": "native", "seed": 0}


def planted(seed: int = 0) -> dict[str, list[Any]]:
    """The class is "yes" where the text is about food or the price is high, but for some noise."""
    generator = np.random.default_rng(seed)
    food, high = generator.random(N) < 0.5, generator.random(N) < 0.5
    texts = [
        " ".join(
            generator.permutation(
                [*generator.choice(TOPICS["food" if is_food else "sea"], 3), *generator.choice(FILLER, 5)]
            )
        )
        for is_food in food
    ]
    return {
        "note": texts,
        "price": np.where(high, 30.0, 10.0) + generator.normal(0, 3, N),
        "shop": generator.choice(["north", "south"], N).tolist(),
        "bought": np.where(food.astype(int) + high + generator.normal(0, 0.2, N) > 0.7, "yes", "no").tolist(),
    }


@pytest.fixture(scope="module")
def model() -> rv.Model:
    return rv.train(planted(), "bought", **OPTIONS)


def accuracy(model: rv.Model) -> float:
    return float(np.mean(model.predict(planted(1)) == np.array(planted(1)["bought"])))


def test_both_halves_count(model: rv.Model) -> None:
    assert model.report.recipe == "table"
    assert [column["kind"] for column in model.report.columns] == ["text", "number", "category"]
    alone = [rv.train(planted(), "bought", ignore=[name], **OPTIONS) for name in ("note", "price")]
    assert accuracy(model) > max(map(accuracy, alone)) + 0.08


def test_it_is_one_file_that_takes_one_row(model: rv.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "planted.rv")
    loaded = rv.load(tmp_path / "planted.rv")
    rows = planted(2)
    outputs = loaded.outputs(rows)
    assert outputs.tobytes() == model.outputs(rows).tobytes()
    for at in (0, 7):
        row = {name: cells[at] for name, cells in rows.items()}
        np.testing.assert_allclose(loaded.outputs(row)[0], outputs[at], rtol=1e-5)


def test_rows_without_a_text_are_predicted(model: rv.Model) -> None:
    row = {"note": None, "price": 31.0, "shop": "north"}
    assert model.predict(row).shape == (1,)
    assert np.isfinite(model.outputs({**row, "note": "x" * 1_000_000})).all()
