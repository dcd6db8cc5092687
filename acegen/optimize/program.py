"""Result of the optimize stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acegen.optimize.blocks import RowBlock
from acegen.optimize.cost import Cost
from acegen.optimize.coupled import CoupledStage
from acegen.optimize.functions import ProductFunction
from acegen.optimize.pairs import Row
from acegen.program.kernel import Product


@dataclass(frozen=True)
class PassReport:
    """What a pass did, with the cost of the program before and after it."""

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
    def n_stored(self) -> int:
        """Number of stored products besides the A's."""
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
    def n_stored(self) -> int:
        """Number of stored products besides the A's."""
        return len(self.nodes)


@dataclass(frozen=True)
class ListedProducts:
    """The product stage as a list of products, each evaluated by itself: positions of their factors."""

    products: tuple[Product, ...]
    cost: Cost


@dataclass(frozen=True)
class ProductStage:
    """The product stage of a potential.

    Attributes:
        products: monomials of A's: straight-line code, tables, or a plain list.
        coupled: coupled products in addition; None without any.
        coefficients: by `KernelProgram.row_names`, coefficients of the monomials in the order the code uses them.
        n_terms: number of products evaluated.
        reports: what each pass did.
    """

    products: StraightProgram | CompactProgram | ListedProducts
    coupled: CoupledStage | None
    coefficients: Mapping[str, tuple[float, ...]]
    n_terms: int
    reports: tuple[PassReport, ...]

    @property
    def cost(self) -> Cost:
        """Of monomials and coupled products together."""
        return self.products.cost if self.coupled is None else self.products.cost + self.coupled.cost
