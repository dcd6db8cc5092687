"""Brute-force evaluation of a basis in 640-bit arithmetic, from its definition alone.

Nothing is shared with kernels or kernel programs: functions are read from the basis description (label and
coupling coefficients), one-particle functions are evaluated from explicit formulas, and a canonical function
is summed over all ordered tuples of distinct particles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from math import perm
from typing import Any, Protocol

import flint
from flint import arb, fmpq

from acegen.algebra.field import Rational

BITS = 640
Vector = tuple[arb, ...]


@dataclass(frozen=True)
class Particle:
    """A neighbour: species index and displacement from the centre, Å; or another particle and its coordinates."""

    species: int
    displacement: Vector


@dataclass(frozen=True)
class ReferenceFunction:
    """One basis function as described in `basis.json`: channels (species, n, l) and coupling over m.

    `pair` marks functions of the pair term, for which y has a different cutoff.
    """

    channels: tuple[tuple[int, int, int], ...]
    coupling: tuple[tuple[tuple[int, ...], Rational], ...]
    scale_squared: Rational
    pair: bool

    def cost(self, n_particles: int) -> int:
        """Multiplications that the sum over distinct tuples takes."""
        return len(self.coupling) * len(self.channels) * perm(n_particles, len(self.channels))


def reference_functions(description: Mapping[str, Any], species: Sequence[str]) -> list[ReferenceFunction]:
    """All functions of a basis description, with species of these names."""
    position = {symbol: i for i, symbol in enumerate(species)}
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


class OneParticleFunctions(Protocol):
    """φ(species, n, l, m) of the particles of one kind of space, around one centre."""

    def of(self, particle: Particle, pair: bool) -> Callable[[int, int, int, int], arb]:
        """The functions of one particle; with `pair`, those of the pair term."""
        ...


class Reference:
    """Evaluates functions in `BITS`-bit ball arithmetic."""

    def __init__(
        self,
        one_particle: OneParticleFunctions,
        canonical: bool,
        factor: Callable[[Sequence[Particle]], arb] | None = None,
    ) -> None:
        """Of one centre.

        Args:
            one_particle: of the centre.
            canonical: which expansion.
            factor: common factor of all functions in an environment.
        """
        self._functions = one_particle
        self._self_interacting = not canonical
        self._factor = factor or (lambda _: arb(1))

    def evaluate(self, functions: Iterable[ReferenceFunction], particles: Sequence[Particle]) -> list[arb]:
        """Values of basis functions for an environment."""
        with flint.ctx.workprec(BITS):
            phi = {pair: [self._functions.of(particle, pair) for particle in particles] for pair in (False, True)}
            factor = self._factor(particles)
            return [factor * self._function(function, phi[function.pair]) for function in functions]

    def factor(self, particles: Sequence[Particle]) -> float:
        """Common factor of all functions in an environment."""
        with flint.ctx.workprec(BITS):
            return float(self._factor(particles))

    def pooled(self, particles: Sequence[Particle], pair: bool = False) -> Callable[[int, int, int, int], float]:
        """A(species, n, l, m): one-particle functions summed over the particles, rounded to double.

        With `pair`, those of the pair term.
        """
        with flint.ctx.workprec(BITS):
            phi = [self._functions.of(particle, pair) for particle in particles]

        @cache
        def value(species: int, n: int, l: int, m: int) -> float:
            with flint.ctx.workprec(BITS):
                return float(sum((one(species, n, l, m) for one in phi), arb(0)))

        return value

    def directional_derivative(
        self, functions: Sequence[ReferenceFunction], particles: Sequence[Particle], directions: Sequence[Vector]
    ) -> list[arb]:
        """Derivative when every particle moves along its direction: a central difference with step 1e-25.

        Its error is about 1e-50, since rounding is negligible with 640 bits.
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


def moved(particles: Sequence[Particle], directions: Sequence[Vector], step: arb) -> list[Particle]:
    """The particles, each moved by `step` along its direction."""
    return [Particle(p.species, _add(p.displacement, d, step)) for p, d in zip(particles, directions, strict=True)]


def _add(vector: Vector, direction: Vector, factor: arb) -> Vector:
    return tuple(v + factor * d for v, d in zip(vector, direction, strict=True))
