"""All parameters of a network are one flat array; the ParameterTable has the offset and shape of each.

The P values are ordered by layer; inside a layer the weight comes before the bias.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier import random
from ranvier.errors import InputError, nearest
from ranvier.network.constraints import Constraint
from ranvier.network.initializers import Initializer, initializer, stream_for, weights_from
from ranvier.network.penalties import penalty
from ranvier.records import record

Array = NDArray[Any]
MAX_REMEMBERED = 2**12
"""The initial values of networks of up to so many parameters are remembered."""
RUNNING_STATISTICS = ("running_mean", "running_var")


@record
class Entry:
    """One named parameter array inside the flat array.

    Fields:
        name: such as "layers.0.weight".
        role: "weight", "bias", "scale", "running_mean" or "running_var".
        shape: (inputs of a neuron, units) for weights, (units,) for the rest.
        offset: the index of its first value in the flat array.
        layer: the index of its layer, counted depth first.
        initializer: the distribution of its initial values.
        trainable: whether the optimizer updates it; running statistics and frozen layers are not trainable.
        weight_decay: whether weight decay applies; only to weights.
        l1, l2: the strengths of its penalties.
        groups: the number of groups of its layer; the columns of a weight are divided into that many blocks.
        learning_rate_factor: what the learning rate is multiplied by.
        constraint: what it must fulfil after each update; None for none.
    """

    name: str
    role: str
    shape: tuple[int, ...]
    offset: int
    layer: int
    initializer: Initializer
    trainable: bool = True
    weight_decay: bool = False
    l1: float = 0.0
    l2: float = 0.0
    groups: int = 1
    learning_rate_factor: float = 1.0
    constraint: Constraint | None = None

    @property
    def is_statistic(self) -> bool:
        """Whether it is a running statistic of a BatchNorm, which no gradient moves."""
        return self.role in RUNNING_STATISTICS

    @property
    def size(self) -> int:
        """The number of values."""
        return prod(self.shape)

    @property
    def slice(self) -> builtins.slice:
        """The range of its values in the flat array."""
        return builtins.slice(self.offset, self.offset + self.size)


@record
class ParameterTable:
    """Every parameter array, in the order of the flat array."""

    entries: tuple[Entry, ...]

    @cached_property
    def size(self) -> int:
        """P, the number of values, running statistics included."""
        return sum(entry.size for entry in self.entries)

    @cached_property
    def trainable_count(self) -> int:
        """The number of values that the optimizer updates."""
        return sum(entry.size for entry in self.entries if entry.trainable)

    @cached_property
    def weight_count(self) -> int:
        """The number of values that can be trained, frozen ones included: all but running statistics."""
        return sum(entry.size for entry in self.entries if not entry.is_statistic)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __getitem__(self, name: str) -> Entry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise InputError(f"There is no parameter {name!r}. {nearest(name, (entry.name for entry in self.entries))}")

    def views(self, flat: Array) -> dict[str, Array]:
        """Name -> view of that parameter, in its shape, of a flat array of P values."""
        return {entry.name: flat[..., entry.slice].reshape(*flat.shape[:-1], *entry.shape) for entry in self.entries}

    def initial(self, seed: int, dtype: type[np.floating[Any]] = np.float64) -> Array:
        """The P initial values for one seed, equal in every engine, rounded to `dtype`."""
        seed = random.check_seed(seed)
        flat: Array = (
            _remembered_initial(self, seed, np.dtype(dtype)).copy()
            if self.size <= MAX_REMEMBERED
            else self.initial_for_seeds([seed], dtype)[0]
        )
        return flat

    def initial_for_seeds(self, seeds: Sequence[int], dtype: type[np.floating[Any]] = np.float64) -> Array:
        """The initial values for each of M seeds, (M, P): to draw those of small networks together is faster."""
        flat: Array = np.empty((len(seeds), self.size), dtype)
        drawn = random.draw_for_seeds(seeds, random.INITIAL_WEIGHTS, self._streams)
        for entry in self.entries:
            inputs, units = entry.shape if len(entry.shape) == 2 else (1, entry.shape[0])
            parts = [
                weights_from(entry.initializer, numbers, inputs, units // entry.groups)
                for numbers in islice(drawn, entry.groups)
            ]
            weights = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
            flat[:, entry.slice] = weights.reshape(len(seeds), -1)
        if self._constrained:
            flat[:] = [self.constrained(values) for values in flat]
        return flat

    @cached_property
    def _streams(self) -> tuple[random.Stream, ...]:
        """The random numbers of each group of each entry: a group is initialized as a separate layer."""
        return tuple(
            stream_for(entry.initializer, entry.size // entry.groups, entry.layer, index + (group << 32))
            for index, entry in enumerate(self.entries)
            for group in range(entry.groups)
        )

    def constrained(self, flat: Array) -> Array:
        """A flat array (P,) with the weights of constrained layers made to fulfil their constraints; else itself."""
        if self._constrained:
            flat = np.array(flat)
        for entry in self._constrained:
            assert entry.constraint is not None
            flat[entry.slice] = entry.constraint.projected(flat[entry.slice].reshape(entry.shape)).ravel()
        return flat

    @cached_property
    def _constrained(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.constraint is not None and entry.trainable)

    def trainable_mask(self) -> NDArray[np.bool_]:
        """True where the optimizer updates the value, shape (P,)."""
        return self._per_value(lambda entry: entry.trainable, np.bool_)

    def decay_mask(self) -> NDArray[np.bool_]:
        """True where weight decay applies, shape (P,)."""
        return self._per_value(lambda entry: entry.weight_decay, np.bool_)

    def learning_rate_factors(self) -> NDArray[np.float64] | None:
        """What the learning rate of each value is multiplied by, shape (P,); None where it is 1 everywhere."""
        if all(entry.learning_rate_factor == 1.0 for entry in self.entries):
            return None
        return self._per_value(lambda entry: entry.learning_rate_factor, np.float64)

    def l1(self) -> NDArray[np.float64]:
        """The L1 strength of every value, shape (P,)."""
        return self._per_value(lambda entry: entry.l1, np.float64)

    def l2(self) -> NDArray[np.float64]:
        """The L2 strength of every value, shape (P,)."""
        return self._per_value(lambda entry: entry.l2, np.float64)

    def penalty(self, parameters: Array) -> float:
        """The penalty of the layers' l1 and l2: the sum of l1 |w| + l2 w^2 / 2 over the P values."""
        return penalty(np.asarray(parameters, np.float64), self.l1(), self.l2())

    def _per_value(self, value_of: Any, dtype: type) -> Array:
        """An array (P,) with `value_of(entry)` for all values of an entry."""
        flat: Array = np.empty(self.size, dtype)
        for entry in self.entries:
            flat[entry.slice] = value_of(entry)
        return flat


@lru_cache(64)
def _remembered_initial(table: ParameterTable, seed: int, dtype: np.dtype[Any]) -> Array:
    """The initial values of a small network: folds, settings and parts of the rows begin at the same ones."""
    flat: Array = table.initial_for_seeds([seed], dtype.type)[0]
    return flat


def block_diagonal_weight(weight: Array, groups: int) -> Array:
    """The weight (K, N) of the layer without groups that equals a layer of G groups with weight (K / G, N).

    It is block-diagonal: 0 between different groups.

    >>> block_diagonal_weight(np.array([[1.0, 2.0], [3.0, 4.0]]), groups=2).tolist()
    [[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 4.0]]
    """
    if groups == 1:
        return weight
    inputs, units = weight.shape[0], weight.shape[1] // groups
    dense = np.zeros((groups, inputs, groups, units), weight.dtype)
    index = np.arange(groups)
    dense[index, :, index] = weight.reshape(inputs, groups, units).swapaxes(0, 1)
    return dense.reshape(groups * inputs, groups * units)


ZEROS, ONES = initializer("zeros"), initializer("constant", value=1.0)
