"""Tables with a column of paths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ranvier.data import Table, open_source
from ranvier.data.decoded_columns import with_decoded
from ranvier.errors import DataError
from tests.data.media_files import WAV, pets, png, write_tree
from tests.data.pictures import write_folder

ROWS = {"path": ["cats/0.png", "dogs/1.png", None], "price": ["1", "2", "3"], "label": ["a", "b", "a"]}


def write(path: Path, rows: dict[str, list[str | None]]) -> Path:
    frame = pl.DataFrame(rows)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_paths_are_relative_to_the_table(tmp_path: Path, suffix: str) -> None:
    opened = open_source(write(write_tree(tmp_path, pets()) / f"rows{suffix}", ROWS))
    assert isinstance(opened, Table)
    assert dict(opened.kinds) == {"path": "image"}
    files = opened.frame["path"].to_list()
    assert [None if file is None else file.read() for file in files] == [png(0), png(1), None]
    assert opened.frame.columns == ["path", "price", "label"]


@pytest.mark.parametrize("ending", ["", ".png"])
@pytest.mark.parametrize("of_folder", [False, True])
def test_names_of_files_in_a_folder_beside_the_table(tmp_path: Path, ending: str, of_folder: bool) -> None:
    write_tree(tmp_path, {f"train/cat{number}.png": png(number) for number in range(3)} | {"other/notes.txt": b"x"})
    names: list[str | None] = [f"cat{number}{ending}" for number in (2, 0, 1)]
    path = write(tmp_path / "labels.csv", {"id": names, "breed": ["a", "b", "a"]})
    opened = open_source(tmp_path if of_folder else path)
    assert dict(opened.kinds) == {"id": "image"}
    assert [file.read() for file in opened.frame["id"].to_list()] == [png(2), png(0), png(1)]
    write(path, {"id": ["dog1", "dog2", "dog3"], "breed": ["a", "b", "a"]})
    assert dict(open_source(path).kinds) == {}


def test_paths_may_be_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, pets())
    (tmp_path / "tables").mkdir()
    path = write(tmp_path / "tables" / "rows.csv", ROWS)
    monkeypatch.chdir(tmp_path)
    assert dict(open_source(path).kinds) == {"path": "image"}


def test_paths_may_begin_below_many_empty_cells(tmp_path: Path) -> None:
    rows: dict[str, list[str | None]] = {"path": [*[None] * 25, "cats/0.png"], "label": ["a"] * 26}
    opened = open_source(write(write_tree(tmp_path, pets()) / "rows.csv", rows))
    assert dict(opened.kinds) == {"path": "image"}


def test_missing_files_are_counted_and_named(tmp_path: Path) -> None:
    names: list[str | None] = ["cats/0.png", *(f"cats/{number}.png" for number in range(90, 97))]
    path = write(write_tree(tmp_path, pets()) / "rows.csv", {"path": names, "label": ["a"] * 8})
    with pytest.raises(DataError) as caught:
        open_source(path)
    message = str(caught.value)
    assert "names 7 files of 8 that do not exist" in message
    assert "cats/90.png" in message
    assert "cats/94.png" in message
    assert "cats/95.png" not in message
    assert "in row 2" in message


@pytest.mark.parametrize("in_memory", [False, True])
def test_missing_cells_are_called_by_their_rows(tmp_path: Path, in_memory: bool) -> None:
    write_folder(tmp_path / "photos", 30)
    files = [f"photos/{file.parent.name}/{file.name}" for file in sorted((tmp_path / "photos").rglob("*.png"))]
    rows = [(file if at != 3 else "", file.split("/")[1]) for at, file in enumerate(files)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["photo,kind", *(",".join(row) for row in rows)]) + "\n")
    source = open_source(path, "kind")
    assert isinstance(source, Table)
    decoded, row_numbers = with_decoded(replace(source, in_memory=in_memory))
    assert row_numbers is not None
    assert row_numbers.tolist() == [at for at in range(30) if at != 3]
    where = "at row index 3" if in_memory else "in row 4"
    assert f"1 picture was left out, which cannot be read: {where}: it is missing." in decoded.notes


@pytest.mark.parametrize("start", ["https://example.org/", "http://example.org/a/", "s3://bucket/"])
def test_addresses_are_no_paths(tmp_path: Path, start: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text("photo,kind\n" + "".join(f"{start}{at}.png,{'ab'[at % 2]}\n" for at in range(9)))
    source = open_source(path, "kind")
    assert source.problem == (
        f'Column "photo" holds addresses on a network such as {start}0.png, and only files on this machine are read. '
        f'Download them, and give a column of their paths, relative to "{tmp_path}".'
    )


def test_a_table_of_other_names_is_left_alone(tmp_path: Path) -> None:
    rows: dict[str, list[str | None]] = {"name": ["a.png", "b.png"], "x": ["1", "2"], "label": ["a", "b"]}
    opened = open_source(write(tmp_path / "rows.csv", rows))
    assert opened.frame["name"].to_list() == ["a.png", "b.png"]
    assert 'Column "name" holds names such as a.png, which are no files' in opened.notes[0]


def test_recordings_and_texts(tmp_path: Path) -> None:
    write_tree(tmp_path, {"1.wav": WAV, "1.txt": "grün".encode(), "2.txt": b"red"})
    sounds = open_source(write(tmp_path / "sounds.csv", {"clip": ["1.wav"], "y": ["1"]}))
    assert dict(sounds.kinds) == {"clip": "sound"}
    texts = open_source(write(tmp_path / "texts.csv", {"essay": ["1.txt", "2.txt"], "y": ["1", "2"]}))
    assert texts.frame["essay"].to_list() == ["grün", "red"]
