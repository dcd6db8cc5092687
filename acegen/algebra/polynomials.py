"""Classical polynomials over the rationals, and products of one-particle functions e(y) p_k(y).

A `PolynomialAlgebra` is one half of what a particle space must provide (the other is the angular half,
`acegen.algebra.angular`): functions R_i = e·p_{i-first} of one variable with

    R_a R_b ... = sum_c rho_c R_c,   rho rational,

which exists for every polynomial envelope e because e^k p_a p_b ... is divisible by e.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from flint import fmpq, fmpq_poly
from sympy.polys.orthopolys import dup_chebyshevt, dup_jacobi, dup_legendre

from acegen.algebra.field import QQ, Rational

PolynomialKind = Literal["jacobi", "legendre", "chebyshev", "monomial"]

Expansion = tuple[tuple[int, Rational], ...]
"""A linear combination of one-particle functions: pairs (index, coefficient)."""


ZERO, TWO, MINUS_ONE = fmpq(0), fmpq(2), fmpq(-1)


@dataclass(frozen=True)
class Recurrence:
    """Constants of p_{k+1} = (a_k y + b_k) p_k - c_k p_{k-1}, with p_0 = 1 and p_{-1} = 0."""

    a: tuple[Rational, ...]
    b: tuple[Rational, ...]
    c: tuple[Rational, ...]


@dataclass(frozen=True)
class ClassicalFamily:
    """Classical polynomials p_k in the variable x = scale·y + shift.

    `alpha` and `beta` are used by the Jacobi family only. On the unit interval x = 2y - 1.
    """

    kind: PolynomialKind
    alpha: Rational = ZERO
    beta: Rational = ZERO
    scale: Rational = TWO
    shift: Rational = MINUS_ONE

    def polynomial(self, degree: int) -> fmpq_poly:
        """p_degree as a polynomial in y."""
        if self.kind == "monomial":
            return fmpq_poly([0] * degree + [1])
        match self.kind:
            case "jacobi":
                descending = dup_jacobi(degree, self.alpha, self.beta, QQ)
            case "legendre":
                descending = dup_legendre(degree, QQ)
            case "chebyshev":
                descending = dup_chebyshevt(degree, QQ)
        in_x = fmpq_poly(list(reversed(descending)))
        return in_x(fmpq_poly([self.shift, self.scale]))


@dataclass(frozen=True)
class PolynomialAlgebra:
    """One-particle functions R_i(y) = e(y) p_{i-first}(y), i >= first, closed under multiplication.

    `first` is the index of the lowest function: 1 for radial functions, 0 on the interval.
    """

    family: ClassicalFamily
    envelope: fmpq_poly
    first: int
    _polynomials: list[fmpq_poly] = field(default_factory=list, repr=False, compare=False)
    _products: dict[tuple[int, ...], Expansion] = field(default_factory=dict, repr=False, compare=False)

    def polynomial(self, degree: int) -> fmpq_poly:
        """p_degree(y)."""
        while len(self._polynomials) <= degree:
            self._polynomials.append(self.family.polynomial(len(self._polynomials)))
        return self._polynomials[degree]

    def function(self, index: int) -> fmpq_poly:
        """R_index as a polynomial in y."""
        return self.envelope * self.polynomial(index - self.first)

    def product(self, indices: Sequence[int]) -> Expansion:
        """Coefficients rho with R_{i1} R_{i2} ... = sum_c rho_c R_c (ascending c, zeros omitted)."""
        key = tuple(sorted(indices))
        found = self._products.get(key)
        if found is None:
            reduced = self.envelope ** (len(key) - 1)
            for index in key:
                reduced *= self.polynomial(index - self.first)
            found = tuple((degree + self.first, value) for degree, value in self.expand(reduced))
            self._products[key] = found
        return found

    def recurrence(self, count: int) -> Recurrence:
        """Three-term recurrence of p_0 .. p_{count-1}, read off from the exact polynomials.

        Raises:
            ArithmeticError: the family obeys no three-term recurrence.
        """
        a, b, c = [], [], []
        variable = fmpq_poly([0, 1])
        for k in range(count - 1):
            current, following = self.polynomial(k), self.polynomial(k + 1)
            previous = self.polynomial(k - 1) if k else fmpq_poly([0])
            slope = following[k + 1] / current[k]
            rest = following - slope * variable * current
            offset = rest[k] / current[k]
            rest -= offset * current
            drag = -rest[k - 1] / previous[k - 1] if k else fmpq(0)
            if (rest + drag * previous).degree() >= 0:
                raise ArithmeticError(f"{self.family.kind} polynomials have no three-term recurrence at degree {k}")
            a.append(slope)
            b.append(offset)
            c.append(drag)
        return Recurrence(tuple(a), tuple(b), tuple(c))

    def expand(self, polynomial: fmpq_poly) -> Expansion:
        """`polynomial` as a combination of p_0, p_1, ..., by elimination from the leading term down."""
        terms = []
        while polynomial.degree() >= 0:
            degree = polynomial.degree()
            basis = self.polynomial(degree)
            coefficient = polynomial[degree] / basis[degree]
            terms.append((degree, coefficient))
            polynomial = polynomial - coefficient * basis
        return tuple(reversed(terms))
