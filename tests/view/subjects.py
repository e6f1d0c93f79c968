"""Models and rows that the tests of the view and of its pages share, as fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest

import ranvier as rv
from ranvier.view.known_rows import rows_from_file, rows_of
from ranvier.view.subject import Subject


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model digits.rv and its run."""
    folder = tmp_path_factory.mktemp("digits")
    options = {"recipe": "plain", "hidden": (12, 8), "epochs": 6, "engine": "reference", "progress": False}
    rv.train("digits", model=folder / "digits.rv", run=folder / "run", **options)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def digits(digits_run: Path) -> Subject:
    """The digits with their test rows: columns that are the pixels of a picture."""
    model = rv.load(digits_run / "digits.rv")
    return Subject(model, rows_of(model), "digits.rv")


@pytest.fixture(scope="session")
def people() -> Subject:
    """A table with numbers, a category and missing cells; two classes."""
    count = 60
    table = {
        "age": [20 + row % 40 for row in range(count)],
        "city": [("Rome", "Oslo", None)[row % 3] for row in range(count)],
        "a column with a name of forty characters": [row * 0.5 for row in range(count)],
        "buys": [("no", "yes")[row % 40 > 20] for row in range(count)],
    }
    model = rv.train(
        table, target="buys", recipe="plain", hidden=(6,), epochs=4, engine="reference", progress=False, batch_size=8
    )
    return Subject(model, rows_from_file(model, table), "people")


@pytest.fixture(scope="session")
def diabetes() -> Subject:
    """A regression on its whole set."""
    model = rv.train("diabetes", recipe="plain", hidden=(6,), epochs=3, engine="reference", progress=False)
    return Subject(model, rows_from_file(model, "diabetes"), "diabetes")
