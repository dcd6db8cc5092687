"""Angular functions given as polynomials of the direction: products, norms and group action derived, or checked.

A custom space is a subclass of `PolynomialSpace` that gives its functions S_lm as rational polynomials in the
components of a unit vector, and its group as matrices acting on vectors. Everything else follows exactly from means of
monomials over the circle or the sphere, E Π_i u_i^{2a_i} = Π_i (2a_i - 1)!! / (d (d+2) ... (d + 2Σa - 2)):

    norms          E S_lm²
    product table  γ = E[S_a S_b S_c] / E S_c², complete if Σ γ² E S_c² = E[(S_a S_b)²] (Parseval)
    group action   S_lm(g u) = Σ_m' S_lm'(u) G[m'][m], and for X = d/dt e^{tX}: ∇S_lm · X u likewise.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations_with_replacement, product
from math import prod
from typing import Any, TypeAlias

from flint import fmpq
from sympy.polys.rings import PolyRing, ring

from acegen.algebra.angular import AngularTerm, GeneratedAngularAlgebra, Matrix
from acegen.algebra.field import QQ, Rational
from acegen.errors import SpecError

Polynomial: TypeAlias = Any
"""An element of SymPy's ring of polynomials in the components of a vector, over the rationals."""


class PolynomialSpace(GeneratedAngularAlgebra):
    """A space whose functions are given as polynomials and whose group is given by matrices; see the module.

    Subclasses define `symmetry`, `dimension`, `components`, `polynomial`, and `infinitesimal_elements` or
    `finite_elements`. Functions must be orthogonal over all directions, with S_00 = 1; the group must map each l into
    itself; and the product of two functions of l and l' must be a combination of functions up to l + l'.
    """

    @property
    @abstractmethod
    def symmetry(self) -> str: ...

    def norm_squared(self, l: int, m: int) -> Rational:
        return _norm_squared(self, l, m)

    def multiply(self, first: tuple[int, int], second: tuple[int, int]) -> Sequence[AngularTerm]:
        return _multiply(self, *sorted((first, second)))

    def infinitesimal_generators(self, l: int) -> Sequence[Matrix]:
        return tuple(_matrix(self, l, derivative_along(self, element)) for element in self.infinitesimal_elements)

    def finite_generators(self, l: int) -> Sequence[Matrix]:
        return tuple(_matrix(self, l, moved_by(self, element)) for element in self.finite_elements)


def check_space(space: GeneratedAngularAlgebra, l_max: int = 3) -> None:
    """Check exactly, for all l up to `l_max`, that what a space states agrees with its functions.

    Raises:
        SpecError: the space contradicts itself; the message says where.
    """
    where = f"the space '{space.symmetry}'"
    _check_types(space, where, l_max)
    functions = [(l, m) for l in range(l_max + 1) for m in space.components(l)]
    if space.components(0) != (0,) or polynomial_of(space, 0, 0) != 1:
        raise SpecError(f"{where} must have one function with l = 0, S_00 = 1.")
    for first, second in combinations_with_replacement(functions, 2):
        overlap = mean(polynomial_of(space, *first) * polynomial_of(space, *second))
        if overlap != (space.norm_squared(*first) if first == second else 0):
            what = "is not its norm_squared" if first == second else "is not zero: functions must be orthogonal"
            raise SpecError(f"{where}: the mean of S_{first} S_{second} is {overlap}, which {what}.")
    for first, second in combinations_with_replacement(functions, 2):
        linearized = sum(
            (value * polynomial_of(space, l, m) for l, m, value in space.multiply(first, second)), start=_zero(space)
        )
        if not same_function(linearized, polynomial_of(space, *first) * polynomial_of(space, *second)):
            raise SpecError(f"{where}: its product table is wrong for S_{first} S_{second}.")
    _check_elements(space, where)
    for l in range(l_max + 1):
        infinitesimal = zip(space.infinitesimal_elements, space.infinitesimal_generators(l), strict=True)
        finite = zip(space.finite_elements, space.finite_generators(l), strict=True)
        actions = [(derivative_along(space, element), matrix) for element, matrix in infinitesimal]
        actions += [(moved_by(space, element), matrix) for element, matrix in finite]
        for (act, matrix), (column, m) in product(actions, enumerate(space.components(l))):
            image = sum(
                (row[column] * polynomial_of(space, l, k) for k, row in zip(space.components(l), matrix, strict=True)),
                start=_zero(space),
            )
            if not same_function(image, act(polynomial_of(space, l, m))):
                raise SpecError(
                    f"{where}: its generators do not map the functions of l = {l} to each other as they should "
                    f"(seen at m = {m})."
                )


def polynomial_of(space: GeneratedAngularAlgebra, l: int, m: int) -> Polynomial:
    """S_lm as a SymPy polynomial."""
    return _ring(space.dimension).from_dict(dict(space.polynomial(l, m)))


