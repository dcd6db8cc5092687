"""Conditions on coupled products beyond the types of their fields; part of `acegen.program.checks`."""

from __future__ import annotations

from collections.abc import Iterator

from acegen.program.coupled import CoupledProducts, Coupling
from acegen.program.kernel import AngularFunctions, Harmonics
from acegen.program.layout import PooledLayout


def coupled_faults(coupled: CoupledProducts, layout: PooledLayout, angular: AngularFunctions) -> Iterator[str]:
    """What is wrong, in words. A fault may be the cause of those after it."""
    if not isinstance(angular, Harmonics):
        yield "coupled products are of spherical harmonics"
        return
    for channel in coupled.channels:
        exists = 0 <= channel.species < len(layout.counts) and 0 <= channel.l <= layout.l_max
        if not exists or not 0 <= channel.n - layout.first < layout.counts[channel.species][channel.l]:
            yield "coupled.channels must be A's of the layout"
            return
        if channel.l >= len(coupled.scales):
            yield "coupled.scales must have an entry for every l of a channel"
            return
    if any(len(row) != l + 1 for l, row in enumerate(coupled.scales)):
        yield "coupled.scales must have a number for every m = 0..l"
    if len(coupled.by_degrees) < len(coupled.couplings):
        yield "coupled.couplings must have one entry for three degrees"
    for coupling in coupled.couplings:
        yield from _coupling(coupling)
    yield from _nodes(coupled)
    yield from _scalars(coupled)


def _coupling(coupling: Coupling) -> Iterator[str]:
    left, right, l = coupling.left, coupling.right, coupling.l
    name = f"the coupling of degrees {left} and {right} to {l}"
    if min(left, right) < 0 or not abs(left - right) <= l <= left + right:
        yield f"{name} does not obey the triangle rule"
    for terms, lowest, sign in ((coupling.sums, 0, 1), (coupling.differences, 1, -1)):
        if len({(m1, m2) for m1, m2, _ in terms}) < len(terms):
            yield f"{name} has two weights for the same m1 and m2"
        for m1, m2, _ in terms:
            if not (lowest <= m1 <= left and lowest <= m2 <= right and abs(m1 + sign * m2) <= l):
                yield f"{name} has a weight for m1 = {m1}, m2 = {m2}, which do not exist"


def _nodes(coupled: CoupledProducts) -> Iterator[str]:
    for position, node in enumerate(coupled.nodes, start=len(coupled.channels)):
        if not 0 <= node.left <= node.right < position:
            yield "coupled.nodes must be of ascending positions of earlier values"
            return
        degrees = (coupled.degrees[node.left], coupled.degrees[node.right], node.l)
        if degrees not in coupled.by_degrees:
            yield f"coupled.couplings lacks degrees {degrees[0]} and {degrees[1]} to {degrees[2]}"


def _scalars(coupled: CoupledProducts) -> Iterator[str]:
    count = len(coupled.degrees)
    for scalar in coupled.scalars:
        if len(scalar) not in (1, 2) or list(scalar) != sorted(scalar) or not 0 <= scalar[0] <= scalar[-1] < count:
            yield "coupled.scalars must be one or two ascending positions of values"
            return
        degrees = {coupled.degrees[position] for position in scalar}
        if len(degrees) > 1 or (len(scalar) == 1 and degrees != {0}):
            yield "coupled.scalars must be of one value with l = 0, or of two with the same l"
