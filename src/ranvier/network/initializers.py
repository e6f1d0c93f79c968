"""Initializers: the random initial weights of a layer.

K is the number of inputs of a layer (fan-in), N its number of units (fan-out). Every weight matrix has shape (K, N).
The random numbers come from the counter-based generator, so they depend only on the seed and the layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier import random
from ranvier.errors import ShapeError
from ranvier.network.number_rules import ANY, NON_NEGATIVE, POSITIVE, Rule, constructor_repr, merge_options
from ranvier.network.renamed import INITIALIZER_OPTIONS, renamed
from ranvier.network.resolve import resolve
from ranvier.records import record

NORMAL, UNIFORM, NONE = "normal", "uniform", ""
Matrix = NDArray[np.float64]


@record
class InitializerSpec:
    """A built-in initializer.

    Fields:
        draws: of which distribution the K N random numbers are: NORMAL, UNIFORM or, for constants, NONE.
        build: (random numbers, K, N, options by name) -> float64 array of shape (K, N), or (M, K, N) for random numbers
            (M, K N) of M seeds.
        options: name -> (default, rule).
        formula: the distribution, as text.
        source: the publication.
    """

    draws: str
    build: Callable[..., Matrix]
    options: Mapping[str, tuple[float, Rule]]
    formula: str
    source: str


def _normal(drawn: Matrix, inputs: int, units: int, stddev: float) -> Matrix:
    weights = drawn.reshape(*drawn.shape[:-1], inputs, units)
    weights *= stddev
    return weights


def _uniform(drawn: Matrix, inputs: int, units: int, limit: float) -> Matrix:
    weights = drawn.reshape(*drawn.shape[:-1], inputs, units)
    weights *= 2.0
    weights -= 1.0
    weights *= limit
    return weights


def _glorot_normal(drawn: Matrix, inputs: int, units: int) -> Matrix:
    return _normal(drawn, inputs, units, math.sqrt(2.0 / (inputs + units)))


def _glorot_uniform(drawn: Matrix, inputs: int, units: int) -> Matrix:
    return _uniform(drawn, inputs, units, math.sqrt(6.0 / (inputs + units)))


def _he_normal(drawn: Matrix, inputs: int, units: int, slope: float) -> Matrix:
    return _normal(drawn, inputs, units, math.sqrt(2.0 / ((1.0 + slope**2) * inputs)))


def _he_uniform(drawn: Matrix, inputs: int, units: int, slope: float) -> Matrix:
    return _uniform(drawn, inputs, units, math.sqrt(6.0 / ((1.0 + slope**2) * inputs)))


def _lecun_normal(drawn: Matrix, inputs: int, units: int) -> Matrix:
    return _normal(drawn, inputs, units, math.sqrt(1.0 / inputs))


def _lecun_uniform(drawn: Matrix, inputs: int, units: int) -> Matrix:
    return _uniform(drawn, inputs, units, math.sqrt(3.0 / inputs))


def _orthogonal(drawn: Matrix, inputs: int, units: int, gain: float) -> Matrix:
    """The Q of a QR decomposition; the signs of R's diagonal make Q uniform over all orthogonal matrices."""
    if drawn.ndim > 1:
        return np.stack([_orthogonal(numbers, inputs, units, gain) for numbers in drawn])
    tall, thin = max(inputs, units), min(inputs, units)
    q, r = np.linalg.qr(drawn.reshape(tall, thin))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return np.ascontiguousarray(gain * (q if inputs >= units else q.T))


def _constant(drawn: Matrix, inputs: int, units: int, value: float) -> Matrix:
    return np.full((*drawn.shape[:-1], inputs, units), value)


def _zeros(drawn: Matrix, inputs: int, units: int) -> Matrix:
    return np.zeros((*drawn.shape[:-1], inputs, units))


_GLOROT = "Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010"
_HE = "He, Zhang, Ren and Sun, Delving deep into rectifiers, ICCV 2015"
_LECUN = "LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998"
_SAXE = "Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning, ICLR 2014"
_TEXTBOOK = "textbooks; for example Nielsen, Neural Networks and Deep Learning, 2015, chapter 1 (stddev 1)"

_SLOPE: dict[str, tuple[float, Rule]] = {"slope": (0.0, NON_NEGATIVE)}
_SPECS: dict[str, InitializerSpec] = {
    "normal": InitializerSpec(NORMAL, _normal, {"stddev": (0.01, NON_NEGATIVE)}, "normal(0, stddev)", _TEXTBOOK),
    "uniform": InitializerSpec(
        UNIFORM, _uniform, {"limit": (0.05, NON_NEGATIVE)}, "uniform(-limit, limit)", "textbooks"
    ),
    "glorot_normal": InitializerSpec(NORMAL, _glorot_normal, {}, "normal(0, sqrt(2 / (K + N)))", _GLOROT),
    "glorot_uniform": InitializerSpec(UNIFORM, _glorot_uniform, {}, "uniform(-a, a), a = sqrt(6 / (K + N))", _GLOROT),
    "he_normal": InitializerSpec(NORMAL, _he_normal, _SLOPE, "normal(0, sqrt(2 / ((1 + slope^2) K)))", _HE),
    "he_uniform": InitializerSpec(UNIFORM, _he_uniform, _SLOPE, "uniform(-a, a), a = sqrt(6 / ((1 + slope^2) K))", _HE),
    "lecun_normal": InitializerSpec(NORMAL, _lecun_normal, {}, "normal(0, sqrt(1 / K))", _LECUN),
    "lecun_uniform": InitializerSpec(UNIFORM, _lecun_uniform, {}, "uniform(-a, a), a = sqrt(3 / K)", _LECUN),
    "orthogonal": InitializerSpec(
        NORMAL, _orthogonal, {"gain": (1.0, POSITIVE)}, "gain * a random matrix with W'W = I or WW' = I", _SAXE
    ),
    "zeros": InitializerSpec(
        NONE, _zeros, {}, "0", "textbooks; for biases and output layers, hidden units would stay identical"
    ),
    "constant": InitializerSpec(NONE, _constant, {"value": (0.0, ANY)}, "value", "textbooks; for biases"),
}


