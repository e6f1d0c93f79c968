"""HTML in texts: read without tags where most texts hold them, said in a note, kept in the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import ranvier as rv
from ranvier.data import infer_schema
from ranvier.data.columns.column_notes import MAX_TEXT_BYTES
from ranvier.data.encoders.text import TextEncoder, texts_of
from ranvier.data.look import look
from ranvier.data.text.html import is_html, without_html
from tests.recipes.test_text import SMALL, reviews


def tagged(every: int = 1) -> dict[str, Any]:
    table = reviews(20)
    texts = [
        f"<div class='review'><b>{text}</b><br />it&#39;s so</div>" if row % every == 0 else text
        for row, text in enumerate(table["text"])
    ]
    return {"text": texts, "label": table["label"]}


READ = {
    "tags": ("a<br>b<BR />c</p>d", "a b c d"),
    "entities": ("caf&eacute; &lt;3 &amp;", "café <3 &"),
    "programs and styles": ("<style>p {x: y}</style>good<script src='x'>if (a < b) f()</script>", " good "),
    "comments": ("a<!-- not\nread -->b", "a b"),
    "attributes over lines": ("<a\n href='x'>here</a>", " here "),
    "no tags": ("if a < b and c > d <joy> <3", "if a < b and c > d <joy> <3"),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read(name: str) -> None:
    text, expected = READ[name]
    assert without_html(pl.Series([text, None])).to_list() == [expected, None]


def test_it_is_recognized_where_most_texts_hold_tags() -> None:
    assert is_html(pl.Series(["<p>a", "<p>b", "c", None]))
    assert not is_html(pl.Series(["<p>a", "b", "c"]))
    assert not is_html(pl.Series([None, None], dtype=pl.String))
    assert texts_of(pl.Series(["<br/> <hr>", "a"]), html=True).to_list() == [None, "a"]


@pytest.mark.parametrize(("every", "html"), [(1, True), (3, False)])
def test_a_model_of_html_has_no_words_of_tags(every: int, html: bool, tmp_path: Path) -> None:
    model = rv.train(tagged(every), "label", recipe=SMALL, progress=False)
    assert any("hold tags of HTML; tags are left out" in note for note in model.report.notes) == html
    words = set(model.encoder.feature_names)
    assert ("text: div" in words) != html
    model.save(tmp_path / "model.rv")
    loaded = rv.load(tmp_path / "model.rv")
    assert loaded.outputs(tagged()).tobytes() == model.outputs(tagged()).tobytes()
    plain = {"text": ["good <p>soup</p>", "good soup"]}
    assert (loaded.outputs(plain)[0] == loaded.outputs(plain)[1]).all() == html


def test_look_says_it() -> None:
    assert any("60 of 60 texts hold tags" in note for note in look(tagged(), "label").columns[0].notes)


def test_an_encoder_of_earlier_versions_reads_tags() -> None:
    encoder = TextEncoder.fit(pl.Series("t", ["<p>good", "<p>bad"]))
    assert encoder.html
    stored = {name: value for name, value in encoder.to_dict().items() if name != "html"}
    assert not TextEncoder.from_dict({**stored, "arrays": encoder.arrays()}).html


def test_a_text_of_more_than_a_million_bytes_is_named() -> None:
    texts = [*reviews(5)["text"], "soup " * (MAX_TEXT_BYTES // 5 + 1)]
    column = infer_schema(pl.DataFrame({"text": texts}))[0]
    assert "text in row 16 has 1,000,004 bytes" in column.notes[0]
