"""Coupled products as tables for plain loops over real components."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from acegen.codegen.coupled_terms import RealTerm, channel_components, real_terms
from acegen.program.coupled import CoupledProducts
from acegen.program.layout import PooledLayout


@dataclass(frozen=True)
class CoupledTables:
    """Arrays of potential.c and basis.c, named as there or similarly, in lower case.

    Attributes:
        pooled: by component of the channels, which A it is.
        scales: and its scale.
        terms: of the couplings.
        term_first: by coupling, and the end.
        nodes: coupling; where both factors and the result begin.
        scalars: where both factors begin, and number of components; of a value by itself -1 for the second.
        size: number of components of all values.
    """

    pooled: tuple[int, ...]
    scales: tuple[float, ...]
    terms: tuple[RealTerm, ...]
    term_first: tuple[int, ...]
    nodes: tuple[tuple[int, int, int, int], ...]
    scalars: tuple[tuple[int, int, int], ...]
    size: int


def coupled_tables(products: CoupledProducts, layout: PooledLayout) -> CoupledTables:
    """Values one after the other, component m at l + m."""
    degrees, couplings = products.degrees, products.couplings
    first = products.first_components
    terms = [real_terms(coupling) for coupling in couplings]
    number = {(coupling.left, coupling.right, coupling.l): n for n, coupling in enumerate(couplings)}
    components = channel_components(products, layout)
    return CoupledTables(
        pooled=tuple(position for position, _ in components),
        scales=tuple(scale for _, scale in components),
        terms=tuple(term for own in terms for term in own),
        term_first=tuple(accumulate(map(len, terms), initial=0)),
        nodes=tuple(
            (number[degrees[node.left], degrees[node.right], node.l], first[node.left], first[node.right], first[value])
            for value, node in enumerate(products.nodes, start=len(products.channels))
        ),
        scalars=tuple(
            (first[scalar[0]], first[scalar[1]] if len(scalar) > 1 else -1, 2 * degrees[scalar[0]] + 1)
            for scalar in products.scalars
        ),
        size=first[-1],
    )
