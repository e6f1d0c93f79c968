"""Which rows a view knows, and that they are the ones that the model was measured on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.model.run_rows import rows_of_run
from ranvier.model.running import data_of_running
from ranvier.model.training_file import file_sha256, reopenable
from ranvier.recipes.sound import SoundRecipe
from ranvier.view.known_rows import rows_from_arrays, rows_from_file, rows_of
from ranvier.view.row_form import pixel_grid, row_form
from ranvier.view.run_model import model_file_of
from tests.data.recordings import chirp, encoded, write_folder
from tests.view.tried import inputs_of_values


def test_the_test_rows_of_a_run(digits_run: Path) -> None:
    model = rv.load(digits_run / "digits.rv")
    rows = rows_of(model)
    assert rows is not None
    assert len(rows) == model.report.split["test"]
    assert rows.name.startswith(f"{len(rows)} test rows of ")
    assert rows.notes == ()


def test_the_run_beside_the_model_is_found(digits_run: Path) -> None:
    model = rv.load(digits_run / "digits.rv")
    object.__setattr__(model.report, "run", None)
    rows = rows_of(model)
    assert rows is not None
    assert len(rows) == 1797, "without its run all rows of the data are shown"


def test_the_name_of_a_set_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = rv.train("iris", run="iris", **QUICK)  # type: ignore[arg-type]
    rows = rows_of(model)
    assert rows is not None
    assert rows.name.startswith(f"{model.report.split['test']} test rows of ")
    assert reopenable("iris") == "iris"
    assert file_sha256("iris") is None


def table(path: Path, rows: int) -> Path:
    lines = [f"{row % 7},{row % 5},{'yes' if row % 7 > 3 else 'no'}" for row in range(rows)]
    path.write_text("a,b,y\n" + "\n".join(lines) + "\n")
    return path


QUICK = {"recipe": "plain", "hidden": (4,), "epochs": 1, "engine": "reference", "progress": False}


def test_data_that_changed_are_said_to_have(tmp_path: Path) -> None:
    data = table(tmp_path / "d.csv", 50)
    model = rv.train(data, target="y", run=tmp_path / "run", **QUICK)  # type: ignore[arg-type]
    assert rows_of_run(tmp_path / "run", model).part == "test"
    table(data, 60)
    rows = rows_of(model)
    assert rows is not None
    assert len(rows) == 60
    assert "has changed since training" in rows.notes[0]
    data.unlink()
    assert rows_of(model) is None


@pytest.mark.parametrize(
    ("training_data", "sentence"),
    [
        ({"sample_weight": np.linspace(1, 2, 50)}, "sample_weight"),
        ({"validation": ([[1, 2], [6, 2]], ["no", "yes"])}, "validation"),
        ({"test": ([[1, 2], [6, 2]], ["no", "yes"]), "sample_weight": np.linspace(1, 2, 50)}, "sample_weight and test"),
    ],
)
def test_rows_are_not_divided_again_without_what_was_in_memory(
    training_data: Any, sentence: str, tmp_path: Path
) -> None:
    data = table(tmp_path / "d.csv", 50)
    model = rv.train(data, target="y", run=tmp_path / "run", **QUICK, **training_data)
    rows = rows_of(model)
    assert rows is not None
    assert len(rows) == 50
    assert rows.notes[0] == f"Training was given {sentence} from memory; these are all its rows."
    with pytest.raises(rv.InputError, match=f"was given {sentence} from memory"):
        rows_of_run(tmp_path / "run", model, training=True)
    with pytest.raises(rv.InputError, match=f"was given {sentence} from memory"):
        data_of_running(tmp_path / "run")


def test_the_test_rows_of_a_run_on_recordings(tmp_path: Path) -> None:
    clips = write_folder(tmp_path / "clips", 44)
    (clips / "rising" / "broken.wav").write_bytes(b"RIFF")
    recipe = SoundRecipe(candidate="patches", n_centroids=4, hidden=(4,), epochs=1, n_networks=1)
    model = rv.train(clips, recipe=recipe, run=tmp_path / "run", engine="reference", progress=False)
    rows = rows_of(model)
    assert rows is not None
    assert len(rows) == model.report.split["test"]
    assert rows.name.startswith(f"{len(rows)} test rows of ")


def test_rows_of_a_file_are_read_as_those_of_the_training(tmp_path: Path) -> None:
    clips = write_folder(tmp_path / "clips", 44)
    recipe = SoundRecipe(candidate="patches", n_centroids=4, hidden=(4,), epochs=1, n_networks=1)
    model = rv.train(clips, recipe=recipe, engine="reference", progress=False)
    for at, label in enumerate(("rising", "falling")):
        path = tmp_path / "long" / label / "1.wav"
        path.parent.mkdir(parents=True)
        path.write_bytes(encoded(chirp(label, 4.0, at)))
    paths = sorted((tmp_path / "long").rglob("*.wav"))
    rows = rows_from_file(model, tmp_path / "long")
    with pytest.warns(UserWarning, match="much longer than those of the training"):
        inputs = model.inputs(paths)
    assert rows.inputs.toarray().tobytes() == inputs.toarray().tobytes()


def test_a_test_file_of_its_own(tmp_path: Path) -> None:
    data, test = table(tmp_path / "d.csv", 50), table(tmp_path / "t.csv", 21)
    model = rv.train(data, target="y", test=str(test), run=tmp_path / "run", **QUICK)  # type: ignore[arg-type]
    rows = rows_of(model)
    assert rows is not None
    assert len(rows) == 21


def test_rows_without_answers(tmp_path: Path) -> None:
    model = rv.train(table(tmp_path / "d.csv", 50), target="y", **QUICK)  # type: ignore[arg-type]
    (tmp_path / "new.csv").write_text("a,b\n1,2\n3,4\n")
    rows = rows_from_file(model, tmp_path / "new.csv")
    assert len(rows) == 2
    assert rows.targets is None


def test_arrays() -> None:
    X = np.arange(24.0).reshape(8, 3)
    model = rv.Network(3, [rv.Dense(2, "softmax")]).fit(X, [0, 1] * 4, epochs=1, engine="reference", progress=False)
    rows = rows_from_arrays(model, X, [0, 1] * 4)
    assert (rows.inputs.toarray() == X).all()
    assert row_form(model, rows).kind == "table"
    with pytest.raises(rv.InputError):
        rows_from_arrays(model, X, [0, 1])


def test_bytes_in_a_square_are_a_picture() -> None:
    X = np.zeros((6, 25), np.uint8)
    model = rv.Network(25, [rv.Rescale(1 / 255), rv.Dense(2, "softmax")]).fit(
        X, [0, 1] * 3, epochs=1, engine="reference", progress=False
    )
    assert row_form(model, rows_from_arrays(model, X)).shape == (5, 5, 1)
    # A network that divides by 255 takes bytes, whatever type they come in.
    assert row_form(model, None).kind == "picture"
    plain = rv.Network(25, [rv.Dense(2, "softmax")]).fit(
        X.astype(float), [0, 1] * 3, epochs=1, engine="reference", progress=False
    )
    assert row_form(plain, None).kind == "table"


def test_too_many_columns_are_no_fields() -> None:
    X = np.zeros((4, 2001))
    model = rv.Network(2001, [rv.Dense(2, "softmax")]).fit(X, [0, 1] * 2, epochs=1, engine="reference", progress=False)
    form = row_form(model, rows_from_arrays(model, X))
    assert form.columns == ()
    with pytest.raises(rv.InputError, match="cannot be filled in"):
        inputs_of_values(form, model, {})


def test_names_of_pixels() -> None:
    assert pixel_grid([f"p{row}x{column}" for row in range(4) for column in range(4)]) is not None
    for names in (["a"] * 16, [f"p_{row}_0" for row in range(16)], [f"p_{row}_{row}" for row in range(16)], []):
        assert pixel_grid(names) is None


def test_the_model_of_a_run(digits_run: Path, tmp_path: Path) -> None:
    assert model_file_of(digits_run / "run") == (digits_run / "digits.rv").resolve()
    with pytest.raises(rv.InputError, match="is not a run folder"):
        model_file_of(tmp_path)
