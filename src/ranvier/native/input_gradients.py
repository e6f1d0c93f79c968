"""The derivatives of outputs along the inputs of each row. n rows, K inputs, N outputs.

Rows are independent of each other here, so the plan runs like one for predictions: forward, and back to the inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec
from ranvier.errors import ShapeError
from ranvier.native.program import Program
from ranvier.native.resident import check_shape, readable_rows
from ranvier.native.thread_choice import ThreadChooser
from ranvier.rows import Inputs

Array = NDArray[Any]


def input_gradients(
    program: Program,
    spec: CompileSpec,
    inputs: Inputs,
    output_gradients: Array,
    threads: int,
    chooser: ThreadChooser,
    should_cancel: Callable[[], bool],
) -> Array:
    """The derivatives along the inputs, shape (n, K), from those along the outputs, (n, N).

    Parameters:
        program: of a plan for this purpose.

    Raises:
        DataError: an input is not finite.
        ShapeError: the rows are not as wide as the network, or not equally many.
    """
    gradients = np.ascontiguousarray(output_gradients, spec.dtype)
    check_shape("inputs", inputs, spec.network.inputs)
    check_shape("output gradients", gradients, spec.network.outputs)
    if len(inputs) != len(gradients):
        raise ShapeError(f"There are {len(inputs)} rows of inputs and {len(gradients)} of output gradients.")
    return program.predict(
        readable_rows(inputs, spec), gradients, threads, chooser, should_cancel, spec.network.inputs
    )[0]
