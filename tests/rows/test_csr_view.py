"""Views of CSR rows, and rows that are made later, are the rows that they stand for, in training, too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ranvier.network.layers import Dense
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.plain import PlainRecipe
from ranvier.recipes.recipe import TrainingSetup
from ranvier.rows import CSR, Inputs, Rows
from ranvier.rows.csr_later import CSRLater
from ranvier.rows.csr_view import CSRView
from ranvier.rows.inputs import bytes_of
from ranvier.training.divergence import naming_large_inputs
from ranvier.training.runner import fingerprint

DENSE = np.where(np.arange(60).reshape(12, 5) % 3 == 1, np.arange(60.0).reshape(12, 5), 0.0).astype(np.float32) / 30
INDEX = np.array([7, 2, 11, 0, 5, 1, 9, 4])
FACTORS = np.array([0.5, 2.0, 1.0, 3.0, 0.25], np.float32)
TASK = Task("binary", 1, ("no", "yes"))


def viewed(factors: Any = None) -> CSRView:
    return CSRView(CSR.from_dense(DENSE), INDEX, factors)


@pytest.mark.parametrize("factors", [None, FACTORS])
def test_a_view_is_a_copy_of_these_rows(factors: Any) -> None:
    view = viewed(factors)
    expected = DENSE[INDEX] * (1.0 if factors is None else factors)
    assert np.array_equal(view.toarray(), expected)
    copy = view.in_memory()
    assert (view.shape, view.mean_nnz, view.nbytes) == (copy.shape, copy.mean_nnz, copy.nbytes)
    assert view.n_entries == len(copy.data)
    assert all(np.array_equal(first, second) for first, second in zip(view.arrays(), copy.arrays(), strict=True))
    assert np.array_equal(view[np.array([3, 1])].toarray(), expected[[3, 1]])
    assert np.array_equal(view[2:5].toarray(), expected[2:5])
    assert np.array_equal(view[:0].toarray(), expected[:0])
    assert np.array_equal(np.concatenate([view[part].toarray() for part in view.row_parts()]), expected)


@pytest.mark.parametrize("rows", [slice(3, 9), slice(0, 12), slice(5, 6), slice(4, 4)])
def test_rows_that_follow_each_other_are_read_in_the_block(rows: slice) -> None:
    block = CSR.from_dense(DENSE)
    view = CSRView.of(block)[rows]
    copy = view.in_memory()
    assert np.array_equal(copy.toarray(), DENSE[rows])
    assert len(copy.data) == 0 or np.shares_memory(copy.data, block.data)
    assert copy.indptr[0] == 0
    multiplied = view.times(FACTORS).in_memory()
    assert np.array_equal(multiplied.toarray(), DENSE[rows] * FACTORS)
    assert not np.shares_memory(multiplied.data, block.data)


def test_rows_are_made_once_and_when_they_are_read() -> None:
    made = []

    def make() -> CSR:
        made.append(True)
        return CSR.from_dense(DENSE)

    rows = Inputs(None, CSRLater(*DENSE.shape, make))
    assert (len(rows), rows.shape, rows.n_csr, made) == (12, (12, 5), 5, [])
    assert np.array_equal(rows.toarray(), DENSE)
    assert np.array_equal(rows[INDEX].toarray(), DENSE[INDEX])
    assert rows.mean_nnz == CSR.from_dense(DENSE).mean_nnz
    assert bytes_of(rows) == bytes_of(Inputs(None, CSR.from_dense(DENSE)))
    assert len(rows.in_memory().arrays()) == 3
    assert made == [True]


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("factors", [None, FACTORS])
def test_training_on_a_view_has_the_bits_of_training_on_a_copy(engine: str, optimizer: str, factors: Any) -> None:
    targets = (np.arange(len(INDEX)) % 2).astype(np.float32)[:, None]
    network = Network(5, [Dense(3, "relu"), Dense(1, "sigmoid")])
    options = TrainOptions(recipe="plain", epochs=3, batch_size=3, engine=engine, optimizer=optimizer)
    recipe = PlainRecipe()
    options = recipe.complete(options)

    def trained(block: CSR | CSRView, validation: CSR | CSRView) -> Any:
        rows, others = (Rows(Inputs(None, part), targets) for part in (block, validation))
        settings = recipe.settings(network, TASK, options, len(rows), (), True).on(rows.inputs)
        setup = TrainingSetup(network, settings, TASK, rows, others)
        assert fingerprint(network, settings, rows, others) == fingerprint(
            network, settings, replace(rows, inputs=rows.inputs.in_memory()), others
        )
        return recipe.train(setup)

    view = viewed(factors)
    first, second = trained(view, view), trained(view.in_memory(), view.in_memory())
    assert first.parameters.tobytes() == second.parameters.tobytes()
    assert first.history.validation_loss.tolist() == second.history.validation_loss.tolist()


def test_large_inputs_of_a_view_are_named() -> None:
    from ranvier.errors import TrainingError

    rows = Rows(Inputs(None, viewed(FACTORS * np.float32(1e20))), np.zeros((len(INDEX), 1)))
    with pytest.raises(TrainingError, match="Inputs reach"), naming_large_inputs(rows):
        raise TrainingError("The loss became inf.")
