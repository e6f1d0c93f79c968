"""Files in the format of fastText: labels of any characters, commas, several labels, blank lines, files without any."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import ranvier as rv
from ranvier.data import infer_task, open_source
from ranvier.data.labelled_rows import labelled_rows, open_with_target
from ranvier.data.sources.fasttext import fasttext_table, is_fasttext
from ranvier.errors import DataError
from tests.recipes.test_text import SMALL, reviews

LINES = {
    "a blank after the label": ("__label__a good soup", (["a"], "good soup")),
    "a comma after the label": ("__label__a, good soup", (["a"], "good soup")),
    "a comma and no blank": ("__label__a,good soup", (["a"], "good soup")),
    "a tab and a carriage return": ("__label__a\tgood soup\r", (["a"], "good soup")),
    "characters of any script": ("__label__très-bien/1 good soup", (["très-bien/1"], "good soup")),
    "a label inside the text": ("__label__a the word __label__b", (["a"], "the word __label__b")),
    "no text": ("__label__a", (["a"], "")),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_with_one_label(name: str) -> None:
    line, (labels, text) = LINES[name]
    frame = fasttext_table(f"{line}\n__label__other words\n", "lines.txt").frame
    assert frame["label"].cast(pl.String).to_list() == [labels[0], "other"]
    assert frame["text"].to_list() == [text or None, "words"]


def test_several_labels_are_columns_of_0_and_1() -> None:
    table = fasttext_table("__label__b __label__a good soup\n\n__label__a,__label__text far\n\nno label\n", "lines.txt")
    assert table.target_names == ("a", "b", "text (label)")
    assert table.frame["text"].to_list() == ["good soup", "far", "no label"]
    assert table.frame["a"].to_list() == [1, 1, 0]
    assert "2 rows have several labels" in table.notes[-1]
    assert "2 blank lines left out." in table.notes
    assert infer_task(table.frame.select(table.target_names).to_numpy(), names=table.target_names).kind == "multilabel"


def test_rows_without_a_label_are_left_out_of_training() -> None:
    source = fasttext_table("__label__a good soup\nbad soup\n__label__b far away\n__label__a near\n", "lines.txt")
    assert len(labelled_rows(source, source.target_names).values) == 3


def test_a_file_whose_labels_are_empty_is_refused_with_its_first_line() -> None:
    with pytest.raises(DataError, match=r'has no label: its first line is "__label__ good soup", where __label__NAME'):
        fasttext_table("__label__ good soup\n__label__ bad soup\n", "lines.txt")


def test_other_texts_are_none() -> None:
    assert not is_fasttext("The mark __label__a\nstands before a text.\n")
    assert not is_fasttext("")


@pytest.mark.parametrize("name", ["reviews.txt", "reviews.train"])
def test_a_file_trains_evaluates_and_predicts(name: str, tmp_path: Path) -> None:
    table, path = reviews(20), tmp_path / name
    lines = [f"__label__{label} {text}\r\n" for text, label in zip(table["text"], table["label"], strict=True)]
    path.write_bytes("".join(lines).encode())
    source, names = open_with_target(path, None)
    assert (source.frame.columns, names) == (["label", "text"], ("label",))
    model = rv.train(path, recipe=SMALL, progress=False)
    assert model.report.recipe == "text"
    assert list(model.task.classes) == ["food", "sea", "sport"]
    assert model.evaluate(path)["accuracy"] > 0.5
    assert len(model.predict(path)) == 60
    assert open_source(path).frame.height == 60
