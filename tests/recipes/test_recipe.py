"""Recipes: what they choose, what may be changed, networks that leave other rows out, resuming, Ctrl-C, odd tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import sparse

import ranvier as rv
from ranvier.data import TableEncoder, open_source
from ranvier.errors import InputError
from ranvier.recipes import ensemble
from ranvier.recipes.options import EFFORTS, TrainOptions
from ranvier.recipes.plain import PlainRecipe
from ranvier.recipes.registry import RECIPES, check_recipe, recipe, recipe_for, recipe_from_dict
from ranvier.recipes.stored import options_from_dict
from ranvier.recipes.table import PRESETS, TableRecipe
from ranvier.training import loop
from tests.model.test_resume import broken_off
from tests.model.trial import bits, frame

SMALL: dict[str, Any] = {"recipe": "table", "engine": "reference", "progress": False, "hidden": (4,), "epochs": 2}


def cook(data: Any, target: Any = "income", **options: Any) -> rv.Model:
    return rv.train(data, target, **{**SMALL, **options})


@pytest.mark.parametrize("effort", EFFORTS)
def test_every_effort_trains_its_networks_and_comes_back_from_its_file(effort: str, tmp_path: Path) -> None:
    model = cook(frame(), effort=effort, model=tmp_path / "m.rv")
    entry = recipe("table", effort)
    assert len(model.report.members) == entry.n_networks
    used = {
        "hidden": [4],
        "epochs": 2,
        "n_pilots": 0,
        "batch_size": 32,
        "learning_rate": entry.learning_rate / 2,
        "optimizer": "AdamW",
    }
    used["patience"] = entry.patience_for(model.report.split["training"])
    assert {"name": model.report.recipe, **model.report.recipe_settings} == {**entry.to_dict(), **used}
    assert model.network.layer_infos[0].outputs == 4 * entry.n_networks
    assert len(model.history) == sum(member["epochs"] for member in model.report.members)
    assert [epoch.epoch for epoch in model.history] == list(range(1, len(model.history) + 1))
    again = rv.load(tmp_path / "m.rv")
    assert (again.outputs(frame()) == model.outputs(frame())).all()
    assert again.report.recipe_settings == model.report.recipe_settings


@pytest.mark.parametrize("members", [1, 2, 8])
def test_so_many_members_are_trained_as_asked(members: int) -> None:
    model = cook(frame(), members=members, epochs=1)
    assert len(model.report.members) == members
    assert model.report.recipe_settings["n_networks"] == members
    changed = cook(frame(), recipe=replace(recipe("table"), n_networks=members), epochs=1)
    assert (model.outputs(frame()) == changed.outputs(frame())).all()


def test_members_are_taken_by_every_recipe_that_leaves_their_number_open() -> None:
    source = open_source({"age": [39.0, 50.0]})
    for name in ("table", "image", "sound"):
        entry = recipe_for(name, "default", source, TrainOptions(members=5))[0]
        assert entry == recipe(name).with_members(5)
        assert entry.to_dict()["n_networks"] == 5
    for name in ("plain", "text"):
        with pytest.raises(InputError, match=f"members is 5, and the recipe '{name}' does not leave open"):
            recipe_for(name, "default", source, TrainOptions(members=5))


def test_a_finished_model_has_linear_splines_and_the_metrics_of_its_report_are_those_of_evaluate(
    tmp_path: Path,
) -> None:
    rows = frame()
    held = rows.tail(len(rows) // 4)
    held.write_csv(tmp_path / "held.csv")
    model = cook(rows, test=0.0, validation=str(tmp_path / "held.csv"))
    assert isinstance(model.encoder, TableEncoder)
    assert model.encoder.piecewise_linear == ()
    assert any("(hat)" in name for name in model.encoder.feature_names)
    assert model.report.metrics == model.evaluate(held)
    assert any("linear spline" in column["encoded"] for column in model.report.columns)


def test_few_rows_get_more_epochs_and_a_recipe_stored_without_them_gets_none() -> None:
    table = TableRecipe(epochs=20, max_epochs=70)
    rows = (10**6, 20_000, 8_000, 4_000, 2_000, 1_000)
    assert [table.epochs_for(some) for some in rows] == [2, 20, 20, 40, 70, 70]
    assert [table.patience_for(some) for some in rows] == [8, 8, 8, 16, 28, 28]
    stored = {
        name: value for name, value in table.to_dict().items() if name not in ("max_epochs", "n_pilots", "overlap")
    }
    assert [TableRecipe.from_dict(stored).epochs_for(some) for some in rows] == [2, 20, 20, 20, 20, 20]
    assert TableRecipe.from_dict(stored).n_pilots == 0
    assert not TableRecipe.from_dict(stored).overlap


def test_efforts_differ_and_are_stored() -> None:
    efforts = [recipe("table", effort) for effort in EFFORTS]
    assert len({*efforts}) == len(efforts)
    assert efforts[0].n_networks < efforts[1].n_networks < efforts[2].n_networks
    for entry in efforts:
        assert recipe_from_dict(json.loads(json.dumps(entry.to_dict()))) == entry


@pytest.mark.parametrize(
    ("name", "effort", "message"),
    [
        ("tables", "default", 'Did you mean "table"'),
        ("table", "bst", 'Did you mean "best"'),
        ("table", None, "There is no effort None"),
        ("plain", "best", "has no efforts"),
        (None, "default", "There is no recipe None"),
        (recipe("table"), "best", "give the recipe without an effort"),
    ],
)
def test_what_is_no_recipe_is_refused(name: Any, effort: Any, message: str) -> None:
    calls = [lambda: check_recipe(name, effort)]
    if None not in (name, effort):  # which `train` takes for the default
        calls.append(lambda: rv.train("iris", recipe=name, effort=effort))
    for call in calls:
        with pytest.raises(InputError, match=message):
            call()


def test_options_that_are_given_come_before_the_recipe() -> None:
    options = recipe("table").complete(
        TrainOptions(recipe="table", hidden=(5,), learning_rate=0.1, schedule="constant")
    )
    assert options.hidden == (5,)
    assert options.schedule == "constant"
    assert options.activation == PRESETS["default"].activation
    assert options_from_dict(json.loads(json.dumps(options.to_dict()))) == options
    model = cook(frame(), effort="fast", learning_rate=0.1, batch_size=7)
    assert model.training.optimizer == replace(PRESETS["fast"].optimizer, learning_rate=0.1)
    assert model.training.batch_size == 7


def test_auto_takes_the_recipe_for_the_kind_of_data() -> None:
    generator = np.random.default_rng(0)
    numbers = generator.normal(size=(40, 4))
    pixels = (numbers * 20 + 128).astype(np.uint8).reshape(40, 2, 2)
    y = (numbers[:, 0] > 0).astype(int)
    options: dict[str, Any] = {"epochs": 1, "hidden": (4,), "engine": "reference", "progress": False}
    table = rv.train(numbers, y, effort="fast", **options)
    assert table.report.recipe == "table"
    assert table.report.notes == rv.train(numbers, y, recipe="table", effort="fast", **options).report.notes
    for rows, word in ((pixels, "arrays of several dimensions"), (sparse.csr_array(numbers), "sparse")):
        model = rv.train(rows, y, effort="fast", **options)
        assert model.report.recipe == "plain"
        assert any(word in note for note in model.report.notes)
        plain = rv.train(rows, y, recipe="plain", **options)
        assert bits(model) == bits(plain)
        assert len(model.report.notes) == len(plain.report.notes) + 1


def test_a_recipe_of_ones_own_is_followed_and_written_down(tmp_path: Path) -> None:
    parts: dict[str, Any] = {"n_networks": 2, "calibrate": False, "hidden": (4,), "epochs": 40, "max_epochs": 40}
    custom = replace(recipe("table"), selection_metric="validation_loss", **parts)
    options: dict[str, Any] = {"engine": "reference", "progress": False, "model": tmp_path / "m.rv"}
    model = rv.train(frame(400), "income", recipe=custom, **options)
    assert len(model.report.members) == 2
    assert model.report.temperature == 1.0
    used = TableRecipe.from_dict(rv.load(tmp_path / "m.rv").report.recipe_settings)
    assert replace(used, batch_size=custom.batch_size, learning_rate=custom.learning_rate) == custom
    assert "calibrated_d2_log_loss" not in model.history[0].metrics
    assert "calibrated_d2_log_loss" in cook(frame(), effort="fast").history[0].metrics


@pytest.mark.parametrize("step", [0, 2, 5, 9])
def test_a_run_that_broke_off_goes_on_to_the_same_bits(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.csv"
    frame(40).write_csv(path)
    expected = bits(cook(str(path)))
    broken_off(step, monkeypatch, lambda: cook(str(path), run=tmp_path / "run"))
    assert bits(rv.resume(tmp_path / "run", progress=False)) == expected
    assert bits(rv.resume(tmp_path / "run", progress=False)) == expected


@pytest.mark.parametrize("name", RECIPES)
def test_options_of_training_count_in_every_recipe(name: str) -> None:
    options = TrainOptions(
        batch_size=7, epochs=3, learning_rate=0.25, optimizer="sgd", loss="categorical_cross_entropy"
    )
    entry = recipe(name)
    network = rv.Network(4, [rv.Dense(3, "softmax")])
    task = rv.Task("multiclass", 3, ("a", "b", "c"))
    settings = entry.settings(network, task, entry.complete(options), 100, (), False)
    assert (settings.batch_size, settings.epochs, settings.optimizer) == (7, 3, rv.SGD(0.25))
    assert settings.loss == rv.loss("categorical_cross_entropy")


def interrupt_after(spans: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is pressed after so many questions whether it was."""
    count = [0]

    def pressed(self: Any) -> bool:
        count[0] += 1
        return count[0] > spans

    begin = loop.TrainingLoop.__init__

    def made(self: Any, executable: Any, config: Any, state: Any) -> None:
        begin(self, executable, replace(config, stop_requested=lambda: pressed(self)), state)

    monkeypatch.setattr(loop.TrainingLoop, "__init__", made)


