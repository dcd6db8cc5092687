"""Exact Gram matrices G_ij = E B_i B_j of basis functions on random particles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from acegen.algebra.field import Rational
from acegen.algebra.measure import Measure
from acegen.basis import Basis, SparseRow
from acegen.basis.purification import CoupledIndex, Row
from acegen.errors import OrthogonalizationError
from acegen.orthogonal.ensemble import Ensemble, ensemble_of
from acegen.orthogonal.expansion import Decomposition
from acegen.orthogonal.factorization import Factorization, factorize
from acegen.orthogonal.rounding import rounded_root
from acegen.progress import Progress


@dataclass(frozen=True)
class GramMatrix:
    """G_ij = E B_i B_j over the rationals.

    Attributes:
        rows: non-zeros of each row, both triangles.
    """

    rows: tuple[SparseRow, ...]

    @property
    def size(self) -> int:
        """Number of functions."""
        return len(self.rows)

    @cached_property
    def diagonal(self) -> tuple[Rational, ...]:
        """E B_i²."""
        return tuple(dict(row).get(i, fmpq(0)) for i, row in enumerate(self.rows))

    @cached_property
    def zero(self) -> tuple[int, ...]:
        """Functions that vanish with probability one: canonical ones whose order exceeds the number of particles."""
        return tuple(i for i, value in enumerate(self.diagonal) if not value)

    @property
    def is_diagonal(self) -> bool:
        """Whether the functions are orthogonal."""
        return all(j == i for i, row in enumerate(self.rows) for j, _ in row)

    @property
    def n_nonzero(self) -> int:
        """Number of non-zero entries."""
        return sum(map(len, self.rows))

    def part(self, functions: Sequence[int]) -> GramMatrix:
        """The matrix of some of the functions, in the order given."""
        position = {i: number for number, i in enumerate(functions)}
        return GramMatrix(
            tuple(tuple(sorted((position[j], v) for j, v in self.rows[i] if j in position)) for i in functions)
        )

    def scaled(self) -> NDArray[np.float64]:
        """G_ij / sqrt(G_ii G_jj), shape (size, size), each entry rounded once; rows of zero functions are zero."""
        result = np.zeros((self.size, self.size))
        for i, row in enumerate(self.rows):
            for j, value in row:
                square = value * value / (self.diagonal[i] * self.diagonal[j])
                result[i, j] = rounded_root(square, negative=value < 0)
        return result

    def factorize(self, progress: Progress | None = None) -> Factorization:
        """G = L D Lᵀ, the functions orthogonalized in their order; see `Factorization`.

        Args:
            progress: receives the number of columns done; silent by default.

        Raises:
            ArithmeticError: the matrix is not positive semidefinite, so not a Gram matrix.
        """
        return factorize(self.rows, progress)


def canonical_gram(
    functions: Sequence[CoupledIndex], ensemble: Ensemble, progress: Progress | None = None
) -> GramMatrix:
    """Gram matrix of canonical functions 𝓑, without scales: sums over ordered tuples of distinct particles.

    Args:
        functions: labels and numbers of coupled functions.
        ensemble: the random particles.
        progress: receives the number of functions done.
    """
    decomposition = Decomposition(ensemble)
    return _gram(decomposition, decomposition.canonical(functions, progress))


def self_interacting_gram(
    functions: Sequence[CoupledIndex], ensemble: Ensemble, progress: Progress | None = None
) -> GramMatrix:
    """Gram matrix of self-interacting functions, without scales: products of sums over all particles.

    Args:
        functions: labels and numbers of coupled functions.
        ensemble: the random particles.
        progress: receives the number of functions done.
    """
    decomposition = Decomposition(ensemble)
    return _gram(decomposition, decomposition.self_interacting(functions, progress))


def basis_gram(
    basis: Basis, particles: int | Mapping[str, int], measure: Measure | None = None, progress: Progress | None = None
) -> GramMatrix:
    """Gram matrix of the functions of a basis, canonical or self-interacting as its specification says.

    Functions are taken without their scales, whose squares are `basis.scales_squared`: condition numbers do not depend
    on them, and `Factorization.transform` takes them into account.

    Args:
        basis: the basis.
        particles, measure: the random particles; see `ensemble_of`.
        progress: receives the number of functions done.

    Raises:
        OrthogonalizationError: as `ensemble_of`; or the basis has a pair term.
    """
    if basis.pair:
        raise OrthogonalizationError(
            f"the basis '{basis.spec.name}' has a pair term, whose functions have a different cutoff, and so a "
            "different y, from the others; no measure covers both. Remove [pair] from the spec, or use "
            "orthogonalize_samples."
        )
    functions = [(function.label, function.number) for function in basis.functions[: basis.n_coupled]]
    gram_of = canonical_gram if basis.spec.basis.expansion == "canonical" else self_interacting_gram
    return gram_of(functions, ensemble_of(basis, particles, measure), progress)


def _gram(decomposition: Decomposition, expansion: Sequence[Row]) -> GramMatrix:
    """Σ_J E_iJ E_jJ E 𝓠_J²."""
    columns: defaultdict[CoupledIndex, list[tuple[int, Rational]]] = defaultdict(list)
    for i, row in enumerate(expansion):
        for index, value in row.items():
            columns[index].append((i, value))
    upper: list[defaultdict[int, Rational]] = [defaultdict(fmpq) for _ in expansion]
    for index, entries in columns.items():
        norm = decomposition.norm_squared(index)
        if norm:
            for position, (i, value) in enumerate(entries):
                weight = value * norm
                for j, other in entries[position:]:
                    upper[i][j] += weight * other
    rows: list[list[tuple[int, Rational]]] = [[] for _ in expansion]
    for i, entries_of_row in enumerate(upper):
        for j, value in entries_of_row.items():
            if value:
                rows[i].append((j, value))
                if j != i:
                    rows[j].append((i, value))
    return GramMatrix(tuple(tuple(sorted(row)) for row in rows))