def mean(polynomial: Polynomial) -> Rational:
    """Mean over all directions, on the circle or the sphere."""
    total = fmpq(0)
    dimension = polynomial.ring.ngens
    for powers, value in polynomial.terms():
        if all(power % 2 == 0 for power in powers):
            odd_factorials = prod(prod(range(1, power, 2)) for power in powers)
            total += value * fmpq(odd_factorials, prod(dimension + 2 * k for k in range(sum(powers) // 2)))
    return total


def same_function(first: Polynomial, second: Polynomial) -> bool:
    """Whether two polynomials agree in all directions: the mean square of their difference is zero."""
    return bool(mean((first - second) ** 2) == 0)


def derivative_along(space: GeneratedAngularAlgebra, element: Matrix) -> Callable[[Polynomial], Polynomial]:
    """f → ∇f · X u."""
    variables = _ring(space.dimension).gens
    shift = [sum((value * x for value, x in zip(row, variables, strict=True)), _zero(space)) for row in element]
    return lambda f: sum((f.diff(x) * s for x, s in zip(variables, shift, strict=True)), _zero(space))


def moved_by(space: GeneratedAngularAlgebra, element: Matrix) -> Callable[[Polynomial], Polynomial]:
    """f → f(g u)."""
    variables = _ring(space.dimension).gens
    image = [sum((value * x for value, x in zip(row, variables, strict=True)), _zero(space)) for row in element]
    return lambda f: f.compose(list(zip(variables, image, strict=True)))


@cache
def _ring(dimension: int) -> PolyRing:
    return ring(",".join("xyz"[:dimension]), QQ)[0]


def _zero(space: GeneratedAngularAlgebra) -> Polynomial:
    return _ring(space.dimension).zero


@cache
def _norm_squared(space: PolynomialSpace, l: int, m: int) -> Rational:
    return mean(polynomial_of(space, l, m) ** 2)


@cache
def _multiply(space: PolynomialSpace, first: tuple[int, int], second: tuple[int, int]) -> tuple[AngularTerm, ...]:
    full = polynomial_of(space, *first) * polynomial_of(space, *second)
    terms = []
    for l in range(first[0] + second[0] + 1):
        for m in space.components(l):
            overlap = mean(full * polynomial_of(space, l, m))
            if overlap:
                terms.append((l, m, overlap / space.norm_squared(l, m)))
    if sum((value**2 * space.norm_squared(l, m) for l, m, value in terms), fmpq(0)) != mean(full**2):
        raise SpecError(
            f"the space '{space.symmetry}' is not closed: S_{first} S_{second} is not a combination of functions up to "
            f"l = {first[0] + second[0]}."
        )
    return tuple(terms)


def _matrix(space: PolynomialSpace, l: int, act: Callable[[Polynomial], Polynomial]) -> Matrix:
    """The matrix of a linear map on the functions of an l."""
    images = [act(polynomial_of(space, l, m)) for m in space.components(l)]
    return tuple(
        tuple(mean(polynomial_of(space, l, m) * image) / space.norm_squared(l, m) for image in images)
        for m in space.components(l)
    )


def _check_types(space: GeneratedAngularAlgebra, where: str, l_max: int) -> None:
    for l in range(l_max + 1):
        if not isinstance(space.components(l), tuple):
            raise SpecError(f"{where}: components({l}) must be a tuple, not {space.components(l)!r}.")
        for m in space.components(l):
            for powers, value in space.polynomial(l, m).items():
                if len(powers) != space.dimension or not isinstance(value, fmpq):
                    raise SpecError(
                        f"{where}: polynomial({l}, {m}) must have a coefficient fmpq(p, q) for each tuple of "
                        f"{space.dimension} powers, not {value!r} for {powers}."
                    )
    entries = (value for g in (*space.infinitesimal_elements, *space.finite_elements) for row in g for value in row)
    for value in entries:
        if not isinstance(value, fmpq):
            raise SpecError(f"{where}: its group elements must have entries fmpq(p, q), not {value!r}.")


def _check_elements(space: GeneratedAngularAlgebra, where: str) -> None:
    size = range(space.dimension)
    for kind, elements in (("infinitesimal", space.infinitesimal_elements), ("finite", space.finite_elements)):
        for g in elements:
            if len(g) != space.dimension or any(len(row) != space.dimension for row in g):
                raise SpecError(f"{where}: its group elements must be {space.dimension} × {space.dimension} matrices.")
            if kind == "infinitesimal" and any(g[i][j] != -g[j][i] for i in size for j in size):
                raise SpecError(f"{where}: an infinitesimal element must be an antisymmetric matrix.")
            products = [[sum((g[k][i] * g[k][j] for k in size), fmpq(0)) for j in size] for i in size]
            if kind == "finite" and any(products[i][j] != int(i == j) for i in size for j in size):
                raise SpecError(f"{where}: a finite element must be an orthogonal matrix.")
