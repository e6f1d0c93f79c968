"""A manifest in a folder or an archive, and an archive with nothing but a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ranvier.data import open_source, prepare
from ranvier.errors import DataError, InputError
from tests.data.media_files import pets, png, write_tree
from tests.data.test_archives import Files, opened, pack_tar, pack_zip

ROWS = b"photo,price,kind\n1.png,10,cat\n2.png,12,dog\n3.png,14,cat\n"
PHOTOS = {f"{number}.png": png(number) for number in (1, 2, 3)}
PACKERS: dict[str, Callable[[Path, Files], Path]] = {
    "folder": write_tree,
    "data.zip": pack_zip,
    "data.tar.gz": pack_tar,
}
each_way = pytest.mark.parametrize("name", PACKERS)


@each_way
@pytest.mark.parametrize("start", ["", "outer/"])
@pytest.mark.parametrize("inner", ["", "pictures/"])
def test_a_table_beside_the_files_names_them(tmp_path: Path, name: str, start: str, inner: str) -> None:
    files = {f"{start}{inner}{photo}": data for photo, data in PHOTOS.items()} | {f"{start}rows.csv": ROWS}
    table = opened(PACKERS[name](tmp_path / name, files))
    assert table.frame.columns == ["photo", "price", "kind"]
    assert dict(table.kinds) == {"photo": "image"}
    assert [file.read() for file in table.frame["photo"].to_list()] == list(PHOTOS.values())
    assert table.notes == (f"The rows are those of {start}rows.csv.",)
    assert table.target is None


@each_way
def test_the_only_other_column_is_the_target(tmp_path: Path, name: str) -> None:
    rows = b"photo,kind\n" + b"".join(f"{at}.png,{'ab'[at % 2]}\n".encode() for at in range(12))
    files = {f"{at}.png": png(at) for at in range(12)} | {"rows.csv": rows}
    prepared = prepare(PACKERS[name](tmp_path / name, files), validation=0.0)
    assert prepared.task.classes == ("a", "b")


def test_class_folders_come_before_a_table(tmp_path: Path) -> None:
    files = {**pets(), "rows.csv": b"photo,kind\ncats/0.png,x\ndogs/0.png,y\n"}
    assert opened(write_tree(tmp_path, files)).frame["label"].cast(str).to_list() == ["cats"] * 2 + ["dogs"] * 2


@each_way
def test_tables_called_like_parts_are_parts(tmp_path: Path, name: str) -> None:
    files = {**PHOTOS, "train.csv": ROWS, "Test.csv": b"photo,price,kind\n2.png,9,dog\n"}
    table = opened(PACKERS[name](tmp_path / name, files))
    parts = {part: table.part(part) for part in ("train", "test", "validation")}
    assert {part: rows and rows.rows for part, rows in parts.items()} == {"train": 3, "test": 1, "validation": None}


def test_several_tables_are_one_sentence(tmp_path: Path) -> None:
    write_tree(tmp_path, {**PHOTOS, "a.csv": ROWS, "b.csv": ROWS})
    with pytest.raises(InputError, match=r"several tables that name files \(a.csv, b.csv\); one was expected"):
        prepare(tmp_path)


@each_way
def test_files_that_a_table_names_and_that_are_absent(tmp_path: Path, name: str) -> None:
    path = PACKERS[name](tmp_path / name, {**PHOTOS, "rows.csv": ROWS + b"9.png,1,cat\n../../etc/8.png,1,cat\n"})
    with pytest.raises(
        DataError, match=r"names 2 files of 5 that do not exist \(9.png, ../../etc/8.png; the first in row"
    ):
        open_source(path)


@each_way
@pytest.mark.parametrize(
    ("table", "data"),
    [("rows.csv", b"a;b\n1;2\n"), ("rows.tsv", b"a\tb\n1\t2\n"), ("x/rows.jsonl", b'{"a":1,"b":2}\n')],
)
def test_a_table_alone_is_read(tmp_path: Path, name: str, table: str, data: bytes) -> None:
    path = PACKERS[name](tmp_path / name, {table: data, "readme.pdf": b"%PDF\0"})
    assert opened(path).frame.rows() in ([("1", "2")], [(1, 2)])


@each_way
def test_a_table_beside_notes_is_read(tmp_path: Path, name: str) -> None:
    notes = {"readme.txt": b"What the columns mean.", "LICENSE.md": b"Free to use."}
    path = PACKERS[name](tmp_path / name, {"rows.csv": b"a,b\n1,2\n", **notes})
    assert opened(path).frame.rows() == [("1", "2")]


def test_a_damaged_table_beside_pictures_changes_no_message(tmp_path: Path) -> None:
    write_tree(tmp_path, {**PHOTOS, "rows.csv": b""})
    with pytest.raises(InputError, match="holds 3 pictures and no class folders"):
        prepare(tmp_path)