@record
class Initializer:
    """A distribution of initial weights. Made by `initializer`.

    Fields:
        name: the key in INITIALIZERS.
        options: (name, value) pairs, for example (("stddev", 0.01),).

    The normal initializers draw from a normal distribution that is not truncated, as in the papers and in PyTorch.
    Keras truncates its Glorot, He and LeCun normal distributions at two standard deviations and rescales them.

    >>> he = initializer("he_normal")
    >>> he, he.formula
    (initializer('he_normal'), 'normal(0, sqrt(2 / ((1 + slope^2) K)))')
    """

    name: str
    options: tuple[tuple[str, float], ...] = ()

    def __repr__(self) -> str:
        return constructor_repr("initializer", self.name, self.options, _SPECS[self.name].options)

    @property
    def formula(self) -> str:
        """The distribution as text; K inputs, N units."""
        return _SPECS[self.name].formula

    @property
    def source(self) -> str:
        """The publication."""
        return _SPECS[self.name].source

    def sample(self, inputs: int, units: int, seed: int, layer: int, index: int = 0) -> NDArray[np.float64]:
        """Draw one weight matrix.

        Parameters:
            inputs: K, at least 1.
            units: N, at least 1.
            seed: an integer from 0 to 2**64 - 1.
            layer: the index of the layer; different layers get different random numbers.
            index: the index of the array; different arrays of a layer get different random numbers.

        Returns a float64 array of shape (K, N), equal for equal arguments. (The last bits of "orthogonal" depend on the
        LAPACK that NumPy was built with.)

        Raises:
            ShapeError: K or N is smaller than 1.
            InputError: the seed is out of range.

        >>> initializer("he_normal").sample(784, 30, seed=0, layer=0).shape
        (784, 30)
        """
        if inputs < 1 or units < 1:
            raise ShapeError(
                f"A weight matrix of {inputs} inputs and {units} units was requested; both must be at least 1."
            )
        (drawn,) = random.draw(seed, random.INITIAL_WEIGHTS, [stream_for(self, inputs * units, layer, index)])
        return weights_from(self, drawn, inputs, units)

    def to_dict(self) -> dict[str, Any]:
        """The initializer as plain JSON values."""
        return {"name": self.name, **dict(self.options)}


def stream_for(initializer: Initializer, count: int, layer: int, index: int) -> random.Stream:
    """The random numbers that so many weights are made of; none for constants. The rest as for `Initializer.sample`."""
    draws = _SPECS[initializer.name].draws
    return random.Stream(draws == NORMAL, index, layer, count if draws else 0)


def weights_from(initializer: Initializer, drawn: NDArray[np.float64], inputs: int, units: int) -> Matrix:
    """Weights (K, N) made of the numbers of `stream_for`, which are lost; of several seeds as for `InitializerSpec`."""
    return _SPECS[initializer.name].build(drawn, inputs, units, **dict(initializer.options))


def initializer(name: str | Initializer, **options: float) -> Initializer:
    """An initializer by name.

    Parameters:
        name: a key of INITIALIZERS, or an Initializer, which is returned unchanged.
        options: for "normal" stddev (0.01), "uniform" limit (0.05), "he_normal" and "he_uniform" slope (0, of a
            leaky ReLU), "orthogonal" gain (1), "constant" value (0).

    Raises:
        InputError: there is no such initializer or option, or a value is out of range.

    >>> initializer("normal", stddev=1).options
    (('stddev', 1.0),)
    >>> initializer("he")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no initializer "he". Choose one of: normal, ...
    """

    def make(name: str) -> Initializer:
        return Initializer(name, merge_options(name, options, _SPECS[name].options))

    return resolve("initializer", name, Initializer, _SPECS, make, options)


def initializer_from_dict(data: Mapping[str, Any]) -> Initializer:
    """The initializer that `Initializer.to_dict` wrote.

    >>> initializer_from_dict(initializer("zeros").to_dict()) == initializer("zeros")
    True
    """
    return initializer(**renamed(data, INITIALIZER_OPTIONS.get(data["name"], {})))


INITIALIZERS: dict[str, Initializer] = {name: initializer(name) for name in _SPECS}

_RECTIFIERS = frozenset({"relu", "leaky_relu", "relu6", "elu", "gelu", "silu", "mish", "softplus"})


def default_initializer(activation: str) -> Initializer:
    """The default initializer for an activation: He for the ReLU family, LeCun for selu, Glorot for all others.

    >>> default_initializer("relu").name, default_initializer("selu").name, default_initializer("tanh").name
    ('he_normal', 'lecun_normal', 'glorot_uniform')
    """
    if activation in _RECTIFIERS:
        return INITIALIZERS["he_normal"]
    return INITIALIZERS["lecun_normal" if activation == "selu" else "glorot_uniform"]
