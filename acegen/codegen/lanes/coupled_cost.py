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

    def chunks(self, l: int, rows: int) -> list[int]:
        """How the components of l are divided: the sums of `rows` rows over a part stay in registers."""
        size = 2 * l + 1
        most = size
        while most > 1 and rows * most + min(rows, most) + 1 > self.variables:
            most -= 1
        count = -(-size // most)
        return [size // count + (k < size % count) for k in range(count)]

    def most_rows(self, l: int) -> int:
        """Most rows of a tile."""
        size = 2 * l + 1
        if self.variables >= 32:
            return {1: 8, 3: 8, 5: 5, 7: 4, 9: 3}.get(size, 2)
        return {1: 6, 3: 4, 5: 4, 7: 3, 9: 2}.get(size, 2)

    def tile_cycles(self, l: int, rows: int, columns: int) -> float:
        """Estimated time of a tile."""
        total = 6.0
        for part in self.chunks(l, rows):
            step = max(rows * part / 2, (rows + part) / 2 + 0.5, (rows * part + rows + part + 3) / 5)
            if rows * part < 8:
                step = max(step, 4 * rows * part / 8, 2.0)
            total += 10 + columns * step + rows * part
        return total

    def pair_cycles(self, multiply_adds: int) -> float:
        """Estimated time of a pair, forward and back."""
        return 10 + 0.7 * multiply_adds
