"""The pair term: radial functions of single neighbours, with their own cutoff."""

from __future__ import annotations

from dataclasses import dataclass

from acegen.algebra.field import Rational
from acegen.algebra.particle_algebra import ParticleAlgebra


@dataclass(frozen=True)
class PairFunction:
    """s Σ_j R_n(y(r_j)) over the neighbours of one species, where y has the cutoff of the pair term.

    Attributes:
        species: of the neighbours.
        n: number of the radial function, from 1.
        scale_squared: s^2, normalizes (s R_n)^2 to integral one over 0 <= y <= 1.
    """

    species: int
    n: int
    scale_squared: Rational


def pair_functions(algebra: ParticleAlgebra) -> tuple[PairFunction, ...]:
    """The pair functions of a spec, by neighbour species, then n; none without a pair table."""
    spec = algebra.spec
    if spec.pair is None:
        return ()
    scales = [1 / algebra.norm_squared(n) for n in range(1, spec.pair.degree + 1)]
    return tuple(
        PairFunction(species, n, scale)
        for species in range(len(spec.species))
        for n, scale in enumerate(scales, start=1)
    )
