"""What the angular half of a particle space must provide, and the invariants that follow from it.

One-particle functions are R_n S_lm: the index l selects a representation of the group G, m one of its components.
A space provides

    components    the m of each l,
    product       Π_t S_{l_t m_t} as a rational combination of S_lm (a product table),
    norms         the mean of S_lm² (functions of different (l, m) must be orthogonal),
    generators    rational matrices by which G acts on the components of an l: for infinitesimal elements X (rotations)
                  and for single elements g (reflections, or all generators of a finite group).

From these follow the invariant tensors, the solutions of Σ_t X^(t) T = 0 and g⊗...⊗g T = T, and with them coupling,
purification and all later stages. A space with a better way to its invariants, such as the sphere, provides its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product as cartesian
from typing import TypeAlias

from flint import fmpq, fmpq_mat

from acegen.algebra.field import Rational

MTuple: TypeAlias = tuple[int, ...]
Tensor: TypeAlias = Mapping[MTuple, Rational]
"""Coefficients of products Π_t S_{l_t m_t}, by the m's."""

AngularTerm: TypeAlias = tuple[int, int, Rational]
"""(l, m, coefficient) of a linear combination of angular functions."""

Matrix: TypeAlias = tuple[tuple[Rational, ...], ...]
"""Rows of a small dense matrix."""


class AngularAlgebra(ABC):
    """The angular functions of a particle space and the group under which models are invariant.

    Objects are immutable and serve as cache keys; those of the same class and symmetry are equal.
    """

    @property
    @abstractmethod
    def symmetry(self) -> str:
        """Name of the group in specifications, such as "O3"."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Number of coordinates of a particle; directions are unit vectors with as many components, none for 1."""

    @abstractmethod
    def components(self, l: int) -> tuple[int, ...]:
        """The m of an l, in the order of their functions in memory."""

    @abstractmethod
    def product(self, factors: tuple[tuple[int, int], ...]) -> tuple[AngularTerm, ...]:
        """Π_t S_{l_t m_t} of functions (l, m) of one particle, linearized."""

    @abstractmethod
    def norm_squared(self, l: int, m: int) -> Rational:
        """Mean of S_lm² (|S_lm|², if complex) over the directions."""

    @abstractmethod
    def invariant_tensors(self, l: tuple[int, ...]) -> Sequence[Tensor]:
        """Tensors that span the invariants of the product of the representations l; they may be dependent."""

    @property
    def infinitesimal_elements(self) -> tuple[Matrix, ...]:
        """Rational antisymmetric matrices, acting on vectors, that generate the rotations in the group."""
        return ()

    @property
    def finite_elements(self) -> tuple[Matrix, ...]:
        """Rational orthogonal matrices that, with the infinitesimal elements, generate the whole group."""
        return ()

    @property
    def formula(self) -> str:
        """The functions in words, for comments in generated code."""
        return f"S_lm of the symmetry {self.symmetry}, polynomials of the direction"

    def admits(self, l: tuple[int, ...]) -> bool:
        """A quick test that rules out l's (ascending) without invariants; those that pass are examined."""
        return True

    def admits_degrees(self, n: tuple[int, ...]) -> bool:
        """Whether Π_t R_{n_t} may be part of an invariant: false if the group changes its sign."""
        return True

    @property
    def countable(self) -> bool:
        """Whether invariants can be counted without listing them, as `acegen.basis.estimate` does for the sphere."""
        return False

    @property
    def l_max(self) -> int | None:
        """Largest l; None if unbounded."""
        return None

    def to_real(self, polynomial: Tensor, canonical: Callable[[MTuple], MTuple]) -> Tensor:
        """An invariant polynomial in the functions of the algebra, rewritten in those that kernels evaluate.

        These are the same unless the algebra uses other functions. `canonical` sorts the m of equal factors.
        """
        return polynomial

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AngularAlgebra) and type(self) is type(other) and self.symmetry == other.symmetry

    def __hash__(self) -> int:
        return hash(type(self))


