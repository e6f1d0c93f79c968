"""Columns of vectors: however they are stored, the same features; what is no vector is one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data import open_source, prepare
from ranvier.data.encoders.vector import VectorEncoder
from ranvier.errors import DataError, ModelFileError
from tests.data.pictures import encoded, stripes
from tests.data.recordings import RATE, chirps

VECTORS = np.random.default_rng(0).normal(2.0, 3.0, (40, 5))
LABELS = ["up" if vector.sum() > 10 else "down" for vector in VECTORS]
QUIET: dict[str, Any] = {"engine": "reference", "progress": False}


def test_features_follow_the_formula() -> None:
    encoder = VectorEncoder.fit(pl.Series("v", VECTORS))
    out = np.zeros((40, 5), np.float32)
    encoder.encode(pl.Series("v", VECTORS), out)
    z = (VECTORS - VECTORS.mean(axis=0)) / VECTORS.std(axis=0)
    np.testing.assert_allclose(out, z / np.sqrt(1 + (z / 4) ** 2), rtol=1e-6, atol=1e-6)
    assert encoder.feature_names == ("v[0]", "v[1]", "v[2]", "v[3]", "v[4]")


def test_missing_vectors_and_numbers_count_as_the_mean() -> None:
    cells = pl.Series("v", [[1.0, 5.0], None, [3.0, float("nan")], [5.0, 5.0]], dtype=pl.Array(pl.Float64, 2))
    encoder = VectorEncoder.fit(cells)
    out = np.zeros((4, 3), np.float32)
    encoder.encode(cells, out)
    assert out[:, 1].tolist() == [0.0] * 4
    assert out[:, 2].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert out[1, 0] == 0.0


def ways(folder: Path) -> dict[str, Any]:
    frame = pl.DataFrame({"v": VECTORS, "label": LABELS})
    lists = frame.with_columns(pl.Series("v", VECTORS.tolist()))
    frame.write_parquet(folder / "arrays.parquet")
    lists.write_parquet(folder / "lists.parquet")
    lists.write_ndjson(folder / "rows.jsonl")
    pl.DataFrame({"v": [str(row) for row in VECTORS.tolist()], "label": LABELS}).write_csv(folder / "rows.csv")
    return {
        "a dictionary of an array": {"v": VECTORS, "label": LABELS},
        "a dictionary of lists": {"v": VECTORS.tolist(), "label": LABELS},
        "a dictionary of arrays": {"v": list(VECTORS), "label": LABELS},
        "dictionaries": [{"v": list(row), "label": label} for row, label in zip(VECTORS, LABELS, strict=True)],
        "polars": frame,
        "polars lists": lists,
        "pandas": frame.to_pandas(),
        **{name: folder / name for name in ("arrays.parquet", "lists.parquet", "rows.jsonl", "rows.csv")},
    }


def test_the_same_bits_however_vectors_are_stored(tmp_path: Path) -> None:
    sources = ways(tmp_path)
    model = rv.train(sources["polars"], "label", recipe="plain", hidden=(4,), epochs=2, **QUIET)
    assert {column["name"]: column["kind"] for column in model.report.columns} == {"v": "vector"}
    expected = model.outputs(sources["polars"]).tobytes()
    model.save(tmp_path / "model.rv")
    again = rv.load(tmp_path / "model.rv")
    for way, rows in sources.items():
        assert again.outputs(rows).tobytes() == expected, way
        assert open_source(rows).frame.schema["v"] == pl.Array(pl.Float64, 5), way
    alone = np.concatenate([again.outputs([{"v": row}]) for row in VECTORS.tolist()])
    assert alone.tobytes() == expected


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([[1.0, 2.0, 3.0]] * 3, 'Column "v" has vectors of 3 numbers; 5 were expected, as in training'),
        ([[1.0], [1.0, 2.0], [3.0]], "has a cell of type list|is no column of vectors"),
        ([[float("inf")] * 5] * 3, "infinite"),
        (["a", "b", "c"], 'Column "v" is no column of vectors'),
    ],
)
def test_what_is_no_vector_is_one_sentence(cells: list[Any], words: str) -> None:
    model = rv.train({"v": VECTORS, "label": LABELS}, "label", recipe="plain", hidden=(2,), epochs=1, **QUIET)
    with pytest.raises(DataError, match=words):
        model.predict({"v": cells})


def test_a_damaged_description_is_an_error() -> None:
    encoder = VectorEncoder.fit(pl.Series("v", VECTORS))
    for arrays in ({}, {"mean": np.zeros(2), "scale": np.zeros(3)}, {"mean": np.zeros(2), "scale": -np.ones(2)}):
        with pytest.raises(ModelFileError):
            VectorEncoder.from_dict({**encoder.to_dict(), "arrays": arrays})


def test_pictures_recordings_vectors_numbers_words_and_texts_train_together(tmp_path: Path) -> None:
    pixels, labels = stripes(40)
    samples, _ = chirps(40)
    for at in range(40):
        (tmp_path / f"{at}.png").write_bytes(encoded(pixels[at]))
    rows = pl.DataFrame(
        {
            "photo": [f"{at}.png" for at in range(40)],
            "clip": [{"array": one.tolist(), "sampling_rate": RATE} for one in samples],
            "embedding": VECTORS,
            "price": [at % 5 + 0.5 for at in range(40)],
            "shop": ["a", "b", "c", "d"] * 10,
            "review": [
                f"The soup number {at} was {labels[at]} and {at * at} others ate {'well' * (at % 3)}"
                for at in range(40)
            ],
            "label": labels,
        }
    )
    rows.write_parquet(tmp_path / "rows.parquet")
    model = rv.train(tmp_path / "rows.parquet", "label", effort="fast", hidden=(4,), epochs=2, **QUIET)
    kinds = {column["name"]: column["kind"] for column in model.report.columns}
    assert kinds == {
        **{"photo": "image", "clip": "sound", "embedding": "vector", "price": "number", "shop": "category"},
        "review": "text",
    }
    model.save(tmp_path / "model.rv")
    assert (
        rv.load(tmp_path / "model.rv").predict(tmp_path / "rows.parquet").tolist()
        == model.predict(tmp_path / "rows.parquet").tolist()
    )


def test_lists_of_rows_that_can_be_pictures_are(tmp_path: Path) -> None:
    pixels, labels = stripes(24)
    pl.DataFrame({"p": pl.Series(pixels[..., 0].tolist()), "label": labels}).write_parquet(tmp_path / "rows.parquet")
    assert dict(open_source(tmp_path / "rows.parquet").kinds) == {"p": "image"}
    signed = {"p": (pixels[..., 0].astype(float) - 100).tolist(), "label": labels.tolist()}
    prepared = prepare(signed, "label")
    assert {column.name: column.kind for column in prepared.columns} == {"p": "vector"}
    assert prepared.train.inputs.shape[1] == 144
