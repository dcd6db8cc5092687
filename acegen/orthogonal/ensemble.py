"""Random particles: how many, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from acegen.algebra.measure import Measure, check_measure, natural_measure
from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.basis import Basis, Label
from acegen.errors import OrthogonalizationError


@dataclass(frozen=True)
class Ensemble:
    """Independent particles, a given number of each species, y from a measure and directions uniform.

    Attributes:
        radial: the functions R_n(y).
        measure: distribution of y.
        counts: number of particles of each species.

    Raises:
        OrthogonalizationError: the measure does not fit the space, or a count is negative.
    """

    radial: PolynomialAlgebra
    measure: Measure
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        check_measure(self.measure, self.radial)
        if not self.counts or min(self.counts) < 0:
            raise OrthogonalizationError(
                f"counts = {self.counts} cannot be the numbers of particles of each species; give one number, at least "
                "0, for every species."
            )

    def tuples(self, taken: Label, further: Label = ()) -> int:
        """In how many ways particles for the slots `further` can be chosen when those of `taken` are."""
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
        particles: number of particles, or with several elements the number of those of each element.
        measure: distribution of y; without it the one that the scales of the functions refer to
            (see `natural_measure`).

    Raises:
        OrthogonalizationError: numbers that do not fit the elements, or a measure that does not fit the space.
    """
    elements = basis.spec.basis.elements
    if isinstance(particles, int):
        if len(elements) > 1:
            example = ", ".join(f'"{element}": {particles}' for element in elements)
            raise OrthogonalizationError(
                f"particles = {particles} does not tell how many are of which of the elements {', '.join(elements)}; "
                f"give the number of each, such as {{{example}}}."
            )
        particles = {elements[0]: particles}
    if set(particles) != set(elements):
        raise OrthogonalizationError(
            f"particles are given for {', '.join(sorted(particles)) or 'no element'}; give a number for each element "
            f"of the basis: {', '.join(elements)}."
        )
    counts = tuple(particles[element] for element in elements)
    return Ensemble(basis.radial, measure or natural_measure(basis.radial), counts)
