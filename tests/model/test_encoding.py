"""A model reads text in the encoding that its training rows had."""

from __future__ import annotations

from pathlib import Path

import pytest

import ranvier as rv
from ranvier.data.sources.reading import Reading
from ranvier.model.predictions import predict_file

CITIES = ["Казань", "Москва", "Самара", "Тула", "Омск", "Томск", "Пермь", "Ижевск", "Волгоград", "Новосибирск"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> rv.Model:
    """A model of a table in Windows-1251, saved and loaded again."""
    folder = tmp_path_factory.mktemp("cities")
    rows = [f"{city},{number}" for number, city in enumerate(CITIES) for _ in range(20)]
    (folder / "train.csv").write_bytes("\n".join(["город,y", *rows, ""]).encode("cp1251"))
    model = rv.train(folder / "train.csv", target="y", effort="fast", epochs=5, seed=0, progress=False)
    model.save(folder / "cities.rv")
    return rv.load(folder / "cities.rv")


@pytest.fixture
def short_file(tmp_path: Path) -> str:
    """A file whose encoding cannot be told by itself."""
    path = tmp_path / "new.csv"
    path.write_bytes("город,y\nТула,3\n".encode("cp1251"))
    return str(path)


def test_short_files_are_read_as_the_training_rows_were(trained: rv.Model, short_file: str) -> None:
    expected = trained.predict({"город": ["Тула"]})
    assert trained.predict(short_file) == expected
    predictions = predict_file(trained, short_file)
    assert next(iter(predictions.records()))["prediction"] == pytest.approx(expected[0])
    assert any("was read as Windows-1251" in note for note in predictions.notes)
    trained.evaluate(short_file)


def test_unicode_and_a_named_encoding_come_first(trained: rv.Model, tmp_path: Path) -> None:
    expected = trained.predict({"город": ["Тула"]})
    (tmp_path / "unicode.csv").write_text("город\nТула\n", encoding="utf-8")
    assert trained.predict(str(tmp_path / "unicode.csv")) == expected
    (tmp_path / "koi8.csv").write_bytes("город\nТула\n".encode("koi8_r"))
    named = predict_file(trained, str(tmp_path / "koi8.csv"), Reading(encoding="koi8_r"))
    assert next(iter(named.records()))["prediction"] == pytest.approx(expected[0])
