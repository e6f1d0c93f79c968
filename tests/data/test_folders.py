"""Folders of files as tables: classes, parts, what does not count, and one sentence for each that cannot be used."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from ranvier.data import Source, Table, open_source, prepare
from ranvier.data.sources.file_content import content_kind
from ranvier.errors import DataError, InputError
from tests.data.media_files import SOUNDS, pets, png, write_tree


def table(path: Path) -> Table:
    opened = open_source(path)
    assert isinstance(opened, Table)
    return opened


def labels(source: Source) -> list[str]:
    values: list[str] = source.frame["label"].cast(str).to_list()
    return values


def names(source: Source) -> list[str]:
    return [str(file) for file in source.frame["file"].to_list()]


def test_class_folders_become_files_and_labels(tmp_path: Path) -> None:
    opened = table(write_tree(tmp_path, pets()))
    assert opened.frame.columns == ["file", "label"]
    assert names(opened) == ["cats/0.png", "cats/1.png", "dogs/0.png", "dogs/1.png"]
    assert labels(opened) == ["cats", "cats", "dogs", "dogs"]
    assert opened.target == "label"
    assert dict(opened.kinds) == {"file": "image"}
    assert opened.frame["file"].to_list()[1].read() == png(1)


SYSTEM = {
    ".ipynb_checkpoints/cat-checkpoint.png": png(),
    "__MACOSX/cats/._0.png": b"\0\5",
    "@eaDir/x.png": png(),
    "$RECYCLE.BIN/x.png": png(),
    "lost+found/x.png": png(),
    "cats/.DS_Store": b"\0\0\0\1Bud1",
    "cats/Thumbs.db": b"\xd0\xcf\x11\xe0",
    "dogs/desktop.ini": b"[.ShellClassInfo]",
    "dogs/._0.png": b"\0\5\x16\7",
}


def test_hidden_and_system_files_never_count(tmp_path: Path) -> None:
    opened = table(write_tree(tmp_path, {**pets(), **SYSTEM}))
    assert Counter(labels(opened)) == {"cats": 2, "dogs": 2}
    assert opened.notes == ()


def test_a_folder_without_a_readable_file_is_no_class(tmp_path: Path) -> None:
    write_tree(tmp_path, {**pets(), "docs/paper.pdf": b"%PDF-1.4\0"})
    (tmp_path / "empty").mkdir()
    opened = table(tmp_path)
    assert set(labels(opened)) == {"cats", "dogs"}
    assert opened.notes == ("Left out: 1 file that is no picture (docs/paper.pdf).",)


def test_classes_are_sorted_naturally_and_keep_their_names(tmp_path: Path) -> None:
    words = (b"red", b"green", b"red")
    files = {
        f"{label}/{words[n].decode()}{n}.txt": words[n] for label in ("10", "9", "2 b", "007", "NA") for n in (0, 1, 2)
    }
    prepared = prepare(write_tree(tmp_path, files), test=0, validation=0)
    assert prepared.task.classes == ("2 b", "007", "9", "10", "NA")


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "Validation"])
def test_train_and_test_folders_are_parts(tmp_path: Path, validation: str) -> None:
    files = pets(3, "train/") | pets(2, f"{validation}/") | pets(1, "test/")
    opened = table(write_tree(tmp_path, files))
    parts = {part: opened.part(part) for part in ("train", "validation", "test")}
    assert {part: None if rows is None else rows.rows for part, rows in parts.items()} == {
        "train": 6,
        "validation": 4,
        "test": 2,
    }
    assert set(labels(opened)) == {"cats", "dogs"}


def test_classes_may_be_called_like_parts(tmp_path: Path) -> None:
    files = {f"{label}/{number}.png": png(number) for label in ("train", "car", "bus") for number in range(2)}
    opened = table(write_tree(tmp_path, files))
    assert opened.parts is None
    assert set(labels(opened)) == {"train", "car", "bus"}


def test_texts_are_read_in_their_encoding(tmp_path: Path) -> None:
    files = {
        "good/1.txt": "grün".encode(),
        "good/2.txt": "\ufeffgrün".encode(),
        "bad/1.txt": "grün".encode("utf-16"),
        "bad/2": "grün".encode("latin-1"),
    }
    opened = table(write_tree(tmp_path, files))
    assert opened.frame["text"].to_list() == ["grün"] * 4
    assert opened.notes == ("Read as Windows-1252, since they are not UTF-8: bad/2.",)


def test_files_without_text_are_left_out_and_named(tmp_path: Path) -> None:
    texts = {f"{label}/{at}.txt": f"words {at}\x1a".encode() for label in ("good", "bad") for at in range(2)}
    others = {"bad/scan.pdf": b"%PDF-1.7 plain", "bad/x.txt": bytes(range(256)), "good/y.txt": b"{\\rtf1 words}"}
    opened = table(write_tree(tmp_path, {**texts, **others}))
    assert opened.frame["text"].to_list() == ["words 0\x1a", "words 1\x1a"] * 2
    assert opened.notes == ("Left out: 3 files that are no text (bad/scan.pdf, bad/x.txt, good/y.txt).",)


def test_recordings_are_known_by_their_content(tmp_path: Path) -> None:
    files = {f"{label}/{name}": data for label in ("yes", "no") for name, data in SOUNDS.items()}
    assert dict(table(write_tree(tmp_path, files)).kinds) == {"file": "sound"}


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "photo.heic", "image"),
        (b"\0\0\0\x18ftypheic", "photo.jpg", "image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "x", "image"),
        (b"<html>404", "x.png", "image"),
        (b"", "x.PNG", "image"),
        (b"\xff\xfb\x90\x64", "x", "sound"),
        (b"plain words", "x.txt", "text"),
        (b"\0\1\2\3", "x", None),
        (b"a,b\n1,2", "rows.csv", None),
        (b"\xff\xfea\0b\0", "x", "text"),
    ],
)
def test_content_decides_before_the_name(head: bytes, name: str, kind: str | None) -> None:
    assert content_kind(head, name) == kind


def test_the_kind_with_most_files_counts(tmp_path: Path) -> None:
    opened = table(write_tree(tmp_path, {**pets(), "cats/readme.txt": b"words", "label.csv": b"a,b"}))
    assert opened.rows == 4
    assert "2 files that are no picture" in opened.notes[0]


def test_files_below_a_class_folder_belong_to_it(tmp_path: Path) -> None:
    opened = table(write_tree(tmp_path, {**pets(), "cats/2020/07/9.png": png()}))
    assert Counter(labels(opened)) == {"cats": 3, "dogs": 2}


def test_names_of_other_scripts_and_damaged_names(tmp_path: Path) -> None:
    write_tree(tmp_path, {"猫/1.png": png(), "dog 🐶/1.png": png()})
    try:
        (tmp_path / "猫" / os.fsdecode(b"caf\xe9.png")).write_bytes(png())
    except OSError:
        pytest.skip("the file system takes names of UTF-8 only")
    opened = table(tmp_path)
    assert Counter(labels(opened)) == {"dog 🐶": 1, "猫": 2}
    assert opened.frame["file"].to_list()[2].read() == png()


def test_links_are_followed_once(tmp_path: Path) -> None:
    write_tree(tmp_path / "data", pets())
    (tmp_path / "data" / "cats" / "again").symlink_to(tmp_path / "data", target_is_directory=True)
    assert table(tmp_path / "data").rows == 4


def test_one_picture_is_a_table_of_one_row(tmp_path: Path) -> None:
    path = tmp_path / "nameless"
    path.write_bytes(png())
    assert table(path).rows == 1
    with pytest.raises(InputError, match="one file without a label"):
        prepare(path)


BAD: dict[str, tuple[dict[str, bytes], str]] = {
    "one class": ({"cats/1.png": png(), "cats/2.png": png()}, 'holds one class folder, "cats", with 2 pictures'),
    "no class folders": ({"1.png": png(), "2.png": png()}, "holds 2 pictures and no class folders"),
    "too deep": (pets(2, "photos/"), "the class folders (cats, dogs) one level too deep"),
    "three levels too deep": (pets(2, "a/b/photos/") | {"README.md": b"x"}, "(cats, dogs) 3 levels too deep"),
    "parts too deep": (
        pets(2, "a/data/Training/") | pets(1, "a/data/Testing/"),
        "the parts (Testing, Training) 2 levels",
    ),
    "too deep in parts": (pets(2, "train/x/") | pets(1, "test/x/"), "one level too deep"),
    "nothing to read": ({"cats/1.pdf": b"%PDF\0", "dogs/2.pdf": b"%PDF\0"}, "holds 2 files (.pdf) and no picture"),
    "empty": ({}, "holds no files"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_learned_from_is_one_sentence(tmp_path: Path, case: str) -> None:
    files, part = BAD[case]
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises((DataError, InputError)) as caught:
        prepare(write_tree(folder, files))
    assert part in str(caught.value)
    assert "expected" in str(caught.value)
    if case == "too deep":
        assert f'ranvier train "{folder}/photos"' in str(caught.value)
