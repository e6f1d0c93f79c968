"""How finely numbers are resolved: amounts that are names, fine structure, and columns where bins are enough."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ranvier.data import prepare
from ranvier.data.encoders import refined_numbers
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.number_resolution import frequent_values, quantile_knots, resolution
from ranvier.errors import ModelFileError

ROWS = 4_000
OPTIONS = FeatureOptions(0, 32, 800, 3, adapt_bins=True)


def noisy(signal: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """A target with the signal and as much noise."""
    noise = np.random.default_rng(seed).normal(size=len(signal))
    return signal / max(signal.std(), 1e-9) + noise


def resolution_of(values: NDArray[np.float64], targets: NDArray[np.float64], n_bins: int = 32) -> str:
    present = np.sort(values[~np.isnan(values)])
    knots, narrow = (np.array(quantile_knots(present, count)) for count in (n_bins, 128))
    return resolution(values, targets.reshape(len(values), -1), knots, narrow)


def amounts(rows: int = ROWS) -> NDArray[np.float64]:
    """Mostly 0, else one of 90 usual amounts."""
    random = np.random.default_rng(1)
    usual = np.sort(random.choice(np.arange(100.0, 20_000.0), 90, replace=False))
    return np.where(random.random(rows) < 0.8, 0.0, random.choice(usual, rows))


def meaning(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for every other amount: what one means does not lie between its neighbours."""
    return (np.unique(values, return_inverse=True)[1] % 2).astype(np.float64)


@pytest.mark.parametrize("shift", [0.0, -5_000.0, 0.25])
def test_usual_amounts_are_names(shift: float) -> None:
    values = amounts()
    assert resolution_of(values + shift, noisy(meaning(values))) == "values"


def test_codes_without_a_common_value_are_names() -> None:
    codes = np.random.default_rng(2).integers(1_000, 1_200, ROWS).astype(np.float64)
    assert resolution_of(codes, noisy(np.random.default_rng(3).normal(size=200)[codes.astype(int) - 1_000])) == "values"


def test_names_are_found_for_classes_gaps_and_missing_cells() -> None:
    values = amounts()
    is_odd = meaning(values) > 0.5
    targets = np.stack([is_odd, ~is_odd], axis=1).astype(np.float64)
    values[::10] = np.nan
    targets[5::10, 0] = np.nan
    assert resolution_of(values, targets) == "values"


@pytest.mark.parametrize("seed", range(5))
def test_bins_are_enough_for_noise_steps_and_smooth_functions(seed: int) -> None:
    random = np.random.default_rng(seed)
    integers, reals = random.integers(0, 90, ROWS).astype(np.float64), random.normal(size=ROWS)
    assert resolution_of(integers, random.normal(size=ROWS)) == "bins"
    assert resolution_of(integers, noisy(np.sqrt(integers), seed)) == "bins"
    assert resolution_of(reals, noisy(np.tanh(reals), seed)) == "bins"
    assert resolution_of(np.round(reals, 2), noisy(np.sign(reals), seed)) == "bins"
    assert resolution_of(amounts(), random.normal(size=ROWS)) == "bins"


def test_fine_structure_needs_narrow_bins() -> None:
    coordinates = np.random.default_rng(4).uniform(0.0, 100.0, 3 * ROWS)
    assert resolution_of(coordinates, noisy(np.sin(coordinates))) == "narrow bins"
    assert resolution_of(coordinates, noisy(np.sin(coordinates / 30))) == "bins"


def test_few_rows_and_few_different_values_have_bins() -> None:
    values = amounts(1_900)
    assert resolution_of(values, meaning(values)) == "bins"
    digits = np.random.default_rng(5).integers(0, 10, ROWS).astype(np.float64)
    assert resolution_of(digits, noisy(meaning(digits))) == "bins"
    assert resolution_of(np.full(ROWS, np.nan), np.zeros(ROWS), 2) == "bins"


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.sampled_from([0.0, 1.0, 2.5, -3.0]), min_size=1, max_size=30), most=st.integers(0, 5))
def test_frequent_values_are_those_with_three_rows(values: list[float], most: int) -> None:
    kept_values = frequent_values(np.array(values), most)
    counts = {value: values.count(value) for value in set(values)}
    frequent = [value for value, rows in counts.items() if rows >= 3]
    assert list(kept_values) == sorted(kept_values)
    assert set(kept_values) <= set(frequent)
    assert len(kept_values) == min(most, len(frequent))
    left_out = [counts[value] for value in frequent if value not in kept_values]
    assert not kept_values or not left_out or min(counts[value] for value in kept_values) >= max(left_out)


