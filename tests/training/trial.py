"""What the tests of the loop share: small problems, and a digest of everything that a run leaves. B rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, Span
from ranvier.network.layers import Dense, Layer
from ranvier.network.losses import Loss, loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD, Optimizer
from ranvier.reference.engine import ReferenceEngine, ReferenceExecutable
from ranvier.rows import Rows
from ranvier.storage.checkpoint import read_latest, write_checkpoint
from ranvier.training.history import Epoch
from ranvier.training.loop import train
from ranvier.training.loop_config import LoopConfig, LoopResult
from ranvier.training.state import TrainingState, initial_state

CLOCK = ("seconds", "examples_per_second")


def make_rows(count: int = 23, seed: int = 0, weighted: bool = False) -> Rows:
    """Rows of two inputs and a curved target."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(count, 2))
    y = np.sin(X[:, :1]) + 0.5 * X[:, 1:] ** 2
    return Rows(X, y, generator.uniform(0.5, 2.0, count) if weighted else None)


def make_config(optimizer: Optimizer | None = None, rows: Rows | None = None, **options: Any) -> LoopConfig:
    """A run over those rows with a network of one hidden layer; `layers`, `loss`, `batch_size` and `seed` too."""
    layers: Iterable[Layer] = options.pop("layers", (Dense(4, "tanh"), Dense(1)))
    loss_record: Loss = loss(options.pop("loss", "squared_error"))
    rows = make_rows() if rows is None else rows
    spec = CompileSpec(
        Network(rows.inputs.shape[1], layers),
        loss_record,
        optimizer or SGD(0.1),
        options.pop("batch_size", 5),
        weighted=rows.weights is not None,
        seed=options.get("seed", 0),
    )
    return LoopConfig(spec, rows, **options)


def begin(config: LoopConfig) -> TrainingState:
    """The state before the first step."""
    return initial_state(config.spec.network, config.spec.optimizer, config.seed)


def run(config: LoopConfig, state: TrainingState | None = None) -> LoopResult:
    """Train on the reference engine."""
    return train(ReferenceEngine().compile(config.spec), config, begin(config) if state is None else state)


def timeless(history: Iterable[Epoch]) -> list[dict[str, Any]]:
    """The history without what the clock decides."""
    return [{name: value for name, value in epoch.to_json().items() if name not in CLOCK} for epoch in history]


def digest(state: TrainingState) -> str:
    """A hash of all that a run computes: parameters, slots, step, best weights, callbacks, plateau, losses."""
    plain = {name: value for name, value in state.to_dict().items() if name not in ("seconds", "history")}
    callbacks = [{k: v for k, v in callback.items() if k != "spent"} for callback in plain.pop("callbacks")]
    actual = hashlib.sha256(repr((sorted(plain.items()), callbacks, timeless(state.history))).encode())
    for name, array in sorted(state.arrays().items()):
        actual.update(f"{name} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return actual.hexdigest()


def through_a_file(state: TrainingState, folder: Any) -> TrainingState:
    """The state as it comes back from a checkpoint."""
    write_checkpoint(folder, state.engine.step, state.arrays(), state.to_dict())
    arrays, data, notes = read_latest(folder)
    assert notes == ()
    return TrainingState.restore(arrays, data)


class StopAfter:
    """A `stop_requested` that says yes when it is asked for the n-th time."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


class Recorder:
    """An engine's executable that remembers the spans it was given."""

    def __init__(self, config: LoopConfig) -> None:
        self.inner = ReferenceExecutable(config.spec)
        self.spans: list[Span] = []

    def run(self, rows: Rows, span: Span) -> NDArray[np.float64]:
        self.spans.append(span)
        return self.inner.run(rows, span)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def recorded(config: LoopConfig) -> list[Span]:
    """The spans of a whole run."""
    recorder = Recorder(config)
    train(recorder, config, begin(config))  # type: ignore[arg-type]
    return recorder.spans
