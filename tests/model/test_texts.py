"""Texts in memory and on the command line: lists, series, arrays, files, standard input; mistakes, words."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner

import ranvier as rv
from ranvier.cli.main import main
from ranvier.data.sources.text_lists import is_text_list
from ranvier.recipes.text import TextRecipe
from tests.recipes.test_text import reviews

SMALL = TextRecipe(hidden=(8,), epochs=4, min_steps=20, n_seeds=0)
OPTIONS: dict[str, Any] = {"recipe": SMALL, "progress": False, "engine": "native"}
TABLE = reviews(30)
ASKED = ["soup and bread", "a ship in the storm", ""]


@pytest.fixture(scope="module")
def model() -> rv.Model:
    return rv.train(TABLE["text"], TABLE["label"], **OPTIONS)


@pytest.fixture(scope="module")
def path(model: rv.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "reviews.rv"
    model.save(path)
    return path


FORMS: dict[str, Any] = {
    "list": list,
    "tuple": tuple,
    "array of str": np.array,
    "array of objects": lambda texts: np.array(texts, object),
    "pandas": pd.Series,
    "pandas with an index": lambda texts: pd.Series(texts, index=[f"r{at}" for at in range(len(texts))]),
    "polars": pl.Series,
    "frame": lambda texts: pd.DataFrame({"text": texts}),
    "records": lambda texts: [{"text": text} for text in texts],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_texts_gives_the_same_bits(form: str, model: rv.Model) -> None:
    outputs = model.outputs(FORMS[form](ASKED))
    assert outputs.tobytes() == model.outputs({"text": ASKED}).tobytes()


@pytest.mark.parametrize("form", ["array of str", "pandas with an index", "polars"])
def test_every_form_trains_the_same_model(form: str, model: rv.Model) -> None:
    again = rv.train(FORMS[form](TABLE["text"]), TABLE["label"], **OPTIONS)
    assert again.outputs(ASKED).tobytes() == model.outputs(ASKED).tobytes()


def test_a_list_of_one_or_of_as_many_texts_as_columns_is_texts() -> None:
    table = {**TABLE, "doc_id": list(range(90))}
    trained = rv.train(table, "label", kinds={"doc_id": "drop"}, **OPTIONS)
    assert trained.predict(["soup"]).shape == (1,)
    assert trained.predict(["soup", "ship"]).shape == (2,)
    assert trained.predict([["soup", "12"]]).shape == (1,)


def test_missing_texts_in_lists() -> None:
    assert is_text_list([None, "a", float("nan"), pd.NA])
    assert not any(
        is_text_list(value) for value in ([], [1.0], ["a", 2], "a", {"a": 1}, ["cat.png"], np.array([["a"]]))
    )


@pytest.mark.parametrize("form", ["list", "array of objects", "pandas"])
def test_estimators_take_texts(form: str) -> None:
    classifier = rv.Classifier(recipe=SMALL, engine="native", random_state=0)
    classifier.fit(FORMS[form](TABLE["text"]), TABLE["label"])
    assert classifier.predict(FORMS[form](ASKED[:2])).tolist() == ["food", "sea"]
    assert classifier.predict_proba(ASKED).shape == (3, 3)
    assert classifier.score(TABLE["text"], TABLE["label"]) > 0.8
    numbers = [float(label == "sea") for label in TABLE["label"]]
    regressor = rv.Regressor(recipe=SMALL, engine="native", random_state=0).fit(FORMS[form](TABLE["text"]), numbers)
    assert regressor.predict(ASKED).shape == (3,)


def test_the_worst_mistakes_are_named_by_their_texts(model: rv.Model) -> None:
    table = reviews(30)
    table["label"] = [label if at % 5 else "food" for at, label in enumerate(table["label"])]
    trained = rv.train(table, "label", **OPTIONS)
    mistakes = trained.report.worst_mistakes
    assert mistakes
    assert all(mistake["name"] in TABLE["text"] for mistake in mistakes)


def run(*arguments: Any, input: str | bytes | None = None) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=input, catch_exceptions=False)


def predictions(result: Any) -> list[str]:
    assert result.exit_code == 0, result.output
    return pl.read_csv(io.StringIO(result.stdout))["prediction"].to_list()


def test_texts_on_the_command_line(path: Path, model: rv.Model) -> None:
    expected = model.predict(ASKED[:2]).tolist()
    assert predictions(run("predict", path, "--text", ASKED[0], "--text", ASKED[1])) == expected
    records = json.loads(run("predict", path, "--text", ASKED[0], "--json").stdout)
    assert records[0]["prediction"] == expected[0]
    assert set(records[0]["probabilities"]) == {"food", "sport", "sea"}


@pytest.mark.parametrize(
    "content", ["soup and bread\na ship in the storm\n", "text\nsoup and bread\na ship in the storm"]
)
def test_standard_input_is_a_table_or_one_text_a_line(content: str, path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert predictions(run("predict", path, "-", input=content)) == ["food", "sea"]


def test_files_and_folders_of_texts(path: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for at, text in enumerate(ASKED[:2]):
        (tmp_path / "in" / f"{at}.txt").write_text(text)
    files = sorted((tmp_path / "in").iterdir())
    assert predictions(run("predict", path, files[0])) == ["food"]
    assert predictions(run("predict", path, *files)) == ["food", "sea"]
    result = run("predict", path, tmp_path / "in")
    assert predictions(result) == ["food", "sea"]
    assert "1.txt" in result.stdout


def test_questions_without_an_answer_are_refused_in_words(path: Path, tmp_path: Path) -> None:
    both = run("predict", path, "x.csv", "--text", "a")
    assert (both.exit_code, "both were given" in both.output) == (2, True)
    neither = run("predict", path)
    assert (neither.exit_code, "neither was given" in neither.output) == (2, True)
    absent = run("predict", path, tmp_path / "none.txt")
    assert absent.exit_code == 2
    assert "There is no file" in absent.output
    numbers = rv.train(
        {"a": [1.0, 2.0, 3.5] * 10, "y": [1.0, 2.0, 3.0] * 10}, "y", recipe="plain", epochs=1, progress=False
    )
    numbers.save(tmp_path / "numbers.rv")
    refused = run("predict", tmp_path / "numbers.rv", "--text", "a")
    assert (refused.exit_code, "takes the columns a" in refused.output) == (2, True)


def test_a_neuron_lists_its_words(path: Path) -> None:
    result = run("show", path, "--layer", "layers.0", "--neuron", "0")
    assert result.exit_code == 0
    assert "text: " in result.output


def test_a_folder_of_texts_is_trained(tmp_path: Path) -> None:
    for at, (text, label) in enumerate(zip(TABLE["text"], TABLE["label"], strict=True)):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{at}.txt").write_text(text)
    trained = rv.train(tmp_path, **OPTIONS)
    assert trained.report.recipe == "text"
    assert trained.task.classes == ("food", "sea", "sport")
    assert trained.predict(ASKED[:2]).tolist() == ["food", "sea"]
