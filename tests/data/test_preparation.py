"""From a source to encoded parts: split before encoding, and messages where that is impossible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ranvier.data import NAMED, Prepared, TableEncoder, open_source, prepare, target_values
from ranvier.errors import DataError, InputError
from ranvier.network.task import Task

ROWS = 100
COLUMNS: dict[str, list[Any]] = {
    "age": [20.5 + row % 37 for row in range(ROWS)],
    "job": [("clerk", "boss", "cook")[row % 3] for row in range(ROWS)],
    "key": [f"k{row}" for row in range(ROWS)],
    "price": [row * 1.5 for row in range(ROWS)],
    "income": [("low", "high")[row % 4 == 0] for row in range(ROWS)],
    "grade": [row % 5 for row in range(ROWS)],
}


def input_bytes(prepared: Prepared) -> list[bytes]:
    parts = (prepared.train, prepared.validation, prepared.test)
    return [array.tobytes() for part in parts if part is not None for array in (*part.inputs.arrays(), part.targets)]


def test_parts_are_disjoint_and_encoded_from_training_rows_only() -> None:
    prepared = prepare(COLUMNS, "income", seed=4)
    rows = [prepared.train_rows, prepared.validation_rows, prepared.test_rows]
    assert [len(part) for part in rows if part is not None] == [70, 10, 20]
    assert len(np.unique(np.concatenate([part for part in rows if part is not None]))) == ROWS
    ages = np.array(COLUMNS["age"])[prepared.train_rows]
    scaled = (ages - ages.mean()) / ages.std()
    np.testing.assert_allclose(
        prepared.train.inputs.dense[:, 0], scaled / np.hypot(1, scaled / 4), rtol=1e-5, atol=1e-6
    )
    changed = dict(COLUMNS, age=list(COLUMNS["age"]))
    assert prepared.test_rows is not None
    for row in prepared.test_rows:
        changed["age"][row] = -1e6
    assert isinstance(prepared.encoder, TableEncoder)
    other = prepare(changed, "income", seed=4).encoder
    assert isinstance(other, TableEncoder)
    assert other.encoders == prepared.encoder.encoders


def test_labels_stay_with_their_rows() -> None:
    prepared = prepare(COLUMNS, "income")
    assert prepared.test is not None
    assert prepared.test_rows is not None
    assert prepared.test_labels is not None
    expected = np.array(COLUMNS["income"])[prepared.test_rows]
    assert prepared.test_labels.tolist() == expected.tolist()
    assert prepared.target.decode(prepared.test.targets).tolist() == expected.tolist()
    fraction = (np.array(COLUMNS["income"]) == "high").mean()
    assert abs((expected == "high").mean() - fraction) <= 0.05


def test_the_seed_decides() -> None:
    assert input_bytes(prepare(COLUMNS, "price", seed=1)) == input_bytes(prepare(COLUMNS, "price", seed=1))
    assert input_bytes(prepare(COLUMNS, "price", seed=1)) != input_bytes(prepare(COLUMNS, "price", seed=2))


def test_notes_say_what_was_decided() -> None:
    prepared = prepare(dict(COLUMNS, note=[None] * ROWS), "income")
    assert prepared.notes[0] == 'Task: binary (two different values, "high" and "low").'
    assert prepared.notes[1].startswith('The positive class, which F1, precision, recall and AUC are about, is "low"')
    assert 'Column "key" is dropped: every value is different.' in prepared.notes
    assert 'Column "note" is dropped: every cell is missing.' in prepared.notes


def test_fractions_of_zero_and_a_validation_source() -> None:
    prepared = prepare(COLUMNS, "price", validation=0, test=0)
    assert (len(prepared.train), prepared.validation, prepared.test) == (ROWS, None, None)
    other = {name: values[:9] for name, values in COLUMNS.items()}
    prepared = prepare(COLUMNS, "income", test=0, validation_source=other)
    assert len(prepared.train) == ROWS
    assert prepared.validation is not None
    assert len(prepared.validation) == 9
    with pytest.raises(DataError, match='"income" at row index 0 is "odd"'):
        prepare(COLUMNS, "income", validation_source=dict(other, income=["odd"] * 9))
    assert prepare(COLUMNS, "income", ignore=["age", "key"]).encoder.describe()[0][0] == "job"


def test_rows_without_a_target_are_left_out_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x,label\n" + "".join(f"{row % 7}.5,{row % 2 if row % 10 else '?'}\n" for row in range(100)))
    prepared = prepare(path, "label", validation=0, test=0)
    assert len(prepared.train) == 90
    assert prepared.task.classes == (0, 1)
    assert type(prepared.task.classes[0]) is int
    assert '10 rows were left out because the target is missing ("?" in 10, the first in row 1).' in prepared.notes
    assert sorted(prepared.train_rows) == [row for row in range(100) if row % 10]


def test_masked_targets_and_weights_are_missing() -> None:
    """NumPy itself would read what lies under the mask."""
    X, hidden = np.arange(2.0 * ROWS).reshape(ROWS, 2), np.arange(ROWS) % 10 == 0
    y = np.ma.masked_array(np.where(hidden, 999.0, np.arange(ROWS) / 8), mask=hidden)
    for source in (X, pl.DataFrame(X)):
        prepared = prepare(source, y, validation=0, test=0)
        assert "10 rows were left out because the target is missing." in prepared.notes
        assert prepared.target.mean == (float(y.mean()),)
    weight = np.ma.masked_array(np.ones(ROWS), mask=hidden)
    with pytest.raises(InputError, match="sample_weight is nan at row index 0"):
        prepare(X, np.arange(ROWS) / 8, validation=0, test=0, weight=weight)


def test_a_bad_target_is_named_by_the_user_row() -> None:
    """Not by its index among the rows that are left, or among those of its part."""
    rows = {"age": COLUMNS["age"]}
    targets: list[Any] = [str(row) for row in range(ROWS)]
    targets[70] = "many"
    number = Task("regression", 1, target_names=("y",))
    for fraction in (0.0, 0.5):
        with pytest.raises(DataError, match=r'The target "y" at row index 70 is "many"'):
            prepare(rows, targets, number, validation=fraction, test=0)
    good = [None, None, *([0.0, 1.5] * 49)]
    parts = prepare(rows, good, "regression", validation=0.4, test=0.4, canonical=False)
    for rows_of_part in (parts.validation_rows, parts.test_rows):
        assert rows_of_part is not None
        far = [1e139 if row == rows_of_part[0] else value for row, value in enumerate(good)]
        notes = prepare(rows, far, "regression", validation=0.4, test=0.4, canonical=False).notes
        assert any(f"1e+139 at row index {rows_of_part[0]} lies far" in note for note in notes)
    validation_rows = ({"age": [1.0, 2.0, 3.0]}, [None, "low", "poor"])
    with pytest.raises(DataError, match=r'at row index 2 is "poor", a class that the training rows did not have'):
        prepare(rows, np.array(COLUMNS["income"]), validation_source=validation_rows, test=0)


def test_commas_between_thousands_are_read_with_a_note(tmp_path: Path) -> None:
    size, price = [f"{900 + 37 * row:,}" for row in range(ROWS)], [f"{990_000 + 1000 * row:,}" for row in range(ROWS)]
    price[3] = ""
    lines = [f'"{left}",{row % 7},"{other}"' for row, (left, other) in enumerate(zip(size, price, strict=True))]
    path = tmp_path / "houses.csv"
    path.write_text("size,rooms,price\n" + "\n".join(lines) + "\n")
    prepared = prepare(path, "price", validation=0, test=0)
    assert prepared.task.kind == "regression"
    assert "Commas between thousands, such as 1,234 for 1234, were read in: size, price." in prepared.notes
    assert prepared.target.mean == (np.delete(990_000 + 1000.0 * np.arange(ROWS), 3).mean(),)
    assert target_values(open_source(path).take(np.array([0, 1])), ["price"]).tolist() == [990_000, 991_000]


def test_ambiguous_commas_of_a_target_beside_semicolons_are_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / "euro.csv"
    path.write_text("x;price\n1;1,234\n2;2,500\n")
    assert target_values(open_source(path), ["price"]).tolist() == [1.234, 2.5]
    path.write_text("x;price\n1;1,234\n2;1,234,567\n")
    assert target_values(open_source(path), ["price"]).tolist() == [1234, 1234567]
    path.write_text("x;price\n1;1,234\n2;2,5\n")
    assert target_values(open_source(path), ["price"]).tolist() == [1.234, 2.5]


def test_several_targets() -> None:
    prepared = prepare(dict(COLUMNS, cost=COLUMNS["age"]), ["price", "cost"])
    assert prepared.task.target_names == ("price", "cost")
    assert prepared.train.targets.shape == (70, 2)
    flags = {"a": [row % 2 for row in range(40)], "b": [row % 3 == 0 for row in range(40)], "x": [0.5, 1, 2, 3] * 10}
    assert prepare(flags, ["a", "b"]).task.kind == "multilabel"


def test_arrays() -> None:
    images = np.arange(40 * 12, dtype=np.uint8).reshape(40, 3, 4)
    prepared = prepare(images, np.arange(40) % 4)
    assert prepared.task.kind == "multiclass"
    assert prepared.train.inputs.shape == (28, 12)
    assert prepared.columns == ()
    assert prepare(np.random.default_rng(0).normal(size=(40, 3)), np.arange(40.0)).task.kind == "regression"
    for arguments, message in (
        ((images,), "no targets"),
        ((images, ["a", "b"]), "without column names"),
        ((images, "label"), "without column names"),
    ):
        with pytest.raises(InputError, match=message):
            prepare(*arguments)
    with pytest.raises(InputError, match="cannot be ignored"):
        prepare(images, np.arange(40) % 4, ignore=["x"])


@pytest.mark.parametrize("name", NAMED)
def test_named_sets_are_ready(name: str) -> None:
    prepared = prepare(name)
    assert np.isfinite(prepared.train.inputs.dense).all()
    assert prepared.task.kind == {"breast_cancer": "binary", "diabetes": "regression"}.get(name, "multiclass")


def test_text_targets_become_numbers_unless_they_are_codes() -> None:
    frame = pl.DataFrame(
        {"a": ["1", "2", "?"], "b": ["01", "02", "03"], "c": ["1.5", "2", "-1e3"], "d": ["1", "2", "3"]}
    )
    source = open_source(frame)
    np.testing.assert_array_equal(target_values(source, ["a"]), [1.0, 2.0, np.nan])
    assert target_values(source, ["b"]).tolist() == ["01", "02", "03"]
    assert target_values(source, ["c"]).tolist() == [1.5, 2.0, -1000.0]
    assert target_values(source, ["d"]).dtype == np.int64
    assert target_values(source, ["c", "d"]).shape == (3, 2)


def with_column(name: str, cells: list[Any]) -> dict[str, list[Any]]:
    return {**COLUMNS, name: cells}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no target": ({"source": COLUMNS}, "Say which column"),
    "unknown target": ({"source": COLUMNS, "target": "incom"}, 'Did you mean "income"'),
    "unknown targets": ({"source": COLUMNS, "target": ["price", "agee"]}, 'Did you mean "age"'),
    "twice": ({"source": COLUMNS, "target": ["price", "price"]}, "given twice"),
    "unknown ignored": ({"source": COLUMNS, "target": "income", "ignore": ["kay"]}, 'Did you mean "key"'),
    "unknown task": ({"source": COLUMNS, "target": "income", "task": "classify"}, "There is no task"),
    "one value": ({"source": with_column("t", ["a"] * ROWS), "target": "t"}, "nothing to learn"),
    "all missing": ({"source": with_column("t", ["?"] * ROWS), "target": "t"}, "is missing"),
    "single row": ({"source": with_column("t", [2] + [1] * (ROWS - 1)), "target": "t"}, 'class "2"'),
    "all different": ({"source": COLUMNS, "target": "key"}, "too many for classes"),
    "infinite target": (
        {"source": with_column("t", [None, float("inf"), *[0.5] * (ROWS - 2)]), "target": "t"},
        'target column "t" has inf in row 2',
    ),
    "infinite input": (
        {"source": with_column("x", ["1", "2", "inf"] + ["1"] * (ROWS - 3)), "target": "income"},
        'Column "x" has "inf" in row 3',
    ),
    "text among targets": ({"source": COLUMNS, "target": ["price", "job"]}, '"job" has "clerk" in row 1'),
    "all inputs dropped": (
        {"source": {"key": COLUMNS["key"], "y": COLUMNS["income"]}, "target": "y"},
        "No column is",
    ),
    "no inputs": ({"source": {"y": COLUMNS["income"]}, "target": "y"}, "No input column is left"),
    "arrays without a number": (
        {"source": np.full((50, 2), np.nan), "target": np.arange(50)},
        "The inputs of the array hold no number, only NaN",
    ),
    "too few rows": ({"source": {"x": [1.0, 2.0], "y": [1.0, 2.5]}, "target": "y"}, "has 2 rows"),
    "fraction": ({"source": COLUMNS, "target": "income", "test": 1.0}, "test is 1.0"),
    "fractions": ({"source": COLUMNS, "target": "income", "test": 0.5, "validation": 0.5}, "leave no rows"),
    "seed": ({"source": COLUMNS, "target": "income", "seed": -1}, "The seed"),
    "dates": (
        {
            "source": with_column("t", pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 4, 9), eager=True).to_list()),
            "target": "t",
        },
        "holds dates",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_prepared_gets_a_clear_message(name: str) -> None:
    arguments, message = BAD[name]
    with pytest.raises(InputError) as caught:
        prepare(**arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("value", "expected"), [(1e300, "larger units"), (-np.inf, "a finite number was expected")])
def test_targets_whose_errors_have_no_finite_square(value: float, expected: str) -> None:
    price = np.linspace(0.0, 1.0, 40)
    price[7] = value
    with pytest.raises(DataError, match=rf'"price" has .*{value:g}.* in row 8.*{expected}'.replace("+", r"\+")):
        prepare({"size": list(range(3, 43)), "price": price.tolist()}, "price")
    price[7] = 1e140
    assert len(prepare({"size": np.sqrt(np.arange(40.0)).tolist(), "price": price.tolist()}, "price").train)