def table(rows: int = ROWS) -> dict[str, Any]:
    values = amounts(rows)
    coordinates = np.random.default_rng(6).uniform(0.0, 100.0, rows)
    signal = meaning(values) + np.sin(coordinates)
    return {"gain": values, "longitude": coordinates, "age": np.arange(rows) % 60.0, "income": noisy(signal)}


def test_the_columns_of_a_table_are_refined_by_the_targets_of_its_training_rows() -> None:
    rows = 3 * ROWS
    rows_of_table = table(rows)
    prepared = prepare(rows_of_table, "income", test=0.2, validation=0.0, seed=0, features=OPTIONS)
    gain, longitude, age = prepared.encoder.encoders  # type: ignore[union-attr]
    assert isinstance(gain, NumberEncoder)
    assert isinstance(longitude, NumberEncoder)
    assert isinstance(age, NumberEncoder)
    assert 0.0 in gain.single_values
    assert 80 <= len(gain.single_values) <= 91
    assert len(longitude.knots) == 129
    assert not longitude.single_values
    assert len(age.knots) == 33
    assert not age.single_values
    inputs = prepared.train.inputs.toarray()
    assert inputs.shape[1] == sum(encoder.width for encoder in (gain, longitude, age))
    single = inputs[:, gain.first_single_value : gain.width]
    assert (single.sum(axis=1) <= 1).all()
    assert single.sum() > 0.9 * len(single)
    assert f"indicators of {len(gain.single_values)} values" in gain.describe()


def test_many_classes_are_told_apart_by_more_than_the_mean_of_their_numbers() -> None:
    values = amounts()
    random = np.random.default_rng(7)
    outer, inner = random.choice([0, 19], ROWS), random.choice([9, 10], ROWS)
    classes = np.where(meaning(values) > 0.5, outer, inner)
    classes[:20] = np.arange(20)
    rows = {"gain": values, "class": [f"class {number:02}" for number in classes]}
    prepared = prepare(rows, "class", test=0.0, validation=0.0, seed=0, features=OPTIONS)
    (gain,) = prepared.encoder.encoders  # type: ignore[union-attr]
    assert isinstance(gain, NumberEncoder)
    assert len(gain.single_values) > 80


def test_of_many_rows_some_are_looked_at_with_their_own_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refined_numbers, "MAX_ROWS", ROWS)
    assert refined_numbers.step_between(3 * ROWS) == 3
    prepared = prepare(table(3 * ROWS), "income", test=0.0, validation=0.0, seed=0, features=OPTIONS)
    gain, _, age = prepared.encoder.encoders  # type: ignore[union-attr]
    assert isinstance(gain, NumberEncoder)
    assert len(gain.single_values) >= 80
    assert isinstance(age, NumberEncoder)
    assert not age.single_values


def test_without_the_option_nothing_is_refined() -> None:
    prepared = prepare(table(), "income", test=0.2, validation=0.0, seed=0, features=replace(OPTIONS, adapt_bins=False))
    encoders = prepared.encoder.encoders  # type: ignore[union-attr]
    assert not any(encoder.single_values for encoder in encoders if isinstance(encoder, NumberEncoder))


def test_all_columns_together_get_so_many_inputs_more() -> None:
    options = FeatureOptions(0, 32, 200, 3, adapt_bins=True)
    prepared = prepare(table(3 * ROWS), "income", test=0.2, validation=0.0, seed=0, features=options)
    gain, longitude, _ = prepared.encoder.encoders  # type: ignore[union-attr]
    assert isinstance(gain, NumberEncoder)
    assert isinstance(longitude, NumberEncoder)
    assert len(gain.single_values) <= 100
    assert len(longitude.knots) <= 33 + 100


def test_single_values_survive_a_file_and_damaged_ones_are_refused() -> None:
    encoder = NumberEncoder("gain", 0.0, 1.0, True, 1, (0.0, 10.0), single_values=(0.0, 0.1, 7298.0))
    data = json.loads(json.dumps(encoder.to_dict()))
    assert NumberEncoder.from_dict(data) == encoder
    assert encoder.feature_names[-4:] == ("gain = 0", "gain = 0.1", "gain = 7298", "gain: missing")
    assert "single_values" not in NumberEncoder("gain", 0.0, 1.0, True).to_dict()
    for damaged in ([1.0, 1.0], [2.0, 1.0], ["1"], [1e308], [float("nan"), 1.0]):
        with pytest.raises(ModelFileError):
            NumberEncoder.from_dict({**data, "single_values": damaged})
