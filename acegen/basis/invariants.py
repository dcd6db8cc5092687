"""Invariant tensors, and their symmetrization over equal channels, exactly over the rationals.

For an l-tuple the invariant tensors of V_{l_1} ⊗ ... ⊗ V_{l_ν}, which the angular algebra provides, are brought to
reduced row echelon form; the coordinates of any invariant tensor are then its entries at the pivots.
When channels coincide, A-products do not see the order of equal slots; only the symmetrized tensors are
distinct functions, and linearly dependent ones drop out of the same elimination.

All m refer to the functions of the algebra, on the sphere the complex harmonics Z of `acegen.algebra.harmonics`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import factorial, prod

from flint import fmpq, fmpq_mat

from acegen.algebra.angular import AngularAlgebra, Matrix, MTuple, Tensor
from acegen.algebra.field import Rational


@dataclass(frozen=True)
class InvariantSpace:
    """Invariant tensors of an ascending l-tuple, in reduced row echelon form.

    `tensors[i]` has entry 1 at `pivots[i]` and 0 at every other pivot.
    """

    l: tuple[int, ...]
    tensors: tuple[Tensor, ...]
    pivots: tuple[MTuple, ...]

    @property
    def dimension(self) -> int:
        return len(self.tensors)


@cache
def invariant_space(angular: AngularAlgebra, l: tuple[int, ...]) -> InvariantSpace:
    """All invariant tensors of V_{l_1} ⊗ ... ⊗ V_{l_ν}."""
    rows, pivots = _echelon(angular.invariant_tensors(l))
    return InvariantSpace(l, rows, pivots)


@dataclass(frozen=True)
class SymmetricSpace:
    """Invariant polynomials in the A's of a label, given its l-tuple and the ranks of its channels.

    `ranks[t]` numbers the distinct channels; equal ranks mean equal channels. A polynomial maps an m-tuple
    (sorted within equal channels) to a coefficient. The polynomials are mutually orthogonal in the inner
    product Σ_m T_m T'_m Π_t |S_{l_t m_t}|^2 of their symmetric tensors.
    """

    angular: AngularAlgebra
    l: tuple[int, ...]
    ranks: tuple[int, ...]
    polynomials: tuple[Tensor, ...]
    pivots: tuple[MTuple, ...]
    from_pivots: Matrix
    """Row vector of pivot coefficients times this matrix gives coordinates in `polynomials`."""

    @property
    def dimension(self) -> int:
        return len(self.polynomials)

    @cached_property
    def multiplicity(self) -> int:
        """Order of the group that permutes equal channels."""
        return prod(factorial(count) for count in Counter(self.ranks).values())

    @cached_property
    def norms_squared(self) -> tuple[Rational, ...]:
        """Angular norm of each function over sets of distinct particles: multiplicity · Σ_m T_m^2 Π |S|^2."""
        return tuple(
            inner_product(self.angular, polynomial, polynomial, self.l, self.ranks) * self.multiplicity
            for polynomial in self.polynomials
        )

    @cached_property
    def real_polynomials(self) -> tuple[Tensor, ...]:
        """The polynomials in products of the functions kernels evaluate, m-tuples sorted within equal channels."""
        return tuple(
            dict(sorted(self.angular.to_real(polynomial, lambda key: _sort_equal(key, self.ranks)).items()))
            for polynomial in self.polynomials
        )

    @cached_property
    def coordinates(self) -> Matrix:
        """Coordinates of each polynomial's symmetric tensor in `invariant_space(l)`, one row per polynomial."""
        space = invariant_space(self.angular, self.l)
        rows = []
        for polynomial in self.polynomials:
            row = []
            for pivot in space.pivots:
                key = _sort_equal(pivot, self.ranks)
                row.append(polynomial.get(key, fmpq(0)) / _arrangements(key, self.ranks))
            rows.append(tuple(row))
        return tuple(rows)


@cache
def symmetric_space(angular: AngularAlgebra, l: tuple[int, ...], ranks: tuple[int, ...]) -> SymmetricSpace:
    """Independent invariant polynomials of a label with ascending l and ascending ranks."""
    symmetrized = [_symmetrize(tensor, ranks) for tensor in invariant_space(angular, l).tensors]
    rows, pivots = _echelon(symmetrized)
    change = _orthogonalization(angular, rows, l, ranks)
    polynomials = tuple(_combine(weights, rows) for weights in change)
    inverse = fmpq_mat([list(row) for row in change]).inv() if rows else fmpq_mat(0, 0)
    from_pivots = tuple(tuple(inverse[i, j] for j in range(len(rows))) for i in range(len(rows)))
    return SymmetricSpace(angular, l, ranks, polynomials, pivots, from_pivots)