def test_an_interrupt_keeps_the_networks_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    full = cook(frame())
    interrupt_after(5, monkeypatch)
    model = cook(frame())
    assert model.report.interrupted
    done = len(model.report.members)
    assert 1 <= done < len(full.report.members)
    assert model.report.members != full.report.members
    assert model.network.layer_infos[0].outputs == 4 * done
    assert np.isfinite(model.outputs(frame())).all()


def test_an_interrupt_in_the_first_network_keeps_it_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(0, monkeypatch)
    model = cook(frame())
    assert model.report.interrupted
    assert len(model.report.members) == 1


def test_the_events_are_those_of_one_run() -> None:
    events: list[Any] = []
    cook(frame(), progress=events.append)
    kinds = [event.kind for event in events]
    assert kinds.count("start") == kinds.count("end") == 1
    epochs = [event for event in events if event.kind == "epoch"]
    assert [event.epoch for event in epochs] == list(range(1, len(epochs) + 1))
    assert {event.member for event in epochs} == set(range(1, recipe("table").n_networks + 1))
    assert events[kinds.index("start")].epochs >= len(epochs)


def table(rows: int, columns: int, seed: int = 0) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    return {f"x{column}": generator.normal(size=rows) for column in range(columns)}


ODD: dict[str, tuple[Any, Any]] = {
    "one column": (table(60, 1), np.arange(60.0)),
    "two rows a class": (table(20, 3), np.repeat(np.arange(10), 2)),
    "twenty rows": (table(20, 2), np.arange(20.0) ** 2),
    "five rows": (table(5, 2), np.arange(5.0)),
    "many columns": (table(40, 300), np.array(["no", "yes"] * 20)),
    "a hundred classes": (table(300, 2), np.array([f"class {row % 100}" for row in range(300)])),
    "several outputs": (table(60, 2), np.random.default_rng(1).normal(size=(60, 3))),
    "a skewed target": (table(60, 2), np.exp(np.arange(60.0) / 3)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_tables_are_trained_on(name: str) -> None:
    columns, y = ODD[name]
    frame_of = pl.DataFrame(columns)
    data = np.asarray(frame_of)
    model = rv.train(data, y, **SMALL, test=0.0)
    predicted = model.predict(data)
    assert predicted.shape == np.shape(y)
    if predicted.dtype.kind == "f":
        assert np.isfinite(predicted).all()


def test_several_labels_are_learned() -> None:
    data = frame().with_columns(a=pl.Series([0, 1] * 30), b=pl.Series([1, 0, 0] * 20))
    model = cook(data, ["a", "b"], task="multilabel")
    assert model.predict(data).shape == (60, 2)


def test_cells_that_training_did_not_have_are_taken() -> None:
    data = frame().with_columns(same=pl.lit(3.0), size=pl.Series(np.arange(60) / 7))
    model = cook(data, test=0.0)
    strange = {"age": None, "city": "Atlantis", "same": 9.0, "size": None}
    assert np.isfinite(model.probabilities(strange)).all()


def test_seeds_below_their_limit_follow_from_any_seed() -> None:
    model = cook(frame(), seed=2**64 - 1)
    assert model.training.seed == 2**64 - 1
    assert ensemble.SEED_STEP % 2 == 1


def test_every_recipe_is_read_back() -> None:
    for name, make in RECIPES.items():
        for effort in EFFORTS:
            made = make(effort)
            assert made.name == name
            assert recipe_from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_options_of_version_0_1_are_read() -> None:
    stored: dict[str, Any] = {**TrainOptions().to_dict(), "held_out": 0.25, "effort": None, "recipe": None}
    del stored["test"]
    plain = {**stored, "hidden": [256, 256], "optimizer": "adamw", "schedule": "cosine"}
    assert options_from_dict(plain) == TrainOptions(
        recipe="plain", test=0.25, hidden=(256, 256), optimizer="adamw", schedule="cosine"
    )
    optimizer = PRESETS["best"].optimizer.to_dict()
    table = options_from_dict({**stored, "recipe": "table", "effort": "best", "optimizer": optimizer})
    then = replace(PRESETS["best"], max_epochs=40, n_frequencies=0, n_pilots=0, patience=20, overlap=False)
    assert (table.recipe, table.effort, table.optimizer) == (then, "default", None)
    assert options_from_dict({**stored, "recipe": "table", "effort": "fast"}).recipe == replace(
        PRESETS["fast"], overlap=False
    )
    parts = {
        "members": 2,
        "sharpen": False,
        "score": "explained_share",
        "hidden": [4],
        "waves": 1,
        "learning_rate": 0.1,
    }
    expected = TableRecipe(n_networks=2, calibrate=False, hidden=(4,), n_frequencies=1, learning_rate=0.1)
    custom = options_from_dict({**stored, "recipe": parts, "optimizer": expected.optimizer.to_dict()})
    assert (custom.recipe, custom.effort, custom.optimizer) == (expected, "default", None)
    other = options_from_dict({**stored, "recipe": "table", "optimizer": rv.AdamW(0.5).to_dict()})
    assert other.optimizer == rv.AdamW(0.5)


def test_a_plain_recipe_is_one_network_with_the_settings_as_they_are() -> None:
    model = rv.train(frame(), "income", recipe=PlainRecipe(), epochs=2, engine="reference", progress=False)
    layers = [type(layer).__name__ for layer in model.network.layers]
    assert layers == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert model.report.recipe == "plain"
    assert model.report.members == []
    assert recipe_for(PlainRecipe(), "default", open_source("iris")) == (PlainRecipe(), ())
