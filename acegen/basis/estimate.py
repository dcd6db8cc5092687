"""Size of a basis before it is derived, by counting states: exact for functions, close for products.

The number of O(3)-invariant functions of order ν equals the number of multisets of ν one-particle states
(species, n, l, m) with even Σl and Σm = 0, minus those with Σm = 1 (every irreducible representation but the
trivial one contributes equally to both). Counting multisets by (ν, level, Σm, parity) is a knapsack and takes
milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm

import numpy as np
from numpy.typing import NDArray

from acegen.errors import SpecError
from acegen.spec.schema import Spec

MAX_FUNCTIONS = 50_000
MAX_PRODUCTS = 300_000
_MAX_STATES = 20_000
_MAX_GRID = 400


@dataclass(frozen=True)
class SizeEstimate:
    """Counts by order (1 .. order): basis functions, and products of A's they are made of (approximate)."""

    functions: tuple[int, ...]
    products: tuple[int, ...]


@dataclass(frozen=True)
class _Census:
    """Counts by [order - 1, level in units of `unit`], cumulative in the level."""

    unit: Fraction
    functions: NDArray[np.float64]
    products: NDArray[np.float64]

    def up_to(self, levels: tuple[Fraction, ...]) -> SizeEstimate:
        steps = [int(level / self.unit) for level in levels]
        return SizeEstimate(
            tuple(int(self.functions[order, step]) for order, step in enumerate(steps)),
            tuple(int(self.products[order, step]) for order, step in enumerate(steps)),
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
        level -= max(census.unit, Fraction(1, 2))
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
    top = levels[0]
    n_species = len(spec.basis.elements)
    pair_level = levels[1] if len(levels) > 1 else Fraction(0)
    l_max = max(0, int((pair_level - 2) / (2 * weight)))  # the largest l must be balanced by the others
    rough_states = n_species * int(top) * (l_max + 1) ** 2
    if rough_states > _MAX_STATES:
        raise SpecError(
            f"the spec '{spec.name}' asks for about {rough_states:,} one-particle functions; at most "
            f"{_MAX_STATES:,} can be handled. Lower basis.level (now {top}) or raise basis.angular_weight."
        )
    unit = Fraction(1, lcm(weight.denominator, *(level.denominator for level in levels)))
    if top / unit > _MAX_GRID:
        unit = top / _MAX_GRID
    size = int(top / unit) + 1
    order = len(levels)
    m_range = order * l_max + 1
    # counts[ν, level, Σm + m_range, parity of Σl]
    counts = np.zeros((order + 1, size, 2 * m_range + 1, 2))
    counts[0, 0, m_range, 0] = 1
    for l in range(l_max + 1):
        for n in range(1, int(top - weight * l) + 1):
            step = ceil((n + weight * l) / unit)
            if step >= size:
                continue
            for m in range(-l, l + 1):
                for _ in range(n_species):
                    for nu in range(1, order + 1):
                        below = counts[nu - 1, : size - step]
                        below = np.roll(below, m, axis=1) if m else below
                        counts[nu, step:] += below[:, :, ::-1] if l % 2 else below
    cumulative = np.cumsum(counts[1:], axis=1)[:, :, :, 0]
    zero, one = cumulative[:, :, m_range], cumulative[:, :, m_range + 1]
    return _Census(unit, zero - one, zero)