@cache
def symmetrization(angular: AngularAlgebra, l: tuple[int, ...], arrangement: tuple[int, ...]) -> Matrix:
    """Matrix from coordinates in the invariant space of `l` to coordinates in the symmetric space.

    `arrangement[t]` is the rank of the channel in slot t; slots of equal l may carry their ranks in any
    order, the target is the space with the ranks sorted.
    """
    order = sorted(range(len(l)), key=lambda slot: (l[slot], arrangement[slot]))
    ranks = tuple(arrangement[slot] for slot in order)
    target = symmetric_space(angular, l, ranks)
    rows = []
    for tensor in invariant_space(angular, l).tensors:
        permuted = {tuple(key[slot] for slot in order): value for key, value in tensor.items()}
        polynomial = _symmetrize(permuted, ranks)
        at_pivots = [polynomial.get(pivot, fmpq(0)) for pivot in target.pivots]
        rows.append(row_times_matrix(at_pivots, target.from_pivots))
    return tuple(rows)


def row_times_matrix(row: Sequence[Rational], matrix: Matrix) -> tuple[Rational, ...]:
    """row · matrix for small dense matrices of rationals."""
    if not matrix:
        return ()
    result = [fmpq(0)] * len(matrix[0])
    for weight, entries in zip(row, matrix, strict=True):
        if weight:
            for column, entry in enumerate(entries):
                if entry:
                    result[column] += weight * entry
    return tuple(result)


def inner_product(
    angular: AngularAlgebra, first: Tensor, second: Tensor, l: tuple[int, ...], ranks: tuple[int, ...]
) -> Rational:
    """Σ_m T_m T'_m Π_t |S_{l_t m_t}|^2 of two polynomials, read as symmetric tensors."""
    total = fmpq(0)
    for key, value in first.items():
        other = second.get(key)
        if other:
            weight = fmpq(1, _arrangements(key, ranks))
            for degree, m in zip(l, key, strict=True):
                weight *= angular.norm_squared(degree, m)
            total += value * other * weight
    return total


def _echelon(vectors: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], tuple[MTuple, ...]]:
    """Reduced row echelon form of sparse vectors: independent rows and the key of each row's pivot."""
    columns = sorted({key for vector in vectors for key in vector})
    if not columns:
        return (), ()
    dense = fmpq_mat([[vector.get(key, fmpq(0)) for key in columns] for vector in vectors])
    reduced, rank = dense.rref()
    rows: list[Tensor] = []
    pivots = []
    for i in range(rank):
        row = {key: reduced[i, j] for j, key in enumerate(columns) if reduced[i, j]}
        rows.append(row)
        pivots.append(next(iter(row)))
    return tuple(rows), tuple(pivots)


def _orthogonalization(
    angular: AngularAlgebra, rows: Sequence[Tensor], l: tuple[int, ...], ranks: tuple[int, ...]
) -> list[list[Rational]]:
    """Unit lower triangular matrix of the exact Gram-Schmidt process."""
    gram = [[inner_product(angular, a, b, l, ranks) for b in rows] for a in rows]
    change: list[list[Rational]] = []
    for i in range(len(rows)):
        weights = [fmpq(int(i == j)) for j in range(len(rows))]
        for earlier in change:
            image = [sum((w * gram[k][j] for k, w in enumerate(earlier)), fmpq(0)) for j in range(len(rows))]
            size = sum((w * image[j] for j, w in enumerate(earlier)), fmpq(0))
            overlap = image[i] / size
            weights = [w - overlap * e for w, e in zip(weights, earlier, strict=True)]
        change.append(weights)
    return change


def _combine(weights: Iterable[Rational], rows: Sequence[Tensor]) -> Tensor:
    total: defaultdict[MTuple, Rational] = defaultdict(fmpq)
    for weight, row in zip(weights, rows, strict=True):
        if weight:
            for key, value in row.items():
                total[key] += weight * value
    return {key: value for key, value in sorted(total.items()) if value}


def _symmetrize(tensor: Tensor, ranks: tuple[int, ...]) -> dict[MTuple, Rational]:
    """The tensor as a polynomial: keys sorted within equal channels, entries added up."""
    polynomial: defaultdict[MTuple, Rational] = defaultdict(fmpq)
    for key, value in tensor.items():
        polynomial[_sort_equal(key, ranks)] += value
    return {key: value for key, value in polynomial.items() if value}


def _sort_equal(key: MTuple, ranks: tuple[int, ...]) -> MTuple:
    """`key` sorted within each run of equal ranks (ranks ascending)."""
    return tuple(m for _, m in sorted(zip(ranks, key, strict=True)))


def _arrangements(key: MTuple, ranks: tuple[int, ...]) -> int:
    """Number of distinct tensor entries that fall on one monomial."""
    counts = Counter(zip(ranks, key, strict=True))
    groups = Counter(ranks)
    return prod(factorial(n) for n in groups.values()) // prod(factorial(n) for n in counts.values())
