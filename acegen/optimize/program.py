"""Result of the optimize stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acegen.optimize.blocks import RowBlock
from acegen.optimize.cost import L2_BYTES, Cost
from acegen.optimize.functions import ProductFunction
from acegen.optimize.pairs import Row


@dataclass(frozen=True)
class PassReport:
    """What a pass did: the cost of the program before and after it."""

    name: str
    result: str
    before: Cost
    after: Cost


@dataclass(frozen=True)
class StraightProgram:
    """The product stage as straight-line code."""

    functions: tuple[ProductFunction, ...]
    cost: Cost

    @property
    def group(self) -> int:
        """Blocks of lanes evaluated together: several if the code comes from beyond the L2 cache."""
        return 8 if self.cost.code_bytes > L2_BYTES else 1

    @property
    def n_stored(self) -> int:
        """Stored products besides the A's."""
        return 0


@dataclass(frozen=True)
class CompactProgram:
    """The product stage as tables.

    Attributes:
        nodes: stored products.
        linear: variables of the terms of order one.
        blocks: row blocks.
        cost: its cost.
    """

    nodes: tuple[Row, ...]
    linear: tuple[int, ...]
    blocks: tuple[RowBlock, ...]
    cost: Cost

    @property
    def group(self) -> int:
        """Blocks of lanes evaluated together."""
        return 1

    @property
    def n_stored(self) -> int:
        """Stored products besides the A's."""
        return len(self.nodes)


@dataclass(frozen=True)
class Program:
    """The product stage of a potential.

    Attributes:
        products: straight-line code or tables.
        coefficients: for each centre element, the folded coefficients in the order in which the code uses them.
        n_terms: products that are evaluated.
        reports: what each pass did.
    """

    products: StraightProgram | CompactProgram
    coefficients: Mapping[str, tuple[float, ...]]
    n_terms: int
    reports: tuple[PassReport, ...]
