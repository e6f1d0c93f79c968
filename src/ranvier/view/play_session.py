"""PlaySession: one network that is trained on points, epoch by epoch, by a thread of its own. n points."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError, RanvierError, TrainingError
from ranvier.model.fit import fit
from ranvier.model.model import Model
from ranvier.network.network import dense_layers
from ranvier.view.play_data import OWN_NEEDED, Points, own_points, toy_points
from ranvier.view.play_state import OWN, PlayState
from ranvier.view.questions.weights import as_bytes

Array = NDArray[Any]
MAX_EPOCHS, MIN_LOSS = 1000, 1e-4
CHUNK_SECONDS, MAX_CHUNK = 0.05, 20
REST_SECONDS = 0.02
"""Between chunks, so that the page is answered."""
IDLE_SECONDS = 30.0
SMALL, LARGE = 20, 64
"""How many points a side the pictures of neurons and of the output have."""
MAX_TRIED_EPOCHS = 30


class PlaySession:
    """A network, its points, and how far it is.

    Attributes:
        state: the settings.
        points: what is trained on.
        playing: whether it trains.
        version: counts what changed.
        message: why it stopped, in a sentence; empty while there is nothing to say.
        last_request: when the page asked last, on the monotonic clock.

    Parameters:
        state: the settings.
        table: the text of a table, for the data "own".

    Raises:
        InputError: the table cannot be used.
    """

    def __init__(self, state: PlayState, table: str | None = None) -> None:
        if state.data == OWN and table is None:
            raise InputError(OWN_NEEDED)
        self.points: Points = (
            own_points(table, state.seed) if table is not None else toy_points(state.data, state.noise, state.seed)
        )
        self.state = state.with_fitting_loss(self.points.classes)
        self.playing, self.version, self.message, self.last_request = False, 0, "", time.monotonic()
        self._steps, self._closed = 0, False
        self.lock = threading.RLock()
        self._wake = threading.Condition(self.lock)
        self._restart()
        self._thread = threading.Thread(target=self._work, name="ranvier play", daemon=True)
        self._thread.start()

    def _restart(self) -> None:
        network = self.state.network(self.points.classes)
        table = network.parameter_table
        named = {
            name: np.array(value) for name, value in table.views(table.initial(self.state.seed, np.float64)).items()
        }
        self.model = Model.from_parameters(network, named, engine="reference")
        self.trained: Model | None = None
        self.losses: list[tuple[int, float, float]] = []
        self.version += 1

    def do(self, action: str) -> None:
        """Play, pause, train one epoch ("step"), or begin again with the same seed ("reset").

        Raises:
            InputError: there is no such action.
        """
        with self._wake:
            if action == "play":
                self.playing, self.message = True, ""
            elif action == "pause":
                self.playing = False
            elif action == "step":
                self.playing, self._steps, self.message = False, self._steps + 1, ""
            elif action == "reset":
                self.playing, self._steps, self.message = False, 0, ""
                self._restart()
            else:
                raise InputError(f"do is {action!r}; play, pause, step or reset were expected.")
            self.version += 1
            self._wake.notify()

    def close(self) -> None:
        """End the thread; a second time does nothing."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    @property
    def closed(self) -> bool:
        """Whether it has ended, because it was closed or because its page is gone."""
        return self._closed

    def _work(self) -> None:
        chunk = 1
        while True:
            with self._wake:
                if time.monotonic() - self.last_request > IDLE_SECONDS:
                    self._closed = True
                if self._closed:
                    return
                if not self.playing and not self._steps:
                    self._wake.wait(1.0)
                    continue
                start = time.monotonic()
                try:
                    self._train(1 if self._steps else chunk)
                except BaseException as error:  # noqa: BLE001
                    # The thread goes on: a page that waits for it is told why nothing happens.
                    self._stop(f"Training broke off: {type(error).__name__} {error}".rstrip() + ".")
                self._steps = max(0, self._steps - 1)
                seconds = time.monotonic() - start
            if seconds > 2.0 * CHUNK_SECONDS:
                chunk = max(1, chunk // 2)
            elif seconds < CHUNK_SECONDS:
                chunk = min(MAX_CHUNK, chunk + 1)
            time.sleep(REST_SECONDS)

    def _train(self, epochs: int) -> None:
        before = len(self.losses)
        try:
            self.trained = self._fitted(self.state, self.trained, epochs)
        except TrainingError:
            self._stop(self._blame())
        except RanvierError as error:
            self._stop(str(error))
        else:
            self.model = self.trained
            for entry in self.trained.history[before:]:
                test = entry.loss if entry.validation_loss is None else entry.validation_loss
                self.losses.append((entry.epoch, entry.loss, test))
            if len(self.losses) >= MAX_EPOCHS and self.playing:
                self.playing, self.message = False, f"{len(self.losses):,} epochs are done."
            elif self.losses[-1][1] < MIN_LOSS and self.playing:
                self.playing, self.message = False, f"The loss is below {MIN_LOSS:g}."
        self.version += 1

    def _stop(self, message: str) -> None:
        """Train no more until asked again, and say why."""
        self.message, self.playing, self._steps = message, False, 0
        self.version += 1

    def _fitted(self, state: PlayState, model: Model | None, epochs: int) -> Model:
        """The network trained for some more epochs; from the start where there is no model yet."""
        train = ~self.points.test
        inputs = state.inputs(self.points.points)
        targets: Array = self.points.targets
        if self.points.classes:
            targets = targets.astype(np.int64)
        test_points = (inputs[~train], targets[~train])
        if model is not None:
            return model.fit(inputs[train], targets[train], epochs=epochs, validation=test_points, progress=False)
        network = state.network(self.points.classes)
        options: dict[str, Any] = {"optimizer": state.update_rule(), "batch_size": state.batch, "seed": state.seed}
        options |= {"loss": state.loss, "validation": test_points, "threads": 1, "progress": False}
        return fit(network, inputs[train], targets[train], epochs=epochs, **options)

    def _blame(self) -> str:
        """Which setting made the loss infinite: the first one whose change keeps it finite for as many epochs."""
        state = self.state
        rate = state.rate / 30.0
        tries = [
            (replace(state, rate=rate), f"the learning rate of {state.rate:g} is too large; try {rate:.2g}"),
            (replace(state, penalty="none"), f"the {state.penalty} penalty of {state.strength:g} is too large"),
            (replace(state, dropout=0.0), "dropout does it"),
        ]
        epochs = min(MAX_TRIED_EPOCHS, len(self.losses) + 1)
        for changed, sentence in tries:
            if changed == state:
                continue
            try:
                self._fitted(changed, None, epochs)
            except RanvierError:
                continue
            return f"The loss is no longer a finite number: {sentence}. The state before is kept."
        return "The loss is no longer a finite number, with a small learning rate, too; begin again with fewer layers."

    def pictures(self) -> tuple[list[dict[str, Any]], NDArray[np.uint8]]:
        """What the inputs, every neuron and the output are over the plane, as bytes: 1 to 255, 128 for zero.

        Returns a record for each picture, in order: `path`, `side`, `limit`, at which colours end; and the bytes.
        """
        parts: list[dict[str, Any]] = []
        arrays = []
        small, large = plane(SMALL), plane(LARGE)
        inputs = self.state.inputs(small)
        values = [("inputs", inputs)]
        for layer in self.model.activations(inputs):
            if layer.path in self.dense_paths()[:-1]:
                values.append((layer.path, np.asarray(layer.outputs, np.float64)))
        output = np.asarray(self.model.outputs(self.state.inputs(large)), np.float64).reshape(-1, 1)
        values.append(("output", 2.0 * output - 1.0 if self.points.classes else output))
        for path, table in values:
            for column in table.T:
                limit = 1.0 if path in ("inputs", "output") else float(np.abs(column).max()) or 1.0
                parts.append({"path": path, "side": LARGE if path == "output" else SMALL, "limit": limit})
                arrays.append(as_bytes(np.nan_to_num(column), limit))
        return parts, np.concatenate(arrays)

    def dense_paths(self) -> list[str]:
        """The layers with weights, in order."""
        return [info.path for info in dense_layers(self.model.network)]

    def weights(self) -> list[dict[str, Any]]:
        """Weights (inputs, units) and biases of every layer."""
        parameters = self.model.parameters
        return [
            {"weight": parameters[f"{path}.weight"].tolist(), "bias": parameters[f"{path}.bias"].tolist()}
            for path in self.dense_paths()
        ]


def plane(side: int) -> NDArray[np.float64]:
    """The points of a grid over the plane from -1 to 1, from the upper left, row by row, (side * side, 2).

    >>> plane(2).tolist()
    [[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]
    """
    steps = np.linspace(-1.0, 1.0, side)
    x, y = np.meshgrid(steps, steps[::-1])
    return np.stack([x.reshape(-1), y.reshape(-1)], axis=1)
