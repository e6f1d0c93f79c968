"""Rows with equal pictures stay in one part, and rows of a group with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ranvier.data import prepare
from ranvier.data.splitting.repeated_pictures import joined
from ranvier.data.splitting.split_rule import SplitRule
from tests.data.pictures import stripes, write_folder
from tests.data.recordings import RATE, chirps
from tests.data.recordings import write_folder as write_recordings


def frame(copies: int = 3) -> tuple[pl.DataFrame, np.ndarray]:
    """20 different pictures, each in several rows, and the number of the picture of each row."""
    pixels, labels = stripes(20)
    which = np.tile(np.arange(20), copies)
    columns = {"photo": pl.Series(pixels[which]), "day": which % 7, "shop": which // 2, "label": labels[which]}
    return pl.DataFrame(columns), which


@pytest.mark.parametrize("group", [None, "shop"])
def test_copies_are_in_one_part(group: str | None) -> None:
    table, which = frame()
    prepared = prepare(table, "label", validation=0.2, test=0.3, rule=SplitRule(group=group))
    assert prepared.validation_rows is not None
    assert prepared.test_rows is not None
    parts = [set(which[rows]) for rows in (prepared.train_rows, prepared.validation_rows, prepared.test_rows)]
    assert sum(map(len, parts)) == 20
    assert all(parts)
    assert "40 rows repeat the files of others; copies stay in one part of the rows." in prepared.notes
    codes = prepared.train.groups
    assert codes is not None
    assert len(np.unique(codes)) == len(parts[0]) // (1 if group is None else 2)


def test_different_pictures_are_divided_as_before() -> None:
    table, _ = frame(1)
    prepared = prepare(table, "label")
    assert prepared.train.groups is None
    assert not any("repeat" in note for note in prepared.notes)


def test_pictures_of_two_parts_are_counted() -> None:
    table, which = frame(1)
    prepared = prepare(table, "label", validation=0.0, test_source=table[:4])
    assert "4 files of the test rows stand among the training rows, too." in prepared.notes
    assert len(which) == 20


def test_copies_of_recordings_are_in_one_part() -> None:
    samples, labels = chirps(30)
    cells = [(RATE, sample) for sample in [*samples, *samples]]
    prepared = prepare({"clip": cells, "label": [*labels, *labels]}, "label", test=0.3, kinds={"clip": "sound"})
    assert prepared.test_rows is not None
    assert not {row % 30 for row in prepared.train_rows.tolist()} & {row % 30 for row in prepared.test_rows.tolist()}
    assert "30 rows repeat the files of others; copies stay in one part of the rows." in prepared.notes


def test_copies_under_different_labels_are_listed(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, 40)
    (folder / "across" / "wrong.png").write_bytes((folder / "along" / "0.png").read_bytes())
    note = next(note for note in prepare(folder).notes if "different labels" in note)
    assert note.startswith("1 file stands under different labels: ")
    assert "across/wrong.png (across)" in note
    assert "along/0.png (along)" in note
    (folder / "across" / "wrong.png").unlink()
    assert not any("different labels" in note for note in prepare(folder).notes)
    table, _ = frame()
    assert not any("different labels" in note for note in prepare(table, "day", task="multiclass").notes)


def photo(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (12, 12, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((96, 96), Image.Resampling.BILINEAR))


def test_photos_that_look_alike_are_counted(tmp_path: Path) -> None:
    for at in range(20):
        path = tmp_path / "train" / ("cat", "dog")[at % 2] / f"{at}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(at)).save(path)
    for label, picture in (("cat", Image.fromarray(photo(4))), ("dog", Image.fromarray(photo(99)))):
        (tmp_path / "test" / label).mkdir(parents=True)
        picture.save(tmp_path / "test" / label / "new.jpg", quality=60)
    notes = prepare(tmp_path).notes
    alike = "1 picture of the test rows looks nearly like training pictures, which makes them easy: test/cat/new.jpg"
    assert f"{alike} like train/cat/4.png." in notes
    assert not any("among the training rows" in note for note in notes)


def test_speakers_in_training_and_test_rows_are_pointed_out(tmp_path: Path) -> None:
    folder = write_recordings(tmp_path, 60)
    (note,) = (note for note in prepare(folder).notes if note.startswith("Names of files"))
    assert "(ann, bob, eve)" in note
    pattern = note.split('--group "')[1].split('"')[0]
    divided = prepare(folder, validation=0.0, rule=SplitRule(group=pattern))
    assert not any(note.startswith("Names of files") for note in divided.notes)
    assert any(
        "stay together: 2 in training, 1 in test" in note or "stay together: 1" in note for note in divided.notes
    )


def test_names_that_say_the_class_or_a_number_are_no_speakers(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, 60)
    for path in list(folder.rglob("*.png")):
        path.rename(path.with_name(f"{path.parent.name}_{path.stem}.png"))
    assert not any(note.startswith("Names of files") for note in prepare(folder).notes)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_joined_groups_are_the_connected_ones(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs).T
    codes = joined(first, second)
    together = (first[:, None] == first) | (second[:, None] == second)
    for _ in range(len(pairs)):
        together = (together.astype(int) @ together.astype(int)) > 0
    assert ((codes[:, None] == codes) == together).all()


def test_groups_that_join_each_other_in_a_long_chain_are_one() -> None:
    rows = np.arange(100_000)
    assert not joined(rows // 2, (rows + 1) // 2).any()
    assert joined(np.array([3, 1, 3, 0]), np.array([0, 2, 1, 2])).tolist() == [0, 1, 0, 1]
