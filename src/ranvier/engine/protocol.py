"""What every engine offers, so that the training loop, the model and the tests know only this page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranvier.engine.compile_spec import CompileSpec
from ranvier.engine.state import LayerValues, Span, State
from ranvier.rows import Rows

Array = NDArray[Any]


class Cancelled(Exception):  # noqa: N818
    """What was asked for was given up, since `Executable.stopped` said so; nothing has changed."""


def never_cancel() -> bool:
    """Whether to stop: no.

    >>> never_cancel()
    False
    """
    return False


class Executable(Protocol):
    """A network made ready to run. It owns the training state between `set_state` and `get_state`.

    Inputs may come as anything that `as_inputs` takes; columns of another block than the spec's are converted.
    """

    dtype: type[np.floating[Any]]
    """What parameters are kept in: np.float32 or np.float64."""

    should_cancel: Callable[[], bool]
    """Asked now and then within long work, `never_cancel` unless it is set. Once it says True, `run` makes fewer steps, each
    of them whole, and `loss_and_gradient` and `evaluate` raise `Cancelled`."""

    def set_state(self, state: State) -> None:
        """Take a copy of a training state."""
        ...

    def get_state(self) -> State:
        """Give a copy of the training state."""
        ...

    def release(self) -> State:
        """Give the training state itself and free what the engine holds, so that the state is not held twice."""
        ...

    def run(self, rows: Rows, span: Span) -> NDArray[np.float64]:
        """Make the steps of a span; gives each step's loss before its update, penalties left out, shape (k,).

        A Ctrl-C may end it early, between two steps: then there are fewer losses, one for each step that was made.
        """
        ...

    def loss_and_gradient(self, rows: Rows) -> tuple[float, Array]:
        """The loss over all rows plus penalties, and its gradient (P,): no dropout, batch statistics in BatchNorm."""
        ...

    def evaluate(self, rows: Rows) -> tuple[float, Array]:
        """The loss over all rows, penalties left out, and the outputs (rows, N), computed as for predictions."""
        ...

    def outputs(self, inputs: Any) -> Array:
        """What the output layer says, shape (rows, N), computed as for predictions.

        Raises:
            DataError: an input is not finite, or too large for the numbers that the engine computes with.
        """
        ...

    def try_fast_outputs(self, inputs: Array) -> Array | None:
        """The same without checks, for what an engine knows well by now; None for anything else: ask `outputs`."""
        ...

    def activations(self, inputs: Any) -> tuple[LayerValues, ...]:
        """What every layer computes, computed as for predictions."""
        ...

    def close(self) -> None:
        """Free what the engine holds."""
        ...


class Engine(Protocol):
    """Turns a spec into an executable."""

    @property
    def name(self) -> str:
        """The name that a user chooses it by."""
        ...

    def why_unavailable(self) -> str | None:
        """Why this engine cannot run here, as a sentence without its full stop; None where it can."""
        ...

    def compile(self, spec: CompileSpec) -> Executable:
        """Make a spec ready to run."""
        ...
