"""Random particles: how many, and where."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from acegen.algebra.measure import Measure, check_measure
from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.basis.labels import Label
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
