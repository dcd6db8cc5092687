"""A basis in the pooled A's: every coupled function as an exact combination of products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import flint
from flint import arb

from acegen.basis.derive import Basis, SparseRow
from acegen.errors import CoefficientError
from acegen.lower.rounding import WORKING_BITS, nearest_double
from acegen.program.kernel import Product
from acegen.program.layout import PooledLayout


@dataclass(frozen=True)
class ProductExpansion:
    """A basis and the products its functions are made of.

    Attributes:
        basis: the basis.
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


def expand_products(basis: Basis) -> ProductExpansion:
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
    return ProductExpansion(basis, layout, tuple(number), tuple(coupling))


def pooled_layout(basis: Basis) -> PooledLayout:
    """The smallest layout with every A that the functions of a basis use."""
    channels = {channel for function in basis.functions for channel in function.label}
    l_max = max(channel.l for channel in channels)
    first = basis.radial.first
    counts = [[0] * (l_max + 1) for _ in basis.spec.species]
    for channel in channels:
        counts[channel.species][channel.l] = max(counts[channel.species][channel.l], channel.n - first + 1)
    components = tuple(basis.angular.components(l) for l in range(l_max + 1))
    return PooledLayout(tuple(map(tuple, counts)), first, components)


def fold_coefficients(
    expansion: ProductExpansion, coefficients: Mapping[str, Sequence[float]]
) -> dict[str, list[float]]:
    """Coefficients of the fused polynomial, c̃ = (C^T 𝒫^T) (s c), by centre element.

    Args:
        expansion: the basis in products.
        coefficients: for each element, one number per B_i of the basis (`Basis.split` leaves pair functions out).

    Returns:
        For each element one number per product. Sums are computed in 256-bit ball arithmetic and rounded
        once.

    Raises:
        CoefficientError: a sum is too large for a double.
    """
    basis = expansion.basis
    folded = {}
    with flint.ctx.workprec(WORKING_BITS):
        scales = [arb(value).sqrt() for value in basis.scales_squared]
        for element, values in coefficients.items():
            coupled = [arb(0)] * len(basis.functions)
            for value, scale, row in zip(values, scales, basis.purification, strict=True):
                weight = arb(float(value)) * scale
                for column, entry in row:
                    coupled[column] += weight * entry
            products = [arb(0)] * len(expansion.products)
            for weight, row in zip(coupled, expansion.coupling, strict=True):
                for product, entry in row:
                    products[product] += weight * entry
            folded[element] = [nearest_double(product) for product in products]
            if not all(map(isfinite, folded[element])):
                raise CoefficientError(f"the coefficients of {element} are too large: their sums overflow.")
    return folded
