"""One-particle functions in ball arithmetic, from explicit formulas: of atoms, and of other particles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import comb, perm, prod

from flint import acb, arb, fmpq

from acegen.algebra.angular import AngularAlgebra, GeneratedAngularAlgebra
from acegen.algebra.circle import RotationsOfPlane
from acegen.basis.definitions import AgnesiNumbers, Definitions
from acegen.spec import ParticleSpec, Spec
from acegen.spec.radial import RadialTable
from acegen.verify.reference import Particle, rational


class AtomFunctions:
    """δ_z R_n(y(r)) S_lm of the neighbours of one centre species."""

    def __init__(
        self, spec: Spec, radial_functions: Sequence[Sequence[str]], definitions: Definitions, center: int
    ) -> None:
        self._spec = spec
        self._agnesi = definitions.agnesi
        self._cutoffs = {False: spec.cutoffs[center], True: (spec.pair_cutoffs or spec.cutoffs)[center]}
        self._r0 = {False: spec.agnesi_r0, True: spec.pair_r0}
        self._center = center
        self._radial = [[rational(c) for c in row] for row in radial_functions]

    def of(self, particle: Particle, pair: bool) -> Callable[[int, int, int, int], arb]:
        """φ(species, n, l, m) of one particle, with cutoff and r0 of the pair term or of all others."""
        x, y, z = particle.displacement
        r = (x * x + y * y + z * z).sqrt()
        unit = (x / r, y / r, z / r)
        cutoff = arb(self._cutoffs[pair][particle.species])
        scales = self._r0[pair]
        r0 = None if scales is None else arb(scales[self._center][particle.species])
        coordinate = transformed_distance(self._spec.radial, r, cutoff, r0, self._agnesi) if r < cutoff else arb(0)

        @cache
        def radial(n: int) -> arb:
            return sum((c * coordinate**k for k, c in enumerate(self._radial[n - 1])), arb(0))

        @cache
        def angular(l: int, m: int) -> arb:
            return real_harmonic(l, m, *unit)

        def value(species: int, n: int, l: int, m: int) -> arb:
            return radial(n) * angular(l, m) if species == particle.species else arb(0)

        return value


class ParticleFunctions:
    """R_n S_lm of particles on an interval (S = 1), or of vectors, with R_n(y(r)) or without."""

    def __init__(
        self,
        spec: ParticleSpec,
        angular: AngularAlgebra,
        first: int,
        radial_functions: Sequence[Sequence[str]],
        definitions: Definitions,
    ) -> None:
        self._spec = spec
        self._agnesi = definitions.agnesi
        self._angular = angular
        self._first = first
        self._radial = [[rational(c) for c in row] for row in radial_functions]

    def of(self, particle: Particle, pair: bool) -> Callable[[int, int, int, int], arb]:
        """φ(species, n, l, m) of one particle; the species is always 0, and there is no pair term."""
        unit: tuple[arb, ...] = ()
        if len(particle.displacement) == 1:
            (coordinate,) = particle.displacement
        else:
            r = sum((x * x for x in particle.displacement), arb(0)).sqrt()
            unit = tuple(x / r for x in particle.displacement)
            coordinate = self._distance(r)

        @cache
        def radial(n: int) -> arb:
            return sum((c * coordinate**k for k, c in enumerate(self._radial[n - self._first])), arb(0))

        @cache
        def angular(l: int, m: int) -> arb:
            return self._direction(l, m, unit) if unit else arb(1)

        return lambda _, n, l, m: radial(n) * angular(l, m)

    def _distance(self, r: arb) -> arb:
        if self._spec.radial is None or self._spec.cutoff is None:
            return arb(0)
        cutoff, r0 = arb(self._spec.cutoff), self._spec.agnesi_r0
        scale = None if r0 is None else arb(r0[0][0])
        return transformed_distance(self._spec.radial, r, cutoff, scale, self._agnesi) if r < cutoff else arb(0)

    def _direction(self, l: int, m: int, unit: Sequence[arb]) -> arb:
        if isinstance(self._angular, RotationsOfPlane):  # as a complex power: no recurrence, no expansion
            phase = acb(*unit) ** l
            return phase.real if m >= 0 else phase.imag
        assert isinstance(self._angular, GeneratedAngularAlgebra)
        terms = self._angular.polynomial(l, m).items()
        return sum((v * prod((x**k for x, k in zip(unit, p, strict=True)), start=arb(1)) for p, v in terms), arb(0))


def transformed_distance(table: RadialTable, r: arb, cutoff: arb, r0: arb | None, agnesi: AgnesiNumbers | None) -> arb:
    """y(r) for r < cutoff; r0 and numbers are given only with the Agnesi transform."""
    s = r / cutoff
    if table.transform == "smootherstep":
        return 1 - 10 * s**3 + 15 * s**4 - 6 * s**5
    step = 1 - 3 * s**2 + 2 * s**3
    if r0 is None or agnesi is None:
        return step
    x = r / r0
    return step / (1 + fmpq(agnesi.a.numerator, agnesi.a.denominator) * x**agnesi.q / (1 + x ** (agnesi.q - agnesi.p)))


def real_harmonic(l: int, m: int, x: arb, y: arb, z: arb) -> arb:
    """S_lm of a unit vector: d^|m| P_l/dz^|m| times Re (m >= 0) or Im (m < 0) of (x+iy)^|m|."""
    k = abs(m)
    polynomial = arb(0)
    for j in range(l // 2 + 1):
        power = l - 2 * j
        if power >= k:
            coefficient = fmpq((-1) ** j * comb(l, j) * comb(2 * l - 2 * j, l) * perm(power, k), 2**l)
            polynomial += coefficient * z ** (power - k)
    phase = acb(x, y) ** k
    return polynomial * (phase.real if m >= 0 else phase.imag)
