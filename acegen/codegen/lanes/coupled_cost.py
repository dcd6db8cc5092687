"""What the coupled product stage costs on processors with vector registers: a model fitted to measurements."""

from __future__ import annotations

from dataclasses import dataclass

WIDE = 64
"""Bytes of a vector that most processors have one unit for instead of two, and load one of in a cycle."""

_TILE, _PART, _COMPONENT = 3.0, 8.0, 0.6
_PAIR, _PAIR_MULTIPLY_ADD = 4.0, 0.68
_CHANNEL_COMPONENT, _LINEAR = 5.0, 3.0


@dataclass(frozen=True)
class CoupledCost:
    """The cost model of the coupled stage.

    Attributes:
        variables: registers for variables of type `lanes`.
        vector_bytes: width of a register.
    """

    variables: int
    vector_bytes: int = 32

    @property
    def _held(self) -> int:
        """Components of rows that stay in registers, each with its derivative."""
        return 12 if self.variables >= 32 else 6

    @property
    def slowness(self) -> float:
        """Time of the arithmetic of a register, relative to narrow ones."""
        return 2.0 if self.vector_bytes >= WIDE else 1.0

    def parts(self, l: int, rows: int) -> list[int]:
        """How the components of l are divided: those of the rows and their derivatives stay in registers."""
        size = 2 * l + 1
        count = -(-size // max(1, self._held // rows))
        return [size // count + (k < size % count) for k in range(count)]

    def most_rows(self, l: int) -> int:
        """Most rows of a tile."""
        return self._held

    def tile_cycles(self, l: int, rows: int, columns: int) -> float:
        """Estimated time of a tile: of each column, its arithmetic, its loads and stores, or all its instructions."""
        total = _TILE
        for part in self.parts(l, rows):
            arithmetic, memory = rows * part + 0.2, (rows + 3 * part + 1) / 2
            issue = (2 * rows * part + rows + 3 * part + 6) / 5.8
            total += _PART + columns * max(arithmetic, memory, issue) + _COMPONENT * rows * part
        return total * self.slowness

    def pair_cycles(self, multiply_adds: int) -> float:
        """Estimated time of a pair, forward and back."""
        return (_PAIR + _PAIR_MULTIPLY_ADD * multiply_adds) * self.slowness

    def rest_cycles(self, components: int, linear: int) -> float:
        """Estimated time of scaling the components of channels, and of products that are values by themselves."""
        return (_CHANNEL_COMPONENT * components + _LINEAR * linear) * self.slowness
