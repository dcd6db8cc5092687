"""The inner cutoff in 640-bit arithmetic, from its formula."""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb

from acegen.spec import Spec
from acegen.verify.reference import Particle


class InnerCutoff:
    """The factor of the fitted part for one centre species: Π_j f(r_j), one without an inner cutoff."""

    def __init__(self, spec: Spec, center: int) -> None:
        self._ranges = () if spec.inner_ranges is None else spec.inner_ranges[center]

    def factor(self, particles: Sequence[Particle]) -> arb:
        """Its value in an environment, in the working precision."""
        product = arb(1)
        for particle in particles if self._ranges else ():
            product *= self._of(particle)
        return product

    def _of(self, particle: Particle) -> arb:
        r = sum((x * x for x in particle.displacement), arb(0)).sqrt()
        inner, outer = map(arb, self._ranges[particle.species])
        if not r < outer:
            return arb(1)
        if not r > inner:
            return arb(0)
        t = (r - inner) / (outer - inner)
        return 10 * t**3 - 15 * t**4 + 6 * t**5
