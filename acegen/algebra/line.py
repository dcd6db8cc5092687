"""The space without directions: particles on an interval, whose functions have no angular part."""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq

from acegen.algebra.angular import AngularAlgebra, AngularTerm, Tensor
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


LINE = NoDirections()
