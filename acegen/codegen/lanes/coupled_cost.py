"""What the coupled product stage costs on processors with vector registers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CoupledCost:
    """The cost model of the coupled stage.

    Attributes:
        variables: registers for variables of type `lanes`.
    """

    variables: int

    @property
    def _held(self) -> int:
        """Components of rows that stay in registers, each with its derivative."""
        return 12 if self.variables >= 32 else 6

    def parts(self, l: int, rows: int) -> list[int]:
        """How the components of l are divided: those of the rows and their derivatives stay in registers."""
        size = 2 * l + 1
        count = -(-size // max(1, self._held // rows))
        return [size // count + (k < size % count) for k in range(count)]

    def most_rows(self, l: int) -> int:
        """Most rows of a tile."""
        return self._held

    def tile_cycles(self, l: int, rows: int, columns: int) -> float:
        """Estimated time of a tile."""
        total = 3.0
        for part in self.parts(l, rows):
            arithmetic, memory = rows * part + 0.2, (rows + 3 * part + 1) / 2
            issue = (2 * rows * part + rows + 3 * part + 6) / 5.8
            total += 8 + columns * max(arithmetic, memory, issue) + 0.6 * rows * part
        return total

    def pair_cycles(self, multiply_adds: int) -> float:
        """Estimated time of a pair, forward and back."""
        return 10 + 0.7 * multiply_adds
