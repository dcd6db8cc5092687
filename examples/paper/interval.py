"""What experiments on the interval [-1, 1] have in common: polynomials, sets of indices, and rows of 𝒫."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations_with_replacement
from math import prod

from acegen.algebra.line import LINE
from acegen.algebra.particle_algebra import interval_algebra
from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.basis import Channel, Label
from acegen.basis.purification import purify_label
from acegen.spec.particle_spec import IntervalSpec

Indices = tuple[int, ...]
"""Indices k_1 <= k_2 <= ... of the polynomials in a product."""

Rows = dict[Indices, dict[Indices, object]]
"""Rows of 𝒫: non-zero rationals by indices."""

POLYNOMIALS = ("chebyshev", "legendre", "jacobi", "monomial")


def polynomials(kind: str) -> PolynomialAlgebra:
    """p_k(x), k >= 0; the Jacobi polynomials are those of α = 1/2, β = -1/3."""
    parameters = {"alpha": "1/2", "beta": "-1/3"} if kind == "jacobi" else {}
    return interval_algebra(IntervalSpec(polynomial=kind, **parameters))


def total_degree(order: int, degree: int, first: int = 0) -> list[Indices]:
    """All k of orders 1 .. order with k_t >= first and Σk <= degree, by order."""

    def extend(prefix: Indices, left: int, slots: int) -> Iterable[Indices]:
        if not slots:
            yield prefix
            return
        for k in range(prefix[-1] if prefix else first, left // slots + 1):
            yield from extend((*prefix, k), left - k, slots - 1)

    return [k for nu in range(1, order + 1) for k in extend((), degree, nu)]


def largest_index(order: int, degree: int) -> list[Indices]:
    """All k of orders 1 .. order with k_t <= degree: a tensor product."""
    return [k for nu in range(1, order + 1) for k in combinations_with_replacement(range(degree + 1), nu)]


def hyperbolic_cross(order: int, degree: int) -> list[Indices]:
    """All k of orders 1 .. order with Π (1 + k_t) <= 1 + degree."""
    return [k for k in largest_index(order, degree) if prod(1 + index for index in k) <= 1 + degree]


def label_of(k: Sequence[int]) -> Label:
    """The label of a product of polynomials."""
    return tuple(Channel(0, 0, index) for index in k)


def indices_of(label: Label) -> Indices:
    """The indices of a label."""
    return tuple(channel.n for channel in label)


def operator(
    indices: Sequence[Indices], functions: PolynomialAlgebra, advance: Callable[[int, int], None] | None = None
) -> Rows:
    """Rows of 𝒫, by the formula over set partitions; `advance` is called with (done, total)."""
    rows: Rows = {}
    for done, k in enumerate(indices):
        if advance:
            advance(done, len(indices))
        (row,) = purify_label(label_of(k), functions, LINE)
        rows[k] = {indices_of(label): value for (label, _), value in row.items()}
    return rows
