"""The radial bases of `.yace` files as an envelope times Chebyshev polynomials, exactly.

Every g_k of a bond is e(r) times a polynomial in y(r), where e and y are those of its shape (`acegen.program.bonds`):

    ChebExpCos         g_1 = e,  g_k = e (1 - T_{k-1})/2
    ChebPow            g_k = (1 - T_k)/2,  e = (1-y)/2
    ChebLinear         the same
    SBessel            g_k from the recursion of `_bessel`,  e = (1+y)/2 sin(θ)/θ,  y = cos θ,  θ = π r/cutoff
    ACE.jl             g_k = R_k, the three-term recursion of `RecursionBasis` in u, an affine image of y

(1 - T_k)/(1 - y) = k + 2 Σ_{j=1}^{k-1} (k-j) T_j.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import TypeAlias

import flint
from flint import arb, fmpq, fmpq_poly

from acegen.algebra.field import Rational
from acegen.lower.rounding import WORKING_BITS
from acegen.yace.potential import Bond, PaceBond, RecursionBasis

Series: TypeAlias = tuple[arb, ...]
"""Coefficients of T_0, T_1, ..."""


def radial_series(bond: Bond, count: int) -> tuple[Series, ...]:
    """g_1 / e, ..., g_count / e in Chebyshev polynomials of y; g_k has degree k - 1."""
    if not isinstance(bond, PaceBond):
        return _recursion(bond.basis, count)
    match bond.radial:
        case "ChebExpCos":
            return _exponential(count)
        case "ChebPow" | "ChebLinear":
            return _power(count)
        case "SBessel":
            return _bessel(bond.cutoff, count)


def exact(value: float) -> Rational:
    """A double as a rational."""
    fraction = Fraction(value)
    return fmpq(fraction.numerator, fraction.denominator)


@cache
def chebyshev(k: int) -> fmpq_poly:
    """T_k."""
    if k < 2:
        return fmpq_poly([1] if k == 0 else [0, 1])
    return fmpq_poly([0, 2]) * chebyshev(k - 1) - chebyshev(k - 2)


def in_chebyshev(polynomial: fmpq_poly) -> list[Rational]:
    """Coefficients of T_0, T_1, ... of a polynomial."""
    found = [fmpq(0)] * (polynomial.degree() + 1)
    while polynomial.degree() >= 0:
        degree = polynomial.degree()
        own = chebyshev(degree)
        found[degree] = polynomial[degree] / own[degree]
        polynomial = polynomial - found[degree] * own
    return found


def _balls(values: Sequence[Rational]) -> Series:
    with flint.ctx.workprec(WORKING_BITS):
        return tuple(arb(value) for value in values)


def _exponential(count: int) -> tuple[Series, ...]:
    half = fmpq(1, 2)
    rows = [[half, *[fmpq(0)] * (k - 2), -half] for k in range(2, count + 1)]
    return tuple(_balls(row) for row in [[fmpq(1)], *rows][:count])


def _power(count: int) -> tuple[Series, ...]:
    rows = [[fmpq(k), *(fmpq(2 * (k - j)) for j in range(1, k))] for k in range(1, count + 1)]
    return tuple(_balls(row) for row in rows)


def _bessel(length: float, count: int) -> tuple[Series, ...]:
    """The orthogonal functions of Kocer, Mason, Erturk, AIP Advances 10, 015021 (2020), as ML-PACE computes them.

    With n = k - 1, e_n = n² (n+2)² / (4 (n+1)⁴ + 1), d_0 = 1 and d_n = 1 - e_n / d_{n-1},

        f_n = (-1)^n sqrt(2) π / cutoff^1.5 (n+1) (n+2) / sqrt((n+1)² + (n+2)²) (sinc((n+1) θ) + sinc((n+2) θ)),
        g_n = (f_n + sqrt(e_n / d_{n-1}) g_{n-1}) / sqrt(d_n),

    where sinc((n+1) θ) = sinc(θ) U_n(y) / (n+1).
    """
    found: list[Series] = []
    with flint.ctx.workprec(WORKING_BITS):
        cutoff = arb(length)
        scale = arb(2).sqrt() * arb.pi() / (cutoff * cutoff.sqrt())
        before = fmpq(1)
        for n in range(count):
            both = _second_kind(n) / (n + 1) + _second_kind(n + 1) / (n + 2)
            quotient, remainder = divmod(2 * both, fmpq_poly([1, 1]))
            assert not remainder
            factor = (-1) ** n * (n + 1) * (n + 2) / arb((n + 1) ** 2 + (n + 2) ** 2).sqrt() * scale
            own = [factor * value for value in in_chebyshev(quotient)]
            if n:
                e = fmpq(n**2 * (n + 2) ** 2, 4 * (n + 1) ** 4 + 1)
                weight, d = arb(e / before).sqrt(), 1 - e / before
                last = (*found[-1], arb(0))
                own = [(f + weight * g) / arb(d).sqrt() for f, g in zip(own, last, strict=True)]
                before = d
            found.append(tuple(own))
    return tuple(found)


@cache
def _second_kind(n: int) -> fmpq_poly:
    """U_n, the derivative of T_{n+1} by (n+1)."""
    return chebyshev(n + 1).derivative() / (n + 1)


def _recursion(basis: RecursionBasis, count: int) -> tuple[Series, ...]:
    left, right = exact(basis.left), exact(basis.right)
    u = fmpq_poly([(left + right) / 2, (right - left) / 2])
    polynomials: list[fmpq_poly] = []
    for n, step in enumerate(basis.steps[:count]):
        a, b, c = map(exact, step)
        own = (a * u + b) * polynomials[-1] if n else fmpq_poly([a])
        polynomials.append(own + c * polynomials[-2] if n > 1 else own)
    return tuple(_balls(in_chebyshev(polynomial)) for polynomial in polynomials)
