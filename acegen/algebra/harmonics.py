"""Spherical harmonics with rational coefficients: products, norms and rotation-invariant coupling.

Two sets of functions on the unit sphere, with Q_l^m = d^m P_l / dz^m:

    Z_lm = Q_l^|m|(z) (x ± iy)^|m|           (complex, the sign that of m), used for exact algebra,
    S_lm = Q_l^|m|(z) Re or Im (x+iy)^|m|    (real, Re for m >= 0 and Im for m < 0), used by the kernels.

In Z every product, coupling coefficient and invariant tensor is rational and conserves m, which keeps the
algebra sparse. A rational tensor invariant under O(3) satisfies T(-m) = T(m), hence is real in S as well.
Standard spherical harmonics are Y_lm ∝ (-1)^m sqrt((l-m)!/(l+m)!) Z_lm for m >= 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import factorial

from flint import fmpq, fmpq_poly
from sympy.polys.orthopolys import dup_legendre

from acegen.algebra.field import QQ, Rational


@cache
def associated_polynomial(l: int, m: int) -> fmpq_poly:
    """Q_l^m(z) = d^m P_l / dz^m for 0 <= m <= l, as a polynomial in z."""
    polynomial = fmpq_poly(list(reversed(dup_legendre(l, QQ))))
    for _ in range(m):
        polynomial = polynomial.derivative()
    return polynomial


@cache
def product(factors: tuple[tuple[int, int], ...]) -> tuple[tuple[int, Rational], ...]:
    """Linearization of a product of harmonics: Π_t Z_{l_t m_t} = Σ_L gamma_L Z_{L M} with M = Σ m_t.

    Returns pairs (L, gamma_L). Opposite phases leave powers of (x+iy)(x-iy) = 1 - z^2; the rest
    is a polynomial in z that expands in Q_L^|M|, L >= |M|.
    """
    total = abs(sum(m for _, m in factors))
    surplus = (sum(abs(m) for _, m in factors) - total) // 2
    polynomial = fmpq_poly([1, 0, -1]) ** surplus
    for l, m in factors:
        polynomial *= associated_polynomial(l, abs(m))
    terms = []
    while polynomial.degree() >= 0:
        degree = polynomial.degree()
        basis = associated_polynomial(total + degree, total)
        coefficient = polynomial[degree] / basis[degree]
        terms.append((total + degree, coefficient))
        polynomial = polynomial - coefficient * basis
    return tuple(terms)


@cache
def norm_squared(l: int, m: int) -> Rational:
    """Mean of |Z_lm|^2 over the unit sphere."""
    return fmpq(factorial(l + abs(m)), (2 * l + 1) * factorial(l - abs(m)))


@cache
def coupling(l1: int, l2: int, l3: int) -> Mapping[tuple[int, int], Rational]:
    """Rational coupling coefficients g: Σ g(m1,m2) Z_{l1 m1} Z_{l2 m2} transforms like Z_{l3, m1+m2}.

    Racah's sum for the Clebsch-Gordan coefficient; its square roots cancel against the normalization of Z,
    leaving one common factor that is dropped.
    """

    def sign(m: int) -> int:
        return -1 if m > 0 and m % 2 else 1

    coefficients = {}
    for m1 in range(-l1, l1 + 1):
        for m2 in range(max(-l2, -l3 - m1), min(l2, l3 - m1) + 1):
            m3 = m1 + m2
            total = fmpq(0)
            for k in range(max(0, l2 - l3 - m1, l1 - l3 + m2), min(l1 + l2 - l3, l1 - m1, l2 + m2) + 1):
                denominator = (
                    factorial(k)
                    * factorial(l1 + l2 - l3 - k)
                    * factorial(l1 - m1 - k)
                    * factorial(l2 + m2 - k)
                    * factorial(l3 - l2 + m1 + k)
                    * factorial(l3 - l1 - m2 + k)
                )
                total += fmpq((-1) ** k, denominator)
            if total:
                weight = factorial(l3 + abs(m3)) * factorial(l1 - abs(m1)) * factorial(l2 - abs(m2))
                coefficients[m1, m2] = total * weight * (sign(m1) * sign(m2) * sign(m3))
    return coefficients


def to_real(
    polynomial: Mapping[tuple[int, ...], Rational],
    canonical: Callable[[tuple[int, ...]], tuple[int, ...]],
) -> dict[tuple[int, ...], Rational]:
    """An O(3)-invariant polynomial in products of Z, rewritten in products of S.

    Keys are m-tuples on both sides; `canonical` sorts those of commuting equal factors. Uses
    Z_{l,±m} = S_{l,m} ± i S_{l,-m} (m > 0).

    Raises:
        ArithmeticError: the result is not real, so the polynomial was not O(3)-invariant.
    """
    real: defaultdict[tuple[int, ...], Rational] = defaultdict(fmpq)
    imaginary: defaultdict[tuple[int, ...], Rational] = defaultdict(fmpq)
    for key, value in polynomial.items():
        for factors, power_of_i, sign in _real_factors(key):
            part = imaginary if power_of_i % 2 else real
            part[canonical(factors)] += value * (sign * (-1 if power_of_i // 2 % 2 else 1))
    if any(imaginary.values()):
        raise ArithmeticError("polynomial is not invariant under O(3): its real form has an imaginary part")
    return {key: value for key, value in real.items() if value}


def _real_factors(m_tuple: Sequence[int]) -> list[tuple[tuple[int, ...], int, int]]:
    """Terms (real m-tuple, power of i, sign) of the product of Z_{l_t m_t} over t."""
    terms: list[tuple[tuple[int, ...], int, int]] = [((), 0, 1)]
    for m in m_tuple:
        if m == 0:
            terms = [((*key, 0), power, sign) for key, power, sign in terms]
        else:
            sine_sign = 1 if m > 0 else -1
            terms = [
                term
                for key, power, sign in terms
                for term in (((*key, abs(m)), power, sign), ((*key, -abs(m)), power + 1, sign * sine_sign))
            ]
    return terms
