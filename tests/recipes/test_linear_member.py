"""Beside columns of pictures and texts a linear model is judged on the rows that networks left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.network.task import Task
from ranvier.recipes import linear_member
from ranvier.recipes.linear_member import NETWORKS, balanced_linear, choose_linear, column_factors
from ranvier.recipes.out_of_fold import Member, left_out_rows, member_splits
from ranvier.recipes.recipe import TrainingSetup
from ranvier.rows import Rows

N = 80
OPTIONS: dict[str, Any] = {"effort": "fast", "progress": False, "test": 0.0, "seed": 0}


def planted(seed: int, n: int = N, classes: bool = False) -> dict[str, Any]:
    """A number decides; pictures of noise say nothing, in hundreds of inputs."""
    generator = np.random.default_rng(seed)
    number = generator.normal(size=n)
    target = 2.0 * number + generator.normal(0, 0.5, n)
    return {
        "picture": generator.integers(0, 256, (n, 8, 8, 1)).astype(np.uint8),
        "number": number,
        "target": np.where(target > 0, "yes", "no").tolist() if classes else target,
    }


@pytest.fixture(scope="module")
def model() -> rv.Model:
    return rv.train(planted(0), "target", **OPTIONS)


def test_a_number_beside_pictures_of_noise_is_learned_from_few_rows(model: rv.Model) -> None:
    others = planted(1, 200)
    errors = np.asarray(model.predict(others)) - others["target"]
    assert 1 - np.mean(errors**2) / np.var(others["target"]) > 0.5
    assert any("linear" in note and "rows left out" in note for note in model.report.notes)


def test_classes_are_learned_beside_pictures_of_noise() -> None:
    others = planted(1, 200, classes=True)
    model = rv.train(planted(0, classes=True), "target", **OPTIONS)
    assert np.mean(np.asarray(model.predict(others)) == others["target"]) > 0.75


def test_the_model_is_one_file(model: rv.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "planted.rv")
    rows = planted(2, 5)
    assert rv.load(tmp_path / "planted.rv").outputs(rows).tobytes() == model.outputs(rows).tobytes()


def test_a_table_of_numbers_and_categories_has_no_linear_model() -> None:
    table = {name: cells for name, cells in planted(0).items() if name != "picture"}
    notes = rv.train({**table, "shop": ["north", "south"] * (N // 2)}, "target", **OPTIONS).report.notes
    assert not any("linear model" in note for note in notes)


class Column:
    """A column of so many inputs."""

    def __init__(self, kind: str, width: int) -> None:
        self.kind, self.width = kind, width


class Table:
    """A number, and a column of 30 inputs."""

    encoders = (Column("number", 1), Column("image", 30))


def setup_of(rows: Rows, loss: str | None = None, hidden: str = "silu") -> TrainingSetup:
    task = Task("regression", 1)
    recipe = rv.recipe("table", "fast")
    options = recipe.complete(rv.recipes.options.TrainOptions(loss=loss, hidden=(8, 6), activation=hidden))
    network = recipe.network(31, task, options)
    settings = recipe.settings(network, task, options, len(rows), (), True)
    return TrainingSetup(network, settings, task, rows, None, encoder=Table())


def linear_rows(n: int = 60) -> Rows:
    generator = np.random.default_rng(3)
    inputs = generator.normal(size=(n, 31)).astype(np.float32)
    return Rows(inputs, inputs[:, :1] * 2.0)


def members_that_say(setup: TrainingSetup, right: bool) -> list[Member]:
    """Networks that know the target of each row, or that always say 0."""
    division = (setup.task, setup.rows, None, 3, 3, setup.settings.seed)
    parts = zip(member_splits(*division), left_out_rows(*division), strict=True)
    return [Member(held, held.targets * right, index) for (_, held), index in parts if held is not None]


@pytest.mark.parametrize(("right", "expected"), [(True, {NETWORKS}), (False, {"linear"})])
def test_the_better_one_on_rows_left_out_is_chosen(right: bool, expected: set[str]) -> None:
    setup = setup_of(linear_rows(90))
    choice = choose_linear(setup, members_that_say(setup, right), 3)
    assert choice is not None
    assert choice.name in expected
    assert [len(member.outputs) for member in choice.members] == [30, 30, 30]
    assert len({int(row) for member in choice.members if member.index is not None for row in member.index}) == 70
    assert "on 70 rows left out" in choice.note
    assert (choice.model is None) == right


@pytest.mark.parametrize(("right", "expected"), [(True, [60, 60, 60]), (False, [60, 60, 60, 90])])
def test_a_linear_model_is_trained_on_all_rows_where_it_is_taken_alone(
    right: bool, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def balanced(setup: TrainingSetup, rows: Rows, factors: np.ndarray) -> tuple[rv.Network, np.ndarray] | None:
        sizes.append(len(rows))
        return balanced_linear(setup, rows, factors)

    monkeypatch.setattr(linear_member, "balanced_linear", balanced)
    setup = setup_of(linear_rows(90))
    choose_linear(setup, members_that_say(setup, right), 3)
    assert sizes == expected


def test_another_loss_has_no_linear_model() -> None:
    setup = setup_of(linear_rows(), loss="absolute_error")
    assert choose_linear(setup, members_that_say(setup, False), 3) is None


def test_the_inputs_of_a_column_weigh_together_as_much_as_a_number() -> None:
    setup = setup_of(linear_rows())
    factors = column_factors(setup)
    variances = (setup.rows.inputs.dense * factors).var(axis=0)
    assert variances[0] == pytest.approx(1.0, rel=1e-4)
    assert variances[1:].sum() == pytest.approx(1.0, rel=1e-4)


def test_the_parameters_are_for_inputs_as_they_are() -> None:
    setup = setup_of(linear_rows())
    trained = balanced_linear(setup, setup.rows, column_factors(setup))
    assert trained is not None
    views = trained[0].parameter_table.views(trained[1])
    outputs = setup.rows.inputs.dense @ views["layers.0.weight"] + views["layers.0.bias"]
    np.testing.assert_allclose(outputs, setup.rows.targets, atol=0.3)
