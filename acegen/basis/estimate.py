"""Size of a basis before it is derived, by counting states: exact for functions, close for products.

The number of O(3)-invariant functions of order ν equals the number of multisets of ν one-particle states
(species, n, l, m) with even Σl and Σm = 0, minus those with Σm = 1 (every irreducible representation but the
trivial one contributes equally to both). Counting multisets by (ν, Σn, Σl, Σm) is a knapsack and takes
milliseconds to seconds; the level Σn + angular_weight·Σl is applied afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from acegen.errors import SpecError
from acegen.spec.schema import Spec

MAX_FUNCTIONS = 50_000
MAX_PRODUCTS = 300_000
_MAX_STATES = 20_000


@dataclass(frozen=True)
class SizeEstimate:
    """Counts by order (1 .. order): basis functions, and products of A's they are made of.

    Products are exact up to order 2. Above, the multisets with Σm = 0 are counted, which are about as many.
    """

    functions: tuple[int, ...]
    products: tuple[int, ...]


@dataclass(frozen=True)
class _Census:
    """Numbers of functions and products by [order - 1, Σn, Σl], for the largest level of a spec."""

    weight: Fraction
    functions: NDArray[np.float64]
    products: NDArray[np.float64]

    def up_to(self, levels: tuple[Fraction, ...]) -> SizeEstimate:
        _, n_size, l_size = self.functions.shape
        numerator, denominator = self.weight.numerator, self.weight.denominator
        level = denominator * np.arange(n_size)[:, None] + numerator * np.arange(l_size)
        inside = [level <= int(limit * denominator) for limit in levels]
        return SizeEstimate(
            tuple(int(table[mask].sum()) for table, mask in zip(self.functions, inside, strict=True)),
            tuple(int(table[mask].sum()) for table, mask in zip(self.products, inside, strict=True)),
        )


def estimate_size(spec: Spec) -> SizeEstimate:
    """Number of functions and products by order.

    Raises:
        SpecError: there are too many one-particle functions even to count.
    """
    return _census(spec).up_to(spec.basis.levels)


def check_size(spec: Spec) -> None:
    """Refuse a spec that could not be derived and compiled in reasonable time.

    Raises:
        SpecError: with the estimated counts, and the level or order that would fit.
    """
    census = _census(spec)
    estimate = census.up_to(spec.basis.levels)
    if _fits(estimate, spec.basis.order):
        return
    advice = []
    level = spec.basis.levels[0]
    while level > spec.basis.order and not _fits(
        census.up_to(tuple(min(level, own) for own in spec.basis.levels)), spec.basis.order
    ):
        level -= Fraction(1, 2)
    if level > spec.basis.order:
        advice.append(f"lower basis.level to {float(level):g}")
    order = spec.basis.order - 1
    while order and not _fits(estimate, order):
        order -= 1
    if order:
        advice.append(f"lower basis.order to {order}")
    raise SpecError(
        f"the spec '{spec.name}' asks for about {sum(estimate.functions):,} functions from "
        f"{sum(estimate.products):,} products; at most {MAX_FUNCTIONS:,} functions and {MAX_PRODUCTS:,} products "
        f"can be compiled. To fit, {' or '.join(advice) or 'lower basis.level'}"
        f"{', or use fewer elements' if len(spec.basis.elements) > 1 else ''}."
    )


def _fits(estimate: SizeEstimate, order: int) -> bool:
    return sum(estimate.functions[:order]) <= MAX_FUNCTIONS and sum(estimate.products[:order]) <= MAX_PRODUCTS


def _census(spec: Spec) -> _Census:
    levels, weight = spec.basis.levels, spec.basis.angular_weight
    n_species = len(spec.basis.elements)
    order, n_max = len(levels), int(levels[0])
    l_sum = max(0, int((levels[1] - 2) / weight)) if order > 1 else 0
    l_max = l_sum // 2  # the largest l must be balanced by the others
    rough_states = n_species * n_max * (l_max + 1) ** 2
    if rough_states > _MAX_STATES:
        raise SpecError(
            f"the spec '{spec.name}' asks for about {rough_states:,} one-particle functions; at most "
            f"{_MAX_STATES:,} can be handled. Lower basis.level (now {levels[0]}) or raise basis.angular_weight."
        )
    # counts[ν, Σn, Σl, Σm + l_sum]; |Σm| cannot exceed Σl
    counts = np.zeros((order + 1, n_max + 1, l_sum + 1, 2 * l_sum + 3))
    counts[0, 0, 0, l_sum] = 1
    for l in range(l_max + 1):
        for n in range(1, int(levels[0] - weight * l) + 1):
            for m in range(-l, l + 1):
                for _ in range(n_species):
                    for nu in range(1, order + 1):
                        below = counts[nu - 1, : n_max + 1 - n, : l_sum + 1 - l]
                        counts[nu, n:, l:] += np.roll(below, m, axis=2) if m else below
    zero, one = counts[1:, :, :, l_sum].copy(), counts[1:, :, :, l_sum + 1].copy()
    zero[:, :, 1::2] = one[:, :, 1::2] = 0
    products = zero.copy()
    functions = zero - one
    # One and two A's couple in one way: A_n00, and Σ_m A_nlm A_n'l-m with 2l+1 products.
    products[0] = functions[0]
    if order > 1:
        products[1] = functions[1] * (np.arange(l_sum + 1) + 1)  # Σl = 2l
    return _Census(weight, functions, products)
