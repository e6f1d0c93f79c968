"""What a page that watches a run is sent: frames of what changed, and of each kind the newest only."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError, RanvierError
from ranvier.records import record
from ranvier.training.shown_values import shown_widths
from ranvier.view.bodies import read_body
from ranvier.view.frames import frame
from ranvier.view.json_values import finite_or_none
from ranvier.view.live_run import LiveRun
from ranvier.view.questions.answer import answer, answer_of, shown_inputs
from ranvier.view.questions.connections import connections
from ranvier.view.questions.layer_health import layer_health
from ranvier.view.questions.neuron_sizes import KINDS, neuron_sizes
from ranvier.view.shown_epochs import first_new, shown_epochs
from ranvier.view.subject import Subject

Array = NDArray[Any]
FRAME_SECONDS, POLL_SECONDS = 0.075, 0.02
"""The time from frames to a look for the next ones, and from a look that found nothing new to another one."""
STATUS_SECONDS = 1.0
SIZES_SECONDS = 1.0
LINES_SECONDS = EPOCHS_SECONDS = 2.0
RANK_SECONDS = 60.0
"""How often the lines that carry most are chosen again; their weights are sent more often."""
HEALTH_SECONDS = 30.0
OF_NETWORK = ("sizes", "lines", "rank", "health")
MAX_CONTROLS = 20
LINES = 200
SHOWN = ("activations", *KINDS)
NOTHING = np.zeros(0, np.uint8)


@record
class WatchRequest:
    """What a page wants to be sent.

    Fields:
        row: the known row that runs through the network.
        show: what the cells of the network show, of `SHOWN`.
        network, health: whether these panels are in sight.
        epochs: of how many epochs the page was told already.
    """

    row: int = 0
    show: str = "activations"
    network: bool = True
    health: bool = True
    epochs: int = 0

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> WatchRequest:
        """What the body of a request asks for.

        Raises:
            InputError: one of them is not what it must be.
        """
        request = read_body(cls, body)
        if request.row < 0 or request.epochs < 0:
            raise InputError("row and epochs are integers from 0.")
        if request.show not in SHOWN:
            raise InputError(f"show is {request.show!r}; it is one of {', '.join(SHOWN)}.")
        return request


class Follower:
    """One page that watches a run.

    Parameters:
        live: the run.
        request: what the page wants to see.
    """

    def __init__(self, live: LiveRun, request: WatchRequest) -> None:
        self._live, self._request = live, request
        self._version = self._sequence = self._answered = self._generation = -1
        self._epochs = request.epochs
        self._situation: tuple[Any, ...] = ()
        self._due = dict.fromkeys(("status", "epochs", "answer", *OF_NETWORK), -math.inf)
        self._ranked: list[dict[str, Any]] = []
        self._earlier: dict[str, tuple[int, Array]] = {}
        self._inputs: Array | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more comes: the page has been told that training is over, or the view closes."""
        return self._live.closed or (self._live.state == "ended" and self._version == self._live.version)

    def frames(self) -> bytes:
        """What changed since the last call, as frames one after the other; nothing where nothing did."""
        live = self._live
        live.glance()
        with live.lock:
            now = time.monotonic()
            parts = []
            if self._has_news() | self._is_due("status", now, STATUS_SECONDS):
                parts.append(frame("status", self._status(), NOTHING))
                parts += self._new_epochs(now)
                self._version = live.version
            if live.generation != self._generation:
                self._generation, self._sequence, self._earlier = live.generation, -1, {}
                self._answered, self._inputs = -1, None
                self._due.update(dict.fromkeys(("answer", *OF_NETWORK), -math.inf))
            if live.state not in ("ended", "missing") and live.parameters is not None:
                parts += self._of_network(now)
            return b"".join(parts)

    def _has_news(self) -> bool:
        """Whether a person waits for what changed; while the network learns, what only counts up can wait."""
        live = self._live
        before, self._situation = self._situation, (live.state, live.reason, live.generation, len(live.controls))
        return live.version != self._version and (live.state != "running" or before != self._situation)

    def _is_due(self, name: str, now: float, seconds: float) -> bool:
        if now < self._due[name]:
            return False
        # Multiples: what comes once a second comes at the same time, and the page draws once for it.
        self._due[name] = (now // seconds + 1) * seconds
        return True

    def _status(self) -> dict[str, Any]:
        live = self._live
        numbers = {name: finite_or_none(value) for name, value in asdict(live.status).items()}
        return {
            "state": live.state,
            "reason": live.reason,
            "generation": live.generation,
            "sequence": live.sequence,
            "age": max(0.0, time.time() - live.status.time) if live.status.time else None,
            "controls": live.controls[-MAX_CONTROLS:],
            "n_epochs": len(live.epochs),
            **numbers,
        }

    def _new_epochs(self, now: float) -> list[bytes]:
        """The epochs that the page lacks; while the network learns, curves need not be drawn for each of many."""
        if self._live.state == "running" and not self._is_due("epochs", now, EPOCHS_SECONDS):
            return []
        epochs = self._live.epochs
        if len(epochs) == self._epochs:
            return []
        start = first_new(epochs, self._epochs)
        new = [epochs[int(at)].to_json() for at in shown_epochs(epochs)[start:]]
        self._epochs = len(epochs)
        return [frame("epochs", {"from": start, "count": len(epochs), "epochs": new}, NOTHING)]

    def _of_network(self, now: float) -> list[bytes]:
        live, request = self._live, self._request
        if live.sequence == self._sequence and live.values_sequence <= self._answered:
            return []
        try:
            subject = live.subject()
        except InputError:
            return []
        parts = []
        head = {"sequence": live.sequence, "epoch": live.status.epoch, "step": live.status.step}
        try:
            if request.network:
                parts += self._answer(subject, head, now)
            if live.sequence == self._sequence:
                return parts
            if request.network:
                parts += self._sizes(subject, head, now)
                if self._is_due("lines", now, LINES_SECONDS):
                    parts.append(self._lines(subject, now))
            if request.health and self._is_due("health", now, HEALTH_SECONDS):
                # How much a step changes is known once there are two states to compare.
                if "health" not in self._earlier:
                    self._due["health"] = now + SIZES_SECONDS
                parts.append(frame("health", head | {"layers": self._health(subject)}, NOTHING))
        except RanvierError:
            # Such as outputs that are no numbers any more: the status says it.
            return parts
        self._sequence = live.sequence
        return parts

    def _answer(self, subject: Subject, head: dict[str, Any], now: float) -> list[bytes]:
        """Outputs of the neurons for the row: those that the training wrote, or computed where there are none yet."""
        live, row, rows = self._live, self._request.row, subject.rows
        if rows is None or row >= len(rows):
            return []
        if self._request.show != "activations" and not self._is_due("answer", now, STATUS_SECONDS):
            return []
        values = live.values_of(row)
        sequence = live.sequence if values is None else live.values_sequence
        if sequence <= self._answered:
            return []
        self._answered = sequence
        if values is None:
            outputs, array = answer(subject, subject.row(row))
        else:
            *layers, output = np.split(values, np.cumsum(shown_widths(subject.model.network))[:-1])
            outputs, array = answer_of(subject, self._inputs_of(subject), layers, output[None])
        return [frame("network", head | outputs | {"show": "activations", "row": row}, array)]

    def _inputs_of(self, subject: Subject) -> Array:
        """Those of the row, which stay the same while the network learns."""
        if self._inputs is None:
            self._inputs = shown_inputs(subject, subject.row(self._request.row))
        return self._inputs

    def _sizes(self, subject: Subject, head: dict[str, Any], now: float) -> list[bytes]:
        rows, show = subject.rows, self._request.show
        has_row = rows is not None and self._request.row < len(rows)
        if (show == "activations" and has_row) or not self._is_due("sizes", now, SIZES_SECONDS):
            return []
        show = "weights" if show == "activations" else show
        earlier, steps = self._since("sizes") if show == "updates" else (None, 0)
        if show == "updates" and earlier is None:
            return []
        sizes, array = neuron_sizes(subject, earlier, steps)
        return [frame("network", head | sizes | {"show": show}, array)]

    def _since(self, name: str) -> tuple[Array | None, int]:
        """The parameters of the last call and how many steps ago they were; then the present ones are kept."""
        live = self._live
        assert live.parameters is not None
        step, parameters = self._earlier.get(name, (live.step, None))
        steps = live.step - step
        if parameters is None or steps > 0:
            self._earlier[name] = live.step, live.parameters
        return (parameters, steps) if steps > 0 else (None, 0)

    def _lines(self, subject: Subject, now: float) -> bytes:
        """The weights that carry most; which ones these are is told when they were chosen again."""
        again = self._is_due("rank", now, RANK_SECONDS) or not self._ranked
        if again:
            self._ranked = [connections(subject, info.path, LINES) for info in subject.dense_layers]
        layers, arrays, start = [], [], 0
        for info, entry in zip(subject.dense_layers, self._ranked, strict=True):
            index = np.array([line[:2] for line in entry["lines"]], np.int64).reshape(-1, 2)
            weight = np.asarray(subject.model.parameters[f"{info.path}.weight"])
            rows = index[:, 0] - index[:, 1] // (info.outputs // info.groups) * info.fan_in
            arrays.append(weight[rows, index[:, 1]])
            layer = {"path": info.path, "limit": entry["limit"], "all": entry["all"], "start": start}
            layers.append(layer | {"length": len(index)} | ({"ends": index.tolist()} if again else {}))
            start += len(index)
        return frame("lines", {"layers": layers}, np.concatenate([np.zeros(0), *arrays]).astype(np.float32))

    def _health(self, subject: Subject) -> list[dict[str, Any]]:
        return layer_health(subject, *self._since("health"))