class GeneratedAngularAlgebra(AngularAlgebra):
    """An angular algebra given by real functions, the products of two of them, and generators of the group.

    Everything else follows. Invariants are sought in the space of all tensors, whose dimension is Π_t (number of
    components of l_t), so this suits l with few components.
    """

    @abstractmethod
    def multiply(self, first: tuple[int, int], second: tuple[int, int]) -> Sequence[AngularTerm]:
        """S_lm S_l'm' as a combination of functions."""

    @abstractmethod
    def polynomial(self, l: int, m: int) -> Mapping[tuple[int, ...], Rational]:
        """S_lm as a polynomial in the components of the unit vector: coefficients by powers, such as {(2, 0): 1}."""

    @abstractmethod
    def infinitesimal_generators(self, l: int) -> Sequence[Matrix]:
        """Matrices X of infinitesimal elements on an l: S_lm → Σ_m' S_lm' X[m'][m], in the order of `components`."""

    @abstractmethod
    def finite_generators(self, l: int) -> Sequence[Matrix]:
        """Matrices g of single group elements on an l, in the same convention."""

    def product(self, factors: tuple[tuple[int, int], ...]) -> tuple[AngularTerm, ...]:
        return _folded_product(self, factors)

    def invariant_tensors(self, l: tuple[int, ...]) -> Sequence[Tensor]:
        return _invariants(self, l)


@cache
def _folded_product(algebra: GeneratedAngularAlgebra, factors: tuple[tuple[int, int], ...]) -> tuple[AngularTerm, ...]:
    if len(factors) == 1:
        return ((*factors[0], fmpq(1)),)
    total: defaultdict[tuple[int, int], Rational] = defaultdict(fmpq)
    for l, m, weight in _folded_product(algebra, factors[:-1]):
        for l_new, m_new, value in algebra.multiply((l, m), factors[-1]):
            total[l_new, m_new] += weight * value
    return tuple((l, m, value) for (l, m), value in sorted(total.items()) if value)


def _invariants(algebra: GeneratedAngularAlgebra, l: tuple[int, ...]) -> list[Tensor]:
    """Common nullspace of Σ_t X^(t) and g⊗...⊗g - 1 over all generators."""
    keys = list(cartesian(*map(algebra.components, l)))
    position = {key: number for number, key in enumerate(keys)}
    conditions: list[list[Rational]] = []
    for column_matrices in zip(*map(algebra.infinitesimal_generators, l), strict=True):
        rows = [[fmpq(0)] * len(keys) for _ in keys]
        for column, key in enumerate(keys):
            for slot, matrix in enumerate(column_matrices):
                names = algebra.components(l[slot])
                for m, row in zip(names, matrix, strict=True):
                    value = row[names.index(key[slot])]
                    if value:
                        rows[position[(*key[:slot], m, *key[slot + 1 :])]][column] += value
        conditions += rows
    for column_matrices in zip(*map(algebra.finite_generators, l), strict=True):
        rows = [[fmpq(0)] * len(keys) for _ in keys]
        for column, key in enumerate(keys):
            images = []
            for slot, matrix in enumerate(column_matrices):
                names = algebra.components(l[slot])
                own = names.index(key[slot])
                images.append([(m, row[own]) for m, row in zip(names, matrix, strict=True) if row[own]])
            for choice in cartesian(*images):
                value = fmpq(1)
                for _, factor in choice:
                    value *= factor
                rows[position[tuple(m for m, _ in choice)]][column] += value
            rows[column][column] -= 1
        conditions += rows
    return [
        {key: value for key, value in zip(keys, vector, strict=True) if value}
        for vector in _nullspace(conditions, len(keys))
    ]


def _nullspace(rows: Sequence[Sequence[Rational]], size: int) -> list[list[Rational]]:
    """Vectors x that span all solutions of rows · x = 0."""
    rows = [row for row in rows if any(row)]
    if not rows:
        return [[fmpq(int(i == j)) for j in range(size)] for i in range(size)]
    reduced, rank = fmpq_mat([list(row) for row in rows]).rref()
    pivots = []
    for i in range(rank):
        pivots.append(next(j for j in range(size) if reduced[i, j]))
    solutions = []
    for free in sorted(set(range(size)) - set(pivots)):
        vector = [fmpq(0)] * size
        vector[free] = fmpq(1)
        for i, pivot in enumerate(pivots):
            vector[pivot] = -reduced[i, free]
        solutions.append(vector)
    return solutions
