"""Radial functions of a basis in one of ML-PACE's radial bases, in ball arithmetic.

The basis is ChebPow with exponent 1: g_k = (1 - T_k(2r/cutoff - 1))/2, k = 1, 2, ... A function f that is zero at the
cutoff, with the Chebyshev series f = Σ_k a_k T_k, is -2 Σ_{k>0} a_k g_k. The functions R_n(y(r)) of a spec are

- polynomials in r, with the transforms smoothstep and smootherstep: the series ends, and is exact;
- analytic, with the Agnesi transform: the series converges geometrically;
- zero beyond their own cutoff, if that is smaller than the bond's: a series with n terms has an error of order n^-2
  (smoothstep, Agnesi) or n^-3 (smootherstep), and its derivative one of a power of n more.

Coefficients are found by interpolation at Chebyshev points, exact for polynomials.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import flint
from flint import arb, arb_mat, fmpq

from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.basis.definitions import AgnesiNumbers
from acegen.lower.rounding import WORKING_BITS, nearest_double
from acegen.spec.radial import RadialTable

MOST_FUNCTIONS = 200
"""Most g_k of a bond. ML-PACE interpolates each of them for each neighbour."""

NEGLIGIBLE = 1e-10
"""Terms are left out if their derivatives by 2r/cutoff - 1 add up to this fraction of the largest value."""

_DEGREES = {"smoothstep": 3, "smootherstep": 5}
"""Degree of y as a polynomial in r, by transform."""

CHECKS = 601
"""Points at which errors are measured; as a prime, it has none in common with the points of interpolation."""


@dataclass(frozen=True)
class DistanceMap:
    """y(r) of one pair of elements: a transform with its lengths, Å; r0 is given for the Agnesi transform."""

    cutoff: float
    r0: float | None


@dataclass(frozen=True)
class Series:
    """Functions R_1, R_2, ... of a distance map in the g_k of a bond.

    Attributes:
        coefficients: by n and k = 1, 2, ...
        values: by n, at `CHECKS` Chebyshev points.
    """

    coefficients: arb_mat
    values: arb_mat


@dataclass(frozen=True)
class Curve:
    """One function in doubles.

    Attributes:
        coefficients: of g_1, g_2, ...
        error: largest difference from the function.
        largest: largest absolute value of the function.
        condition: sum of the absolute coefficients over `largest`.
    """

    coefficients: tuple[float, ...]
    error: float
    largest: float

    @property
    def condition(self) -> float:
        return sum(map(abs, self.coefficients)) / self.largest if self.largest else 1.0

    @property
    def relative_error(self) -> float:
        return self.error / self.largest if self.largest else 0.0


@dataclass(frozen=True)
class RadialSeries:
    """Series of the radial functions of a basis, each computed once.

    Attributes:
        radial: R_n as functions of y.
        table: the transform.
        agnesi: its numbers.
    """

    radial: PolynomialAlgebra
    table: RadialTable
    agnesi: AgnesiNumbers | None
    _found: dict[tuple[DistanceMap, float, int], Series] = field(default_factory=dict, repr=False, compare=False)

    def of(self, distance: DistanceMap, cutoff: float, count: int) -> Series:
        """The first `count` functions of a distance map, up to the cutoff of the bond, at least its own.

        The series ends where further terms do not change doubles, or at `MOST_FUNCTIONS` if their cutoff is smaller.
        """
        key = distance, cutoff, count
        if key not in self._found:
            with flint.ctx.workprec(WORKING_BITS):
                self._found[key] = self._series(distance, cutoff, count)
        return self._found[key]

    def _series(self, distance: DistanceMap, cutoff: float, count: int) -> Series:
        def functions(r: arb) -> list[arb]:
            return self._functions(self._mapped(distance, r), count)

        def sampled(points: int) -> arb_mat:
            return sampled_at(functions, cutoff, points)

        if distance.cutoff < cutoff:
            return piecewise_series(functions, cutoff)
        values = sampled(CHECKS)
        degree = _DEGREES.get(self.table.transform)
        if degree is not None:
            degree *= self.radial.envelope.degree() + count - 1
            return Series(interpolated(sampled(degree + 1), degree), values)
        points = 128
        while True:
            coefficients = interpolated(sampled(points), points - 1)
            if points > 4 * MOST_FUNCTIONS or _has_converged(coefficients):
                return Series(coefficients, values)
            points *= 2

    def _mapped(self, distance: DistanceMap, r: arb) -> arb:
        """y(r)."""
        if not r < distance.cutoff:
            return arb(0)
        s = r / distance.cutoff
        if self.table.transform == "smootherstep":
            return (1 - s) ** 3 * (1 + 3 * s + 6 * s**2)
        y = (1 - s) ** 2 * (1 + 2 * s)
        if self.agnesi is None or distance.r0 is None:
            return y
        x, a = r / distance.r0, _rational(self.agnesi.a)
        return y / (1 + a * x**self.agnesi.q / (1 + x ** (self.agnesi.q - self.agnesi.p)))

    def _functions(self, y: arb, count: int) -> list[arb]:
        """R_1, R_2, ... at y."""
        constants = self.radial.recurrence(count)
        values = [sum((value * y**k for k, value in enumerate(self.radial.envelope.coeffs())), arb(0))]
        for k, (a, b, c) in enumerate(zip(constants.a, constants.b, constants.c, strict=True)):
            values.append((a * y + b) * values[k] - (c * values[k - 1] if k else 0))
        return values


def piecewise_series(functions: Callable[[arb], list[arb]], cutoff: float) -> Series:
    """As many terms as there may be, of functions that are not analytic."""
    with flint.ctx.workprec(WORKING_BITS):
        coefficients = interpolated(sampled_at(functions, cutoff, 8 * MOST_FUNCTIONS), MOST_FUNCTIONS)
        return Series(coefficients, sampled_at(functions, cutoff, CHECKS))


def sampled_at(functions: Callable[[arb], list[arb]], cutoff: float, points: int) -> arb_mat:
    """Values at the Chebyshev points of [0, cutoff], by function and point."""
    columns = [functions(r) for r in chebyshev_points(cutoff, points)]
    return arb_mat([list(row) for row in zip(*columns, strict=True)])


def chebyshev_points(cutoff: float, count: int) -> list[arb]:
    """cutoff (1 + cos(π (j + 1/2)/count))/2, j = 0, 1, ..."""
    half = arb(cutoff) / 2
    return [half * (1 + arb.cos_pi_fmpq(fmpq(2 * j + 1, 2 * count))) for j in range(count)]


@cache
def _cosines(count: int) -> list[arb]:
    """cos(π i/(2 count)) for i = 0 .. 4 count - 1."""
    return [arb.cos_pi_fmpq(fmpq(i, 2 * count)) for i in range(4 * count)]


def _polynomials(count: int, last: int) -> list[list[arb]]:
    """T_k at the Chebyshev points, by k = 1 .. last and point."""
    cosines = _cosines(count)
    return [[cosines[k * (2 * j + 1) % (4 * count)] for j in range(count)] for k in range(1, last + 1)]


def interpolated(values: arb_mat, last: int) -> arb_mat:
    """Coefficients of g_1 .. g_last of the polynomials with these values at Chebyshev points, by function."""
    count = values.ncols()
    return values * arb_mat(_polynomials(count, last)).transpose() * (arb(-4) / count)


def _has_converged(coefficients: arb_mat) -> bool:
    """Whether the last quarter of the coefficients does not matter."""
    count = coefficients.ncols()
    for row in coefficients.tolist():
        sizes = [abs(float(value)) for value in row]
        if sum(k * k * size for k, size in enumerate(sizes[3 * count // 4 :], start=3 * count // 4)) > 1e-17 * max(
            sizes
        ):
            return False
    return True


def needed_terms(rows: Iterable[Sequence[arb]]) -> int:
    """Number of g_k after which the rest is negligible for every function with these coefficients; at least one."""
    needed = 1
    for row in rows:
        sizes = [abs(float(value)) for value in row]
        rest, allowed = 0.0, NEGLIGIBLE * max(sizes, default=0.0)
        last = len(sizes)
        while last and rest + last**2 * sizes[last - 1] <= allowed:
            rest += last**2 * sizes[last - 1]
            last -= 1
        needed = max(needed, last)
    return needed


def rounded_curve(coefficients: Sequence[arb], values: Sequence[arb], terms: int) -> Curve:
    """The first terms of a series in doubles, with the error that is made at the points of the check.

    Args:
        coefficients: of g_1, g_2, ...
        values: of the function at Chebyshev points.
        terms: number of terms to keep.
    """
    doubles = [nearest_double(value) for value in coefficients[:terms]]
    doubles += [0.0] * (terms - len(doubles))
    with flint.ctx.workprec(WORKING_BITS):
        found = arb_mat([list(map(arb, doubles))]) * arb_mat(_halved(len(values), terms))
        errors = [abs(float(one - other)) for one, other in zip(found.tolist()[0], values, strict=True)]
    return Curve(tuple(doubles), max(errors), max(abs(float(value)) for value in values))


@cache
def _halved(count: int, last: int) -> list[list[arb]]:
    """g_k at the Chebyshev points."""
    with flint.ctx.workprec(WORKING_BITS):
        return [[(1 - value) / 2 for value in row] for row in _polynomials(count, last)]


def _rational(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)
