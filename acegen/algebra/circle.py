"""Functions on the circle: cos(lθ) and sin(lθ), with the groups SO(2) and O(2).

S_{l,l} = Re (x+iy)^l = cos(lθ) and S_{l,-l} = Im (x+iy)^l = sin(lθ) of a unit vector (x, y); S_{0,0} = 1. Invariants
are products of phases that cancel; the generators, the rotation with S_{l,l}' = -l S_{l,-l}, S_{l,-l}' = l S_{l,l} and
for O(2) the reflection of y, define the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product as cartesian
from math import comb, prod

from flint import fmpq

from acegen.algebra.angular import AngularTerm, GeneratedAngularAlgebra, Matrix, MTuple, Tensor
from acegen.algebra.field import Rational


class RotationsOfPlane(GeneratedAngularAlgebra):
    """Invariance under SO(2): rotations of the plane about the origin."""

    @property
    def symmetry(self) -> str:
        return "SO2"

    @property
    def dimension(self) -> int:
        return 2

    def components(self, l: int) -> tuple[int, ...]:
        return (-l, l) if l else (0,)

    def norm_squared(self, l: int, m: int) -> Rational:
        return fmpq(1, 2) if l else fmpq(1)

    @property
    def formula(self) -> str:
        return "S_lm = Re (m >= 0) or Im (m < 0) of (x+iy)^l, m = l or -l"

    def polynomial(self, l: int, m: int) -> Mapping[tuple[int, ...], Rational]:
        odd = m < 0  # terms of (x+iy)^l with an odd power of iy
        return {(l - k, k): fmpq((-1) ** (k // 2) * comb(l, k)) for k in range(int(odd), l + 1, 2)}

    def multiply(self, first: tuple[int, int], second: tuple[int, int]) -> Sequence[AngularTerm]:
        (a, m), (b, n) = first, second
        if m >= 0 and n >= 0:  # cos a cos b = (cos(a-b) + cos(a+b)) / 2
            return _terms((abs(a - b), fmpq(1)), (a + b, fmpq(1)), sine=False)
        if m < 0 and n < 0:  # sin a sin b = (cos(a-b) - cos(a+b)) / 2
            return _terms((abs(a - b), fmpq(1)), (a + b, fmpq(-1)), sine=False)
        if m >= 0:
            a, b = b, a  # sin a cos b = (sin(a-b) + sin(a+b)) / 2
        return _terms((abs(a - b), fmpq(1 if a > b else -1)), (a + b, fmpq(1)), sine=True)

    @property
    def infinitesimal_elements(self) -> tuple[Matrix, ...]:
        return (((fmpq(0), fmpq(-1)), (fmpq(1), fmpq(0))),)

    def invariant_tensors(self, l: tuple[int, ...]) -> Sequence[Tensor]:
        """Real and imaginary part of Π_t (cos ± i sin)(l_t θ_t) for each choice of signs with Σ ± l_t = 0.

        They span what the generators leave invariant, found without a nullspace search.
        """
        return [part for parts in _phase_products(l) for part in parts if part]

    def infinitesimal_generators(self, l: int) -> Sequence[Matrix]:
        if l == 0:
            return (((fmpq(0),),),)
        return (((fmpq(0), fmpq(-l)), (fmpq(l), fmpq(0))),)

    def finite_generators(self, l: int) -> Sequence[Matrix]:
        return ()

    def admits(self, l: tuple[int, ...]) -> bool:
        """Some signs must make Σ ± l_t vanish, for which the sum must be even and the largest not too large."""
        return sum(l) % 2 == 0 and 2 * max(l) <= sum(l)


class IsometriesOfPlane(RotationsOfPlane):
    """Invariance under O(2): rotations and reflections."""

    @property
    def symmetry(self) -> str:
        return "O2"

    @property
    def finite_elements(self) -> tuple[Matrix, ...]:
        return (((fmpq(1), fmpq(0)), (fmpq(0), fmpq(-1))),)

    def invariant_tensors(self, l: tuple[int, ...]) -> Sequence[Tensor]:
        """The real parts, which a reflection leaves unchanged."""
        return [real for real, _ in _phase_products(l)]

    def finite_generators(self, l: int) -> Sequence[Matrix]:
        if l == 0:
            return (((fmpq(1),),),)
        return (((fmpq(-1), fmpq(0)), (fmpq(0), fmpq(1))),)


def _phase_products(l: tuple[int, ...]) -> list[tuple[Tensor, Tensor]]:
    """Real and imaginary parts of the products of phases with zero total phase, one for each choice of signs up to an
    overall sign, which is complex conjugation."""
    moving = [slot for slot, degree in enumerate(l) if degree]
    found: list[tuple[Tensor, Tensor]] = []
    for signs in cartesian((1, -1), repeat=max(0, len(moving) - 1)):
        sign = dict(zip(moving, (1, *signs), strict=False))
        if sum(s * l[slot] for slot, s in sign.items()):
            continue
        parts: tuple[dict[MTuple, Rational], dict[MTuple, Rational]] = ({}, {})
        for sines in cartesian((False, True), repeat=len(moving)):
            chosen = dict(zip(moving, sines, strict=True))
            key = tuple(-degree if chosen.get(slot) else degree for slot, degree in enumerate(l))
            power = sum(sines)  # of i
            value = (-1) ** (power // 2) * prod(sign[slot] for slot in moving if chosen[slot])
            parts[power % 2][key] = fmpq(value)
        found.append(parts)
    return found


def _terms(*pairs: tuple[int, Rational], sine: bool) -> list[AngularTerm]:
    """Half of Σ weight · cos(lθ), or sin(lθ), with equal l added up."""
    total: dict[int, Rational] = {}
    for l, weight in pairs:
        total[l] = total.get(l, fmpq(0)) + weight / 2
    return [(l, -l if sine else l, value) for l, value in total.items() if value and not (sine and l == 0)]


SO2, O2 = RotationsOfPlane(), IsometriesOfPlane()
