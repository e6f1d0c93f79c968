"""Columns of texts: their features by hand, one cell as many, written and read, strange cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as rv
from ranvier.data import encoder_from_dict
from ranvier.data.columns.schema import infer_schema
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.table import TableEncoder
from ranvier.data.encoders.text import TextEncoder
from ranvier.data.text import tokens as tokens_module
from ranvier.data.text.vocabulary import Vocabulary
from ranvier.errors import ModelFileError

TEXTS = ["good soup", "bad soup", "good bread GOOD", None, "", "good good bread"]


def encoder_of(texts: list[str | None], **options: Any) -> TextEncoder:
    limits = FeatureOptions(0, 0, 800, 1, **options) if options else None
    return TextEncoder.fit(pl.Series("note", texts, dtype=pl.String), None, limits)


def features(encoder: TextEncoder, text: str | None) -> dict[str, float]:
    csr = encoder.encode_cell_csr(text)
    columns, values = csr.row(0)
    return {encoder.csr_feature_names[column]: float(value) for column, value in zip(columns, values, strict=True)}


def test_values_by_hand() -> None:
    encoder = encoder_of(TEXTS)
    words = encoder.vocabulary.blocks[0]
    frequency_of = dict(zip(words.terms.to_list(), words.frequencies.tolist(), strict=True))
    assert frequency_of == {"good": 3, "soup": 2, "bread": 2, "good bread": 2}
    tf_idf = {
        "good": (1 + np.log(2)) * (1 + np.log(7 / 4)),
        "bread": 1 + np.log(7 / 3),
        "good bread": 1 + np.log(7 / 3),
    }
    norm = np.sqrt(sum(value**2 for value in tf_idf.values()))
    actual = features(encoder, "good good bread")
    for term, value in tf_idf.items():
        assert actual[f"note: {term}"] == pytest.approx(value / norm / np.sqrt(3), rel=1e-6)
    assert sum(value**2 for value in actual.values()) == pytest.approx(1.0, rel=1e-5)


def test_missing_and_unseen() -> None:
    encoder = encoder_of(TEXTS)
    for text in (None, "", "  \n"):
        assert features(encoder, text) == {"note is missing": 1.0}
    assert features(encoder, "zzz qqq") == {}


def test_parts_places_and_capitals_have_names() -> None:
    texts: list[str | None] = ["What is THIS thing", "What is THAT thing", "why not"]
    names = set(encoder_of(texts).csr_feature_names)
    assert {"note: what is", 'note: " wha"', 'note: "ing "', "note: 1st word what"} <= names
    assert {"note: begins what is", "note: (word in capitals)"} <= names


def test_scripts_without_spaces_have_pairs_and_triples() -> None:
    encoder = encoder_of(["味道很好吃", "味道很不好", "送餐很快"])
    names = set(encoder.csr_feature_names)
    assert {"note: 味", "note: 味 道", 'note: "味道很"'} <= names


STRANGE = [
    "",
    "\x00",
    "a\x00b",
    "👍" * 50,
    "x" * 100_000,
    "\ufffd",
    "ab " * 30_000,
    "İstanbul ß ŉ",
    "\u200d\u0301",
    "\n",
]


def test_strange_texts_are_encoded_alone_as_among_others() -> None:
    encoder = encoder_of([*STRANGE, *STRANGE])
    cells = pl.Series("note", STRANGE)
    full = encoder.encode_csr(cells)
    assert np.isfinite(full.data).all()
    for row, text in enumerate(STRANGE):
        alone = encoder.encode_cell_csr(text)
        columns, values = full.row(row)
        assert alone.indices.tobytes() == columns.tobytes()
        assert alone.data.tobytes() == values.tobytes()


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_bits_do_not_depend_on_neighbours_chunks_or_a_file(data: st.DataObject) -> None:
    letters = st.text(alphabet=st.sampled_from("abAB é好。!\u0301 1\x00"), max_size=12)
    texts = data.draw(st.lists(st.one_of(st.none(), letters, st.text(max_size=5)), min_size=1, max_size=12))
    texts.append("a")  # a column without any text is dropped
    frame = pl.DataFrame({"x": pl.Series(texts, dtype=pl.String)})
    encoder = TableEncoder.fit(frame, infer_schema(frame, overrides={"x": "text"}))
    full = encoder.transform(frame).csr
    stored = json.loads(json.dumps(encoder.to_dict(), allow_nan=False))
    loaded = encoder_from_dict(stored, encoder.arrays())
    assert loaded.feature_names == encoder.feature_names
    assert len(set(encoder.feature_names)) == encoder.width == full.n_columns
    before = tokens_module.CHUNK
    tokens_module.CHUNK = 8
    try:
        again = TableEncoder.fit(frame, encoder.columns)
        assert again.feature_names == encoder.feature_names
        parts = loaded.transform(frame).csr
    finally:
        tokens_module.CHUNK = before
    for name in ("data", "indices", "indptr"):
        assert getattr(parts, name).tobytes() == getattr(full, name).tobytes()
    for row, text in enumerate(texts):
        alone = encoder.transform({"x": text}).csr
        assert alone.data.tobytes() == full.row(row)[1].tobytes()


def test_the_most_frequent_terms_are_kept() -> None:
    texts = [f"common word{number % 7} rare{number}" for number in range(70)]
    vocabulary = Vocabulary.fit(pl.Series(texts), 5)
    assert all(len(block.terms) <= 5 for block in vocabulary.blocks)
    assert "common" in vocabulary.blocks[0].terms.to_list()
    assert vocabulary.blocks[0].frequencies.max() == 70


def test_texts_without_a_repeated_term_take_those_of_one_text() -> None:
    assert encoder_of(["alpha", "1 2 3"]).csr_width > 3
    assert encoder_of([None, ""]).csr_feature_names == ("note is missing",)
    assert encoder_of([None, ""]).describe() == "no words"


@pytest.mark.parametrize("change", ["terms", "frequencies", "repeated"])
def test_a_damaged_vocabulary_is_refused(change: str) -> None:
    encoder = encoder_of(TEXTS)
    arrays = encoder.arrays()
    if change == "repeated":
        arrays["words.terms"] = np.frombuffer(b"good\ngood\ngood\ngood", np.uint8)
    elif change == "terms":
        arrays["words.terms"] = arrays["words.terms"][:4]
    else:
        del arrays["words.frequencies"]
    with pytest.raises(ModelFileError, match="vocabulary"):
        TextEncoder.from_dict({**encoder.to_dict(), "arrays": arrays})


@pytest.mark.parametrize("text", ["", "  \t ", "\n\u3000", None])
@pytest.mark.parametrize("form", ["list", "kind", "folder"])
def test_nothing_is_learned_from_empty_texts(text: str | None, form: str, tmp_path: Path) -> None:
    labels = ["ham", "spam"] * 10
    texts: Any = [text] * 20
    if form == "folder":
        for at, label in enumerate(labels):
            (tmp_path / label).mkdir(exist_ok=True)
            (tmp_path / label / f"{at}.txt").write_text(text or "", encoding="utf-8")
        texts, options = tmp_path, {}
    else:
        texts = {"text": texts} if form == "kind" or text is None else texts
        options = {"target": labels, "kinds": {"text": "text"}}
    expected = r"No column is left to learn from besides the target \(text: every text is empty\)."
    with pytest.raises(rv.InputError, match=expected):
        rv.train(texts, effort="fast", epochs=1, progress=False, **options)


@pytest.mark.parametrize(
    "pair", [("11 6", "00 5"), ("!?", "#$"), ("😀", "😡"), ("a", "b"), ("好", "坏"), ("\x01", "\x02")]
)
def test_texts_of_numbers_signs_and_single_characters_have_terms(pair: tuple[str, str]) -> None:
    vocabulary = Vocabulary.fit(pl.Series(pair * 10), 100)
    rows = vocabulary.encode(pl.Series(pair))
    assert rows.indptr.tolist()[1] > 0
    assert set(rows.indices[: rows.indptr[1]].tolist()) != set(rows.indices[rows.indptr[1] :].tolist())


def test_files_of_class_folders_are_texts(tmp_path: Path) -> None:
    from ranvier.data import open_source

    for label, text in (("good", "fine"), ("bad", "gr\xfcn")):
        (tmp_path / label).mkdir()
        for number in range(3):
            (tmp_path / label / f"{number}.txt").write_text(text, encoding="latin-1")
    opened = open_source(tmp_path)
    assert dict(opened.kinds) == {"text": "text"}
    assert "Windows-1252" in " ".join(opened.notes)
