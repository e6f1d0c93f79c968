"""What cannot be used is refused in one sentence of our own, which names what was given and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ranvier as rv
from ranvier.errors import RanvierError

X = np.random.default_rng(0).normal(size=(30, 3))
Y = X[:, 0]
WORDS = np.where(Y > 0, "a", "b")
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])

PARAMETERS: list[tuple[dict[str, Any], str]] = [
    *[({name: value}, f"{name} is {value!r}; .* at least 1, or None") for name in ("batch_size", "epochs", "patience")
      for value in ("auto", -1, 0, 2.5, True)],
    ({"loss": lambda y, t: (y - t) ** 2}, r'rv\.loss\("my_loss", function\)'),
    ({"loss": np.square}, r'rv\.loss\("my_loss", function\)'),
    ({"activation": lambda x: x}, r'rv\.activation\("my_activation", function\)'),
    ({"loss": "categorical_cross_entropy"}, "compares probabilities of classes.*squared_error"),
    ({"loss": "focal"}, "compares probabilities of classes.*squared_error"),
]  # fmt: skip


@pytest.mark.parametrize("recipe", ["table", "plain"])
@pytest.mark.parametrize(("options", "text"), PARAMETERS)
def test_parameters_that_cannot_be_used(options: dict[str, Any], text: str, recipe: str) -> None:
    with pytest.raises(RanvierError, match=text):
        rv.Regressor(recipe=recipe, **options).fit(X, Y)
    with pytest.raises(RanvierError, match=text):
        rv.train(X, Y, recipe=recipe, task="regression", **options)


@pytest.mark.parametrize(
    ("loss", "labels", "other"),
    [
        ("focal", WORDS, "binary_focal"),
        ("categorical_cross_entropy", WORDS, "binary_cross_entropy"),
        ("binary_focal", np.arange(30) % 3, "focal"),
        ("binary_cross_entropy", np.arange(30) % 3, "categorical_cross_entropy"),
    ],
)
def test_a_loss_for_the_other_kind_of_classes_names_its_counterpart(loss: str, labels: Any, other: str) -> None:
    options: dict[str, Any] = {"epochs": 1, "effort": "fast", "engine": "reference"}
    with pytest.raises(RanvierError, match=f'take the loss "{other}"'):
        rv.Classifier(loss=loss, **options).fit(X, labels)
    rv.Classifier(loss=other, **options).fit(X, labels)


MISSING = {
    "words": pd.Series(["a", pd.NA] * 15),
    "text": pd.Series(["a", pd.NA] * 15, dtype="string"),
    "integers": pd.Series([1, pd.NA] * 15, dtype="Int64"),
    "booleans": pd.Series([True, pd.NA] * 15, dtype="boolean"),
    "categories": pd.Series(["a", None] * 15, dtype="category"),
    "none": np.array(["a", None] * 15, object),
    "polars": pl.Series(["a", None] * 15),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_labels_are_named_by_row(name: str) -> None:
    with pytest.raises(RanvierError, match="row index 1; every "):
        rv.Classifier().fit(X, MISSING[name])


@pytest.mark.parametrize("column", [FRAME["a"], pl.Series("a", X[:, 0]), FRAME["a"].convert_dtypes()])
def test_a_series_is_no_table(column: Any) -> None:
    fitted = rv.Regressor(epochs=1, effort="fast", engine="reference").fit(FRAME, Y)
    for call in (lambda: rv.Regressor().fit(column, Y), lambda: fitted.predict(column)):
        with pytest.raises(RanvierError, match=r"X is a Series.*X\.to_frame\(\)"):
            call()
    row = fitted.predict(FRAME.iloc[3])
    np.testing.assert_array_equal(row, fitted.predict(FRAME.iloc[3:4]))


def test_names_that_are_there_twice() -> None:
    twice = FRAME.set_axis(["a", "a", "b"], axis=1)
    fitted = rv.Regressor(epochs=1, effort="fast", engine="reference").fit(FRAME, Y)
    for call in (lambda: rv.Regressor().fit(twice, Y), lambda: fitted.predict(twice)):
        with pytest.raises(RanvierError, match='"a" more than once'):
            call()


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_inputs_that_are_too_large_are_named_and_not_the_learning_rate(engine: str) -> None:
    network = rv.Network(3, [rv.Dense(1)])
    with pytest.raises(RanvierError, match="row index 0, column index 0, which is beyond float32; scale that column"):
        network.fit(X * 1e300, Y, epochs=1, engine=engine)
    if engine == "reference":
        return  # it computes in float64, where nothing overflows
    with pytest.raises(RanvierError, match=r"^Inputs reach \d.*e\+30: scale them to about 1"):
        network.fit(X * 1e30, Y, epochs=1, engine=engine)
    with pytest.raises(RanvierError, match=r"^(The loss|Training|Parameters)"):
        network.fit(X, Y, epochs=50, engine=engine, optimizer=rv.SGD(1e6))


def test_an_unknown_processor_is_warned_of_where_no_progress_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANVIER_CPU", "commodore-64")
    network = rv.Network(3, [rv.Dense(1)])
    for call in (
        lambda: rv.Regressor(recipe="plain", hidden=(2,), epochs=1).fit(X, Y),
        lambda: network.fit(X, Y, epochs=1, progress=False),
    ):
        with pytest.warns(RuntimeWarning, match="RANVIER_CPU is 'commodore-64'.* reference engine"):
            call()
    with pytest.raises(RanvierError, match="RANVIER_CPU is 'commodore-64'"):
        network.fit(X, Y, epochs=1, engine="native")
