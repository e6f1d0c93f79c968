"""`kinds`: what a column is where the user knows better, in Python, in the command, in the run and in the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.cli.options import column_kinds
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.stored import options_from_dict
from ranvier.storage.run_folder import RunFolder
from tests.cli.helpers import invoke

ROWS = {
    "shop": [3, 17, 42, 3] * 10,
    "a=b, c": [0.5, 1.0, 4.0, 2.5] * 10,
    "note": ["x", "y", "x", "z"] * 10,
    "sold": [1.0, 2.5, 3.0, 1.5] * 10,
}
QUICK: dict[str, Any] = {"recipe": "plain", "hidden": (4,), "epochs": 1, "engine": "reference"}


def kinds_of(model: rv.Model) -> dict[str, str]:
    return {column.name: column.kind for column in model.encoder.columns}


def test_train_obeys_kinds_and_the_model_keeps_them(tmp_path: Path) -> None:
    kinds = {"shop": "category", "note": "drop"}
    model = rv.train(ROWS, "sold", kinds=kinds, model=tmp_path / "m.rv", run=tmp_path / "run", **QUICK)
    assert kinds_of(rv.load(tmp_path / "m.rv")) == {"shop": "category", "a=b, c": "number", "note": "drop"}
    assert "shop=17" in model.encoder.feature_names
    described = RunFolder.open(tmp_path / "run").read_description()
    assert options_from_dict(described["options"]).kinds == kinds
    assert rv.resume(tmp_path / "run", data=ROWS).encoder == model.encoder


@pytest.mark.parametrize("make", [rv.Classifier, rv.Regressor])
def test_estimators_obey_kinds(make: Any) -> None:
    table = {name: cells for name, cells in ROWS.items() if name != "sold"}
    labels = ["low", "high", "high", "low"] * 10
    y = labels if make is rv.Classifier else ROWS["sold"]
    fitted = make(kinds={"shop": "category"}, random_state=0, **QUICK).fit(table, y)
    assert kinds_of(fitted.model_)["shop"] == "category"
    array = np.array([ROWS["shop"], ROWS["a=b, c"]], np.float64).T
    fitted = make(kinds={"x0": "category"}, random_state=0, **QUICK).fit(array, y)
    assert kinds_of(fitted.model_) == {"x0": "category", "x1": "number"}
    assert fitted.predict(array[:2]).shape == (2,)


def test_columns_of_an_array_have_kinds() -> None:
    model = rv.train(np.array([ROWS["shop"], ROWS["a=b, c"]]).T, ROWS["sold"], kinds={"x0": "category"}, **QUICK)
    assert kinds_of(model) == {"x0": "category", "x1": "number"}


def test_the_command_takes_kinds_of_columns_with_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = zip(ROWS["shop"], ROWS["a=b, c"], ROWS["note"], ROWS["sold"], strict=True)
    Path("sales.csv").write_text('shop,"a=b, c",note,sold\n' + "".join(f"{a},{b},{c},{d}\n" for a, b, c, d in lines))
    flags = ["--kind", "shop=category", "--kind", "a=b, c=category", "--kind", "note=drop", "--epochs", "1"]
    done = invoke(
        "train", "sales.csv", "-t", "sold", "--recipe", "plain", "--engine", "reference", "--model", "sales.rv", *flags
    )
    assert done.exit_code == 0, done.output
    assert kinds_of(rv.load("sales.rv")) == {"shop": "category", "a=b, c": "category", "note": "drop"}
    assert "as requested" in invoke("show", "sales.rv").output
    for wrong, message in {
        "shop": "is not COLUMN=KIND",
        "shop=categry": 'Did you mean "category"',
        "shop=vector": "a vector of numbers was expected",
        "ship=category": 'Did you mean "shop"',
        "sold=number": "is the target",
        "note=number": '"note" has "x" in row 1, where a number',
    }.items():
        refused = invoke("train", "sales.csv", "-t", "sold", "--kind", wrong)
        assert refused.exit_code == 2
        assert message in refused.output, refused.output


def test_kinds_that_cannot_be_used_are_refused() -> None:
    wrong: Any = ["shop"]
    with pytest.raises(rv.InputError, match="it must be a dictionary"):
        rv.train(ROWS, "sold", kinds=wrong, **QUICK)
    pictures = np.zeros((20, 2, 2), np.uint8)
    with pytest.raises(rv.InputError, match="pictures"):
        rv.train(pictures, [0, 1] * 10, kinds={"x0": "category"}, **QUICK)


def test_kinds_are_written_down_and_read_again() -> None:
    options = TrainOptions(kinds={"shop": "category"})
    assert options_from_dict(json.loads(json.dumps(options.to_dict()))) == options
    assert column_kinds(("a=b=drop",)) == {"a=b": "drop"}
