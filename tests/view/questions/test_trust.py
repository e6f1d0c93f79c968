"""Findings, intervals and sets, and what answers come from, against the model's own methods."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.errors import InputError
from ranvier.view.frozen import frozen_answers
from ranvier.view.known_rows import rows_from_file
from ranvier.view.questions.examples import example_rows
from ranvier.view.questions.findings import findings
from ranvier.view.questions.reasons import reasons
from ranvier.view.questions.uncertainty import uncertainty
from ranvier.view.report_tables import report_tables
from ranvier.view.subject import Subject

OPTIONS: dict[str, Any] = {"recipe": "plain", "hidden": [4], "epochs": 3, "progress": False, "engine": "reference"}
ROWS = 150


@pytest.fixture(scope="module")
def lengths() -> Subject:
    """Two numbers to predict, of which one column is a copy."""
    x = np.random.default_rng(0).normal(size=(3, ROWS))
    table = {"a": x[0], "b": x[1], "copy": 50 * x[1], "kind": ["u", "v"] * (ROWS // 2)}
    table |= {"height": 2 * x[0] + x[2], "width": 50 * x[1]}
    model = rv.train(table, target=["height", "width"], validation=0.3, **OPTIONS)
    return Subject(model, rows_from_file(model, table), "lengths")


@pytest.fixture(scope="module")
def irises() -> Subject:
    """Three classes."""
    model = rv.train("iris", validation=0.3, **OPTIONS)
    return Subject(model, rows_from_file(model, "iris"), "iris")


def test_findings_are_those_of_the_training_with_a_title(lengths: Subject) -> None:
    answer = findings(lengths)
    assert [{name: entry[name] for name in entry if name != "title"} for entry in answer] == [
        entry.to_dict() for entry in lengths.model.diagnose()
    ]
    assert ("leaking_column", "copy", "A column gives the answer away") in [
        (entry["kind"], entry["column"], entry["title"]) for entry in answer
    ]


def test_a_model_whose_rows_were_not_looked_at_has_no_findings() -> None:
    model = rv.Network(1, [rv.Dense(1)]).fit([[0.0], [1.0]], [0.0, 1.0], epochs=1, engine="reference")
    with pytest.raises(InputError, match=r"not made by rv\.train"):
        findings(Subject(model))


def test_coverage_and_width_are_those_of_the_intervals(lengths: Subject) -> None:
    answer = uncertainty(lengths)
    truth, source = lengths.targets, lengths.known_rows().source
    assert (answer["kind"], answer["rows"], len(answer["targets"])) == ("intervals", ROWS, 2)
    for at, target in enumerate(answer["targets"]):
        assert target["name"] == ("height", "width")[at]
        for level in target["levels"]:
            bounds = lengths.model.predict_interval(source, level["coverage"])[:, at]
            inside = (bounds[:, 0] <= truth[:, at]) & (truth[:, at] <= bounds[:, 1])
            assert level["found"] == inside.mean()
            assert level["width"] == pytest.approx(np.ptp(bounds, axis=1).mean())
        shown = np.array(target["shown"])
        assert shown.shape == (40, 4)
        assert (np.diff(shown[:, 1]) >= 0).all()
        assert set(shown[:, 3]) <= set(truth[:, at])
    assert [level["coverage"] for level in answer["targets"][0]["levels"]] == [0.5, 0.8, 0.9, 0.95]


def test_sets_are_counted_by_their_labels(irises: Subject) -> None:
    (target,) = uncertainty(irises)["targets"]
    sets = irises.model.predict_set("iris", 0.9)
    numbers = [len(labels) for labels in sets]
    assert target["sizes"] == [[size, numbers.count(size)] for size in sorted(set(numbers))]
    level = next(entry for entry in target["levels"] if entry["coverage"] == 0.9)
    actual = [irises.model.task.classes[at] for at in irises.actual]
    assert level["found"] == np.mean([label in labels for label, labels in zip(actual, sets, strict=True)])
    assert level["width"] == pytest.approx(np.mean(numbers))


def test_a_model_that_was_not_calibrated_has_no_coverage(people: Subject) -> None:
    assert people.model.conformal is None
    with pytest.raises(InputError, match="was not calibrated"):
        uncertainty(people)


@pytest.mark.parametrize("name", ["lengths", "irises"])
def test_what_columns_add_makes_up_the_answer(name: str, request: pytest.FixtureRequest) -> None:
    subject: Subject = request.getfixturevalue(name)
    records, index = reasons(subject), example_rows(subject)
    assert [entry["row"] for entry in records] == index
    known_source = subject.known_rows().source
    for entry in records:
        assert len(entry["parts"]) == (2 if name == "lengths" else 1)
        for part in entry["parts"]:
            total = part["base"] + sum(column["value"] for column in part["columns"]) + (part["rest"] or 0.0)
            assert total == pytest.approx(part["output"], abs=2e-3 * max(1.0, abs(part["output"])))
            attributions = subject.model.attributions(
                known_source.take(np.array([entry["row"]])), output=part["explained"]
            )
            largest = dict(attributions.largest(0, len(part["columns"])))
            assert {column["column"]: column["value"] for column in part["columns"]} == pytest.approx(largest, abs=1e-3)
    assert records[0]["parts"][0]["columns"][0]["cell"] is not None


def test_of_texts_each_word_adds_something() -> None:
    rows = {"note": ["good soup", "bad soup", "good bread", "bad tea"] * 10, "label": ["up", "down"] * 20}
    model = rv.train(rows, target="label", kinds={"note": "text"}, test=0, **OPTIONS)
    records = reasons(Subject(model, rows_from_file(model, rows), "notes"))
    expected = model.part_attributions({"note": [rows["note"][records[0]["row"]]]}).words[0]
    assert [tuple(pair) for pair in records[0]["words"]] == [(word, pytest.approx(value)) for word, value in expected]


def test_pictures_have_no_reasons(digits: Subject) -> None:
    with pytest.raises(InputError, match="rows of tables and for texts"):
        reasons(digits)


def test_the_tables_say_the_same_and_repeat_nothing(lengths: Subject) -> None:
    answers = json.loads(json.dumps(frozen_answers(lengths), allow_nan=False))
    text = re.sub(r"<[^>]+>", " ", report_tables(answers, "now"))
    for sentence in (
        "Diagnosis",
        "A column gives the answer away",
        "Where answers come from",
        "How sure it is",
        "mean width",
    ):
        assert sentence in text
    evidence = next(entry["evidence"] for entry in answers["findings {}"] if entry["kind"] == "leaking_column")
    assert text.replace("&quot;", '"').count(evidence) == 1
