"""Rows that a network leaves out have inputs for single values as often as new rows, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import ranvier as rv
from ranvier.data.encoders.number_resolution import frequent_values
from ranvier.data.encoders.refined_numbers import MAX_VALUE_INPUTS
from ranvier.network.task import Task
from ranvier.recipes.known_values import unknown_values, value_inputs
from ranvier.recipes.out_of_fold import left_out_rows
from ranvier.rows import Rows

TASK = Task("regression", 1)


def indicators(values: Any, encoded_values: Any) -> Any:
    return (values[:, None] == np.array(encoded_values)).astype(np.float32)


def test_rows_left_out_have_an_input_as_often_as_new_rows() -> None:
    generator, gaps, earlier = np.random.default_rng(0), [], []
    for _ in range(3):
        values, new = generator.integers(0, 600, 3000).astype(float), generator.integers(0, 600, 20_000).astype(float)
        encoded_values = frequent_values(values, MAX_VALUE_INPUTS)
        rows, of_new = Rows(indicators(values, encoded_values), values[:, None]), indicators(new, encoded_values)
        for left_out in left_out_rows(TASK, rows, None, 6, 10, seed=0):
            assert left_out is not None
            learned = rows.take(np.setdiff1d(np.arange(3000), left_out))
            unknown = unknown_values(learned, [slice(0, len(encoded_values))])
            assert len(unknown) == len(encoded_values) - 256
            heldout = rows.inputs.dense[left_out]
            earlier.append(heldout.any(axis=1).mean() - of_new.any(axis=1).mean())
            parts = (np.delete(part, unknown, axis=1) for part in (heldout, of_new))
            gaps.append(float(np.subtract(*(part.any(axis=1).mean() for part in parts))))
    error = np.sqrt(0.25 / (3 * 1300))  # of a fraction of the rows that three divisions leave out
    assert abs(np.mean(gaps)) < 3 * error
    assert np.mean(earlier) > 6 * error


def test_values_of_few_rows_and_columns_without_single_values() -> None:
    rows = Rows(np.eye(4, dtype=np.float32)[[0, 0, 0, 1, 1, 3, 3, 3, 3]], np.zeros((9, 1)))
    assert unknown_values(rows, [slice(0, 2), slice(2, 4)]).tolist() == [1, 2]
    assert unknown_values(rows, [slice(0, 4)], most=1).tolist() == [0, 1, 2]
    assert unknown_values(rows, []).tolist() == []
    assert value_inputs(None) == []


def test_a_value_that_a_network_does_not_know_has_no_weights_in_the_merged_one() -> None:
    generator = np.random.default_rng(1)
    codes = generator.integers(0, 500, 2400)
    table = {"code": codes.astype(float), "y": generator.normal(size=500)[codes]}
    recipe: Any = replace(rv.recipe("table"), n_networks=2, n_pilots=0, epochs=1, max_epochs=1, hidden=(2,))  # type: ignore[type-var]
    model = rv.train(table, "y", recipe=recipe, test=0.0, progress=False)
    (columns,) = value_inputs(model.encoder)
    assert columns.stop - columns.start == MAX_VALUE_INPUTS
    weight = model.parameters["layers.0.weight"][columns].reshape(-1, 2, 2)
    zero = (weight == 0).all(axis=2)
    assert zero.sum(axis=0).tolist() == [64, 64]
    assert (zero[:, 0] != zero[:, 1]).any()
