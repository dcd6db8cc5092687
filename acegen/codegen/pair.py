"""Constants of the pair kernel: pair functions, their sum for given coefficients, ZBL core, and inner cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import cos, isfinite, log, pi

import flint
from flint import arb, fmpq, fmpq_poly

from acegen.algebra.field import Rational
from acegen.basis.derive import Basis
from acegen.codegen.constants import rounded_with_root
from acegen.codegen.one_particle import RadialCode, radial_code, transform_constants
from acegen.elements import ATOMIC_NUMBERS
from acegen.errors import CoefficientError
from acegen.graph.graph import WORKING_BITS, nearest_double
from acegen.spec import AnySpec, ParticleSpec

_COULOMB = 14.399645
"""e^2 / (4 pi epsilon_0) in eV Å, as in LAMMPS."""


@dataclass(frozen=True)
class PairCode:
    """Constants and statements for the pair functions.

    Attributes:
        degree: number of radial functions of a neighbour species.
        radial: code for R_1 .. R_degree.
        ranges: cutoff, 1/cutoff and, for the Agnesi transform, 1/r0, by centre and neighbour.
        scales: of the functions, by n.
        nodes: nodes of Newton's form of the pair energies.
        sums: its coefficients, see `newton_sums`; None without coefficients.
    """

    degree: int
    radial: RadialCode
    ranges: list[list[list[float]]]
    scales: list[float]
    nodes: list[float]
    sums: list[list[list[float]]] | None


def pair_code(basis: Basis, coefficients: Mapping[str, Sequence[float]] | None) -> PairCode | None:
    """Code for the pair functions of a basis, None without any.

    Args:
        basis: the basis.
        coefficients: one number per pair function by centre element, for a potential.

    Raises:
        CoefficientError: a sum of coefficients is too large for a double.
    """
    spec = basis.spec
    if isinstance(spec, ParticleSpec) or spec.pair is None or spec.pair_cutoffs is None:
        return None
    degree = spec.pair.degree
    return PairCode(
        degree=degree,
        radial=radial_code(spec.radial, basis.radial, degree),
        ranges=transform_constants(spec.pair_cutoffs, spec.pair_r0),
        scales=[rounded_with_root(fmpq(1), function.scale_squared) for function in basis.pair[:degree]],
        nodes=[float(node) for node in newton_nodes(degree - 1)],
        sums=None if coefficients is None else newton_sums(basis, degree, coefficients),
    )


def newton_sums(basis: Basis, degree: int, coefficients: Mapping[str, Sequence[float]]) -> list[list[list[float]]]:
    """The pair energies in Newton's form: a_k with Σ_n c_n s_n R_n = e(y) Σ_k a_k Π_{i<k} (y - x_i), e = R_1/p_0.

    With the nodes of `newton_nodes` this takes three operations a term, for value and derivative, whatever the family,
    and loses no digits.

    Returns:
        a_0 .. a_(degree-1) by centre and neighbour, summed in 256-bit ball arithmetic and rounded once.

    Raises:
        CoefficientError: a sum is too large for a double.
    """
    nodes = newton_nodes(degree - 1)
    expansions = [_in_newton_form(basis.radial.polynomial(k), nodes) for k in range(degree)]
    rows = []
    with flint.ctx.workprec(WORKING_BITS):
        scales = [arb(function.scale_squared).sqrt() for function in basis.pair]
        for element in basis.spec.species:
            sums = [[arb(0)] * degree for _ in basis.spec.species]
            for function, scale, value in zip(basis.pair, scales, coefficients[element], strict=True):
                for k, entry in enumerate(expansions[function.n - 1]):
                    sums[function.species][k] += arb(float(value)) * scale * entry
            rows.append([[nearest_double(value) for value in by_neighbour] for by_neighbour in sums])
            if not all(isfinite(value) for by_neighbour in rows[-1] for value in by_neighbour):
                raise CoefficientError(f"the coefficients of {element} are too large: their sums overflow.")
    return rows


def newton_nodes(count: int) -> list[Fraction]:
    """Nodes of Newton's form on [0, 1]: Chebyshev points in Leja's order, in which it is stable.

    Each is as far as possible from those before it, in the product of the distances. They are multiples of 2^-20, so
    that they are exact as doubles.
    """
    points = [Fraction(round((1 + cos(pi * (i + 0.5) / count)) * 2**19), 2**20) for i in range(count)]
    nodes: list[Fraction] = []
    products = [0.0] * count  # logarithms
    while len(nodes) < count:
        best = max((i for i in range(count) if points[i] not in nodes), key=products.__getitem__)
        nodes.append(points[best])
        for i, point in enumerate(points):
            products[i] += log(abs(point - nodes[-1])) if point != nodes[-1] else 0.0
    return nodes


def _in_newton_form(polynomial: fmpq_poly, nodes: Sequence[Fraction]) -> list[Rational]:
    """Divided differences of a polynomial at the nodes, as many as it has coefficients."""
    coefficients = []
    for node in nodes[: polynomial.degree()]:
        polynomial, remainder = divmod(polynomial, fmpq_poly([-fmpq(node.numerator, node.denominator), 1]))
        coefficients.append(remainder[0])
    return [*coefficients, polynomial[0]]


def zbl_constants(spec: AnySpec) -> list[list[list[float]]] | None:
    """Inner and outer distance, 1/(outer - inner), half of Z1 Z2 e^2 (eV Å) and 1/a, by centre and neighbour."""
    if isinstance(spec, ParticleSpec) or spec.zbl_ranges is None:
        return None
    numbers = [ATOMIC_NUMBERS[symbol] for symbol in spec.basis.elements]
    rows = []
    for z1, ranges in zip(numbers, spec.zbl_ranges, strict=True):
        row = []
        for z2, (inner, outer) in zip(numbers, ranges, strict=True):
            inverse_length = (z1**0.23 + z2**0.23) / 0.46850
            row.append([inner, outer, 1 / (outer - inner), 0.5 * _COULOMB * z1 * z2, inverse_length])
        rows.append(row)
    return rows


def inner_constants(spec: AnySpec) -> list[list[list[float]]] | None:
    """Inner and outer distance of the inner cutoff and 1/(outer - inner), by centre and neighbour; None without it."""
    if isinstance(spec, ParticleSpec) or spec.inner_ranges is None:
        return None
    return [[[inner, outer, 1 / (outer - inner)] for inner, outer in ranges] for ranges in spec.inner_ranges]


def core_reach(*tables: list[list[list[float]]] | None) -> list[list[float]] | None:
    """Square of the larger outer distance of tables with rows inner, outer, ...; None without any table."""
    given = [table for table in tables if table is not None]
    if not given:
        return None
    rows = (zip(*by_table, strict=True) for by_table in zip(*given, strict=True))
    return [[max(constants[1] for constants in pair) ** 2 for pair in row] for row in rows]
