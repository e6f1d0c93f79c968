"""Noticing that training went wrong, and saying so in plain words with something to try."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec
from ranvier.errors import TrainingError
from ranvier.rows import Inputs, Rows, Windows
from ranvier.rows.deferred import Deferred
from ranvier.rows.finite import probably_finite

MAX_GROWTH = 1e6
MAX_INPUT = 1e4
"""Inputs beyond this make a first step that no usual learning rate survives."""


def check(losses: NDArray[np.float64], step: int, spec: CompileSpec) -> None:
    """Stop where a loss is not a finite number.

    Raises:
        TrainingError: with the step and what to try.
    """
    if probably_finite(losses):
        return
    finite = np.isfinite(losses)
    if not finite.all():
        first = step + int(np.argmin(finite)) + 1
        raise TrainingError(f"The loss became {losses[np.argmin(finite)]} near step {first}. {suggestions(spec)}")


def check_parameters(parameters: NDArray[Any], epoch: int, spec: CompileSpec) -> None:
    """Stop where a parameter is not a finite number; the losses up to the last step cannot show that.

    Raises:
        TrainingError: with the epoch and what to try.
    """
    if not (probably_finite(parameters) or np.isfinite(parameters).all()):
        raise TrainingError(f"Parameters became infinite or NaN in epoch {epoch}. {suggestions(spec)}")


class naming_large_inputs:  # noqa: N801 - used as a function; a generator takes longer than a small step
    """Let a `TrainingError` of the body begin with inputs that are too large to train on, where there are such.

    >>> with naming_large_inputs(Rows(np.array([[1e30]]), np.zeros((1, 1)))):
    ...     raise TrainingError("The loss became inf.")
    Traceback (most recent call last):
    ranvier.errors.TrainingError: Inputs reach 1e+30: scale them to about 1, each column by itself. The loss became inf.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, TrainingError):
            return
        arrays = _blocks(self._rows.inputs)
        largest = max((float(np.abs(values).max()) for values in arrays if values.size), default=0.0)
        if largest > MAX_INPUT:
            raise TrainingError(
                f"Inputs reach {largest:.3g}: scale them to about 1, each column by itself. {error}"
            ) from None


def _blocks(inputs: Inputs) -> list[NDArray[Any]]:
    entries = None if isinstance(inputs.csr, Windows) else inputs.entries
    dense = [] if isinstance(inputs.block, Deferred) else [inputs.block]
    return dense if entries is None else [*dense, entries.data]


class DivergenceMonitor:
    """Remembers the smallest loss of an epoch and notices one that has grown beyond all measure.

    Parameters:
        losses: of the epochs that this run has made already.
    """

    def __init__(self, losses: Iterable[float] = ()) -> None:
        self.smallest = min(losses, default=math.inf)

    def check(self, loss: float, epoch: int, spec: CompileSpec) -> None:
        """Stop where the loss is a million times (and more than a million above) the smallest one seen.

        Raises:
            TrainingError: with the epoch and what to try.
        """
        self.smallest = min(self.smallest, loss)
        if loss > MAX_GROWTH * max(self.smallest, 0.0) and loss > MAX_GROWTH:
            raise TrainingError(
                f"Training diverged: the loss rose from {self.smallest:.3g} to {loss:.3g} in epoch {epoch}. "
                f"{suggestions(spec)}"
            )

    def is_calm(self, losses: list[float]) -> bool:
        """Take the losses of several epochs, if none is so large that `check` could stop there; else take none.

        >>> monitor = DivergenceMonitor()
        >>> monitor.is_calm([3.0, 2.0]), monitor.is_calm([1.0, 1e9]), monitor.smallest
        (True, False, 2.0)
        """
        if not max(losses, default=0.0) <= MAX_GROWTH:
            return False
        self.smallest = min(self.smallest, *losses) if losses else self.smallest
        return True


def suggestions(spec: CompileSpec) -> str:
    """What to try, in the order of what helps most often."""
    optimizer: Any = spec.optimizer
    tries = [f"a smaller learning rate ({optimizer.learning_rate / 10:g} instead of {optimizer.learning_rate:g})"]
    if optimizer.clip_norm is None and not optimizer.full_batch:
        tries.append("gradient clipping (clip_norm=1.0 of the optimizer, --clip-norm 1)")
    tries.append("inputs scaled to mean 0 and standard deviation 1")
    return f"Try {', '.join(tries[:-1])} or {tries[-1]}."
