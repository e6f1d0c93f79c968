"""What every engine offers, so that the training loop, the model and the tests know only this page.

Letters: n rows, B rows of a batch, K inputs, N outputs, P parameters, S optimizer slots, H scalars a step, k steps.

Cancellation. An executable asks its `should_cancel` before and within long work: `run` between two steps and, in an
engine that can, within a step; `gradient` and `loss_and_gradient` before and within them; `evaluate` between blocks of
rows. Once it says True, `run` returns early, with the losses of the steps that were made, each of them whole, and the
others raise `Cancelled`. The state is then that after the last whole step; what comes next has the bits of a training
that was never cancelled. `set_state`, `apply`, `outputs` of few rows and everything else that is short never ask.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranvier.engine.compile_spec import CompileSpec
from ranvier.engine.state import LayerValues, Span, State
from ranvier.rows import Rows

Array = NDArray[Any]


class Cancelled(Exception):  # noqa: N818
    """The work was given up because `Executable.should_cancel` said so; the training state has not changed."""


def never_cancel() -> bool:
    """Whether to cancel: no.

    >>> never_cancel()
    False
    """
    return False


def unlimited() -> int:
    """How many threads may work: any number.

    >>> unlimited() > 1000
    True
    """
    return sys.maxsize


class RowsHandle(Protocol):
    """Rows where an executable reads them, made by its `upload`. Their memory is free once nobody holds this handle."""

    def __len__(self) -> int:
        """n, how many rows there are."""
        ...


class Members(Protocol):
    """M networks of one spec that make their steps in one call, each with the bits of steps of its own.

    `numbers`, (m,), says which of them a call is about; the others stay as they are. Nothing breaks a call off, so what
    it does must be short.
    """

    def run(self, numbers: NDArray[np.int64], spans: Span) -> NDArray[np.float64]:
        """Make the steps of a span; gives what `Executable.run` gives for each, (m, k).

        Parameters:
            spans: the same batches for all: `order` (m, n), `starts` (k + 1,), `scalars` (m, k, H).
        """
        ...

    def try_evaluate(
        self, numbers: NDArray[np.int64], rows: Sequence[RowsHandle]
    ) -> tuple[NDArray[np.float64], Array] | None:
        """The loss over all rows, (m,), and the outputs, (m, n, N), with the parameters that predictions use.

        Parameters:
            rows: of each, as many of all: what `upload` gave, (m,).

        Returns None where there is no fast path for these rows.
        """
        ...

    def parameters(self, numbers: NDArray[np.int64]) -> Array:
        """A copy of the parameters that predictions use, (m, P): averaged ones where the optimizer keeps an average."""
        ...

    def states(self) -> tuple[Array, Array, NDArray[np.int64]]:
        """A copy of the states of all: parameters (M, P), slots (M, S, P), and how many steps each made, (M,)."""
        ...


class Executable(Protocol):
    """A network ready to run. It owns the training state between `set_state` and `release`.

    Inputs may come as anything that `as_inputs` takes; columns of another block than the spec's are converted. Arrays
    that it gives have its `dtype` unless said otherwise.
    """

    dtype: type[np.floating[Any]]
    """What parameters are kept in: np.float32 or np.float64."""

    should_cancel: Callable[[], bool]
    """Asked before and within long work, as this file says; `never_cancel` unless it is set. Must be quick."""

    thread_limit: Callable[[], int]
    """Asked before each piece of work how many threads may do it; `unlimited` unless it is set. Bits stay the same."""

    step_seconds: float
    """How long a step took when this spec was trained last, which whoever trains sets; 0.0 where nobody knows."""

    def set_state(self, state: State) -> None:
        """Take a copy of a training state: parameters (P,), slots (S, P), and the number of steps made."""
        ...

    def get_state(self) -> State:
        """Give a copy of the training state."""
        ...

    def release(self) -> State:
        """Give the training state itself and free what the engine holds, so that the state is not held twice."""
        ...

    def snapshot(self, averaged: bool = False) -> Array:
        """Give a copy of the parameters alone, shape (P,).

        Another thread may call it while `run` works, and gets the parameters between two spans.

        Parameters:
            averaged: the moving average in place of what is trained, as predictions use it, where the optimizer keeps
                one; see `ema_decay`.
        """
        ...

    def restore(self, parameters: Array) -> None:
        """Take a copy of parameters, shape (P,); the slots and the number of steps stay."""
        ...

    def upload(self, rows: Rows) -> RowsHandle:
        """Check rows and convert them once to what the engine reads; every method that takes rows takes the handle.

        Rows that are not uploaded are converted where they are used; the arrays of rows must not change meanwhile.

        Raises:
            ShapeError: they are not as wide as the network.
        """
        ...

    def run(self, rows: Rows | RowsHandle, span: Span) -> NDArray[np.float64]:
        """Make the steps of a span; gives each step's loss before its update, penalties left out, shape (k,).

        A Ctrl-C or `should_cancel` may end it early, between two steps: then there are fewer losses, one for each step
        that was made.

        Raises:
            EngineError: the optimizer trains on all rows at once.
        """
        ...

    def random_words(self, keys: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
        """What `ranvier.random.numpy_words` gives for some keys, (n, 2) -> (n, count), as fast as the engine can."""
        ...

    def try_members(
        self,
        rows: Sequence[RowsHandle],
        states: State,
        seeds: NDArray[np.uint64],
        specs: Sequence[CompileSpec] | None = None,
    ) -> Members | None:
        """M networks like that of this spec, each with a state of its own; None where there is no fast path for them.

        The state of this executable does not matter and stays as it is.

        Parameters:
            rows: those that each is trained on, as many of all: what `upload` gave, (M,).
            states: parameters (M, P) and slots (M, S, P), after the same number of steps.
            seeds: in place of that of the spec, (M,).
            specs: of each, which may differ in hyper-parameters of layers and optimizer, (M,); None for this spec.
        """
        ...

    def try_fast_step(self, row: Array, target: Array, scalars: NDArray[np.float64]) -> tuple[float, State] | None:
        """A step on one row without a weight, where the engine has a fast path for rows of these types and shapes.

        Parameters:
            row, target: inputs (1, K) and targets (1, N), as `Rows` has them.
            scalars: what the optimizer's rule needs at this step, shape (1, H) float64.

        Returns what `run` and `get_state` give: the loss before the update, and a copy of the state after it. None
        where there is no fast path: call `run`, after which there may be one.
        """
        ...

    def gradient(self, rows: Rows | RowsHandle, batch: NDArray[np.int64], step: int) -> tuple[float, Array]:
        """The loss of a batch and its gradient, shape (P,), as a step of `run` computes them; nothing moves.

        gradient = d loss / dw + l1 sign(w) + l2 w, before clipping, with the dropout masks of that step and the batch's
        own statistics in BatchNorm. Where the flat array holds running statistics, the gradient holds those of the
        batch, so that `apply` can let the running ones follow. Gradients of equal parts of a batch average to that of
        the batch, up to rounding, in networks without BatchNorm and Dropout; in others they average as usual in
        data-parallel training, each part with statistics and masks of its own.

        Parameters:
            batch: the numbers of its rows, shape (B,).
            step: how many steps were made before this one, which decides the dropout masks.

        Raises:
            Cancelled: `should_cancel` says so.
            EngineError: the optimizer trains on all rows at once, or the inputs have a CSR block; see
                `check_separable`.
        """
        ...

    def apply(self, gradient: Array, scalars: NDArray[np.float64]) -> None:
        """Make a step by a gradient: clip by norm, clip by value, decay the weights, move, average, count the step.

        `gradient(rows, batch, state.step)` and `apply` together give the bits of a step of `run`.

        Parameters:
            gradient: shape (P,), converted to `dtype`.
            scalars: what the optimizer's rule needs at this step, shape (H,) float64, a row of `Span.scalars`.

        Raises:
            ShapeError: the gradient or the scalars have another shape.
            EngineError: as in `gradient`.
        """
        ...

    def loss_and_gradient(self, rows: Rows | RowsHandle) -> tuple[float, Array]:
        """The loss over all rows plus penalties, and its gradient, shape (P,), 0 for running statistics.

        No dropout; BatchNorm takes the statistics of all rows.

        Raises:
            Cancelled: `should_cancel` says so.
        """
        ...

    def evaluate(self, rows: Rows | RowsHandle) -> tuple[float, Array]:
        """The loss over all rows, penalties left out, and the outputs, shape (n, N), computed as for predictions.

        Raises:
            Cancelled: `should_cancel` says so.
        """
        ...

    def outputs(self, inputs: Any) -> Array:
        """The outputs, shape (n, N), computed as for predictions.

        Raises:
            DataError: an input is not finite, or too large for the numbers that the engine computes with.
        """
        ...

    def input_gradients(self, inputs: Any, output_gradients: Array | None = None, logits: bool = False) -> Array:
        """The derivative of sum_j v_j y_j along the inputs of each row, shape (n, K), computed as for predictions.

        No dropout, running statistics in BatchNorm. Inputs of a CSR block have derivatives where they are 0, too.

        Parameters:
            output_gradients: v, shape (n, N): the derivative of something along the outputs; then the result is its
                derivative along the inputs. (0, ..., 1, ..., 0) gives the gradient of one output. None gives those of
                all, shape (n, N, K).
            logits: whether y is the weighted sums of the output layer in place of what its activation makes of them.

        Raises:
            DataError: an input is not finite, or too large for the numbers that the engine computes with.
            ShapeError: the rows are not as wide as the network.
        """
        ...

    def try_fast_outputs(self, inputs: Array) -> Array | None:
        """The outputs, shape (n, N), where the engine has a fast path for inputs (n, K) of this shape and dtype.

        None where it has none: call `outputs`, after which there may be one. Shapes are not checked.
        """
        ...

    def activations(self, inputs: Any, averaged: bool = False) -> tuple[LayerValues, ...]:
        """What every layer computes for inputs (n, K), computed as for predictions, layers in depth-first order.

        Parameters:
            averaged: with the moving average of the parameters, as `snapshot` gives it.
        """
        ...

    def close(self) -> None:
        """Free what the engine holds. Handles of uploaded rows stay valid until they are dropped."""
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
        """Make a network ready to run as a spec says.

        Raises:
            EngineError: the spec asks for something that this engine does not have.
        """
        ...

    def at_once(self, spec: CompileSpec, trainings: int) -> int:
        """How many of so many trainings of a spec are best run at a time, a thread each; 1 for one after the other."""
        ...
