"""Folders and archives with pictures in IDX files: parts, names, files that lie there twice, and one sentence each."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ranvier.data import Arrays, open_source, prepare
from ranvier.data.look import look
from ranvier.errors import DataError
from tests.data.media_files import pets, write_tree
from tests.data.test_arrays import idx

ROWS = {"train": 8, "test": 4, "validation": 6}
CALLED = {"t10k": "test", "valid": "validation"}


def pictures_of(part: str) -> np.ndarray:
    count = ROWS[part]
    return np.arange(count * 20, dtype=np.uint8).reshape(count, 4, 5)


def labels_of(part: str) -> np.ndarray:
    return (np.arange(ROWS[part]) % 2).astype(np.uint8)


def set_of(*words: str, names: str = "{}-{}-{}-ubyte") -> dict[str, bytes]:
    """The files of a set by their names: of each word the pictures and the labels."""
    files = {}
    for word in words:
        part = CALLED.get(word.rpartition("-")[2], word.rpartition("-")[2])
        files[names.format(word, "images", "idx3")] = idx(pictures_of(part))
        files[names.format(word, "labels", "idx1")] = idx(labels_of(part))
    return files


def packed(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


def inside(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


MNIST = set_of("train", "t10k")
LAYOUTS = {
    "as it is downloaded": packed(MNIST),
    "unpacked": MNIST,
    "points in the names": set_of("train", "t10k", names="{}-{}.{}-ubyte"),
    "in a folder": inside("raw", packed(MNIST)),
    "as in PyTorch": inside("MNIST/raw", {**MNIST, **packed(MNIST)}),
    "files in folders of their names": {
        **set_of("train", "t10k", names="{}-{}.{}-ubyte"),
        **{f"{name}/{name}": content for name, content in MNIST.items()},
    },
    "of a larger set": packed(set_of("emnist-letters-train", "emnist-letters-test")),
    "short names": set_of("train", "test", names="{}-{}.idx"),
    "with texts beside it": {**packed(MNIST), "LICENSE.txt": b"Permission is granted.", "README.md": b"# Digits"},
    "with pictures beside it": {**inside("data", packed(MNIST)), **inside("doc", pets())},
    "with a table beside it": {**MNIST, "fashion-mnist_train.csv": b"label,pixel1\n3,0\n"},
}


def check_parts(opened: object, parts: tuple[str, ...]) -> None:
    assert isinstance(opened, Arrays)
    assert opened.inputs.dtype == np.uint8
    assert opened.shape == (4, 5)
    assert opened.rows == sum(ROWS[part] for part in parts)
    for part in parts:
        rows = opened.part(part)
        assert isinstance(rows, Arrays)
        assert rows.targets is not None
        np.testing.assert_array_equal(rows.inputs, pictures_of(part).reshape(-1, 20))
        np.testing.assert_array_equal(rows.targets, labels_of(part))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pictures_and_labels_of_all_parts(tmp_path: Path, layout: str) -> None:
    opened = open_source(write_tree(tmp_path, LAYOUTS[layout]))
    check_parts(opened, ("train", "test"))
    assert any(note.startswith("Left out: ") for note in opened.notes) == ("beside it" in layout)


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
@pytest.mark.parametrize("outer", ["", "mnist/"])
def test_in_an_archive(tmp_path: Path, ending: str, outer: str) -> None:
    path = tmp_path / f"mnist{ending}"
    folder = write_tree(tmp_path / "files", packed(MNIST))
    files = sorted(folder.iterdir())
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, outer + file.name)
    else:
        with tarfile.open(path, "w:gz") as tar:
            for file in files:
                tar.add(file, outer + file.name)
    check_parts(open_source(path), ("train", "test"))


def test_one_part_and_three(tmp_path: Path) -> None:
    opened = open_source(write_tree(tmp_path / "one", set_of("train")))
    check_parts(opened, ("train",))
    check_parts(open_source(write_tree(tmp_path / "three", set_of("train", "valid", "t10k"))), tuple(sorted(ROWS)))
    plain = open_source(write_tree(tmp_path / "plain", {"images-idx3-ubyte": idx(pictures_of("test"))}))
    assert plain.parts is None
    assert plain.rows == 4
    assert plain.targets is None


def test_pictures_without_labels_beside_training_pictures_are_left_out(tmp_path: Path) -> None:
    del (files := dict(MNIST))["t10k-labels-idx1-ubyte"]
    opened = open_source(write_tree(tmp_path, files))
    check_parts(opened, ("train",))
    assert "Left out: the test rows, which have no targets." in opened.notes


def test_pictures_without_any_labels_are_rows_to_predict(tmp_path: Path) -> None:
    files = {name: content for name, content in MNIST.items() if "images" in name}
    opened = open_source(write_tree(tmp_path, files))
    assert opened.rows == 12
    assert opened.targets is None


def test_its_parts_are_trained_and_tested_on(tmp_path: Path) -> None:
    folder = write_tree(tmp_path, packed(MNIST))
    prepared = prepare(folder, validation=0.0)
    assert len(prepared.train) == 8
    assert prepared.test is not None
    assert len(prepared.test) == 4
    assert "The rows are divided as they are stored: 8 in train, 4 in test." in prepared.notes
    assert look(folder).rows == 12


FASHION = {name: content[:-1] + b"\x07" for name, content in MNIST.items()}
BAD = {
    "two sets": ({**inside("MNIST/raw", MNIST), **inside("FashionMNIST/raw", FASHION)}, "several sets"),
    "two sets by their names": (set_of("emnist-letters-train", "emnist-digits-train"), "several sets"),
    "a set of no part beside one": ({**MNIST, **set_of("train", names="{1}-{2}-ubyte")}, "several sets"),
    "no labels to train on": (
        {name: content for name, content in MNIST.items() if name != "train-labels-idx1-ubyte"},
        "train-labels-idx1-ubyte was expected",
    ),
    "fewer labels": ({**MNIST, "t10k-labels-idx1-ubyte": idx(labels_of("train"))}, "one label a picture"),
    "other pictures": ({**MNIST, "t10k-images-idx3-ubyte": idx(np.zeros((4, 6, 6), np.uint8))}, "one shape and type"),
    "cut short": ({**MNIST, "train-images-idx3-ubyte": MNIST["train-images-idx3-ubyte"][:-9]}, "header .* requires"),
    "a page of a site": (
        {**packed(MNIST), "train-images-idx3-ubyte.gz": b"<!DOCTYPE html><title>403 Forbidden"},
        "is not packed with gzip",
    ),
    "a packed file cut short": (
        {**packed(MNIST), "train-images-idx3-ubyte.gz": packed(MNIST)["train-images-idx3-ubyte.gz"][:-9]},
        "cannot be unpacked",
    ),
    "an empty file": ({**MNIST, "train-images-idx3-ubyte": b""}, "is not an IDX file"),
    "labels in two dimensions": (
        {**MNIST, "train-labels-idx1-ubyte": idx(np.zeros((8, 2), np.uint8))},
        "one label a row",
    ),
    "pictures in one dimension": ({**MNIST, "train-images-idx3-ubyte": idx(labels_of("train"))}, "one number a row"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_one_sentence(tmp_path: Path, case: str) -> None:
    files, message = BAD[case]
    folder = write_tree(tmp_path, files)
    with pytest.raises(DataError, match=message) as caught:
        open_source(folder)
    assert str(folder) in str(caught.value)


def test_a_packed_file_made_to_fill_the_memory_is_refused_in_an_archive(tmp_path: Path) -> None:
    content = idx(np.zeros((300, 400, 400), np.uint8))
    path = tmp_path / "mnist.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train-images-idx3-ubyte.gz", gzip.compress(content, 9))
    with pytest.raises(DataError, match="made to fill the memory"):
        open_source(path)
