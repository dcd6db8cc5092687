"""Coupled products as tables for plain loops over real components."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from acegen.optimize.coupled import CoupledStage
from acegen.program.coupled import Coupling
from acegen.program.layout import PooledLayout


@dataclass(frozen=True)
class CoupledTables:
    """Arrays of potential.c, named as there, in lower case.

    Attributes:
        pooled: by component of the channels, which A it is.
        scales: and its scale.
        terms: of the couplings: component of both factors and of the result, and weight.
        term_first: by coupling, and the end.
        nodes: coupling; where both factors and the result begin.
        scalars: where both factors begin, and number of components; of a value by itself -1 for the second.
        weights: by centre element.
        size: number of components of all values.
    """

    pooled: tuple[int, ...]
    scales: tuple[float, ...]
    terms: tuple[tuple[int, int, int, float], ...]
    term_first: tuple[int, ...]
    nodes: tuple[tuple[int, int, int, int], ...]
    scalars: tuple[tuple[int, int, int], ...]
    weights: tuple[tuple[float, ...], ...]
    size: int


def coupled_tables(stage: CoupledStage, layout: PooledLayout) -> CoupledTables:
    """Values one after the other, component m at l + m."""
    products = stage.products
    degrees, couplings = products.degrees, products.couplings
    first = list(accumulate((2 * l + 1 for l in degrees), initial=0))
    terms = [_real_terms(coupling) for coupling in couplings]
    number = {(coupling.left, coupling.right, coupling.l): n for n, coupling in enumerate(couplings)}
    components = [(species, n, l, m) for species, n, l in products.channels for m in range(-l, l + 1)]
    return CoupledTables(
        pooled=tuple(layout.index(*component) for component in components),
        scales=tuple(products.scales[l][abs(m)] for _, _, l, m in components),
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
        weights=tuple(stage.product_weights.values()),
        size=first[-1],
    )


def _real_terms(coupling: Coupling) -> list[tuple[int, int, int, float]]:
    """c_k = Σ weight a_i b_j in real components, which stand at l + m."""
    found: dict[tuple[int, int, int], float] = {}
    for own, conjugate in ((coupling.sums, False), (coupling.differences, True)):
        for m1, m2, weight in own:
            flip = conjugate and m1 < m2  # Y is conjugated
            for i, of_a in ((m1, 1 + 0j), (-m1, 1j))[: 2 if m1 else 1]:
                for j, of_b in ((m2, 1 + 0j), (-m2, -1j if conjugate else 1j))[: 2 if m2 else 1]:
                    value = of_a * of_b
                    value = weight * (value.conjugate() if flip else value) * (-1j if coupling.odd else 1)
                    m = abs(m1 - m2) if conjugate else m1 + m2
                    for k, part in ((m, value.real), (-m, value.imag))[: 2 if m else 1]:
                        if part:
                            key = (coupling.left + i, coupling.right + j, coupling.l + k)
                            found[key] = found.get(key, 0.0) + part
    return [(*key, weight) for key, weight in found.items()]
