"""Constraints: what the weights of a Dense layer must fulfil after each update. W is the weight (K, N) of N neurons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError, nearest
from ranvier.network.number_rules import POSITIVE, check_fields
from ranvier.records import field_names, record

Array = NDArray[Any]


class Constraint:
    """Base of the constraints; `projected` gives the nearest weight that fulfils it.

    >>> MaxNorm(5.0).projected(np.array([[6.0], [8.0]])).tolist()
    [[3.0], [4.0]]
    """

    __slots__ = ()

    def projected(self, weight: Array) -> Array:
        """The nearest weight (K, N) that fulfils the constraint, as a new array."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The constraint as JSON values."""
        return {"kind": _NAMES[type(self)], **{name: getattr(self, name) for name in field_names(self)}}


@record
class NonNegative(Constraint):
    """No weight is negative: more of an input never means less of a neuron's weighted sum.

    Formula: w <- max(w, 0) for each weight, after each update.
    Source: the constraint `NonNeg` of Keras.

    >>> NonNegative().projected(np.array([[1.0], [-2.0]])).tolist()
    [[1.0], [0.0]]
    """

    def projected(self, weight: Array) -> Array:
        """The weight with 0 in place of what is negative; what is not a number stays so."""
        return np.where(weight < 0, weight.dtype.type(0), weight)


@record
class MaxNorm(Constraint):
    """The weights of each neuron have a norm of at most `limit`.

    Formula: w_n <- w_n min(1, limit / sqrt(sum_k w_kn^2)) for the K weights of each neuron n, after each update.
    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.

    Parameters:
        limit: the largest norm, above 0; 2 to 4 are usual.

    Raises:
        InputError: the limit is not a number above 0.

    >>> MaxNorm(1.0).projected(np.array([[3.0, 0.3], [4.0, 0.4]])).tolist()
    [[0.6000000000000001, 0.3], [0.8, 0.4]]
    """

    limit: float = 2.0

    def __post_init__(self) -> None:
        check_fields(self, {"limit": POSITIVE})

    def projected(self, weight: Array) -> Array:
        """The weight with the columns scaled down whose norm is above the limit."""
        norm = np.sqrt((weight * weight).sum(axis=0, keepdims=True))
        large = norm > self.limit
        factors = np.where(large, self.limit / np.where(large, norm, 1.0), 1.0)
        scaled: Array = weight * factors.astype(weight.dtype)
        return scaled


CONSTRAINTS: dict[str, type[Constraint]] = {"non_negative": NonNegative, "max_norm": MaxNorm}
_NAMES = {kind: name for name, kind in CONSTRAINTS.items()}


def constraint(owner: str, value: Any) -> Constraint | None:
    """A constraint from a record, a name or None.

    Raises:
        InputError: it is something else.

    >>> constraint("Dense", "non_negative")
    NonNegative()
    """
    if value is None or isinstance(value, Constraint):
        return value
    if isinstance(value, str) and value in CONSTRAINTS:
        return CONSTRAINTS[value]()
    hint = nearest(value, CONSTRAINTS) if isinstance(value, str) else "Use rv.NonNegative() or rv.MaxNorm(2.0)."
    raise InputError(f"{owner}: constraint is {value!r}. {hint}")


def constraint_from_dict(data: Mapping[str, Any]) -> Constraint:
    """The constraint that `to_dict` wrote.

    Raises:
        InputError: the kind is unknown.

    >>> constraint_from_dict(MaxNorm(3.0).to_dict())
    MaxNorm(limit=3.0)
    """
    values = dict(data)
    kind = values.pop("kind")
    if kind not in CONSTRAINTS:
        raise InputError(f"There is no constraint of kind {kind!r} in this version of Ranvier.")
    return CONSTRAINTS[kind](**values)
