"""The ZBL core in 640-bit arithmetic, from its published formula."""

from __future__ import annotations

from collections.abc import Sequence

import flint
from flint import arb

from acegen.basis.definitions import ZblNumbers
from acegen.elements import ATOMIC_NUMBERS
from acegen.spec import Spec
from acegen.verify.reference import BITS, Particle, Vector, moved


class Repulsion:
    """Site energy of one centre species: half of the switched repulsion of each neighbour, eV."""

    def __init__(self, spec: Spec, numbers: ZblNumbers, center: int) -> None:
        self._numbers = numbers
        self._ranges = () if spec.zbl_ranges is None else spec.zbl_ranges[center]
        self._charges = [ATOMIC_NUMBERS[symbol] for symbol in spec.basis.elements]
        self._own = self._charges[center]

    def energy(self, particles: Sequence[Particle]) -> float:
        """Of an environment."""
        with flint.ctx.workprec(BITS):
            return float(self._sum(particles))

    def directional_derivative(self, particles: Sequence[Particle], directions: Sequence[Vector]) -> float:
        """Derivative when every particle moves along its direction, by a central difference."""
        with flint.ctx.workprec(BITS):
            step = arb(10) ** -25
            plus, minus = (self._sum(moved(particles, directions, sign * step)) for sign in (1, -1))
            return float((plus - minus) / (2 * step))

    def _sum(self, particles: Sequence[Particle]) -> arb:
        return sum((self._pair(particle) for particle in particles), arb(0)) / 2 if self._ranges else arb(0)

    def _pair(self, particle: Particle) -> arb:
        x, y, z = particle.displacement
        r = (x * x + y * y + z * z).sqrt()
        inner, outer = map(arb, self._ranges[particle.species])
        if not r < outer:
            return arb(0)
        other, numbers = self._charges[particle.species], self._numbers
        exponent = arb(numbers.exponent)
        length = arb(numbers.length) / (arb(self._own) ** exponent + arb(other) ** exponent)
        screening = sum((arb(w) * (-arb(rate) * r / length).exp() for w, rate in numbers.screening), arb(0))
        energy = arb(numbers.coulomb) * self._own * other / r * screening
        if r > inner:
            t = (r - inner) / (outer - inner)
            energy *= 1 - t**3 * (10 - 15 * t + 6 * t**2)
        return energy
