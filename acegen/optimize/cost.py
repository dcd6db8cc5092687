"""What a product stage costs, and what a target must provide for the passes to choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from acegen.optimize.coupled_tiles import CoupledCosts
from acegen.optimize.trie import TrieNode
from acegen.program.kernel import Product

CLOCK = 2.4e9
"""Cycles per second for displayed times; choices do not depend on it."""


@dataclass(frozen=True)
class Cost:
    """Cost of a product stage for one block of lanes whose variables are one register wide.

    Attributes:
        multiply_adds: multiplications, additions and fused multiply-adds.
        loads: vectors and coefficients read from memory.
        code_bytes: size of the machine code, or of the tables that replace it, without the coefficients.
        cycles: estimated time.
    """

    multiply_adds: int
    loads: int
    code_bytes: int
    cycles: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.multiply_adds + other.multiply_adds,
            self.loads + other.loads,
            self.code_bytes + other.code_bytes,
            self.cycles + other.cycles,
        )

    def times(self, passes: int) -> Cost:
        """Of several passes of the same code."""
        return Cost(passes * self.multiply_adds, passes * self.loads, self.code_bytes, passes * self.cycles)

    def seconds(self, lanes: int, vectors: int) -> float:
        """Estimated time per centre, for blocks of `lanes` centres and `vectors` registers per variable."""
        return self.cycles * vectors / lanes / CLOCK


class CostModel(Protocol):
    """What a target says about the cost of programs."""

    @property
    def most_rows(self) -> int:
        """Most rows of a block."""
        ...

    @property
    def max_code_bytes(self) -> int:
        """Limit on straight-line code, unless it is asked for."""
        ...

    @property
    def coupled(self) -> CoupledCosts:
        """Of coupled products."""
        ...

    def straight(self, roots: Sequence[TrieNode]) -> Cost:
        """Cost of a trie written out as straight-line code."""
        ...

    def block_cycles(self, rows: int, columns: int) -> float:
        """Estimated time of a row block."""
        ...

    def compact(self, nodes: int, linear: int, shapes: Sequence[tuple[int, int]]) -> Cost:
        """Cost of a table-driven program.

        Args:
            nodes: stored products of A's.
            linear: terms of order one.
            shapes: rows (at most `most_rows`) and columns of each row block.
        """
        ...


def listed_cost(products: Sequence[Product]) -> Cost:
    """Cost of products evaluated one by one, forward and back: four operations per factor, one cycle each."""
    factors = sum(map(len, products))
    return Cost(4 * factors, 2 * factors + len(products), 4 * factors, 4.0 * factors)
