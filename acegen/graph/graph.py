"""Fourth stage: the basis as one flat polynomial program in the pooled A's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import flint
from flint import arb

from acegen.basis.derive import Basis, SparseRow
from acegen.errors import CoefficientError
from acegen.graph.layout import PooledLayout, pooled_layout

Product = tuple[int, ...]
"""Positions of the factors A, ascending."""

WORKING_BITS = 256
"""Precision of constants before they are rounded, once, to double."""


@dataclass(frozen=True)
class Graph:
    """Result of the graph stage.

    Attributes:
        basis: the basis it evaluates.
        layout: positions of the A's.
        products: the distinct products, each the ascending positions of its factors.
        coupling: for each coupled function, its combination of products.
    """

    basis: Basis
    layout: PooledLayout
    products: tuple[Product, ...]
    coupling: tuple[SparseRow, ...]

    @property
    def pooling_multiply_adds(self) -> int:
        """Multiply-adds per neighbour to pool the A's and to contract their derivatives."""
        return 3 * self.layout.size


def build_graph(basis: Basis) -> Graph:
    """Expand every coupled function into products of A's."""
    layout = pooled_layout(basis)
    number: dict[Product, int] = {}
    coupling = []
    for function in basis.functions:
        row = []
        for m_tuple, value in function.polynomial.items():
            factors = zip(function.label, m_tuple, strict=True)
            product = tuple(sorted(layout.index(channel.species, channel.n, channel.l, m) for channel, m in factors))
            row.append((number.setdefault(product, len(number)), value))
        coupling.append(tuple(sorted(row)))
    return Graph(basis, layout, tuple(number), tuple(coupling))


def fold_coefficients(graph: Graph, coefficients: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Coefficients of the fused polynomial, c̃ = (C^T 𝒫^T) (s c), by centre element.

    Args:
        graph: the graph.
        coefficients: for each element, one number per B_i of the basis (`Basis.split` leaves pair functions out).

    Returns:
        For each element one number per product. The sums are carried in 256-bit ball arithmetic and rounded
        once.

    Raises:
        CoefficientError: a sum is too large for a double.
    """
    basis = graph.basis
    folded = {}
    with flint.ctx.workprec(WORKING_BITS):
        scales = [arb(value).sqrt() for value in basis.scales_squared]
        for element, values in coefficients.items():
            coupled = [arb(0)] * len(basis.functions)
            for value, scale, row in zip(values, scales, basis.purification, strict=True):
                weight = arb(float(value)) * scale
                for column, entry in row:
                    coupled[column] += weight * entry
            products = [arb(0)] * len(graph.products)
            for weight, row in zip(coupled, graph.coupling, strict=True):
                for product, entry in row:
                    products[product] += weight * entry
            folded[element] = [nearest_double(product) for product in products]
            if not all(map(isfinite, folded[element])):
                raise CoefficientError(f"the coefficients of {element} are too large: their sums overflow.")
    return folded


def nearest_double(ball: arb) -> float:
    """The double nearest to a ball's centre; zero if the ball holds it, so that exact cancellation stays exact."""
    return 0.0 if ball.contains(0) else float(ball)
