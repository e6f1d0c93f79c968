"""Initializers: how the weights are drawn before training starts.

K is the number of inputs of a layer (fan-in), N its number of units (fan-out). Every weight matrix has shape (K, N).
The draws come from the counter-based generator, so they depend on the seed and the layer alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier import random
from ranvier.errors import ShapeError
from ranvier.network.number_rules import ANY, NOT_NEGATIVE, POSITIVE, Rule, call_text, fill_options
from ranvier.network.resolve import resolve
from ranvier.records import record

Draw = Callable[[int], NDArray[np.float64]]
Matrix = NDArray[np.float64]


@record
class Sources:
    """The two streams of random numbers that an initializer may draw from: `normal(count)` and `uniform(count)`."""

    normal: Draw
    uniform: Draw


@record
class Kind:
    """One way to draw weights.

    Fields:
        build: (sources, K, N, options by name) -> float64 array of shape (K, N).
        options: name -> (default, rule).
        formula: what is drawn, in words and letters.
        source: where it comes from.
    """

    build: Callable[..., Matrix]
    options: Mapping[str, tuple[float, Rule]]
    formula: str
    source: str


def _gaussian(sources: Sources, inputs: int, units: int, deviation: float) -> Matrix:
    drawn = sources.normal(inputs * units).reshape(inputs, units)
    drawn *= deviation
    return drawn


def _even(sources: Sources, inputs: int, units: int, limit: float) -> Matrix:
    drawn = sources.uniform(inputs * units).reshape(inputs, units)
    drawn *= 2.0
    drawn -= 1.0
    drawn *= limit
    return drawn


def _glorot_normal(sources: Sources, inputs: int, units: int) -> Matrix:
    return _gaussian(sources, inputs, units, math.sqrt(2.0 / (inputs + units)))


def _glorot_uniform(sources: Sources, inputs: int, units: int) -> Matrix:
    return _even(sources, inputs, units, math.sqrt(6.0 / (inputs + units)))


def _he_normal(sources: Sources, inputs: int, units: int, slope: float) -> Matrix:
    return _gaussian(sources, inputs, units, math.sqrt(2.0 / ((1.0 + slope**2) * inputs)))


def _he_uniform(sources: Sources, inputs: int, units: int, slope: float) -> Matrix:
    return _even(sources, inputs, units, math.sqrt(6.0 / ((1.0 + slope**2) * inputs)))


def _lecun_normal(sources: Sources, inputs: int, units: int) -> Matrix:
    return _gaussian(sources, inputs, units, math.sqrt(1.0 / inputs))


def _lecun_uniform(sources: Sources, inputs: int, units: int) -> Matrix:
    return _even(sources, inputs, units, math.sqrt(3.0 / inputs))


def _orthogonal(sources: Sources, inputs: int, units: int, gain: float) -> Matrix:
    """The Q of a QR decomposition; the signs of R's diagonal make Q evenly distributed over all rotations."""
    tall, thin = max(inputs, units), min(inputs, units)
    q, r = np.linalg.qr(sources.normal(tall * thin).reshape(tall, thin))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return np.ascontiguousarray(gain * (q if inputs >= units else q.T))


def _constant(sources: Sources, inputs: int, units: int, value: float) -> Matrix:
    return np.full((inputs, units), value)


def _zeros(sources: Sources, inputs: int, units: int) -> Matrix:
    return np.zeros((inputs, units))


_GLOROT = "Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010"
_HE = "He, Zhang, Ren and Sun, Delving deep into rectifiers, ICCV 2015"
_LECUN = "LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998"
_SAXE = "Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning, ICLR 2014"
_TEXTBOOK = "textbooks; for example Nielsen, Neural Networks and Deep Learning, 2015, chapter 1 (deviation 1)"

_SLOPE: dict[str, tuple[float, Rule]] = {"slope": (0.0, NOT_NEGATIVE)}
_KINDS: dict[str, Kind] = {
    "normal": Kind(_gaussian, {"deviation": (0.01, NOT_NEGATIVE)}, "normal(0, deviation)", _TEXTBOOK),
    "uniform": Kind(_even, {"limit": (0.05, NOT_NEGATIVE)}, "uniform(-limit, limit)", _TEXTBOOK),
    "glorot_normal": Kind(_glorot_normal, {}, "normal(0, sqrt(2 / (K + N)))", _GLOROT),
    "glorot_uniform": Kind(_glorot_uniform, {}, "uniform(-a, a), a = sqrt(6 / (K + N))", _GLOROT),
    "he_normal": Kind(_he_normal, _SLOPE, "normal(0, sqrt(2 / ((1 + slope^2) K)))", _HE),
    "he_uniform": Kind(_he_uniform, _SLOPE, "uniform(-a, a), a = sqrt(6 / ((1 + slope^2) K))", _HE),
    "lecun_normal": Kind(_lecun_normal, {}, "normal(0, sqrt(1 / K))", _LECUN),
    "lecun_uniform": Kind(_lecun_uniform, {}, "uniform(-a, a), a = sqrt(3 / K)", _LECUN),
    "orthogonal": Kind(_orthogonal, {"gain": (1.0, POSITIVE)}, "gain * a random matrix with W'W = I or WW' = I", _SAXE),
    "zeros": Kind(_zeros, {}, "0", "textbooks; for biases and output layers, hidden units would stay identical"),
    "constant": Kind(_constant, {"value": (0.0, ANY)}, "value", "textbooks; for biases"),
}


