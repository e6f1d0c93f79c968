"""Classes of a single row: the row is learned from, with a note, for every kind of data and every way to train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import ranvier as rv
from ranvier.cli.main import main
from ranvier.errors import InputError
from ranvier.rows.split import split_groups
from tests.data import pictures, recordings
from tests.model.trial import frame, train
from tests.recipes.test_text import reviews

RARE = "rare"


def table(folder: Path) -> Any:
    return frame(40).with_columns(income=pl.Series([RARE] + ["high", "low", "low"] * 13)), "income"


def texts(folder: Path) -> Any:
    return {**reviews(14), "label": [RARE, *reviews(14)["label"][1:]]}, "label"


def folder_of_pictures(folder: Path) -> Any:
    pictures.write_folder(folder / "pictures", 24)
    (folder / "pictures" / RARE).mkdir()
    (folder / "pictures" / RARE / "one.png").write_bytes(pictures.encoded(pictures.stripes(1, seed=7)[0][0]))
    return folder / "pictures", None


def folder_of_recordings(folder: Path) -> Any:
    recordings.write_folder(folder / "recordings", 20)
    (folder / "recordings" / RARE).mkdir()
    (folder / "recordings" / RARE / "one_ann.wav").write_bytes(recordings.encoded(recordings.chirp("rising", seed=9)))
    return folder / "recordings", None


KINDS = {
    "a table": table,
    "texts": texts,
    "a folder of pictures": folder_of_pictures,
    "a folder of recordings": folder_of_recordings,
}


@pytest.mark.parametrize("recipe", ["auto", "plain"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_only_row_of_a_class_is_learned_from(kind: str, recipe: str, tmp_path: Path) -> None:
    data, target = KINDS[kind](tmp_path)
    effort = {"effort": "fast"} if recipe == "auto" else {}
    model = train(data, target, recipe=recipe, engine="auto", epochs=2, hidden=(4,), batch_size=None, **effort)
    assert RARE in model.task.classes
    notes = [note for note in model.report.notes if "has one row" in note]
    assert len(notes) == 1
    assert f'"{RARE}"' in notes[0]
    assert model.report.split["test"] > 0
    assert np.isfinite(list(model.report.metrics.values())).all()


def test_the_only_group_of_a_class_is_learned_from() -> None:
    groups, labels = np.arange(40) % 20, np.array([RARE] + ["high", "low", "low"] * 13)
    labels[20] = RARE
    for seed in range(20):
        learned, *others = split_groups(groups, (0.6, 0.1, 0.3), seed, labels)
        assert RARE in labels[learned]
        assert all(len(part) for part in others)
    # Where each class is a group of its own, every part still gets one.
    assert all(len(part) for part in split_groups(groups, (0.5, 0.5), 0, groups))


def test_class_folders_named_by_numbers_stay_classes(tmp_path: Path) -> None:
    for at, (picture, label) in enumerate(zip(*pictures.stripes(24), strict=True)):
        path = tmp_path / {"along": "1", "across": "2"}[str(label)] / f"{at}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pictures.encoded(picture))
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "one.png").write_bytes(pictures.encoded(pictures.stripes(1, seed=7)[0][0]))
    model = train(tmp_path, None, epochs=1, engine="auto")
    assert model.task.classes == ("1", "2", "3")


def test_the_classifier_and_the_command_train_them(tmp_path: Path) -> None:
    data, target = table(tmp_path)
    fitted = rv.Classifier(recipe="plain", epochs=2, hidden=(4,), engine="reference").fit(
        data.drop(target), data[target].to_list()
    )
    assert RARE in fitted.classes_
    data.write_csv(tmp_path / "table.csv")
    arguments = ["--recipe", "plain", "--epochs", "2", "--json", "--model", str(tmp_path / "out.rv")]
    result = CliRunner().invoke(main, ["train", str(tmp_path / "table.csv"), "--target", target, *arguments])
    assert result.exit_code == 0, result.output
    assert any("has one row" in note for note in json.loads(result.stdout)["notes"])


def test_several_are_named_together() -> None:
    labels = ["one", "two", "three"] + ["high", "low"] * 18 + ["low"]
    notes = train(frame(40).with_columns(income=pl.Series(labels))).report.notes
    assert any("3 classes" in note and '"one", "three", "two"' in note for note in notes)


def test_what_can_be_no_classes_is_refused() -> None:
    numbers = pl.Series([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3] + [1, 2] * 14 + [1])
    with pytest.raises(InputError, match="--task regression"):
        train(frame(40).with_columns(income=numbers), task="multiclass")
    with pytest.raises(InputError, match="one row, and so has 1 other class"):
        train(frame(2).with_columns(income=pl.Series(["yes", "no"])))
