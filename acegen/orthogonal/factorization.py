"""Exact factorization G = L D Lᵀ of Gram matrices, and the orthogonal functions it defines.

This is the Gram-Schmidt process in the order of the functions: L is unit lower triangular, B̂ = L⁻¹ B is orthogonal
with E B̂_i² = D_i. A function that depends on those before it has D_i = 0; this is reported, not an error.

Matrices are sparse: rows of pairs (column, value). Entries that cancel are exactly zero and are omitted, so functions
without overlap, and blocks of them, cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from acegen.algebra.field import Rational
from acegen.basis import SparseRow
from acegen.orthogonal.rounding import rounded_root
from acegen.progress import Progress, Silent


@dataclass(frozen=True)
class Factorization:
    """G = L D Lᵀ of a positive semidefinite matrix over the rationals.

    Attributes:
        lower: rows of L, unit diagonal included; column i of L is that of the identity where pivot i is zero.
        pivots: the diagonal of D, E B̂_i².
    """

    lower: tuple[SparseRow, ...]
    pivots: tuple[Rational, ...]

    @property
    def size(self) -> int:
        """Number of functions."""
        return len(self.pivots)

    @property
    def rank(self) -> int:
        """Number of linearly independent functions."""
        return len(self.independent)

    @cached_property
    def independent(self) -> tuple[int, ...]:
        """Functions that do not depend on those before them, ascending."""
        return tuple(i for i, pivot in enumerate(self.pivots) if pivot)

    @cached_property
    def dependent(self) -> tuple[int, ...]:
        """Functions that are, with probability one, combinations of those before them; includes zero functions."""
        return tuple(i for i, pivot in enumerate(self.pivots) if not pivot)

    @cached_property
    def inverse(self) -> tuple[SparseRow, ...]:
        """Rows of L⁻¹. Row i of a dependent function is a relation: Σ_j (L⁻¹)_ij B_j = 0 with probability one."""
        rows: list[dict[int, Rational]] = []
        for i, row in enumerate(self.lower):
            result = {i: fmpq(1)}
            for k, value in row:
                if k < i:
                    for j, entry in rows[k].items():
                        result[j] = result.get(j, fmpq(0)) - value * entry
            rows.append({j: value for j, value in result.items() if value})
        return tuple(tuple(sorted(row.items())) for row in rows)

    def transform(self, scales_squared: Sequence[Rational] | None = None) -> NDArray[np.float64]:
        """Matrix T, shape (rank, size), such that T·B is orthonormal: D^(-1/2) L⁻¹ without the dependent functions.

        Each entry is rounded once, from its exact value.

        Args:
            scales_squared: s_i², if T will be applied to s_i B_i, such as the scaled functions of a model.
        """
        result = np.zeros((self.rank, self.size))
        for number, i in enumerate(self.independent):
            for j, value in self.inverse[i]:
                square = value * value / self.pivots[i]
                if scales_squared is not None:
                    square /= scales_squared[j]
                result[number, j] = rounded_root(square, negative=value < 0)
        return result


def factorize(rows: Sequence[SparseRow], progress: Progress | None = None) -> Factorization:
    """Factorize a symmetric positive semidefinite matrix.

    Args:
        rows: its sparse rows, both triangles.
        progress: receives the number of columns done.

    Raises:
        ArithmeticError: the matrix is not positive semidefinite, so not a Gram matrix.
    """
    progress = progress or Silent()
    size = len(rows)
    rest = [{j: value for j, value in row if j >= i} for i, row in enumerate(rows)]
    lower: list[list[tuple[int, Rational]]] = [[] for _ in range(size)]
    pivots = []
    for k in range(size):
        progress.advance(k, size)
        column, rest[k] = rest[k], {}
        pivot = column.pop(k, fmpq(0))
        if pivot < 0 or (not pivot and column):
            raise ArithmeticError(f"the matrix is not positive semidefinite: pivot {k} is {pivot}")
        pivots.append(pivot)
        for i, value in column.items():
            weight = value / pivot
            lower[i].append((k, weight))
            _subtract(rest[i], weight, {j: entry for j, entry in column.items() if j >= i})
        lower[k].append((k, fmpq(1)))
    return Factorization(tuple(map(tuple, lower)), tuple(pivots))


def _subtract(row: dict[int, Rational], weight: Rational, other: dict[int, Rational]) -> None:
    """row -= weight · other, dropping entries that cancel."""
    for j, entry in other.items():
        before = row.get(j)
        after = -weight * entry if before is None else before - weight * entry
        if after:
            row[j] = after
        elif before is not None:
            del row[j]
