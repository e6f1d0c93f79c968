"""Why this answer, what if, and which rows are like it: compared with what the model says itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.errors import InputError
from ranvier.view.answers import QUESTIONS
from ranvier.view.known_rows import rows_from_arrays, rows_from_file, rows_of
from ranvier.view.subject import Subject

LONG = 60.0


def ask(subject: Subject, name: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = QUESTIONS[name](subject, body)
    return answer


def filled(subject: Subject, row: int, **changes: Any) -> dict[str, Any]:
    """The cells of a row as the page sends them, some of them changed."""
    frame = subject.known_rows().source.take(np.array([row])).frame
    return {column.name: frame[column.name][0] for column in subject.form.columns} | changes


def waited(subject: Subject, **body: Any) -> dict[str, Any]:
    """What is near, once the rows of the training have been read."""
    until = time.monotonic() + LONG
    while ask(subject, "near", **body)["reading"] and time.monotonic() < until:
        pass
    return ask(subject, "near", **body)


@pytest.fixture(scope="module")
def messages() -> Subject:
    """Short texts of two classes."""
    table = {
        "text": ["free money now", "see you at lunch", "win a free prize", "lunch at noon then"] * 6,
        "label": ["spam", "ham", "spam", "ham"] * 6,
    }
    options: dict[str, Any] = {"kinds": {"text": "text"}, "recipe": "plain", "hidden": (4,), "epochs": 4, "test": 0}
    model = rv.train(table, target="label", progress=False, engine="reference", **options)
    return Subject(model, rows_from_file(model, table), "messages")


@pytest.mark.parametrize("output", [None, "no", "yes"])
def test_contributions_are_those_of_the_model_and_add_up(people: Subject, output: str | None) -> None:
    values = filled(people, 4, age=55)
    answer = ask(people, "contributions", values=values, output=output)
    attributions = people.model.attributions([values], output=output)
    assert answer["explained"] == str(attributions.explained[0])
    assert {entry["column"]: entry["value"] for entry in answer["columns"]} == dict(attributions.largest(0))
    total = answer["base"] + sum(entry["value"] for entry in answer["columns"]) + answer["rest"]
    assert total == pytest.approx(answer["output"], abs=answer["error"] + 1e-9)
    assert ask(people, "contributions", row=4) == ask(people, "contributions", values=filled(people, 4))


def test_many_columns_are_shown_by_the_largest_and_the_rest(diabetes: Subject) -> None:
    answer = ask(diabetes, "contributions", row=3)
    source = diabetes.known_rows().source.take(np.array([3]))
    attributions = diabetes.model.attributions(source)
    assert answer["unit"] == "value"
    assert len(answer["columns"]) + answer["others"] == len(attributions.columns)
    assert sum(entry["value"] for entry in answer["columns"]) + answer["rest"] == pytest.approx(
        attributions.values.sum()
    )


def test_a_picture_has_a_map_of_its_pixels(digits: Subject) -> None:
    answer = ask(digits, "contributions", row=5)
    attributions = digits.model.attributions_of(digits.row(5))
    assert answer["map_shape"] == [8, 8]
    by_name = dict(zip(attributions.columns, attributions.values[0].tolist(), strict=True))
    assert answer["map"] == [by_name.get(name, 0.0) for name in digits.form.pixels]


def test_the_pixels_of_an_array_are_mapped_where_they_lie() -> None:
    X = np.random.default_rng(0).integers(0, 256, (20, 16), np.uint8)
    network = rv.Network(16, [rv.Rescale(255.0), rv.Dense(3, "tanh"), rv.Dense(2, "softmax")])
    model = network.fit(X, np.arange(20) % 2, epochs=1, engine="reference")
    subject = Subject(model, rows_from_arrays(model, X), "array")
    answer = ask(subject, "contributions", values=X[2].tolist())
    assert answer["map"] == model.attributions(X[2:3]).values[0].tolist()


def test_words_of_a_text_have_what_they_add(messages: Subject) -> None:
    answer = ask(messages, "contributions", values={"text": "free lunch"}, output="spam")
    attributions = messages.model.part_attributions([{"text": "free lunch"}], output="spam").words[0]
    assert answer["words"] == {"text": [list(pair) for pair in attributions]}
    assert [word for word, _ in attributions] == ["free", "lunch"]


@pytest.mark.parametrize("output", [None, "no"])
def test_responses_are_the_predictions_for_changed_rows(people: Subject, output: str | None) -> None:
    values = filled(people, 4)
    answer = ask(people, "responses", values=values, output=output)
    assert answer["explained"] == (output or "yes")
    assert set(answer["curves"]) == {column.name for column in people.form.columns}
    for name, curve in answer["curves"].items():
        rows = [{**values, name: cell} for cell in curve["grid"]]
        chances = people.model.probabilities(rows)[:, 0 if output == "no" else 1]
        assert np.allclose(curve["values"], chances, rtol=1e-12)
    flat = [value for curve in answer["curves"].values() for value in curve["values"]]
    assert answer["low"] <= min(flat) < max(flat) <= answer["high"]
    assert answer["high"] - answer["low"] == pytest.approx(max(0.01, max(flat) - min(flat)))
    age = next(column for column in people.form.columns if column.name == "age")
    assert [answer["curves"]["age"]["grid"][at] for at in (0, -1)] == [age.low, age.high]


def test_responses_of_a_number_are_in_its_units(diabetes: Subject) -> None:
    answer = ask(diabetes, "responses", row=0)
    values = np.array([value for curve in answer["curves"].values() for value in curve["values"]])
    assert (answer["low"], answer["high"]) == (values.min(), values.max())
    assert diabetes.model.predict(diabetes.known_rows().source.take(np.array([0])))[0] <= answer["high"]


def test_of_several_numbers_the_first_is_explained() -> None:
    X = np.random.default_rng(0).random((12, 3))
    network = rv.Network(3, [rv.Dense(4, "tanh"), rv.Dense(2)])
    model = network.fit(X, X[:, :2], epochs=1, engine="reference")
    subject = Subject(model, rows_from_arrays(model, X), "two numbers")
    assert ask(subject, "contributions", row=1)["output"] == model.attributions(X[1:2], output=0).outputs[0]
    assert ask(subject, "contributions", row=1, output=1)["output"] == model.attributions(X[1:2], output=1).outputs[0]
    curve = ask(subject, "responses", row=1)["curves"]["x2"]
    changed = np.repeat(X[1:2], len(curve["grid"]), axis=0)
    changed[:, 2] = curve["grid"]
    assert np.allclose(curve["values"], model.predict(changed)[:, 0], rtol=1e-12)


def test_near_rows_are_training_rows_and_those_of_the_model(digits_run: Path) -> None:
    model = rv.load(digits_run / "digits.rv")
    subject = Subject(model, rows_of(model), "digits.rv")
    near = waited(subject, row=7)
    assert near["among"] == f"{model.report.split['training']:,} training rows of {subject.known_rows().source.origin}"
    training_subject = subject.neighbours()
    assert training_subject is not None
    training_rows, asking_row = training_subject.known_rows(), subject.known_rows().source.take(np.array([7]))
    assert not set(training_rows.numbers.tolist()) & set(subject.known_rows().numbers.tolist())
    for key, same in (("rows", None), ("other", False)):
        entries = near[key] if key == "rows" else [near[key]]
        expected = model.nearest(asking_row, training_rows.source, count=len(entries), same_answer=same)
        assert [entry["row"] for entry in entries] == [entry.row for entry in expected]
        assert [entry["distance"] for entry in entries] == [entry.distance for entry in expected]
        assert [entry["predicted"] for entry in entries] == [str(entry.answer) for entry in expected]
    assert ask(subject, "near", row=7) == near


def test_a_known_row_is_not_like_itself(people: Subject) -> None:
    answer = ask(people, "near", row=4)
    assert answer["own"]
    assert 4 not in [entry["row"] for entry in answer["rows"]]
    assert ask(people, "near", values=filled(people, 4))["rows"][0]["distance"] == 0.0
    assert answer["other"]["predicted"] != str(people.model.predict([filled(people, 4)])[0])


def test_what_cannot_be_answered_is_refused_in_words(people: Subject, diabetes: Subject) -> None:
    assert ask(diabetes, "near", row=0)["other"] is None
    with pytest.raises(InputError, match="There is no class"):
        ask(people, "contributions", row=0, output="maybe")
    with pytest.raises(InputError, match="No rows are known"):
        ask(Subject(people.model, None, "people"), "near", values=filled(people, 0))
