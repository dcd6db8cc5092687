"""Spaces that are added to the built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb

from flint import fmpq

from acegen.algebra import harmonics
from acegen.algebra.angular import Matrix
from acegen.algebra.directions import PolynomialSpace
from acegen.algebra.field import Rational

ONE, ZERO = fmpq(1), fmpq(0)


class Axial(PolynomialSpace):
    """Spherical harmonics under rotations about z and reflections: D∞h, the environment of a bond."""

    symmetry = "Dooh"
    dimension = 3

    def components(self, l: int) -> tuple[int, ...]:
        return tuple(range(-l, l + 1))

    def polynomial(self, l: int, m: int) -> Mapping[tuple[int, ...], Rational]:
        k = abs(m)
        along = harmonics.associated_polynomial(l, k).coeffs()
        return {
            (k - j, j, power): value * (-1) ** (j // 2) * comb(k, j)
            for power, value in enumerate(along)
            for j in range(int(m < 0), k + 1, 2)
            if value
        }

    @property
    def infinitesimal_elements(self) -> tuple[Matrix, ...]:
        return (((ZERO, -ONE, ZERO), (ONE, ZERO, ZERO), (ZERO, ZERO, ZERO)),)

    @property
    def finite_elements(self) -> tuple[Matrix, ...]:
        mirror_z = ((ONE, ZERO, ZERO), (ZERO, ONE, ZERO), (ZERO, ZERO, -ONE))
        mirror_y = ((ONE, ZERO, ZERO), (ZERO, -ONE, ZERO), (ZERO, ZERO, ONE))
        return mirror_z, mirror_y
