"""The short cuts of `ranvier.engine.Executable` for an engine that has none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.random import numpy_words


class NoFastPaths:
    """Base of executables without short cuts: whoever asks for one is sent to the usual method.

    >>> NoFastPaths().try_fast_outputs([[1.0]]) is None
    True
    """

    def try_fast_outputs(self, inputs: Any) -> None:
        """None: there is no fast path; call `outputs`."""

    def random_words(self, keys: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
        """The words that NumPy gives."""
        return numpy_words(keys, count)

    def try_members(self, rows: Any, states: Any, seeds: Any, specs: Any = None) -> None:
        """None: there is no fast path; call `run` for each network."""

    def try_fast_step(self, row: Any, target: Any, scalars: Any) -> None:
        """None: there is no fast path; call `run`."""
