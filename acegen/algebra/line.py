"""Spaces without directions: particles on an interval, whose functions R_n have no angular part.

The groups are the trivial one and O(1), the sign change of all particles, under which R_n has the parity of n.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq

from acegen.algebra.angular import AngularAlgebra, AngularTerm, Matrix, Tensor
from acegen.algebra.field import Rational


class NoDirections(AngularAlgebra):
    """One function, S_00 = 1: models are invariant under permutations only."""

    @property
    def symmetry(self) -> str:
        return "none"

    @property
    def dimension(self) -> int:
        return 1

    @property
    def formula(self) -> str:
        return "S_00 = 1"

    @property
    def l_max(self) -> int:
        return 0

    def components(self, l: int) -> tuple[int, ...]:
        return (0,)

    def product(self, factors: tuple[tuple[int, int], ...]) -> tuple[AngularTerm, ...]:
        return ((0, 0, fmpq(1)),)

    def norm_squared(self, l: int, m: int) -> Rational:
        return fmpq(1)

    def invariant_tensors(self, l: tuple[int, ...]) -> Sequence[Tensor]:
        return ({(0,) * len(l): fmpq(1)},)


class ReflectionOfLine(NoDirections):
    """Invariance also under O(1): models are even functions of all particles together."""

    @property
    def symmetry(self) -> str:
        return "O1"

    @property
    def finite_elements(self) -> tuple[Matrix, ...]:
        return (((fmpq(-1),),),)

    def admits_degrees(self, n: tuple[int, ...]) -> bool:
        return sum(n) % 2 == 0


LINE, O1 = NoDirections(), ReflectionOfLine()
