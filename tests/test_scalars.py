"""Numbers of NumPy, and arrays without axes, are options like Python's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.errors import InputError, RanvierError
from ranvier.network.quantile_levels import merged_options
from ranvier.random import check_seed
from ranvier.recipes.options import TrainOptions, split_rows_option
from ranvier.scalars import as_integer, as_number, plain_scalar
from ranvier.training.threshold import checked_threshold
from ranvier.tuning.search import _check
from ranvier.tuning.space import make_space

Cast = Callable[[Any], Any]
FLOATS: tuple[Cast, ...] = (np.float16, np.float32, np.float64, np.longdouble, np.array, partial(np.array, dtype="f4"))
INTEGERS: tuple[Cast, ...] = (np.int64, np.uint8, np.array, partial(np.array, dtype=np.int32))
FORMS = tuple(zip((*FLOATS, *FLOATS), (*INTEGERS, *INTEGERS), strict=False))[: len(FLOATS)]
NO_NUMBERS = (True, np.True_, np.array(True), "3", np.str_("3"), np.array("3"), b"3", [3], np.array([3]), None, 3j)
NO_NUMBERS += (np.complex64(3), np.timedelta64(3, "ns"), np.datetime64(3, "D"), np.array(np.timedelta64(3, "s")))


@pytest.fixture(scope="module")
def rows() -> tuple[Any, Any]:
    X = np.random.default_rng(0).normal(size=(60, 3))
    return X, (X[:, 0] > 0).astype(int)


def _network() -> rv.Network:
    return rv.Network(inputs=3, layers=[rv.Dense(4, "relu"), rv.Dense(2, "softmax")])


@pytest.mark.parametrize("cast", [*FLOATS, Fraction])
def test_numbers_of_every_type_are_floats(cast: Cast) -> None:
    assert as_number(cast(0.5)) == 0.5
    assert type(as_number(cast(0.5))) is float


@pytest.mark.parametrize("cast", INTEGERS)
def test_integers_of_every_type_are_ints(cast: Cast) -> None:
    assert as_integer(cast(3)) == 3
    assert type(as_integer(cast(3))) is int
    assert as_number(cast(3)) == 3.0
    assert type(plain_scalar(cast(3))) is int


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_none(value: Any) -> None:
    assert as_number(value) is None
    assert as_integer(value) is None


@pytest.mark.parametrize("value", [2.5, 3.0, np.float64(3.0), np.array(2.5), float("nan"), 10**400 / Fraction(1)])
def test_numbers_that_are_no_integers(value: Any) -> None:
    assert as_integer(value) is None
    assert as_integer(10**400) == 10**400
    assert as_number(10**400) is None


def _trained(rows: tuple[Any, Any], real: Cast, integer: Cast) -> rv.Model:
    return rv.train(
        *rows,
        recipe="plain",
        hidden=integer(4),
        epochs=integer(3),
        batch_size=integer(16),
        patience=integer(2),
        validation=real(0.25),
        test=real(0.25),
        dropout=real(0.25),
        learning_rate=real(0.0625),
        weight_decay=real(0.5),
        clip_norm=real(2.0),
        optimizer="adamw",
        threshold=real(0.25),
        class_weight={0: real(2.0), 1: real(0.5)},
        positive=integer(1),
        seed=integer(3),
        threads=integer(1),
        engine="reference",
        progress=False,
    )


@pytest.mark.parametrize(("real", "integer"), FORMS)
def test_train_takes_them(rows: tuple[Any, Any], real: Cast, integer: Cast) -> None:
    expected, actual = _trained(rows, float, int), _trained(rows, real, integer)
    assert (actual.outputs(rows[0]) == expected.outputs(rows[0])).all()
    assert expected.report is not None
    assert actual.report is not None
    assert expected.report.split["validation"] == actual.report.split["validation"] > 0
    assert (actual.predict(rows[0]) == expected.predict(rows[0])).all()


@pytest.mark.parametrize(("real", "integer"), FORMS)
def test_options_are_kept_as_plain_json(real: Cast, integer: Cast) -> None:
    options = TrainOptions(
        hidden=integer(4), epochs=integer(2), dropout=real(0.25), seed=integer(3), image_size=integer(32)
    )
    plain = TrainOptions(hidden=(4,), epochs=2, dropout=0.25, seed=3, image_size=32)
    assert options == plain
    assert json.dumps(options.to_dict()) == json.dumps(plain.to_dict())
    recipe: Any = replace(rv.recipe("table"), n_networks=integer(2), dropout=real(0.25))  # type: ignore[type-var]
    assert json.loads(json.dumps(recipe.to_dict()))["n_networks"] == 2


@pytest.mark.parametrize(("real", "integer"), FORMS)
def test_fit_takes_them(rows: tuple[Any, Any], real: Cast, integer: Cast) -> None:
    def outputs(real: Cast, integer: Cast) -> Any:
        shared = {"epochs": integer(2), "batch_size": integer(16), "seed": integer(3), "threads": integer(1)}
        optimizer = rv.Adam(real(0.0625), beta1=real(0.5))
        model = _network().fit(*rows, validation=real(0.25), optimizer=optimizer, engine="reference", **shared)
        return model.outputs(rows[0])

    assert (outputs(real, integer) == outputs(float, int)).all()


@pytest.mark.parametrize("real", FLOATS)
@pytest.mark.parametrize("apart", [False, True])
def test_seeds_of_fit_many_divide_the_rows_each_in_its_way(rows: tuple[Any, Any], real: Cast, apart: bool) -> None:
    fractions = [real(0.25), real(0.25)] if apart else [real(0.25)] * 2
    trials = [{"seed": seed, "validation": fraction} for seed, fraction in enumerate(fractions)]
    models = rv.fit_many(_network(), *rows, trials=trials, epochs=2, engine="reference", progress=False)
    for seed, model in enumerate(models):
        alone = _network().fit(*rows, validation=0.25, seed=seed, epochs=2, engine="reference")
        assert (model.outputs(rows[0]) == alone.outputs(rows[0])).all()
        assert (model.history.validation_loss == alone.history.validation_loss).all()


@pytest.mark.parametrize(("real", "integer"), FORMS)
def test_a_model_takes_them(rows: tuple[Any, Any], real: Cast, integer: Cast) -> None:
    X, y = rows
    model = _network().fit(X, y, epochs=2, validation=0.25, engine="reference")

    def same(ask: Callable[[Cast, Cast], Any]) -> None:
        assert ask(real, integer) == ask(float, int)

    same(lambda r, w: model.predict_set(X, coverage=r(0.75)))
    same(lambda r, w: model.attributions(X[:2], tolerance=r(0.5)).values.tolist())
    same(lambda r, w: [record.importance for record in model.importances(X, y, repeats=w(2))])
    same(lambda r, w: model.input_gradients(X[:2], output=w(1)).tolist())
    same(lambda r, w: [entry.row for entry in model.nearest(X[0], X, count=w(2))])
    same(lambda r, w: model.partial_dependence("x0", X, grid=w(3), rows=w(9)).grid)
    same(lambda r, w: model.calibration(X, y, bins=w(4)).expected_calibration_error)


@pytest.mark.parametrize(("real", "integer"), FORMS)
def test_estimators_take_them(rows: tuple[Any, Any], real: Cast, integer: Cast) -> None:
    def outputs(real: Cast, integer: Cast) -> Any:
        options: dict[str, Any] = {"recipe": "plain", "epochs": integer(2), "hidden": integer(4), "engine": "reference"}
        estimator = rv.Classifier(validation=real(0.25), dropout=real(0.5), random_state=integer(3), **options)
        return estimator.fit(*rows).predict_proba(rows[0])

    assert (outputs(real, integer) == outputs(float, int)).all()


@pytest.mark.parametrize(("real", "integer"), FORMS)
def test_checks_take_them(real: Cast, integer: Cast) -> None:
    _check(real(0.5), integer(9))
    assert split_rows_option("validation", real(0.25)) == (0.25, None)
    assert type(split_rows_option("validation", real(0.25))[0]) is float
    assert check_seed(integer(7)) == 7
    assert checked_threshold(real(0.25)) == 0.25
    assert merged_options("quantile", {"q": real(0.25)}, _levels()) == (("q", 0.25),)
    space = {"dropout": (real(0.0), real(0.25)), "hidden": [integer(8), (integer(8), integer(4))], "epochs": integer(3)}
    plain: Any = {"dropout": (0.0, 0.25), "hidden": [8, (8, 4)], "epochs": 3}
    assert make_space(rv.recipe("plain"), space) == make_space(rv.recipe("plain"), plain)


@pytest.mark.parametrize("value", [value for value in NO_NUMBERS if value is not None], ids=repr)
def test_what_is_no_number_is_refused(rows: tuple[Any, Any], value: Any) -> None:
    for name in ("epochs", "batch_size", "seed", "threads"):
        with pytest.raises(InputError):
            _network().fit(*rows, engine="reference", **{name: value})
    for name in ("epochs", "batch_size", "patience"):
        with pytest.raises(InputError, match=name):
            TrainOptions(**{name: value})
    with pytest.raises(InputError):
        rv.Adam(value)
    for minutes, trials in ((value, None), (1, value)):
        with pytest.raises(InputError):
            _check(minutes, trials)


@pytest.mark.parametrize("value", [True, np.True_, np.array(True), np.float32(1.0), np.array(-0.5), float("nan")])
def test_fractions_that_cannot_be(rows: tuple[Any, Any], value: Any) -> None:
    for name in ("validation", "test"):
        with pytest.raises(InputError, match=name):
            split_rows_option(name, value)
    with pytest.raises(RanvierError):
        _network().fit(*rows, validation=value, engine="reference")


def _levels() -> Any:
    from ranvier.network.number_rules import OPEN_UNIT

    return {"q": (0.5, OPEN_UNIT)}
