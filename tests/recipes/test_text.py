"""The recipe "text": chosen for texts alone, members judged on validation rows, merged exactly, every task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data import open_source, prepare
from ranvier.errors import InputError
from ranvier.network.layers import Dense, Dropout
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.out_of_fold import row_losses
from ranvier.recipes.registry import recipe_for
from ranvier.recipes.term_strength import mean_norm, scaled, term_strengths
from ranvier.recipes.text import TextRecipe
from ranvier.recipes.text_merge import Part, can_hold_linear, merge_parts
from ranvier.rows import CSR, Inputs, Rows
from ranvier.rows.csr_later import CSRLater
from ranvier.training.logits import logits_of, probabilities_of
from tests.recipes.test_recipe import interrupt_after

GENERATOR = np.random.default_rng(0)
TOPICS = {
    "food": ["soup", "bread", "cheese", "spoon", "kitchen", "butter", "taste"],
    "sport": ["ball", "goal", "team", "coach", "match", "player", "stadium"],
    "sea": ["wave", "ship", "sailor", "harbour", "anchor", "storm", "coast"],
}
FILLER = ["the", "a", "of", "and", "in", "is", "was", "very", "not", "it", "we", "they", "so", "then"]


def texts_of(label: str, count: int, generator: np.random.Generator) -> list[str]:
    words = [*TOPICS[label], *FILLER * 2]
    return [" ".join(generator.choice(words, 8)) for _ in range(count)]


def reviews(count: int = 60, labels: tuple[str, ...] = ("food", "sport", "sea"), seed: int = 0) -> dict[str, list[Any]]:
    generator = np.random.default_rng(seed)
    rows = [(text, label) for label in labels for text in texts_of(label, count, generator)]
    return {"text": [text for text, _ in rows], "label": [label for _, label in rows]}


SMALL = TextRecipe(hidden=(8,), epochs=4, min_steps=20, n_seeds=1)
OPTIONS: dict[str, Any] = {"recipe": SMALL, "progress": False, "engine": "native"}


@pytest.fixture(scope="module")
def model() -> rv.Model:
    return rv.train(reviews(), target="label", **OPTIONS)


def test_texts_alone_are_trained_by_this_recipe() -> None:
    table = {**reviews(), "title": [f"a title of the row {row} here" for row in range(180)]}
    for columns, expected in (("text", "text"), ("text title", "text"), ("text price", "table"), ("price", "table")):
        selected = {name: table.get(name, [float(row % 7) for row in range(180)]) for name in columns.split()}
        source = open_source({**selected, "label": table["label"]})
        assert recipe_for("auto", "fast", source, TrainOptions(target="label"))[0].name == expected
    numbered = open_source({**reviews(), "doc_id": list(range(180))})
    assert recipe_for("auto", "fast", numbered, TrainOptions(target="label"))[0].name == "text"


def test_it_learns_and_says_what_was_merged(model: rv.Model) -> None:
    assert model.report.recipe == "text"
    assert model.report.metrics["accuracy"] > 0.8
    notes = " ".join(model.report.notes)
    assert "linear model alone has" in notes
    assert f"on {model.report.split['training']} validation rows" in notes  # few rows are all left out, fold by fold
    assert model.report.temperature != 1.0
    assert [member["name"] for member in model.report.members[:3]] == [
        "TF-IDF network",
        "log-ratio network",
        "linear model",
    ]
    assert model.report.recipe_settings["hidden"] == [8]


def test_it_is_saved_and_asked_for_one_row(model: rv.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "reviews.rv")
    loaded = rv.load(tmp_path / "reviews.rv")
    rows = {"text": ["soup and bread", "a ship in the storm", "", None, "zzz"]}
    outputs = model.outputs(rows)
    assert loaded.outputs(rows).tobytes() == outputs.tobytes()
    for row, text in enumerate(rows["text"]):
        np.testing.assert_allclose(loaded.outputs({"text": text})[0], outputs[row], rtol=1e-5)
    assert model.predict(rows)[:2].tolist() == ["food", "sea"]


def test_the_words_of_a_neuron_have_names(model: rv.Model) -> None:
    view = model.neuron("layers.0", 0)
    assert all(name.startswith("text") for name in view.inputs)
    assert "text: soup" in view.inputs


def test_training_again_gives_the_same_bits_on_any_number_of_threads(model: rv.Model) -> None:
    again = rv.train(reviews(), target="label", **OPTIONS, threads=2)
    for name, values in model.parameters.items():
        assert values.tobytes() == again.parameters[name].tobytes()


@pytest.mark.parametrize("task", ["binary", "regression", "multilabel"])
def test_other_tasks(task: str) -> None:
    table = reviews(40, ("food", "sea"))
    numbers = np.array([label == "sea" for label in table["label"]], float)
    target: Any = "y"
    if task == "binary":
        columns = {"y": table["label"]}
    elif task == "regression":
        columns = {"y": 3.0 * numbers + np.arange(80) % 5 / 10}
    else:
        columns, target = {"y": numbers.astype(int), "z": 1 - numbers.astype(int)}, ["y", "z"]
    trained = rv.train({"text": table["text"], **columns}, target=target, task=task, **OPTIONS)
    assert trained.report.recipe == "text"
    metric = "r2" if task == "regression" else "accuracy"
    assert trained.report.metrics[metric] > trained.report.baseline[metric]


@pytest.mark.parametrize("options", [{"hidden": ()}, {"hidden": (6, 4)}, {"activation": "tanh"}, {"validation": 0.2}])
def test_other_networks_are_merged_as_far_as_they_can_be(options: dict[str, Any]) -> None:
    trained = rv.train(reviews(30), target="label", **{**OPTIONS, **options}, test=0.0)
    assert np.isfinite(trained.outputs({"text": ["soup", "ship"]})).all()


def test_few_rows_are_trained_without_validation_rows() -> None:
    table = {"text": ["good soup", "bad ship", "good bread", "bad ball"], "label": ["a", "b", "a", "b"]}
    trained = rv.train(table, target="label", kinds={"text": "text"}, **OPTIONS, test=0.0)
    assert trained.predict(table).tolist() == ["a", "b", "a", "b"]


def rows_of(targets: Any) -> Rows:
    generator = np.random.default_rng(2)
    cells = np.where(generator.random((len(targets), 5)) < 0.4, generator.random((len(targets), 5)), 0.0)
    return Rows(Inputs(generator.random((len(targets), 2)), CSR.from_dense(cells)), np.asarray(targets))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression", "multilabel"])
def test_strengths_by_hand(kind: str) -> None:
    generator = np.random.default_rng(3)
    index = generator.integers(0, 3, 20)
    targets = {
        "binary": (index[:, None] > 0).astype(float),
        "multiclass": np.eye(3)[index],
        "multilabel": generator.integers(0, 2, (20, 2)).astype(float),
        "regression": generator.normal(size=(20, 1)),
    }[kind]
    task = {
        "binary": Task("binary", 1, ("a", "b")),
        "multiclass": Task("multiclass", 3, ("a", "b", "c")),
        "multilabel": Task("multilabel", 2, (), ("y", "z")),
        "regression": Task("regression", 1),
    }[kind]
    rows = rows_of(targets)
    present = rows.inputs.csr.toarray() != 0
    members = targets > np.median(targets) if kind == "regression" else targets
    expected = np.full(5, -np.inf)
    for member in members.T.astype(float):
        inside, outside = member @ present, (1 - member) @ present
        ratio = np.log((inside + 1) / (inside.sum() + 5)) - np.log((outside + 1) / (outside.sum() + 5))
        expected = np.maximum(expected, ratio if kind == "multiclass" else np.abs(ratio))
    strengths = term_strengths(task, rows)
    np.testing.assert_allclose(strengths, [1, 1, *np.maximum(expected, 0)], rtol=1e-5)
    stronger = scaled(rows.inputs, strengths)
    np.testing.assert_allclose(stronger.toarray(), rows.inputs.toarray() * strengths, rtol=1e-6)
    assert mean_norm(stronger) == pytest.approx(np.sqrt((stronger.csr.toarray() ** 2).sum(axis=1).mean()), rel=1e-6)


@pytest.mark.parametrize("outputs", [1, 4])
def test_merged_logits_are_the_weighted_sum(outputs: int) -> None:
    generator = np.random.default_rng(4)
    activation = "softmax" if outputs > 1 else "sigmoid"
    hidden = Network(6, [Dense(5, "relu"), Dropout(0.5), Dense(outputs, activation)])
    linear = Network(6, [Dense(outputs, activation)])
    strengths = generator.random(6)
    X = generator.normal(size=(9, 6))
    members = [(hidden, None), (hidden, strengths), (linear, strengths)]
    parts, total = [], np.zeros((9, outputs))
    for number, (network, factors) in enumerate(members):
        flat = generator.normal(size=network.parameter_count)
        factor = 0.2 + 0.1 * number
        parts.append(Part(network, flat, factor, factors))
        views = network.parameter_table.views(flat)
        inputs = X if factors is None else X * factors
        if network is hidden:
            inputs = np.maximum(inputs @ views["layers.0.weight"] + views["layers.0.bias"], 0)
        last = f"layers.{len(network.layers) - 1}"
        total += factor * (inputs @ views[f"{last}.weight"] + views[f"{last}.bias"])
    network, flat = merge_parts(parts)
    assert network.layers[0].units == 10 + 2 * outputs
    views = network.parameter_table.views(flat)
    inner = np.maximum(X @ views["layers.0.weight"] + views["layers.0.bias"], 0)
    np.testing.assert_allclose(inner @ views["layers.2.weight"] + views["layers.2.bias"], total, rtol=1e-9)
    alone, flat = merge_parts(parts[2:])
    weight = parts[2].parameters[: 6 * outputs].reshape(6, outputs) * strengths[:, None] * parts[2].factor
    np.testing.assert_allclose(alone.parameter_table.views(flat)["layers.0.weight"], weight)


def test_losses_of_logits() -> None:
    task, probabilities = Task("multiclass", 3, tuple("abc")), np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    logits = logits_of(task, probabilities)
    np.testing.assert_allclose(probabilities_of(task, logits), probabilities)
    np.testing.assert_allclose(row_losses(task, logits, np.array([[1], [2]], np.int32)), -np.log([0.5, 0.8]))
    binary = Task("binary", 1, ("a", "b"))
    np.testing.assert_allclose(
        row_losses(binary, logits_of(binary, np.array([[0.3]])), np.array([[0.0]])), -np.log(0.7)
    )


def test_deeper_networks_hold_no_linear_model() -> None:
    assert not can_hold_linear(Network(2, [Dense(3, "relu"), Dense(3, "relu"), Dense(1)]))
    assert replace(SMALL, hidden=()).to_dict()["hidden"] == []


def test_hidden_layers_are_narrower_for_very_many_terms() -> None:
    class Encoder:
        width = 250_000

    assert TextRecipe().bound(Encoder(), TrainOptions(), 9).hidden == (64,)
    assert TextRecipe().bound(Encoder(), TrainOptions(hidden=(32,)), 9).hidden == (32,)


@pytest.mark.parametrize("spans", [3, 20, 78])
def test_an_interrupted_run_goes_on_to_the_same_bits(
    spans: int, model: rv.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = reviews()
    with monkeypatch.context() as patch:
        interrupt_after(spans, patch)
        first = rv.train(table, target="label", **OPTIONS, run=tmp_path / "run")
    assert first.report.interrupted
    assert np.isfinite(first.outputs({"text": ["soup"]})).all()
    resumed = rv.resume(tmp_path / "run", data=table, progress=False)
    assert not resumed.report.interrupted
    for name, values in model.parameters.items():
        assert values.tobytes() == resumed.parameters[name].tobytes()


def test_test_texts_are_encoded_after_training_and_wrong_ones_refused_before() -> None:
    generator = np.random.default_rng(1)
    texts = [*texts_of("food", 40, generator), *texts_of("sea", 40, generator)]
    labels = ["food"] * 40 + ["sea"] * 40
    frame = pl.DataFrame({"text": texts, "label": labels})
    prepared = prepare(frame, target="label", test=0.25, validation=0.0)
    assert prepared.test is not None
    assert isinstance(prepared.test.inputs.csr, CSRLater)
    assert not isinstance(prepared.train.inputs.csr, CSRLater)
    encoded = prepared.encoder.transform(frame[prepared.test_rows.tolist()].drop("label"))
    assert np.array_equal(prepared.test.inputs.toarray(), encoded.toarray())
    started: list[Any] = []
    options: Any = {"recipe": "text", "effort": "fast", "epochs": 1, "validation": 0.0, "progress": started.append}
    for test, message in (
        (pl.DataFrame({"label": labels}), "text"),
        (pl.DataFrame({"text": texts}), "label"),
        (pl.DataFrame({"text": texts, "label": ["maybe"] * 80}), "maybe"),
        (pl.DataFrame({"text": [b"soup"] * 80, "label": labels}), "text"),
    ):
        with pytest.raises(InputError, match=message):
            rv.train(frame, "label", test=test, **options)
    assert not [event for event in started if event.kind == "start"]
