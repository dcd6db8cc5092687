"""How many multiply-adds the algorithm takes, by stage. They are counted nowhere else.

A multiplication, an addition, or a fused multiply-add of vectors counts as one. Conversions, comparisons, square roots,
divisions, loads and stores do not count, nor do neighbours that only pad lanes: what counts is the work that this
algorithm cannot avoid for the given neighbours. Sums of products are taken as chains of fused multiply-adds.

    N = radial functions, L = largest l, n_max(l) = radial functions used with l, #A = Σ_l (2l+1) n_max(l)

The product stage is counted by acegen's optimizer and recorded in the generated source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import acegen
from acegen.runtime import CompiledModel

_NUMBER = re.compile(r"([\d,]+) multiply-adds a centre")

DISTANCE = 3 + 5 + 3 + 2 + 7
"""Per neighbour: |r|²; one step of 1/|r|; unit vector; r and s = r/r_cut; y and dy/dr (smoothstep)."""


@dataclass(frozen=True)
class Layout:
    """Sizes from which the counts follow.

    Attributes:
        n_max: for each neighbour element, the largest n in use by l.
        products: distinct products of A's.
        product_stage: multiply-adds of the product stage per centre.
    """

    n_max: tuple[tuple[int, ...], ...]
    products: int
    product_stage: int

    @property
    def n_radial(self) -> int:
        return max(map(max, self.n_max))

    @property
    def l_max(self) -> int:
        return len(self.n_max[0]) - 1

    def pooled(self, species: int) -> int:
        """Number of A's for a neighbour element."""
        return sum((2 * l + 1) * count for l, count in enumerate(self.n_max[species]))


@dataclass(frozen=True)
class Counts:
    """Multiply-adds per centre."""

    gather: float
    pool: float
    products: float
    forces: float

    @property
    def total(self) -> float:
        return self.gather + self.pool + self.products + self.forces


def directions(l_max: int) -> int:
    """Chebyshev polynomials T_k(z) and (x+iy)^m up to l_max."""
    if l_max < 2:
        return 0
    return 1 + (l_max - 1) + 4 * (l_max - 1)  # 2z; one for each T_k; two complex products of two numbers for each m


def combinations(n_max: tuple[int, ...]) -> int:
    """Per centre: A_nlm from sums with T_k, k = l-|m|, l-|m|-2, ...; as many for polynomials from D_nlm."""
    return sum(count * ((l - abs(m)) // 2 + 1) for l, count in enumerate(n_max) for m in range(-l, l + 1))


def third_factors(n_max: tuple[int, ...]) -> int:
    """Products with cos or sin of mφ, m > 0: of the radial functions or of the T_k, whichever are fewer."""
    return sum(2 * min(n_max[m], len(n_max) - m) for m in range(1, len(n_max)))


def pool_per_neighbour(layout: Layout, species: int) -> int:
    """R_n by recurrence (3 each), functions of the direction, and one multiply-add for each A."""
    factors = third_factors(layout.n_max[species])
    return 3 * (layout.n_radial - 1) + directions(layout.l_max) + factors + layout.pooled(species)


def gradient(l_max: int) -> int:
    """Force on a neighbour from sums over n: v = 2z² - 1, w = 4z; (x+iy)^m and the sums over m; the components."""
    polynomials = 3 if l_max > 1 else 0
    return polynomials + (4 + 10) * l_max + 5 + 6


def forces_per_neighbour(layout: Layout, species: int) -> int:
    """R_n and dR_n/dy by recurrence (6 each); polynomials, derivatives, sums over n (two for each A); the gradient."""
    return 6 * (layout.n_radial - 1) + 2 * layout.pooled(species) + gradient(layout.l_max)


def count(layout: Layout, neighbours: float) -> Counts:
    """Multiply-adds per centre with this many neighbours, divided evenly among the elements."""
    share = neighbours / len(layout.n_max)
    species = range(len(layout.n_max))
    per_centre = sum(map(combinations, layout.n_max))
    return Counts(
        gather=neighbours * DISTANCE,
        pool=per_centre + share * sum(pool_per_neighbour(layout, z) for z in species),
        products=float(layout.product_stage),
        forces=per_centre + share * sum(forces_per_neighbour(layout, z) for z in species),
    )


def read_layout(model: acegen.Model) -> Layout:
    """Sizes of a compiled model, from its description and its source."""
    position = {element: number for number, element in enumerate(model.elements)}
    functions = model.description["functions"] + model.description.get("auxiliary", [])
    l_max = max(l for function in functions for l in function["l"])
    n_max = [[0] * (l_max + 1) for _ in model.elements]
    for function in functions:
        channels = list(zip(function["elements"], function["n"], function["l"], strict=True))
        for element, n, l in channels:
            row = n_max[position[element]]
            row[l] = max(row[l], n)
    return Layout(tuple(map(tuple, n_max)), count_products(model), product_stage(model))


def count_products(model: CompiledModel) -> int:
    """Distinct products of A's of a compiled model."""
    return len(
        {
            tuple(sorted(zip(function["elements"], function["n"], function["l"], m_tuple, strict=True)))
            for function in [*model.description["functions"], *model.description["auxiliary"]]
            for m_tuple, _ in function["coupling"]
        }
    )


def product_stage(model: CompiledModel) -> int:
    for source in sorted(model.path.glob(f"{model.name}_p*.c")):
        found = _NUMBER.search(source.read_text(encoding="utf-8"))
        if found:
            return int(found[1].replace(",", ""))
    raise RuntimeError(f"{model.path}: no source file states the multiply-adds of the product stage")
