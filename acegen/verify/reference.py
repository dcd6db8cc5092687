"""Brute-force evaluation of a basis in 640-bit arithmetic, from its definition alone.

Nothing is shared with the kernels or the graph: functions are read from the basis description (label and
coupling coefficients), one-particle functions are evaluated from explicit formulas, and a canonical function
is summed over all ordered tuples of distinct particles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from math import comb, perm
from typing import Any

import flint
from flint import acb, arb, fmpq

from acegen.algebra.field import Rational
from acegen.codegen.one_particle import agnesi_constant
from acegen.spec import Spec
from acegen.spec.radial import AgnesiSpec

BITS = 640
Vector = tuple[arb, arb, arb]


@dataclass(frozen=True)
class Particle:
    """A neighbour: species index and displacement from the centre, Å."""

    species: int
    displacement: Vector


@dataclass(frozen=True)
class ReferenceFunction:
    """One basis function as described in `basis.json`: channels (species, n, l) and coupling over m.

    `pair` tells functions of the pair term, for which y has another cutoff.
    """

    channels: tuple[tuple[int, int, int], ...]
    coupling: tuple[tuple[tuple[int, ...], Rational], ...]
    scale_squared: Rational
    pair: bool

    def cost(self, n_particles: int) -> int:
        """Multiplications that the sum over distinct tuples takes."""
        return len(self.coupling) * len(self.channels) * perm(n_particles, len(self.channels))


def reference_functions(description: Mapping[str, Any]) -> list[ReferenceFunction]:
    """All functions of a basis description."""
    position = {symbol: i for i, symbol in enumerate(description["spec"]["basis"]["elements"])}
    return [
        ReferenceFunction(
            tuple((position[e], n, l) for e, n, l in zip(f["elements"], f["n"], f["l"], strict=True)),
            tuple((tuple(m), rational(value)) for m, value in f["coupling"]),
            rational(f["scale_squared"]),
            f.get("pair", False),
        )
        for f in description["functions"]
    ]


def rational(text: str) -> Rational:
    """A rational from "p/q" or "p"."""
    numerator, _, denominator = text.partition("/")
    return fmpq(int(numerator), int(denominator or 1))


class Reference:
    """Evaluates functions of one centre species in `BITS`-bit ball arithmetic."""

    def __init__(self, spec: Spec, description: Mapping[str, Any], center: int) -> None:
        self._spec = spec
        self._cutoffs = {False: spec.cutoffs[center], True: (spec.pair_cutoffs or spec.cutoffs)[center]}
        self._radial = [[rational(c) for c in row] for row in description["radial_functions"]]
        self._self_interacting = spec.basis.expansion == "self-interacting"

    def evaluate(self, functions: Iterable[ReferenceFunction], particles: Sequence[Particle]) -> list[arb]:
        """Values of basis functions for an environment."""
        with flint.ctx.workprec(BITS):
            phi = {pair: [self._one_particle(particle, pair) for particle in particles] for pair in (False, True)}
            return [self._function(function, phi[function.pair]) for function in functions]

    def pooled(self, particles: Sequence[Particle], pair: bool = False) -> Callable[[int, int, int, int], float]:
        """A(species, n, l, m): one-particle functions summed over the particles, rounded to double.

        With `pair`, those of the pair term.
        """
        with flint.ctx.workprec(BITS):
            phi = [self._one_particle(particle, pair) for particle in particles]

        @cache
        def value(species: int, n: int, l: int, m: int) -> float:
            with flint.ctx.workprec(BITS):
                return float(sum((one(species, n, l, m) for one in phi), arb(0)))

        return value

    def directional_derivative(
        self, functions: Sequence[ReferenceFunction], particles: Sequence[Particle], directions: Sequence[Vector]
    ) -> list[arb]:
        """Derivative when every particle moves along its direction: a central difference with step 1e-25.

        Its error is about 1e-50, since 640 bits leave no rounding to speak of.
        """
        with flint.ctx.workprec(BITS):
            step = arb(10) ** -25
            ends = [self.evaluate(functions, moved(particles, directions, sign * step)) for sign in (1, -1)]
            return [(plus - minus) / (2 * step) for plus, minus in zip(*ends, strict=True)]

    def _function(self, function: ReferenceFunction, phi: Sequence[Callable[[int, int, int, int], arb]]) -> arb:
        total = arb(0)
        for m_tuple, weight in function.coupling:
            columns = [
                [value(species, n, l, m) for value in phi]
                for (species, n, l), m in zip(function.channels, m_tuple, strict=True)
            ]
            if self._self_interacting:
                term = arb(1)
                for column in columns:
                    term *= sum(column, arb(0))
            else:
                term = arb(0)
                for chosen in permutations(range(len(phi)), len(columns)):
                    factor = arb(1)
                    for column, particle in zip(columns, chosen, strict=True):
                        factor *= column[particle]
                    term += factor
            total += weight * term
        return total * arb(function.scale_squared).sqrt()

    def _one_particle(self, particle: Particle, pair: bool) -> Callable[[int, int, int, int], arb]:
        """φ(species, n, l, m) of one particle, with the cutoff of the pair term or of all others."""
        x, y, z = particle.displacement
        r = (x * x + y * y + z * z).sqrt()
        unit = (x / r, y / r, z / r)
        cutoff = arb(self._cutoffs[pair][particle.species])
        coordinate = self._transform(r, cutoff) if r < cutoff else arb(0)

        @cache
        def radial(n: int) -> arb:
            return sum((c * coordinate**k for k, c in enumerate(self._radial[n - 1])), arb(0))

        @cache
        def angular(l: int, m: int) -> arb:
            return real_harmonic(l, m, *unit)

        def value(species: int, n: int, l: int, m: int) -> arb:
            return radial(n) * angular(l, m) if species == particle.species else arb(0)

        return value

    def _transform(self, r: arb, cutoff: arb) -> arb:
        """y(r) for r < cutoff."""
        s = r / cutoff
        if self._spec.radial.transform == "smootherstep":
            return 1 - 10 * s**3 + 15 * s**4 - 6 * s**5
        step = 1 - 3 * s**2 + 2 * s**3
        if self._spec.radial.transform == "smoothstep":
            return step
        agnesi = self._spec.radial.agnesi or AgnesiSpec()
        a = agnesi_constant(agnesi)
        x = r / arb(agnesi.r0) if agnesi.r0 else s / (arb(45) / 100)
        return step / (1 + fmpq(a.numerator, a.denominator) * x**agnesi.q / (1 + x ** (agnesi.q - agnesi.p)))


def moved(particles: Sequence[Particle], directions: Sequence[Vector], step: arb) -> list[Particle]:
    """The particles, each moved by `step` along its direction."""
    return [Particle(p.species, _add(p.displacement, d, step)) for p, d in zip(particles, directions, strict=True)]


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


def _add(vector: Vector, direction: Vector, factor: arb) -> Vector:
    return tuple(v + factor * d for v, d in zip(vector, direction, strict=True))  # type: ignore[return-value]
