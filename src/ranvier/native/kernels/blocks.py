"""The inside of loops and conditions: the index, and the values carried from round to round."""

from __future__ import annotations

from collections.abc import Sequence

from ranvier.errors import EngineError
from ranvier.native.kernels.values import Value


class Carried:
    """The inside of a condition or loop.

    Attributes: `values` (inside: what came in, from the last round or from before), `results` (afterwards: what `carry`
    gave last, or the initial values where nothing ran).
    """

    def __init__(self, inside: Sequence[Value]) -> None:
        self.values = tuple(inside)
        self.results: tuple[Value, ...] = ()
        self.next: tuple[Value, ...] = self.values

    def carry(self, *next_values: Value) -> None:
        """Say what the values are at the end of the body; one for each value carried.

        Raises:
            EngineError: the number or the types are not those of the carried values.
        """
        if [value.type for value in next_values] != [value.type for value in self.values]:
            raise EngineError(
                f"A body carries {[v.type for v in self.values]}; it was given {[v.type for v in next_values]}."
            )
        self.next = tuple(next_values)


class Loop(Carried):
    """The inside of a loop; `index` is the number of the round, an i64."""

    def __init__(self, inside: Sequence[Value], index: Value) -> None:
        super().__init__(inside)
        self.index = index


class Repeat(Carried):
    """The inside of a repetition; `again` is the i1 that says whether there is another round."""

    again: Value
