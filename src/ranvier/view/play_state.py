"""PlayState: the settings of a playground, as the address of its page tells them; unknown ones are ignored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.layers import Dense, Dropout
from ranvier.network.network import Network
from ranvier.network.optimizers import OPTIMIZERS, Optimizer
from ranvier.records import record

Array = NDArray[np.float64]
CLASSES = ("circles", "xor", "spirals", "gaussians", "moons")
NUMBERS = ("plane", "hills")
OWN = "own"
FEATURES: dict[str, Callable[[Array, Array], Array]] = {
    "x": lambda x, y: x,
    "y": lambda x, y: y,
    "xx": lambda x, y: x * x,
    "yy": lambda x, y: y * y,
    "xy": lambda x, y: x * y,
    "sinx": lambda x, y: np.sin(np.pi * x),
    "siny": lambda x, y: np.sin(np.pi * y),
}
ACTIVATIONS = ("tanh", "relu", "sigmoid", "silu", "gelu", "leaky_relu", "identity")
LOSSES = {True: ("binary_cross_entropy", "squared_error"), False: ("squared_error", "absolute_error", "huber")}
PENALTIES = ("none", "l1", "l2")
NAMES = tuple(name for name in OPTIMIZERS if name != "lbfgs")
MAX_LAYERS, MAX_UNITS = 6, 8
HIDEABLE = ("data", "features", "layers", "loss", "optimizer", "rate", "penalty", "dropout", "batch", "noise", "seed")


@record
class PlayState:
    """What is trained on what.

    Fields:
        data: of `CLASSES`, `NUMBERS`, or "own" for a table that was dropped on the page.
        noise: how much the points are displaced, as a fraction of their spread, from 0 to 0.5.
        features: the inputs, of `FEATURES`.
        layers: units and activation of each hidden layer.
        loss, optimizer, rate: the loss, the optimizer and its learning rate.
        penalty, strength: l1 or l2 of the weights, and its factor.
        dropout: the rate after each hidden layer.
        batch: rows in a batch.
        seed: of points, weights and order.
        hide: the controls that a teacher leaves out.

    >>> state, notes = PlayState.read({"d": "xor", "l": "3:relu,99:tanh", "q": "1"})
    >>> state.layers, notes
    ((('relu', 3), ('tanh', 8)), ('"q" is not known here, and ignored.', 'A layer has 1 to 8 units.'))
    """

    data: str = "circles"
    noise: float = 0.05
    features: tuple[str, ...] = ("x", "y")
    layers: tuple[tuple[str, int], ...] = (("tanh", 4), ("tanh", 2))
    loss: str = "binary_cross_entropy"
    optimizer: str = "adam"
    rate: float = 0.03
    penalty: str = "none"
    strength: float = 0.001
    dropout: float = 0.0
    batch: int = 10
    seed: int = 0
    hide: tuple[str, ...] = ()

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> tuple[PlayState, tuple[str, ...]]:
        """The state that an address tells, with every value brought into its range, and what was changed, in words."""
        reader = _Reader({str(key): str(value) for key, value in values.items()})
        state = cls(
            data=reader.word("d", (*CLASSES, *NUMBERS, OWN), cls.data, "data"),
            noise=reader.number("n", 0.0, 0.5, cls.noise, "The noise"),
            features=reader.words("i", tuple(FEATURES), cls.features, "feature"),
            layers=reader.layers("l", cls.layers),
            optimizer=reader.word("o", NAMES, cls.optimizer, "optimizer"),
            rate=reader.number("r", 1e-5, 10.0, cls.rate, "The learning rate"),
            dropout=reader.number("p", 0.0, 0.8, cls.dropout, "Dropout"),
            batch=int(reader.number("b", 1, 100, cls.batch, "The batch")),
            seed=int(reader.number("s", 0, 999_999, cls.seed, "The seed")),
            hide=reader.words("hide", HIDEABLE, cls.hide, "control"),
        )
        penalty, _, strength = reader.values.pop("g", "").partition(":")
        if penalty:
            state = replace(
                state,
                penalty=reader.one_of(penalty, PENALTIES, cls.penalty, "penalty"),
                strength=reader.within(strength, 0.0, 1.0, cls.strength, "The penalty") if strength else cls.strength,
            )
        reader.values.pop("v", None)
        loss = reader.values.pop("f", "")
        notes = [f'"{key[:20]}" is not known here, and ignored.' for key in reader.values]
        return replace(state, loss=loss).with_fitting_loss(), (*notes, *dict.fromkeys(reader.notes))

    def with_fitting_loss(self, classes: bool | None = None) -> PlayState:
        """The state with a loss that its task takes: the first one, where it names another."""
        allowed = LOSSES[self.classes if classes is None else classes]
        return self if self.loss in allowed else replace(self, loss=allowed[0])

    @property
    def classes(self) -> bool:
        """Whether the points have one of two classes, and not numbers."""
        return self.data not in NUMBERS

    def address(self) -> str:
        """The part of the address behind "?": `read` gives the state back.

        >>> PlayState(data="moons", layers=()).address()
        'v=1&d=moons&n=0.05&i=x,y&l=none&f=binary_cross_entropy&o=adam&r=0.03&g=none:0.001&p=0&b=10&s=0'
        """
        layers = ",".join(f"{units}:{activation}" for activation, units in self.layers) or "none"
        text = (
            f"v=1&d={self.data}&n={self.noise:g}&i={','.join(self.features)}&l={layers}&f={self.loss}"
            f"&o={self.optimizer}&r={self.rate:g}&g={self.penalty}:{self.strength:g}&p={self.dropout:g}"
            f"&b={self.batch}&s={self.seed}"
        )
        return text + (f"&hide={','.join(self.hide)}" if self.hide else "")

    def network(self, classes: bool) -> Network:
        """The network that is trained."""
        penalties: dict[str, Any] = {} if self.penalty == "none" else {self.penalty: self.strength}
        layers: list[Any] = []
        for activation, units in self.layers:
            layers.append(Dense(units, activation, **penalties))
            if self.dropout > 0:
                layers.append(Dropout(self.dropout))
        layers.append(Dense(1, "sigmoid" if classes else "identity", **penalties))
        return Network(len(self.features), layers)

    def update_rule(self) -> Optimizer:
        """The optimizer."""
        return OPTIMIZERS[self.optimizer](learning_rate=self.rate)

    def inputs(self, points: Array) -> Array:
        """The features (n, K) of points (n, 2)."""
        return np.stack([FEATURES[name](points[:, 0], points[:, 1]) for name in self.features], axis=1)

    def to_dict(self) -> dict[str, Any]:
        """The state as plain JSON values."""
        return {entry.name: _plain(getattr(self, entry.name)) for entry in fields(self)}


class _Reader:
    """Takes values out of an address, and notes what had to be changed."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values, self.notes = values, []  # type: ignore[var-annotated]

    def word(self, key: str, allowed: tuple[str, ...], default: str, noun: str) -> str:
        return self.one_of(self.values.pop(key, default), allowed, default, noun)

    def words(self, key: str, allowed: tuple[str, ...], default: tuple[str, ...], noun: str) -> tuple[str, ...]:
        text = self.values.pop(key, None)
        if text is None:
            return default
        names = tuple(name for name in allowed if name in text.split(","))
        if len(names) < len([name for name in text.split(",") if name]):
            self.notes.append(f"A {noun} that is not known is left out.")
        return names or default

    def one_of(self, value: str, allowed: tuple[str, ...], default: str, noun: str) -> str:
        if value in allowed:
            return value
        self.notes.append(f'There is no {noun} "{value[:20]}"; {default} is taken.')
        return default

    def number(self, key: str, low: float, high: float, default: float, noun: str) -> float:
        text = self.values.pop(key, None)
        return default if text is None else self.within(text, low, high, default, noun)

    def within(self, text: str, low: float, high: float, default: float, noun: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            self.notes.append(f"{noun} is no number; {default:g} is taken.")
            return default
        if not low <= value <= high:
            self.notes.append(f"{noun} lies between {low:g} and {high:g}.")
        return min(max(value, low), high)

    def layers(self, key: str, default: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
        text = self.values.pop(key, None)
        if text is None:
            return default
        if text in ("", "none"):
            return ()
        parts = text.split(",")
        if len(parts) > MAX_LAYERS:
            self.notes.append(f"At most {MAX_LAYERS} layers are kept.")
        layers = []
        for part in parts[:MAX_LAYERS]:
            units, _, activation = part.partition(":")
            count = float(units) if units.isascii() and units.isdigit() else 4.0
            if not 1 <= count <= MAX_UNITS or not units.isdigit():
                self.notes.append(f"A layer has 1 to {MAX_UNITS} units.")
            name = self.one_of(activation or "tanh", ACTIVATIONS, "tanh", "activation")
            layers.append((name, int(min(max(count, 1), MAX_UNITS))))
        return tuple(layers)


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
