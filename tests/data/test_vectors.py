"""Columns of vectors: found in every form, wrong lengths by row, beside other columns, in the model file."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import ranvier as rv
from ranvier.cli.main import main
from ranvier.data import infer_schema, open_source, prepare
from ranvier.data.cells.vectors import holds_vectors, vectors
from ranvier.data.encoders.vector import VectorEncoder
from ranvier.data.look import look
from ranvier.errors import DataError, ModelFileError
from tests.data.pictures import encoded, stripes
from tests.data.recordings import RATE, chirps

ROWS, K = 60, 5
QUICK: dict[str, Any] = {"recipe": "plain", "engine": "reference", "progress": False, "epochs": 2, "hidden": (4,)}


def embeddings(rows: int = ROWS) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Vectors (rows, K), a number a row, and labels that follow from the vectors."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, rows)
    vectors_of_rows = generator.normal(size=(rows, K)).astype(np.float32)
    vectors_of_rows[:, 1] += 4 * labels
    return vectors_of_rows, generator.normal(size=rows), np.where(labels, "new", "old").tolist()


def columns() -> dict[str, Any]:
    actual, price, labels = embeddings()
    return {"meaning": actual, "price": price, "age": labels}


@pytest.mark.parametrize("sign", ["x", " x ", "×", "*", "X"])
def test_dimensions_without_blanks(sign: str) -> None:
    sizes = [(10 + row, 5 + row * 7 % 20, 2 + row * 3 % 11) for row in range(20)]
    cells = pl.Series("size", [sign.join(map(str, size)) for size in sizes])
    column = infer_schema(pl.DataFrame({"size": cells, "price": [0.5 * row for row in range(20)]}))[0]
    assert column.kind == "vector"
    assert vectors(cells).tolist() == [list(size) for size in sizes]


def parquet_arrays(folder: Path) -> Any:
    pl.DataFrame(columns()).write_parquet(folder / "rows.parquet")
    return folder / "rows.parquet"


def parquet_lists(folder: Path) -> Any:
    pl.DataFrame({**columns(), "meaning": columns()["meaning"].tolist()}).write_parquet(folder / "rows.parquet")
    return folder / "rows.parquet"


def json_lines(folder: Path) -> Any:
    pl.DataFrame({**columns(), "meaning": columns()["meaning"].tolist()}).write_ndjson(folder / "rows.jsonl")
    return folder / "rows.jsonl"


def archive(folder: Path) -> Any:
    np.savez(folder / "rows.npz", **columns())
    return folder / "rows.npz"


def csv_of_lists(folder: Path) -> Any:
    pd.DataFrame({**columns(), "meaning": columns()["meaning"].tolist()}).to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


def csv_of_arrays(folder: Path) -> Any:
    pd.DataFrame({**columns(), "meaning": list(columns()["meaning"])}).to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


def manifest(folder: Path) -> Any:
    for at, vector in enumerate(columns()["meaning"]):
        np.save(folder / f"{at}.npy", vector)
    names = [f"{at}.npy" for at in range(ROWS)]
    pl.DataFrame({**columns(), "meaning": names}).write_csv(folder / "rows.csv")
    return folder / "rows.csv"


def pandas_arrays(folder: Path) -> Any:
    return pd.DataFrame({**columns(), "meaning": list(columns()["meaning"])})


FORMS: dict[str, Callable[[Path], Any]] = {
    "arrays in Parquet": parquet_arrays,
    "lists in Parquet": parquet_lists,
    "lists in JSON Lines": json_lines,
    "named arrays in NPZ": archive,
    "lists in CSV": csv_of_lists,
    "arrays in CSV": csv_of_arrays,
    "NPY files of a manifest": manifest,
    "arrays in pandas": pandas_arrays,
    "an array in a dict": lambda folder: columns(),
    "lists in a dict": lambda folder: {**columns(), "meaning": columns()["meaning"].tolist()},
    "rows as dicts": lambda folder: pl.DataFrame(columns()).to_dicts(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found_and_holds_the_same_numbers(form: str, tmp_path: Path) -> None:
    source = open_source(FORMS[form](tmp_path))
    kinds = {column.name: column.kind for column in infer_schema(source.frame, ["age"])}
    assert kinds == {"meaning": "vector", "price": "number"}
    # Cells of CSV have the digits that pandas and NumPy print.
    np.testing.assert_allclose(vectors(source.frame["meaning"]), columns()["meaning"], rtol=1e-6)


@pytest.mark.parametrize("form", ["lists in Parquet", "lists in CSV", "named arrays in NPZ", "arrays in pandas"])
def test_a_model_predicts_from_every_form(form: str, tmp_path: Path) -> None:
    model = rv.train(columns(), "age", **QUICK)
    expected = model.outputs({name: cells for name, cells in columns().items() if name != "age"})
    np.testing.assert_allclose(model.outputs(FORMS[form](tmp_path)), expected, rtol=1e-4, atol=1e-5)


def test_one_row_has_the_bits_of_many_and_the_model_file_keeps_them(tmp_path: Path) -> None:
    model = rv.train(columns(), "age", **QUICK)
    frame = pl.DataFrame(columns()).drop("age")
    model.save(tmp_path / "model.rv")
    loaded = rv.load(tmp_path / "model.rv")
    assert loaded.outputs(frame).tobytes() == model.outputs(frame).tobytes()
    row = {"meaning": columns()["meaning"][3].tolist(), "price": float(columns()["price"][3])}
    alone = [loaded.encoder.transform(given) for given in (row, [row], frame[3], frame[3].to_dicts())]
    assert {actual.tobytes() for actual in alone} == {loaded.encoder.transform(frame)[3:4].tobytes()}
    # A cell beside it that only the parser of columns reads does not make columns of the row's lists.
    assert loaded.encoder.transform({**row, "price": Decimal("1.5")}).shape == (1, K + 1)


def test_the_order_of_the_rows_and_the_form_change_nothing() -> None:
    first = rv.train(columns(), "age", **QUICK)
    turned = pl.DataFrame({**columns(), "meaning": columns()["meaning"].tolist()})[::-1]
    other = rv.train(turned, "age", test=pl.DataFrame(columns()), validation=0.0, **QUICK)
    again = rv.train(columns(), "age", test=pl.DataFrame(columns()), validation=0.0, **QUICK)
    assert first.network == other.network
    frame = pl.DataFrame(columns()).drop("age")
    np.testing.assert_allclose(other.outputs(frame), again.outputs(frame), rtol=1e-3, atol=1e-4)


def test_a_network_on_embeddings_alone_takes_their_array() -> None:
    actual, _, labels = embeddings()
    model = rv.train(
        {"meaning": actual, "age": labels}, "age", **{**QUICK, "epochs": 30, "batch_size": 8, "learning_rate": 0.03}
    )
    assert model.report.metrics["accuracy"] > 0.9
    assert model.predict(actual).tolist() == model.predict({"meaning": actual}).tolist()
    fitted = rv.Classifier(recipe="plain", engine="reference", epochs=2, hidden=(4,)).fit(
        pl.DataFrame({"meaning": actual}), labels
    )
    assert len(fitted.predict(pl.DataFrame({"meaning": actual}))) == ROWS


WRONG: dict[str, tuple[Any, dict[str, str], str]] = {
    "a shorter one": ([[1.0, 2.0]] * 9 + [[1.0]], {}, "1 number at row index 9; 2 were expected"),
    "several": ([[1.0, 2.0]] * 8 + [[1.0], [2.0]], {}, "at row index 8, and 1 more row with another length; 2 were"),
    "an infinite number": ([[1.0, 2.0]] * 9 + [[1.0, np.inf]], {}, "inf at index 1 of the vector at row index 9"),
    "words and numbers": ([["a", 1.5]] * 10, {}, "a cell of type list"),
    "numbers called vectors": ([1.0] * 9 + [2.0], {"x": "vector"}, "holds cells of type Float64; vectors"),
    "words called vectors": (
        ["[1, 2]"] * 9 + ["[1, b]"],
        {"x": "vector"},
        r'"\[1, b\]" at row index 9, where a vector',
    ),
    "strings of two lengths": (["[1, 2]"] * 9 + ["[1]"], {"x": "vector"}, "1 number at row index 9"),
    "empty lists": ([[]] * 10, {"x": "vector"}, "type list|holds no numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_vector_is_named_by_row(name: str) -> None:
    cells, kinds, message = WRONG[name]
    with pytest.raises(DataError, match=message):
        rv.train({"x": cells, "y": [0, 1] * 5}, "y", kinds=kinds, **QUICK)


def test_other_lengths_are_refused_at_prediction() -> None:
    model = rv.train(columns(), "age", **QUICK)
    with pytest.raises(DataError, match="a vector of 2 numbers; the model takes 5"):
        model.predict({"meaning": [1.0, 2.0], "price": 1.0})
    with pytest.raises(DataError, match="2 numbers at row index 0"):
        model.predict({"meaning": np.ones((3, 2)), "price": [1.0, 2.0, 3.0]})


def test_missing_cells_and_numbers() -> None:
    cells = [[1.0, None], None, [3.0, 4.0], [5.0, 8.0]]
    encoder = VectorEncoder.fit(pl.Series("x", cells))
    assert encoder.missing_indicator
    assert encoder.mean.tolist() == [3.0, 6.0]
    out = np.zeros((4, 3), np.float32)
    encoder.encode(pl.Series("x", cells), out)
    assert out[:, 2].tolist() == [0, 1, 0, 0]
    assert out[1, :2].tolist() == [0, 0]
    assert out[0, 1] == 0


@pytest.mark.parametrize("cells", [["[1, 2]", "[3, 4]"], [[1, 2], [3, 4]]])
def test_a_column_of_vectors_may_be_called_count(cells: list[Any]) -> None:
    assert vectors(pl.Series("count", cells)).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_strings_of_lists_of_several_lengths_are_none() -> None:
    assert not holds_vectors(pl.Series(["[1, 2]", "[3]", "[]"]))
    assert not holds_vectors(pl.Series(["[a, b]", "[c, d]"]))
    assert not holds_vectors(pl.Series(["(1)", "(2)"]))  # negative numbers of accountants


@settings(max_examples=40, deadline=None)
@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(2, 5)), elements=st.floats(-1e6, 1e6)))
def test_what_python_and_numpy_write_is_read_again(array: np.ndarray) -> None:
    written = pl.Series([str(row.tolist()) for row in array])
    assert vectors(written).tolist() == array.tolist()
    with np.printoptions(threshold=10**6, floatmode="unique"):
        printed = pl.Series([str(row) for row in array])
    assert vectors(printed).tolist() == array.tolist()


def test_the_command_looks_trains_predicts_and_shows(tmp_path: Path) -> None:
    data, model = str(parquet_lists(tmp_path)), str(tmp_path / "model.rv")
    pl.read_parquet(data)[:4].write_ndjson(tmp_path / "new.jsonl")
    assert look(data, "age").columns[0].examples[0].endswith(", ...]")
    train = ["train", data, "--target", "age", "--recipe", "plain", "--epochs", "1", "--hidden", "4", "--model", model]
    for arguments in (
        ["look", data],
        [*train, "--kind", "meaning=vector"],
        ["predict", model, str(tmp_path / "new.jsonl")],
        ["show", model],
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        assert "vector" in result.output or arguments[0] == "predict"


VECTORS = np.random.default_rng(0).normal(2.0, 3.0, (40, 5))


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


def test_a_damaged_description_is_an_error() -> None:
    encoder = VectorEncoder.fit(pl.Series("v", VECTORS))
    for stored in ({}, {"mean": np.zeros(2), "scale": np.zeros(3)}, {"mean": np.zeros(2), "scale": -np.ones(2)}):
        with pytest.raises(ModelFileError):
            VectorEncoder.from_dict({**encoder.to_dict(), "arrays": stored})


def test_pictures_recordings_vectors_numbers_words_and_texts_train_together(tmp_path: Path) -> None:
    pixels, labels = stripes(40)
    samples, _ = chirps(40)
    for at in range(40):
        (tmp_path / f"{at}.png").write_bytes(encoded(pixels[at]))
    rows = pl.DataFrame(
        {
            "photo": [f"{at}.png" for at in range(40)],
            "clip": [{"array": sample.tolist(), "sampling_rate": RATE} for sample in samples],
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
    model = rv.train(
        tmp_path / "rows.parquet", "label", effort="fast", hidden=(4,), epochs=2, engine="reference", progress=False
    )
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
