"""Both engines refuse inputs that are no numbers, and the compiled one goes on as if nothing had been."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.engine import Executable
from ranvier.errors import DataError
from ranvier.network.layers import Dense
from ranvier.training.engines import engine as engine_of
from ranvier.training.state import initial_state
from tests.native.against_reference import make_spec

COLUMNS = 35


@pytest.fixture(params=["native", "reference"])
def executable(request: pytest.FixtureRequest, own_cache: None) -> Executable:
    task = make_spec(COLUMNS, [Dense(33, "relu"), Dense(3, "softmax")])
    actual = engine_of(request.param).compile(task)
    actual.set_state(initial_state(task.network, task.optimizer, 0).engine)
    return actual


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 8, 700])
def test_engines_refuse_them_and_go_on(executable: Executable, dtype: type, rows: int) -> None:
    inputs = np.random.default_rng(0).standard_normal((rows, COLUMNS)).astype(dtype)
    expected = [executable.outputs(inputs) for _ in range(2)][1].tobytes()
    for column in (0, 15, 16, 32, COLUMNS - 1):
        for value in (np.nan, np.inf, -np.inf):
            row = (rows - 1) * (column % 2)
            wrong = inputs.copy()
            wrong[row, column] = value
            with pytest.raises(DataError, match=f"X holds {value} at row index {row}, column index {column};"):
                executable.outputs(wrong)
            assert executable.outputs(inputs).tobytes() == expected
