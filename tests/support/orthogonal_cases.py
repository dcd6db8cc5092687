"""Functions on the interval for tests of Gram matrices, and their means by brute force."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement, permutations
from math import prod
from typing import Any

from flint import fmpq, fmpq_mat, fmpq_poly
from sympy import symbols
from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from acegen.algebra.line import LINE
from acegen.algebra.measure import ARCSINE, UNIFORM, Measure
from acegen.algebra.polynomials import ClassicalFamily, PolynomialAlgebra, PolynomialKind
from acegen.basis import Channel, Label, SparseRow
from acegen.basis.purification import CoupledIndex
from acegen.orthogonal import Ensemble

FAMILIES: dict[str, ClassicalFamily] = {
    "chebyshev": ClassicalFamily("chebyshev", scale=fmpq(1), shift=fmpq(0)),
    "legendre": ClassicalFamily("legendre", scale=fmpq(1), shift=fmpq(0)),
    "jacobi": ClassicalFamily("jacobi", fmpq(1, 2), fmpq(-1, 3), scale=fmpq(1), shift=fmpq(0)),
    "monomial": ClassicalFamily("monomial", scale=fmpq(1), shift=fmpq(0)),
}
MEASURES = {
    "arcsine": ARCSINE,
    "uniform": UNIFORM,
    "jacobi": Measure(fmpq(1, 2), fmpq(-1, 3)),
    "skew": Measure(fmpq(2)),
}


def interval(kind: PolynomialKind) -> PolynomialAlgebra:
    """p_k(x), k >= 0, on [-1, 1]."""
    return PolynomialAlgebra(FAMILIES[kind], fmpq_poly([1]), first=0)


def on_interval(radial: PolynomialAlgebra, measure: Measure, *counts: int) -> Ensemble:
    """Random particles on [-1, 1]."""
    return Ensemble(radial, LINE, measure, counts)


def label_of(*k: int) -> Label:
    """The label of indices k on the interval, one species."""
    return tuple(Channel(0, 0, index) for index in sorted(k))


def total_degree(order: int, degree: int, first: int = 0) -> list[CoupledIndex]:
    """All functions of orders 1 .. order with k >= first and Σk <= degree, by order."""
    return [
        (label_of(*k), 0)
        for nu in range(1, order + 1)
        for k in combinations_with_replacement(range(first, degree + 1), nu)
        if sum(k) <= degree
    ]


def power_means(measure: Measure, count: int) -> list[fmpq]:
    """E x^k on [-1, 1], k < count, by partial integration of d/dx (1-x)^(α+1) (1+x)^(β+1) x^k."""
    a, b = measure.alpha, measure.beta
    means = [fmpq(1), (b - a) / (a + b + 2)]
    for k in range(1, count):
        means.append(((b - a) * means[k] + k * means[k - 1]) / (a + b + 2 + k))
    return means[:count]


class BruteForce:
    """Functions of a few particles as polynomials in all coordinates, and means monomial by monomial."""

    def __init__(self, radial: PolynomialAlgebra, measure: Measure, counts: Sequence[int]) -> None:
        self._radial = radial
        self._species = [species for species, count in enumerate(counts) for _ in range(count)]
        self._ring, *self._x = ring(symbols(f"x:{max(1, len(self._species))}"), QQ)
        self._means = power_means(measure, 64)

    def _values(self, channel: Channel) -> list[Any]:
        """φ of every particle."""
        coefficients = self._radial.function(channel.n).coeffs()
        return [
            sum((c * x**k for k, c in enumerate(coefficients)), self._ring.zero)
            if species == channel.species
            else self._ring.zero
            for species, x in zip(self._species, self._x, strict=False)
        ]

    def canonical(self, label: Label) -> Any:
        """The sum over ordered tuples of distinct particles."""
        columns = [self._values(channel) for channel in label]
        return sum(
            (
                prod((column[j] for column, j in zip(columns, chosen, strict=True)), start=self._ring.one)
                for chosen in permutations(range(len(self._species)), len(label))
            ),
            self._ring.zero,
        )

    def self_interacting(self, label: Label) -> Any:
        """The product of sums over all particles."""
        return prod((sum(self._values(channel), self._ring.zero) for channel in label), start=self._ring.one)

    def mean(self, polynomial: Any) -> fmpq:
        return sum(
            (value * prod((self._means[p] for p in powers), start=fmpq(1)) for powers, value in polynomial.terms()),
            fmpq(0),
        )


def dense(rows: Sequence[SparseRow], columns: int | None = None) -> fmpq_mat:
    """A sparse matrix as a dense one."""
    width = len(rows) if columns is None else columns
    return fmpq_mat([[dict(row).get(j, fmpq(0)) for j in range(width)] for row in rows])


@cache
def partitions_of(degree: int, parts: int) -> int:
    """Number of multisets of `parts` positive integers with a sum of at most `degree`."""
    return sum(1 for k in combinations_with_replacement(range(1, degree + 1), parts) if sum(k) <= degree)


def to_fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))
