"""The shapes of the register tile, chosen from the registers of the processor and the shape of the layer.

A tile is h rows by v panels; a panel is 16 columns, which take 16 / lanes registers. A tile holds h v such groups, the
v groups of one k, and one broadcast number. Two FMAs can start in each cycle and take four, so eight or more
accumulators keep the units busy; fewer leave them waiting.
"""

from __future__ import annotations

from ranvier.records import record

PANEL = 16
ROWS_AT_ONCE = 256
"""Most batch rows that a thread takes through all layers before it takes the next ones."""
GRAINS = (4, 2, 1)
"""How many panels may belong together where threads share panels."""
BUSY = 8
"""Chains in flight that keep two FMA units busy."""
FEW_REGISTERS, MANY_REGISTERS = 16, 32
"""The vector registers of AVX2, with which tall tiles take one panel, and those of AVX-512 and of 64-bit ARM."""
MAX_CHAINS = 3 * BUSY
"""Accumulators of a tile with 32 registers: nearly as many as fit, so that each number loaded is used more often."""
MAX_HEIGHT, MAX_PANELS = 6, 8
"""The tallest and the widest tile: larger ones fit no registers, or would be long code for little."""


@record
class Registers:
    """The vector registers of a processor: how many, and how many registers 16 numbers take."""

    count: int
    per_panel: int

    def fits(self, height: int, panels: int) -> bool:
        """Whether a tile stays in registers. A panel's numbers may come straight from memory, one at a time."""
        accumulators = height * panels * self.per_panel
        return accumulators + min(height, panels * self.per_panel) + 1 <= self.count

    def panels(self, height: int) -> int:
        """How many panels a tile of this height takes: as few as keep the units busy, more where registers are many.

        >>> Registers(16, 2).panels(6), Registers(16, 2).panels(1), Registers(32, 1).panels(6)
        (1, 4, 4)
        """
        wanted = 1
        n_chains = BUSY if self.count <= FEW_REGISTERS else MAX_CHAINS
        while height * wanted * self.per_panel < n_chains and self.fits(height, wanted + 1) and wanted < MAX_PANELS:
            wanted += 1
        return wanted

    def shared_panels(self, height: int, grain: int) -> int:
        """How many panels a tile of this height takes where threads share grains of panels, 1, 2 or 4 of them.

        >>> [Registers(16, 2).shared_panels(height, grain=2) for height in (6, 2, 1)]
        [1, 2, 2]
        """
        return next(count for count in GRAINS if count <= min(grain, self.panels(height)))

    def tallest(self) -> int:
        """The tallest tile of one panel.

        >>> Registers(16, 2).tallest(), Registers(32, 1).tallest(), Registers(16, 4).tallest()
        (6, 6, 3)
        """
        return max(height for height in range(1, MAX_HEIGHT + 1) if self.fits(height, 1))

    def cycles(self, height: int) -> float:
        """Cycles a k of one panel takes in a tile of this height, with two FMAs or two loads a cycle."""
        panels = self.panels(height)
        accumulators = height * panels * self.per_panel
        loads = panels * self.per_panel + height
        return max(accumulators / 2, accumulators * 4 / min(accumulators, BUSY) / 2, loads / 2) / panels


def at_once(rows: int) -> int:
    """How many of so many batch rows are taken at once: all of them, or parts of about the same size.

    >>> at_once(100), at_once(600)
    (100, 200)
    """
    return -(-rows // -(-rows // ROWS_AT_ONCE)) if rows else 1


def heights(rows: int, registers: Registers) -> tuple[int, ...]:
    """Heights of the tiles that cover so many rows in the least time, falling, with 1 at the end.

    Other numbers of rows are covered too, with more of the single rows.

    >>> heights(16, Registers(16, 2)), heights(5, Registers(16, 2)), heights(64, Registers(16, 2))
    ((6, 4, 1), (5, 1), (6, 4, 1))
    """
    tallest = registers.tallest()
    best: tuple[float, tuple[int, ...]] = (float("inf"), (1,))
    for main in range(min(tallest, max(rows, 1)), 0, -1):
        left = rows % main
        cost = rows // main * registers.cycles(main)
        options: list[tuple[int, ...]] = [(main, 1) if main > 1 else (1,)]
        if left > 1:
            options.append((main, left, 1))
            options += [(main, part, left - part, 1) for part in range(left - 1, 1, -1) if left - part < part > 1]
        for option in options:
            total = cost + _rest(left, option[1:], registers)
            if total < best[0] - 1e-9:
                best = (total, tuple(dict.fromkeys(option)))
    return best[1]


def exact_heights(rows: int, registers: Registers) -> tuple[int, ...]:
    """Heights that cover so many rows and nothing else, falling.

    >>> exact_heights(784, Registers(16, 2)), exact_heights(54, Registers(16, 2))
    ((6, 4), (6,))
    """
    tallest = registers.tallest()
    if rows <= tallest:
        return (rows,)
    return (tallest, rows % tallest) if rows % tallest else (tallest,)


def _rest(left: int, options: tuple[int, ...], registers: Registers) -> float:
    """Cycles for the rows that the main height leaves over."""
    total = 0.0
    for height in options:
        total += left // height * registers.cycles(height)
        left %= height
    return total
