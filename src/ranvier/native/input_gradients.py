"""The derivatives of outputs along the inputs of each row. n rows, K inputs, N outputs.

Rows are independent of each other here, so the plans run like those for predictions: forward, and back to the inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec
from ranvier.errors import ShapeError
from ranvier.native.lowering.lowered import INPUT_GRADIENT, INPUT_JACOBIAN, LOGIT_GRADIENT, LOGIT_JACOBIAN
from ranvier.native.resident import check_shape
from ranvier.rows import Inputs

Array = NDArray[Any]
MAX_JACOBIAN = 32
"""Up to so many outputs have one plan, that goes forward once; the code of others would be long."""
ONE_HOT_NUMBERS = 2**20
"""How many numbers the rows of output gradients take that are made at once."""
Derive = Callable[[str, Inputs, "Array | None", int], Array]
"""Runs the plan of a purpose on rows with output gradients; gives so many numbers a row."""


def input_gradients(
    spec: CompileSpec, inputs: Inputs, output_gradients: Array | None, logits: bool, derive: Derive
) -> Array:
    """The derivatives along the inputs, (n, K), from those along the outputs, (n, N); of all outputs, (n, N, K).

    Raises:
        ShapeError: the rows are not as wide as the network, or not equally many.
    """
    check_shape("inputs", inputs, spec.network.inputs)
    gradient, jacobian = (LOGIT_GRADIENT, LOGIT_JACOBIAN) if logits else (INPUT_GRADIENT, INPUT_JACOBIAN)
    n_inputs, n_outputs = spec.network.inputs, spec.network.outputs
    if output_gradients is not None:
        numbers = np.ascontiguousarray(output_gradients, spec.dtype)
        check_shape("output gradients", numbers, n_outputs)
        if len(inputs) != len(numbers):
            raise ShapeError(f"There are {len(inputs)} rows of inputs and {len(numbers)} of output gradients.")
        return derive(gradient, inputs, numbers, n_inputs)
    if n_outputs <= MAX_JACOBIAN:
        return derive(jacobian, inputs, None, n_outputs * n_inputs).reshape(-1, n_outputs, n_inputs)
    gradients: Array = np.empty((len(inputs), n_outputs, n_inputs), spec.dtype)
    at_once = max(1, ONE_HOT_NUMBERS // n_outputs)
    for start in range(0, len(inputs), at_once):
        rows = slice(start, min(start + at_once, len(inputs)))
        for output in range(n_outputs):
            one_hot = np.zeros((rows.stop - rows.start, n_outputs), spec.dtype)
            one_hot[:, output] = 1
            gradients[rows, output] = derive(gradient, inputs[rows], one_hot, n_inputs)
    return gradients
