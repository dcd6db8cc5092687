"""Coupled products in real components, for any backend."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from acegen.program.coupled import CoupledProducts, Coupling
from acegen.program.layout import PooledLayout


def channel_components(products: CoupledProducts, layout: PooledLayout) -> tuple[tuple[int, float], ...]:
    """Of each component of the channels, one after the other, m at l + m: the position of its A, and its scale."""
    return tuple(
        (layout.index(species, n, l, m), products.scales[l][abs(m)])
        for species, n, l in products.channels
        for m in range(-l, l + 1)
    )


class RealTerm(NamedTuple):
    """c_M += weight a_m1 b_m2, with components numbered from -l on: l + m."""

    row: int
    left: int
    right: int
    weight: float


def real_terms(coupling: Coupling) -> tuple[RealTerm, ...]:
    """A coupling written out for the real components of both factors, ascending."""
    found: defaultdict[tuple[int, int, int], float] = defaultdict(float)

    def add(m: int, weight: float, left: tuple[int, complex], right: tuple[int, complex]) -> None:
        """The part of weight · left · right that goes to c_m and c_-m."""
        number = weight * left[1] * right[1] * (-1j if coupling.odd else 1)
        if number.real:
            found[m, left[0], right[0]] += number.real
        if m and number.imag:
            found[-m, left[0], right[0]] += number.imag

    def parts(m: int, sign: int) -> list[tuple[int, complex]]:
        """ĉ_m, or its conjugate for sign -1, as a sum of components."""
        return [(m, 1.0)] + ([(-m, sign * 1j)] if m else [])

    for m1, m2, weight in coupling.sums:
        for left in parts(m1, 1):
            for right in parts(m2, 1):
                add(m1 + m2, weight, left, right)
    for m1, m2, weight in coupling.differences:
        first = 1 if m1 >= m2 else -1
        for left in parts(m1, first):
            for right in parts(m2, -first):
                add(abs(m1 - m2), weight, left, right)
    terms = (
        RealTerm(coupling.l + m, coupling.left + m1, coupling.right + m2, weight)
        for (m, m1, m2), weight in found.items()
        if weight
    )
    return tuple(sorted(terms))
