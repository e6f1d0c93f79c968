"""What a page is told of a model before it asks: names, quantiles, several networks, and what cannot be shown."""

from __future__ import annotations

from typing import Any

import pytest

import ranvier as rv
from ranvier.errors import InputError
from ranvier.view.answers import QUESTIONS
from ranvier.view.frames import read_frame
from ranvier.view.known_rows import rows_from_file, rows_of
from ranvier.view.questions.residuals import residuals
from ranvier.view.questions.rows import rows_page
from ranvier.view.questions.what import what
from ranvier.view.subject import Subject
from tests.view.tried import inputs_of_values

OPTIONS: dict[str, Any] = {"recipe": "plain", "hidden": (4,), "epochs": 2, "engine": "reference"}


def test_of_quantiles_the_median_is_compared_with_the_truth() -> None:
    table = {"x": [float(row % 10) for row in range(60)], "y": [float(row % 10 + row % 3) for row in range(60)]}
    model = rv.train(table, target="y", loss=rv.loss("quantile", q=[0.2, 0.5, 0.9]), progress=False, **OPTIONS)
    subject = Subject(model, rows_from_file(model, table))
    answered = residuals(subject)
    assert answered["target"] == "y at 0.5"
    assert answered["predicted"] == subject.outputs[answered["row"], 1].tolist()
    row = rows_page(subject, 0, 1)["rows"][0]
    assert (row["actual"], len(row["predicted"])) == (0.0, 3)


def test_a_sentence_names_as_many_classes_as_there_is_room_for() -> None:
    labels = [f"a class with a name of forty characters {at:02}" for at in range(30)]
    table = {"x": [1.0, 2.0, 3.0] * 20, "y": labels * 2}
    model = rv.train(table, target="y", task="multiclass", progress=False, **OPTIONS)
    answer = what(Subject(model))
    assert answer["predicts"].endswith(f"30 classes: {labels[0]}, {labels[1]} and 28 more.")
    assert len(answer["classes"]) == 30


def test_what_speaks_against_steps(digits: Subject) -> None:
    full = rv.Network(2, [rv.Dense(1)]).fit(
        [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], epochs=1, engine="reference", optimizer=rv.LBFGS()
    )
    assert "L-BFGS" in what(Subject(full))["no_steps"]
    plain = rv.Network(2, [rv.Dense(1)]).fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], epochs=1, engine="reference")
    assert "No rows are known" in what(Subject(plain))["no_steps"]
    assert what(digits)["no_steps"] is None


def test_how_long_each_of_several_networks_was_trained() -> None:
    table = {"x": [float(row % 10) for row in range(300)], "y": [float(row % 10 + row % 3) for row in range(300)]}
    options: dict[str, Any] = {"recipe": "table", "effort": "best", "hidden": (4,), "epochs": 2, "engine": "reference"}
    model = rv.train(table, target="y", progress=False, **options)
    answer = what(Subject(model))["training"]
    assert answer["members"] == len(answer["member_epochs"]) > 1
    assert sum(answer["member_epochs"]) == len(model.history)


@pytest.fixture(scope="module")
def writes(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A language model of some names."""
    names = tmp_path_factory.mktemp("names") / "names.txt"
    names.write_text("anna\nbob\nemma\nnora\n" * 60)
    model = rv.train(names, recipe="language", hidden=[8], epochs=2, engine="reference", progress=False)
    return Subject(model, rows_of(model), "names")


def test_a_language_model_takes_a_text_for_a_row(writes: Subject) -> None:
    answer = what(writes)
    assert answer["form"]["kind"] == "language"
    assert "line break" in answer["classes"]
    assert "language" in answer["no_steps"]
    head, _ = read_frame(QUESTIONS["answer"](writes, {"values": "ann"}))
    assert head["probabilities"] == pytest.approx(writes.model.outputs_of(writes.model.inputs(["ann"]))[0].tolist())
    with pytest.raises(InputError, match="is a text"):
        inputs_of_values(writes.form, writes.model, 3)


def test_a_language_model_goes_on_with_a_text(writes: Subject) -> None:
    text = QUESTIONS["sample"](writes, {"start": "em"})["text"]
    assert text == writes.model.write("em", length=len(text) - 2, temperature=0.8)
    assert QUESTIONS["sample"](writes, {})["text"] != text
