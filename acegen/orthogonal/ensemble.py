"""Random particles: how many, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from numbers import Integral

from acegen.algebra.angular import AngularAlgebra
from acegen.algebra.measure import Measure, check_measure
from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.basis import Basis, Label
from acegen.errors import OrthogonalizationError


@dataclass(frozen=True)
class Ensemble:
    """Independent particles, a given number of each species, y from a measure and directions uniform.

    Attributes:
        radial: the functions R_n(y).
        angular: the functions of the direction, and the group.
        measure: distribution of y.
        counts: number of particles of each species.

    Raises:
        OrthogonalizationError: the measure does not fit the space, or a count is negative.
    """

    radial: PolynomialAlgebra
    angular: AngularAlgebra
    measure: Measure
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        check_measure(self.measure, self.radial)
        if not self.counts or not all(_is_count(count) and count >= 0 for count in self.counts):
            raise OrthogonalizationError(
                f"counts = {self.counts} cannot be the numbers of particles of each species; give one number, at least "
                "0, for every species."
            )
        object.__setattr__(self, "counts", tuple(map(int, self.counts)))  # fmpq does not accept NumPy integers

    def tuples(self, taken: Label, further: Label = ()) -> int:
        """Number of ways to choose particles for the slots `further` once those of `taken` are chosen."""
        left = list(self.counts)
        for channel in taken:
            left[channel.species] -= 1
        ways = []
        for channel in further:
            ways.append(max(0, left[channel.species]))
            left[channel.species] -= 1
        return prod(ways)


def ensemble_of(basis: Basis, particles: int | Mapping[str, int], measure: Measure | None = None) -> Ensemble:
    """Random particles for the functions of a basis.

    Args:
        basis: the basis.
        particles: number of particles; with several species, the number for each.
        measure: distribution of y; by default the one that the scales of the functions refer to
            (`Basis.measure`).

    Raises:
        OrthogonalizationError: numbers that do not fit the species, or a measure that does not fit the space.
    """
    species = basis.spec.species
    if not isinstance(particles, Mapping):
        if len(species) > 1:
            example = ", ".join(f'"{name}": {particles}' for name in species)
            raise OrthogonalizationError(
                f"particles = {particles} does not tell how many there are of each species ({', '.join(species)}); "
                f"give the number of each, such as {{{example}}}."
            )
        particles = {species[0]: particles}
    if set(particles) != set(species):
        raise OrthogonalizationError(
            f"particles are given for {', '.join(sorted(particles)) or 'no species'}; give a number for each species "
            f"of the basis: {', '.join(species)}."
        )
    if measure is not None and not isinstance(measure, Measure):
        raise OrthogonalizationError(
            f"measure = {measure!r} is not a measure; give one of acegen.algebra.measure, such as UNIFORM, ARCSINE "
            "or Measure(alpha, beta), or omit it for that of the polynomials."
        )
    counts = tuple(particles[name] for name in species)
    return Ensemble(basis.radial, basis.angular, measure or basis.measure, counts)


def _is_count(value: object) -> bool:
    """Whether a value is an integer, of Python or NumPy."""
    return isinstance(value, Integral) and not isinstance(value, bool)