@record
class Initializer:
    """A named way to draw a weight matrix. Made by `initializer`.

    Fields:
        name: the key in INITIALIZERS.
        options: (name, value) pairs, for example (("deviation", 0.01),).

    The normal ones are plain normal draws, as in the papers and in PyTorch; Keras cuts its Glorot, He and LeCun normal
    draws off at two standard deviations and rescales them.
    """

    name: str
    options: tuple[tuple[str, float], ...] = ()

    def __repr__(self) -> str:
        return call_text("initializer", self.name, self.options, _KINDS[self.name].options)

    @property
    def formula(self) -> str:
        """What is drawn; K inputs, N units."""
        return _KINDS[self.name].formula

    @property
    def source(self) -> str:
        """The paper or book this comes from."""
        return _KINDS[self.name].source

    def sample(self, inputs: int, units: int, seed: int, layer: int, index: int = 0) -> NDArray[np.float64]:
        """Draw one weight matrix.

        Parameters:
            inputs: K, at least 1.
            units: N, at least 1.
            seed: whole number from 0 to 2**64 - 1.
            layer: the position of the layer; layers draw different numbers.
            index: tells several arrays of one layer apart.

        Returns a float64 array of shape (K, N), the same for the same arguments. (The last bits of "orthogonal" depend
        on the LAPACK that NumPy was built with.)

        Raises:
            ShapeError: K or N is smaller than 1.
            InputError: the seed is out of range.

        >>> initializer("he_normal").sample(784, 30, seed=0, layer=0).shape
        (784, 30)
        """
        if inputs < 1 or units < 1:
            raise ShapeError(
                f"A weight matrix of {inputs} inputs and {units} units was asked for; both must be 1 or more."
            )
        kind = _KINDS[self.name]
        sources = Sources(
            lambda count: random.normal(seed, random.INITIAL_WEIGHTS, index, layer, count),
            lambda count: random.uniform(seed, random.INITIAL_WEIGHTS, index, layer, count),
        )
        return kind.build(sources, inputs, units, **dict(self.options))

    def to_dict(self) -> dict[str, Any]:
        """The initializer as plain JSON values."""
        return {"name": self.name, **dict(self.options)}


def initializer(name: str | Initializer, **options: float) -> Initializer:
    """Look an initializer up by name.

    Parameters:
        name: a key of INITIALIZERS, or an Initializer, which is given back.
        options: for "normal" deviation (0.01), "uniform" limit (0.05), "he_normal" and "he_uniform" slope (0, of a
            leaky ReLU), "orthogonal" gain (1), "constant" value (0).

    Raises:
        InputError: there is no such initializer or option, or a value is out of range.

    >>> initializer("normal", deviation=1).options
    (('deviation', 1.0),)
    >>> initializer("he")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no initializer "he". Choose one of: normal, ...
    """

    def make(name: str) -> Initializer:
        return Initializer(name, fill_options(name, options, _KINDS[name].options))

    return resolve("initializer", name, Initializer, _KINDS, make, options)


def initializer_from_dict(data: Mapping[str, Any]) -> Initializer:
    """The initializer that `Initializer.to_dict` wrote.

    >>> initializer_from_dict(initializer("zeros").to_dict()) == initializer("zeros")
    True
    """
    return initializer(**data)


INITIALIZERS: dict[str, Initializer] = {name: initializer(name) for name in _KINDS}

_RECTIFIERS = frozenset({"relu", "leaky_relu", "relu6", "elu", "gelu", "silu", "mish", "softplus"})


def default_initializer(activation: str) -> Initializer:
    """The initializer that suits an activation: He for the ReLU family, LeCun for selu, Glorot for all others.

    >>> default_initializer("relu").name, default_initializer("selu").name, default_initializer("tanh").name
    ('he_normal', 'lecun_normal', 'glorot_uniform')
    """
    if activation in _RECTIFIERS:
        return INITIALIZERS["he_normal"]
    return INITIALIZERS["lecun_normal" if activation == "selu" else "glorot_uniform"]
